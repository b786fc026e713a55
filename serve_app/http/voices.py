"""``/v1/audio/voices``: what can be asked for, and voices that callers make.

A caller sees the presets, its tenant's voices and those that are everybody's. Whoever sends no API key where none is
needed makes voices for everybody.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from deployments.errors import StorageUnavailable
from deployments.storage.consents import ConsentNotFound
from deployments.storage.voices import ClonedVoice, VoiceExists, VoicesFull
from serve_app.graph import Utterance
from serve_app.http.audio_encoding import CONTENT_TYPES
from serve_app.http.caller import Caller, CallerOf
from serve_app.http.context import Context, HttpContext
from serve_app.http.enrolment import PRESET_LICENCE
from serve_app.http.errors import BodyTooLarge, ConsentMismatch, ConsentRequired, NotAllowed
from serve_app.http.limits import charge
from serve_app.http.openai_models import MODEL_CREATED_UNIX_S
from serve_app.http.openai_speech import responder
from serve_app.http.openapi import documented
from serve_app.http.schemas import AudioFormat
from serve_app.http.streaming import whole_file
from serve_app.http.turn import TurnOf, work_of
from serve_app.http.uploads import MULTIPART, is_multipart, multipart_body, read_form
from serve_app.http.voice_samples import SAMPLE_TEXTS
from serve_app.http.voice_schemas import MixRequest, VoiceDeleted, VoiceFields, VoiceFile, VoiceInfo, VoiceList
from tts_models.errors import InvalidRequest, ReferenceAudioError, VoiceNotFound
from tts_models.speaker.voices import Voice
from tts_models.text.languages import resolve_language

router = APIRouter(prefix="/v1/audio/voices", tags=["voices"])

Model = TypeVar("Model", bound=BaseModel)
VoiceId = Annotated[str, Path(max_length=512, description="Id, name or alias of a voice.", examples=["af_heart"])]

_UNKNOWN = VoiceNotFound("There is no voice 'af_hart'. Did you mean af_heart?")
_AWAY = StorageUnavailable("The voices cannot be looked up just now; presets work.")
_MAKING = (
    VoiceExists("There is a voice 'Ana' already, voice_5f1d...; delete that one, or take another name."),
    VoicesFull("There are 100 voices of yours, and no more may be kept; delete one."),
    ConsentNotFound("There is no consent 'cons_0' of yours."),
    ConsentRequired("This server clones a voice only with the consent of whoever is heard."),
    NotAllowed("Only an administrator's key may make a voice for everybody."),
    BodyTooLarge(33_554_432),
    _AWAY,
)
_FILE = {"type": "string", "format": "binary"}
_BODIES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": multipart_body(
                    ("name", "audio_sample"),
                    name={"type": "string", "maxLength": 64},
                    audio_sample={
                        "type": "array",
                        "items": _FILE,
                        "description": "One file or several of one speaker: wav, mp3, flac, ogg, m4a, webm.",
                    },
                    consent={"type": "string", "description": "Id of the consent of whoever is heard."},
                    language={"type": "string", "description": "BCP-47 tag; English where absent."},
                    gender={"enum": ["female", "male"], "description": "Found out where absent."},
                    description={"type": "string"},
                    licence={"type": "string"},
                    shared={"type": "boolean", "description": "For everybody; an administrator may say so."},
                )
            },
            "application/json": {"schema": MixRequest.model_json_schema(ref_template="#/components/schemas/{model}")},
        },
    }
}
_AUDIO: dict[int | str, dict[str, Any]] = {
    200: {"description": "A file.", "content": {kind: {"schema": _FILE} for kind in set(CONTENT_TYPES.values())}}
}


@router.get("", summary="Every voice", responses=documented(_AWAY))
async def list_voices(context: Context, caller: CallerOf) -> VoiceList:
    """The presets with the names of OpenAI's voices that stand for them, then the voices that callers made.

    Without a key, where one is needed, those that are everybody's.
    """
    presets = [_preset_info(voice, context) for voice in context.voices.presets.catalogue]
    own = (await context.voices.known(caller.tenant)).own
    progress = context.voices.store.as_it_stands
    return VoiceList(
        voices=[*presets, *await asyncio.to_thread(lambda: [VoiceInfo.of(progress(voice)) for voice in own])]
    )


@router.post(
    "",
    summary="Make a voice",
    openapi_extra=_BODIES,
    responses=documented(
        InvalidRequest("A voice's name may have no '+', which is for mixes and the like.", "name"),
        ReferenceAudioError("The reference audio holds 0.4 s of speech; a voice needs at least 1 s."),
        ConsentMismatch("The consent cons_5f1d was spoken by somebody else than the reference audio."),
        *_MAKING,
    ),
)
async def create_voice(request: Request, context: Context, caller: CallerOf, turn: TurnOf) -> VoiceInfo:
    """Clones a voice from samples (multipart), or keeps a mix under a name (JSON). It can be used at once, everywhere.

    A cloned voice begins as what there is that sounds most like it, at its own pitch, and is fitted in the background.
    """
    if not is_multipart(request):
        wish = await _from_json(MixRequest, request)
        return VoiceInfo.of(await context.enroller.mix(caller, wish))
    limits = context.settings.voices
    form = await read_form(request, max_file_bytes=limits.max_sample_bytes, max_files=limits.max_samples)
    _require_samples(form.fields.get("type"))
    fields = validated(VoiceFields, {name: value for name, value in form.fields.items() if value})
    samples = form.files.get("audio_sample")
    if not samples:
        if "audio_sample" in form.fields:
            raise InvalidRequest("'audio_sample' must be a file, with a file name.", "audio_sample")
        raise RequestValidationError([{"type": "missing", "loc": ("body", "audio_sample"), "msg": "", "input": None}])
    voice = await context.enroller.clone(context.graph.scheduled(turn.flow), caller, fields, samples)
    return VoiceInfo.of(voice)


@router.post(
    "/import",
    summary="Take in a voice",
    responses=documented(
        InvalidRequest("The voice is made of presets that are not here: xf_nobody.", "recipe"), *_MAKING
    ),
)
async def import_voice(
    body: VoiceFile,
    context: Context,
    caller: CallerOf,
    name: Annotated[str | None, Query(max_length=64, description="Another name than in the file.")] = None,
    consent: Annotated[str | None, Query(max_length=64, description="Of whoever is heard in it.")] = None,
    shared: Annotated[bool, Query(description="For everybody; an administrator may say so.")] = False,
) -> VoiceInfo:
    """A voice as `export` writes it, here or on another server. It sounds there as here."""
    wish = validated(VoiceFields, {"name": name or body.name, "consent": consent, "shared": shared})
    return VoiceInfo.of(await context.enroller.take_in(caller, wish, body))


@router.get("/{voice}", summary="A voice", responses=documented(_UNKNOWN, _AWAY))
async def get_voice(voice: VoiceId, context: Context, caller: CallerOf) -> VoiceInfo:
    """What it is, and how far its fitting is."""
    found = await _found(voice, context, caller)
    return _preset_info(found, context) if isinstance(found, Voice) else VoiceInfo.of(found)


@router.delete(
    "/{voice}",
    summary="Remove a voice",
    responses=documented(
        NotAllowed("The voice 'Ana' is everybody's; an administrator may remove it."), _UNKNOWN, _AWAY
    ),
)
async def delete_voice(voice: VoiceId, context: Context, caller: CallerOf) -> VoiceDeleted:
    """With all that belongs to it. Mixes that it is in stay, and so do jobs that speak with it to their end."""
    found = await _found(voice, context, caller)
    if isinstance(found, Voice):
        raise NotAllowed(f"{found.name} is a preset, which cannot be removed.", "voice")
    if found.tenant != caller.tenant and not caller.is_admin:
        raise NotAllowed(f"The voice {found.name!r} is everybody's; an administrator may remove it.", "voice")
    await asyncio.to_thread(context.voices.store.delete, found.tenant, found.id)
    if context.cache:
        await asyncio.to_thread(context.cache.forget, found.tenant)
    return VoiceDeleted(id=found.id)


@router.get(
    "/{voice}/export",
    summary="A voice as a file",
    response_class=Response,
    responses={
        200: {
            "description": "What `import` takes, a few KB: what the voice is made of, nothing of what was said.",
            "content": {"application/json": {"schema": VoiceFile.model_json_schema()}},
        },
        **documented(InvalidRequest("A preset is everywhere already; there is nothing to export."), _UNKNOWN, _AWAY),
    },
)
async def export_voice(voice: VoiceId, context: Context, caller: CallerOf) -> Response:
    """A voice that a caller made."""
    found = await _found(voice, context, caller)
    if isinstance(found, Voice):
        raise InvalidRequest(f"{found.name} is a preset, which is everywhere already.", "voice")
    headers = {"Content-Disposition": f'attachment; filename="{found.id}.voice.json"'}
    return Response(VoiceFile.of(found).model_dump_json(indent=1), media_type="application/json", headers=headers)


@router.get("/{voice}/sample", summary="Hear a voice", response_class=Response, responses=_AUDIO | documented(_UNKNOWN))
async def hear_voice(
    voice: VoiceId,
    request: Request,
    context: Context,
    turn: TurnOf,
    response_format: Annotated[AudioFormat, Query(alias="format", description="File format.")] = "mp3",
    language: Annotated[str | None, Query(max_length=35, description="BCP-47 tag; the voice's own if absent.")] = None,
) -> Response:
    """A sentence in the voice, or in a mix."""
    speaker = await context.voices.using(turn.caller.tenant, lambda book: book.get(voice))
    tag = resolve_language(language or speaker.language).tag
    utterance = Utterance(SAMPLE_TEXTS[tag], speaker, tag)
    await charge(len(utterance.text))
    audio = context.graph.scheduled(turn.flow).speak(utterance)
    respond = responder(request, context, turn, work_of(utterance.text))
    return respond(whole_file(audio, response_format), CONTENT_TYPES[response_format], whole=True)


async def _found(name: str, context: HttpContext, caller: Caller) -> Voice | ClonedVoice:
    """The preset or the voice of that name or id."""
    if context.voices.presets.has(name):
        return context.voices.presets.get(name)
    book = await context.voices.of(caller.tenant)
    own = book.own_voice(name)
    if own is None:
        raise book.not_found(name)
    return await asyncio.to_thread(context.voices.store.get, caller.tenant, own.id)


async def _from_json(model: type[Model], request: Request) -> Model:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise HTTPException(
            415, f"Send samples as {MULTIPART}, with the field audio_sample, or a mix as application/json."
        )
    try:
        body = await request.json()
    except ValueError:
        raise HTTPException(400) from None
    if isinstance(body, dict):
        _require_samples(body.get("type"))
        body = {name: value for name, value in body.items() if value is not None}
    return validated(model, body)


def _require_samples(kind: Any) -> None:
    if kind == "prompt":
        raise InvalidRequest("Voices are made of audio samples here, or mixed of others, not of text prompts.", "type")


def validated(model: type[Model], data: Any) -> Model:
    """``data`` as what it is to be.

    Raises:
        RequestValidationError: It is not.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults) from None


def _preset_info(voice: Voice, context: HttpContext) -> VoiceInfo:
    aliases = context.voices.presets.catalogue.aliases
    return VoiceInfo(
        id=voice.name,
        name=voice.display_name,
        type="preset",
        created_at=MODEL_CREATED_UNIX_S,
        language=voice.language,
        gender=voice.gender,
        aliases=[alias for alias, name in aliases.items() if name == voice.name],
        pitch_hz=context.enroller.preset_pitch_hz(voice.name),
        source="preset",
        licence=PRESET_LICENCE,
        shared=True,
        status="ready",
    )
