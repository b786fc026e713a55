"""``/v1/audio/voice_consents``, as OpenAI has them: recordings in which somebody agrees that their voice is cloned."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from deployments.errors import StorageUnavailable
from deployments.storage.consents import ConsentInUse, ConsentNotFound
from deployments.storage.voices import VoicesFull
from serve_app.http.caller import CallerOf
from serve_app.http.context import Context
from serve_app.http.errors import BodyTooLarge
from serve_app.http.openapi import documented
from serve_app.http.turn import TurnOf
from serve_app.http.uploads import MULTIPART, is_multipart, multipart_body, read_form
from serve_app.http.voice_schemas import ConsentChange, ConsentDeleted, ConsentFields, ConsentInfo, ConsentList
from serve_app.http.voices import validated
from tts_models.errors import InvalidRequest, ReferenceAudioError, RequestError, UnsupportedLanguage
from tts_models.text.languages import resolve_language

router = APIRouter(prefix="/v1/audio/voice_consents", tags=["voices"])

ConsentId = Annotated[str, Path(max_length=64, description="Id of a consent.", examples=["cons_5f1d..."])]

_UNKNOWN = ConsentNotFound("There is no consent 'cons_0' of yours.")
_AWAY = StorageUnavailable("The records cannot be reached.")
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": multipart_body(
                    ("name", "language", "recording"),
                    name={"type": "string", "maxLength": 64},
                    language={"type": "string", "description": "BCP-47 tag of what is said."},
                    recording={"type": "string", "format": "binary", "description": "The consent, spoken."},
                )
            }
        },
    }
}


@router.post(
    "",
    summary="Keep a consent",
    openapi_extra=_BODY,
    responses=documented(
        ReferenceAudioError("No speech was heard in the reference audio.", "recording"),
        UnsupportedLanguage("Language 'tlh' is not supported; these are: ..."),
        VoicesFull("There are 100 consents of yours, and no more may be kept; delete one."),
        BodyTooLarge(10_485_760),
        _AWAY,
    ),
)
async def create_consent(request: Request, context: Context, caller: CallerOf, turn: TurnOf) -> ConsentInfo:
    """The recording is kept as it is sent, as proof, and voices are cloned with it only of whoever speaks in it."""
    if not is_multipart(request):
        raise HTTPException(415, f"Send the recording as {MULTIPART}, with the fields name, language and recording.")
    limits = context.settings.voices
    form = await read_form(request, max_file_bytes=limits.max_sample_bytes, max_files=1)
    fields = validated(ConsentFields, form.fields)
    language = resolve_language(fields.language).tag
    if "recording" not in form.files:
        raise RequestValidationError([{"type": "missing", "loc": ("body", "recording"), "msg": "", "input": None}])
    (recording,) = form.files["recording"]
    try:
        profile = await context.graph.scheduled(turn.flow).profile([recording], speech=False)
    except RequestError as error:
        raise type(error)(error.message, "recording") from None
    store = context.enroller.consents
    consent = await asyncio.to_thread(
        lambda: store.add(caller.tenant, fields.name, language, recording, profile.embedding, most=limits.max_voices)
    )
    return ConsentInfo.of(consent)


@router.get("", summary="List consents", responses=documented(_UNKNOWN, _AWAY))
async def list_consents(
    context: Context,
    caller: CallerOf,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[str | None, Query(max_length=64, description="Those behind the consent of this id.")] = None,
) -> ConsentList:
    """The caller's consents, newest first."""
    consents = await asyncio.to_thread(context.enroller.consents.all, caller.tenant)
    ids = [consent.id for consent in consents]
    if after is not None and after not in ids:
        raise ConsentNotFound(f"There is no consent {after!r} of yours.", "after")
    begin = ids.index(after) + 1 if after is not None else 0
    page = [ConsentInfo.of(consent) for consent in consents[begin : begin + limit]]
    return ConsentList(
        data=page,
        first_id=page[0].id if page else None,
        last_id=page[-1].id if page else None,
        has_more=begin + limit < len(consents),
    )


@router.get("/{consent}", summary="A consent", responses=documented(_UNKNOWN, _AWAY))
async def get_consent(consent: ConsentId, context: Context, caller: CallerOf) -> ConsentInfo:
    """What it is called, and its language."""
    return ConsentInfo.of(await asyncio.to_thread(context.enroller.consents.get, caller.tenant, consent))


@router.post("/{consent}", summary="Rename a consent", responses=documented(_UNKNOWN, _AWAY))
async def rename_consent(body: ConsentChange, consent: ConsentId, context: Context, caller: CallerOf) -> ConsentInfo:
    """Its recording stays."""
    store = context.enroller.consents
    return ConsentInfo.of(await asyncio.to_thread(store.rename, caller.tenant, consent, body.name))


@router.delete(
    "/{consent}",
    summary="Remove a consent",
    responses=documented(ConsentInUse("Voices were made with this consent: Ana. Delete them first."), _UNKNOWN, _AWAY),
)
async def delete_consent(consent: ConsentId, context: Context, caller: CallerOf) -> ConsentDeleted:
    """With its recording. Voices that were made with it have to go first."""
    store = context.enroller.consents
    await asyncio.to_thread(store.delete, caller.tenant, consent, context.voices.store)
    return ConsentDeleted(id=consent)


@router.get(
    "/{consent}/recording",
    summary="Hear a consent",
    response_class=Response,
    responses={
        200: {
            "description": "The file as it was sent.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        **documented(_UNKNOWN, InvalidRequest("'consent' is no id."), _AWAY),
    },
)
async def get_recording(consent: ConsentId, context: Context, caller: CallerOf) -> Response:
    """The proof."""
    store = context.enroller.consents
    found = await asyncio.to_thread(store.get, caller.tenant, consent)
    return Response(await asyncio.to_thread(store.recording, found), media_type="application/octet-stream")
