"""``GET /v1/audio/speech/{request_id}/captions``: when the words of a past request were heard.

What a request said, and when, is written down for some time as soon as its last segment is made, off the event loop;
nothing waits for it, and a store that fails costs nobody their audio. It holds texts: ``http.keep_captions_s: 0`` keeps
none.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import zlib
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from deployments.settings import HttpSettings
from deployments.storage.records import Records
from serve_app.captions import caption_file
from serve_app.graph import SpokenAudio
from serve_app.http.caller import CallerOf
from serve_app.http.captions import CONTENT_TYPES
from serve_app.http.context import Context
from serve_app.http.errors import CaptionsNotFound, CaptionsNotReady
from serve_app.http.openapi import documented
from serve_app.http.schemas import WordTimestamp
from serve_app.http.timestamps import word_timestamp
from tts_models.timing import Timeline, WordMark

logger = logging.getLogger(__name__)

router = APIRouter(prefix="/v1/audio", tags=["speech"])

_BEING_MADE = b""


class PastCaptions(BaseModel):
    """When the words of a past request were heard."""

    words: list[WordTimestamp]
    duration_s: float = Field(description="Length of its audio.")


class CaptionKeeper:
    """Writes down what was said when.

    Args:
        records: Where to.
        keep_s: For how long, seconds; 0 for not at all.
        most: Most requests kept by this process; the oldest go first.
    """

    def __init__(self, records: Records, keep_s: float, most: int) -> None:
        self._records = records
        self._keep_s = keep_s
        self._most = most
        self._thread = ThreadPoolExecutor(1, "captions")
        self._kept: deque[tuple[float, str, str]] = deque()

    @classmethod
    def of(cls, records: Records, settings: HttpSettings) -> CaptionKeeper:
        """As the settings have it."""
        return cls(records, settings.keep_captions_s, settings.keep_captions_max)

    async def noted(
        self, audio: AsyncGenerator[SpokenAudio], tenant: str, request_id: str, text: str
    ) -> AsyncGenerator[SpokenAudio]:
        """The same ``audio``, of which is written down what it said when, if it comes to its end."""
        timelines: list[Timeline] = []
        is_whole = False
        self._later(self._put, tenant, request_id, _BEING_MADE)
        try:
            async with aclosing(audio):
                async for segment in audio:
                    timelines.append(segment.timeline)
                    yield segment
            is_whole = bool(timelines)
        finally:
            if is_whole:
                self._later(self._write, tenant, request_id, text, timelines)
            else:
                self._later(self._records.delete, _collection(tenant), request_id)

    def get(self, tenant: str, request_id: str) -> tuple[str, list[WordMark], float]:
        """Text, words and length in seconds of a past request. Blocks.

        Raises:
            CaptionsNotFound: There is none, or no longer.
            CaptionsNotReady: Its audio is still being made.
        """
        if not self._keep_s:
            raise CaptionsNotFound("This server keeps no captions; POST /v1/audio/captions makes them.", "request_id")
        value = self._records.get(_collection(tenant), request_id)
        if value is None:
            raise CaptionsNotFound(
                f"There are no captions of the request {request_id!r}: it is not yours, did not come to its end, or was"
                f" more than {self._keep_s:g} s ago. POST /v1/audio/captions makes them of its text.",
                "request_id",
            )
        if value == _BEING_MADE:
            raise CaptionsNotReady(f"The audio of the request {request_id!r} is still being made.", "request_id")
        kept = json.loads(zlib.decompress(value))
        return kept["text"], [WordMark(*word) for word in kept["words"]], kept["duration_s"]

    def _later(self, write: Callable[..., Any], *args: Any) -> None:
        self._thread.submit(self._tried, write, *args)

    def _tried(self, write: Callable[..., Any], *args: Any) -> None:
        try:
            write(*args)
        except Exception as error:  # the audio was sent all the same; the message names no text
            logger.warning("captions of a request were not kept: %s", type(error).__name__)

    def _write(self, tenant: str, request_id: str, text: str, timelines: list[Timeline]) -> None:
        words = [
            (word.start, word.end, round(word.start_s, 6), round(word.end_s, 6))
            for timeline in timelines
            for word in timeline.words()
        ]
        kept = {"text": text, "words": words, "duration_s": round(timelines[-1].end_s, 6)}
        self._put(tenant, request_id, zlib.compress(json.dumps(kept).encode()))

    def _put(self, tenant: str, request_id: str, value: bytes) -> None:
        self._records.put(_collection(tenant), request_id, value, expires_s=self._keep_s)
        if value == _BEING_MADE:
            self._kept.append((time.monotonic() + 2 * self._keep_s, tenant, request_id))
        while self._kept and (len(self._kept) > self._most or self._kept[0][0] < time.monotonic()):
            _, oldest_tenant, oldest = self._kept.popleft()
            self._records.delete(_collection(oldest_tenant), oldest)


def _collection(tenant: str) -> str:
    return f"captions:{tenant}"


@router.get(
    "/speech/{request_id}/captions",
    summary="Captions of a past request",
    response_class=Response,
    responses={
        **documented(
            CaptionsNotFound("There are no captions of the request 'req_0f8f'.", "request_id"),
            CaptionsNotReady("The audio of the request 'req_0f8f' is still being made.", "request_id"),
        ),
        200: {
            "model": PastCaptions,
            "description": "SubRip, WebVTT, or the words and when they are heard.",
            "content": {
                **{kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in CONTENT_TYPES.values()},
                "application/json": {"schema": {"$ref": "#/components/schemas/PastCaptions"}},
            },
        },
    },
)
async def past_captions(
    request_id: Annotated[str, Path(max_length=128, description="`x-request-id` of the answer to it.")],
    context: Context,
    caller: CallerOf,
    format: Annotated[Literal["srt", "vtt", "json"], Query()] = "srt",
) -> Response:
    """Of a request to `/v1/audio/speech` by the same tenant, for some time after its audio was made."""
    text, words, duration_s = await asyncio.to_thread(context.captions.get, caller.tenant, request_id)
    if format == "json":
        marks = PastCaptions(words=[word_timestamp(text, word) for word in words], duration_s=duration_s)
        return Response(marks.model_dump_json(), media_type="application/json")
    captions = await asyncio.to_thread(caption_file, text, words, format)
    return Response(captions, headers={"content-type": CONTENT_TYPES[format]})
