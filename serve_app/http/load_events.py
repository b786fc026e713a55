"""``GET /v1/load/events``: the load as it changes, and where the time of the caller's own requests went.

::

    replicas of the stages --calls of the last minute--+
                                                       +--> every half second: load, and what is new of the caller's
    Admission --utterances of the last minute----------+

What each call took is kept where it was done, for a minute, and is fetched with the load: requests carry nothing for
it, and it is complete whichever ingress replica served them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from deployments.errors import Overloaded
from deployments.past_calls import PastCall
from serve_app.http.caller import CallerOf
from serve_app.http.context import Context, HttpContext
from serve_app.http.load import Load, load_of
from serve_app.http.openapi import documented
from serve_app.http.streaming import NOT_BUFFERED, event
from serve_app.http.turn import key_of

router = APIRouter(prefix="/v1", tags=["load"])

EVERY_S = 0.5
"""As often as replicas are asked."""
LASTS_S = 10.0
"""So a replica that is to end need not wait for its watchers, and a place is free again soon."""
_FULL = Overloaded("As many watch the load as can; poll /v1/load, or try again in 5 s.", 5.0)
_AT_ONCE = 200
"""Most calls in one event; see ``SSE_CHUNK_BYTES``."""


class StageCall(BaseModel):
    """A call to a stage, or the utterance itself on the ``Admission``. Times are Unix time, seconds."""

    request: str = Field(description="`x-request-id` of the request; of a job, its id.")
    stage: str = Field(description="Name of the deployment; `Admission` is the whole utterance.")
    segment: int | None = Field(description="Which segment of the utterance, from 0; null if all of it.")
    came_s: float = Field(description="When it came to a replica.")
    began_s: float = Field(description="When its turn came.")
    ended_s: float = Field(description="When it was done.")
    batch: int = Field(description="Calls that were worked on together, itself included.")


class LoadEvent(Load):
    """Server-sent event: how busy the server is."""

    type: Literal["load"] = "load"


class CallsEvent(BaseModel):
    """Server-sent event: what has been done for the caller's requests; calls come in no order."""

    type: Literal["calls"] = "calls"
    calls: list[StageCall]


class _Watch(StreamingResponse):
    """Holds one of the ``places`` as long as it lasts."""

    def __init__(self, events: AsyncGenerator[bytes], places: asyncio.Semaphore) -> None:
        super().__init__(events, media_type="text/event-stream", headers=NOT_BUFFERED)
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Responds until the events end, or until the client is gone."""
        async with self._places:
            await super().__call__(scope, receive, send)


@router.get(
    "/load/events",
    summary="The load as it changes",
    response_class=StreamingResponse,
    responses={
        **documented(_FULL),
        200: {
            "model": LoadEvent | CallsEvent,
            "description": "Events of the types `load` and `calls`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
    },
)
async def load_events(context: Context, caller: CallerOf) -> StreamingResponse:
    """Events for ten seconds, twice a second; ask again to go on.

    `load` has what `/v1/load` has, `calls` what was done lately for requests of the same key (without a key: of the
    same address): on which stage, for which segment, how long it waited and worked. The first one tells of the last
    minute. No texts.
    """
    if context.watchers.locked():
        raise _FULL
    return _Watch(_events(context, key_of(caller)), context.watchers)


async def _events(context: HttpContext, key: str) -> AsyncGenerator[bytes]:
    ends_s = time.monotonic() + LASTS_S
    told: set[tuple[str, PastCall]] = set()
    while True:
        admission, stages = await asyncio.gather(context.admission.load(), context.stages())
        yield event(LoadEvent(**dict(load_of(admission, stages))))
        calls = {("Admission", call) for call in admission.recent if call.key == key}
        calls.update((stage.name, call) for stage in stages for call in stage.calls if call.key == key)
        for part in _parts([_stage_call(stage, call) for stage, call in calls - told]):
            yield event(CallsEvent(calls=part))
        told = calls
        if time.monotonic() + EVERY_S > ends_s:
            return
        await asyncio.sleep(EVERY_S)


def _parts(calls: list[StageCall]) -> Iterator[list[StageCall]]:
    for start in range(0, len(calls), _AT_ONCE):
        yield calls[start : start + _AT_ONCE]


def _stage_call(stage: str, call: PastCall) -> StageCall:
    return StageCall(
        request=call.request,
        stage=stage,
        segment=call.segment,
        came_s=round(call.came_s, 4),
        began_s=round(call.began_s, 4),
        ended_s=round(call.ended_s, 4),
        batch=call.batch,
    )
