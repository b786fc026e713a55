"""``POST /v1/audio/speech``, as OpenAI's clients know it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from serve_app.admission import AtOnce
from serve_app.graph import DeadlineExceeded, Overloaded, StageUnavailable, Utterance
from serve_app.http.audio_encoding import CONTENT_TYPES, open_encoder
from serve_app.http.context import Context, HttpContext, Offer
from serve_app.http.errors import BodyTooLarge, ModelNotFound, describe
from serve_app.http.limits import charge
from serve_app.http.metrics import Take
from serve_app.http.openai_models import require_model
from serve_app.http.openapi import documented
from serve_app.http.request_id import arrival_of, request_id_of
from serve_app.http.schemas import SpeechRequest, TimedSpeech
from serve_app.http.streaming import SpeechResponse, event_stream, streamed_file, timed_file, whole_file
from serve_app.http.turn import Turn, TurnOf, work_of
from serve_app.manner import INSTRUCTIONS_HEADER, MANNERS, asked_for, understood
from serve_app.ssml import marked_up
from serve_app.voices.book import Voices
from tts_models.errors import (
    EmptyText,
    InvalidRequest,
    InvalidSsml,
    ReferenceAudioError,
    SynthesisError,
    TextTooLong,
    UnpronounceableText,
    UnsupportedLanguage,
    VoiceNotFound,
)
from tts_models.speaker.voices import Voice
from tts_models.text.languages import resolve_language

router = APIRouter(prefix="/v1/audio", tags=["speech"])

_SPEECH: dict[int | str, dict[str, Any]] = {
    200: {
        "model": TimedSpeech,
        "description": "The audio file; with `timestamps` JSON with the file in it; with `stream_format: sse` events of"
        " the types `speech.audio.delta` and `speech.audio.done`, with `timestamps` also `speech.audio.timestamps`."
        " Once audio has been sent, a failure shows as a connection that ends without the end of its body; an event of"
        " type `error` comes before that.",
        "content": {
            **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in CONTENT_TYPES.values()},
            "application/json": {"schema": {"$ref": "#/components/schemas/TimedSpeech"}},
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'data: {"type":"speech.audio.delta","audio":"SUQzBAAAAAAA..."}\n\n'
                'data: {"type":"speech.audio.done","usage":'
                '{"input_tokens":23,"output_tokens":74,"total_tokens":97}}\n\n',
            },
        },
    },
}
SPEECH_ERRORS = documented(
    InvalidRequest("'speed' should be less than or equal to 4, not 9.", "speed"),
    EmptyText("The text is empty: there is nothing to say."),
    TextTooLong("The text has 12,000 characters; this server accepts 10,000. Send it in several requests."),
    UnpronounceableText("Nothing in the text can be spoken."),
    InvalidSsml("Line 2, column 5: <prosody> takes no 'rte'; did you mean 'rate'?"),
    UnsupportedLanguage("There is no text frontend for the language 'tlh'."),
    ModelNotFound("There is no model 'tts-9'. There is kokoro-82m, tts-1."),
    VoiceNotFound("There is no voice 'af_hart'. Did you mean af_heart?"),
    ReferenceAudioError("No speech was heard in the reference audio.", "reference_audio"),
    BodyTooLarge(1_000_000),
    Overloaded("The server is busy; try again in 1 s.", 1.0),
    SynthesisError("No audio was made of the text."),
    DeadlineExceeded("The server needs about 6.2 s for this, and the request allows 5.0 s.", 1.0),
    StageUnavailable("The vocoder has no replica that could do the work."),
)


@router.post(
    "/speech",
    summary="Say a text",
    response_class=Response,
    responses=_SPEECH | SPEECH_ERRORS,
)
async def create_speech(body: SpeechRequest, request: Request, context: Context, turn: TurnOf) -> Response:
    """Makes speech of a text. Audio is sent while later sentences are still being made."""
    utterance = await utterance_for(body, context, turn)
    await charge(len(utterance.text))
    take = Take(context.meter, arrival_of(request.scope))
    respond = partial(responder(request, context, turn, work_of(body.input), body.instructions), take=take)
    encoder = open_encoder(body.response_format)
    audio = context.graph.scheduled(turn.flow).speak(utterance)
    if context.cache and body.reference_audio is None:
        audio, is_kept = await context.cache.speech(utterance, turn.caller.tenant, audio)
        if is_kept:
            respond = partial(respond, admission=AtOnce())  # it takes nobody's place
    audio = take.noted(audio)
    if context.settings.keep_captions_s:
        audio = context.captions.noted(audio, turn.caller.tenant, request_id_of(request.scope), utterance.shown)
    if body.stream_format == "sse":
        events = event_stream(audio, encoder, utterance.shown, body.timestamps)
        return respond(events, "text/event-stream", events=True)
    if body.timestamps:
        document = timed_file(audio, body.response_format, utterance.shown, body.timestamps)
        return respond(document, "application/json", whole=True)
    if body.stream:
        return respond(streamed_file(audio, encoder), encoder.content_type)
    return respond(whole_file(audio, body.response_format), encoder.content_type, whole=True)


def responder(
    request: Request, context: HttpContext, turn: Turn, work: int, instructions: str | None = None
) -> Callable[..., SpeechResponse]:
    """Makes the responses to a request for speech that takes ``work``."""
    return partial(
        SpeechResponse,
        headers={INSTRUCTIONS_HEADER: understood(context.understanding(instructions))} if instructions else {},
        admission=context.admission,
        turn=turn,
        work=work,
        explain=partial(describe, request=request),
        count=context.count,
    )


async def utterance_for(body: SpeechRequest, context: HttpContext, turn: Turn) -> Utterance:
    """What ``body`` asks for, in the voices of whoever asks.

    Raises:
        RequestError: As :func:`utterance_of`, or its reference audio cannot be used.
        StorageUnavailable: It names a voice that is no preset, and others cannot be looked up.
    """
    tenant = turn.caller.tenant
    if body.instructions:  # which takes some milliseconds; from then on they are known
        await asyncio.to_thread(context.understanding, body.instructions)
    if body.reference_audio is None:
        return await context.voices.using(tenant, lambda voices: utterance_of(body, context, voices))
    named = await context.voices.using(tenant, lambda voices: voices.get(body.voice)) if body.voice else None
    speaker = await context.enroller.one_off(
        context.graph.scheduled(turn.flow),
        turn.caller,
        await asyncio.to_thread(_decoded, body.reference_audio),
        body.consent,
        named.language if named else None,
    )
    return await context.voices.using(tenant, lambda voices: utterance_of(body, context, voices, speaker))


def _decoded(reference_audio: str) -> bytes:
    """A file out of base64, which may be a URL with the data in it, as browsers make them.

    Raises:
        InvalidRequest: It is none.
    """
    head, comma, data = reference_audio.partition(",")
    text = data if comma and head.startswith("data:") else reference_audio
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise InvalidRequest("'reference_audio' is not base64.", "reference_audio") from None


def utterance_of(body: SpeechRequest, context: Offer, voices: Voices, speaker: Voice | None = None) -> Utterance:
    """What ``body`` asks for.

    Args:
        body: The request.
        context: What can be asked for.
        voices: Where the voices are that it names.
        speaker: Who says it, in the place of the voice that it names.

    Raises:
        ModelNotFound: If it names none of our models.
        VoiceNotFound: If it names none of our voices.
        EmptyText, TextTooLong: If there is nothing to say, or too much.
        UnsupportedLanguage: If it names none of our languages.
        InvalidRequest: If parameters contradict one another.
        InvalidSsml: If it is SSML that cannot be read.
    """
    require_model(body.model, context)
    voice = speaker or voices.get(body.voice)
    limit = context.settings.max_input_characters
    if len(body.input) > limit:
        raise TextTooLong(
            f"The text has {len(body.input):,} characters; this server accepts {limit:,}. Send it in several requests."
        )
    if not body.input.strip():
        raise EmptyText("The text is empty: there is nothing to say.")
    if body.stream_format == "sse" and not body.stream:
        raise InvalidRequest("Server-sent events are a stream; leave out 'stream', or ask for 'audio'.", "stream")
    asked = asked_for(body.model_dump(include=set(MANNERS), exclude_unset=True), context.understanding)
    utterance = Utterance(
        text=body.input,
        voice=voice,
        language=resolve_language(body.language).tag if body.language else voice.language,
        speed=asked.speed,
        volume=body.volume,
        seed=body.seed,
        delivery=asked.delivery,
    )
    return marked_up(utterance, voices, body.input_format)
