"""``POST /v1/audio/captions``: the captions of a speech request, without making its audio."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from serve_app.http.context import Context
from serve_app.http.limits import charge
from serve_app.http.openai_speech import SPEECH_ERRORS, responder, utterance_for
from serve_app.http.schemas import CaptionRequest
from serve_app.http.streaming import caption_file_of
from serve_app.http.turn import NOT_SPOKEN, TurnOf, work_of

router = APIRouter(prefix="/v1/audio", tags=["speech"])

CONTENT_TYPES = {"srt": "application/x-subrip; charset=utf-8", "vtt": "text/vtt; charset=utf-8"}

_CAPTIONS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The captions as a file.",
        "content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in CONTENT_TYPES.values()},
    },
}


@router.post(
    "/captions",
    summary="Caption a text as it will be said",
    response_class=Response,
    responses=_CAPTIONS | SPEECH_ERRORS,
)
async def create_captions(body: CaptionRequest, request: Request, context: Context, turn: TurnOf) -> Response:
    """Makes captions that fit the audio of the same request to `/v1/audio/speech`.

    When a word is heard depends on text, voice, language and speed alone, so nothing needs to be kept between the two
    requests, and the vocoder, which does most of the work, has no part in it.
    """
    utterance = await utterance_for(body, context, turn)
    await charge(len(utterance.text))
    timelines = context.graph.scheduled(turn.flow).timelines(utterance)
    captions = caption_file_of(timelines, utterance.shown, body.caption_format)
    return responder(request, context, turn, work_of(body.input) // NOT_SPOKEN, body.instructions)(
        captions, CONTENT_TYPES[body.caption_format], whole=True
    )
