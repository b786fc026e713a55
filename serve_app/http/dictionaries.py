"""``/v1/dictionaries``: how words are read, for the caller and for everybody.

A caller has the dictionary ``own``, which nobody else sees or hears, and shares ``global``, whose entries own ones win
over. Whoever sends no API key where none is needed is the global tenant itself: both names are one dictionary then.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from deployments.settings import DictionarySettings
from deployments.storage.dictionaries import DictionaryFull, DictionaryStore, DuplicateEntry, NoSuchEntry
from serve_app.http.caller import GLOBAL_TENANT, Caller, CallerOf
from serve_app.http.context import Context, HttpContext
from serve_app.http.dictionary_schemas import (
    DictionaryInfo,
    DictionaryList,
    EntryDocument,
    EntryFields,
    EntryInfo,
    EntryPage,
    ImportResult,
    Preview,
    PreviewRequest,
    PreviewSegment,
    PreviewWord,
    fields_of,
)
from serve_app.http.errors import NotAllowed
from serve_app.http.limits import charge
from serve_app.http.openapi import documented
from serve_app.http.turn import TurnOf
from serve_app.pls import read_pls, write_pls
from tts_models.errors import EmptyText, InvalidRequest, TextTooLong, UnpronounceableText, UnsupportedLanguage
from tts_models.text.controls import hide_controls
from tts_models.text.dictionary import Entry
from tts_models.text.languages import resolve_language
from tts_models.types import Phonemes

router = APIRouter(prefix="/v1/dictionaries", tags=["dictionaries"])

PLS_TYPE = "application/pls+xml"
_XML_TYPES = (PLS_TYPE, "application/xml", "text/xml")

_ENTRY_ERRORS = (
    InvalidRequest("'ひらがな' is not katakana, such as ボイスグラフ.", "pronunciation"),
    UnsupportedLanguage("Language 'tlh' is not supported; these are: ..."),
    NotAllowed("Only an administrator's key may change the global dictionary; yours is 'own'."),
)
_UNKNOWN = NoSuchEntry("The dictionary has no entry '3f9c'.")
_DUPLICATE = DuplicateEntry("There is an entry of 'GIF' for every language already, 3f9c; change or delete that one.")
_FULL = DictionaryFull("The dictionary would have 10,001 entries; this server keeps 10,000.")


class _Dictionary:
    """The dictionary that a path names, as far as the caller may go."""

    def __init__(self, context: HttpContext, caller: Caller, name: str) -> None:
        self.tenant = caller.tenant if name == "own" else GLOBAL_TENANT
        self.store = DictionaryStore(context.records)
        self.limits = context.settings.dictionaries
        self._may_change = may_change(caller, self.tenant)

    def to_change(self) -> _Dictionary:
        """The same.

        Raises:
            NotAllowed: The caller may only read it.
        """
        require_change(self._may_change)
        return self


async def _named(
    context: Context,
    caller: CallerOf,
    dictionary: Annotated[Literal["own", "global"], Path(description="The caller's own, or the one all share.")],
) -> _Dictionary:
    return _Dictionary(context, caller, dictionary)


Named = Annotated[_Dictionary, Depends(_named)]
EntryId = Annotated[str, Path(max_length=64, description="Id of an entry.")]
Language = Annotated[
    str | None, Query(max_length=35, description="Only entries that hold for this language, a BCP-47 tag.")
]


def may_change(caller: Caller, tenant: str) -> bool:
    """Whether ``caller`` may change a tenant's dictionary: its own with a key, the global one as an administrator."""
    return caller.is_admin or (tenant == caller.tenant and tenant != GLOBAL_TENANT)


def require_change(allowed: bool) -> None:
    """Refuses who may not change the global dictionary.

    Raises:
        NotAllowed: ``allowed`` is false.
    """
    if not allowed:
        raise NotAllowed("Only an administrator's key may change the global dictionary; with a key, yours is 'own'.")


def require_small(entry: Entry, limits: DictionarySettings) -> Entry:
    """``entry``, if it is not too long.

    Raises:
        InvalidRequest: It is.
    """
    for name, text, most in (
        ("surface", entry.surface, limits.max_surface_characters),
        ("pronunciation", entry.pronunciation, limits.max_pronunciation_characters),
    ):
        if len(text) > most:
            raise InvalidRequest(f"The {name} has {len(text)} characters; this server takes {most}.", name)
    return entry


@router.get("", summary="Dictionaries that your texts are read with", responses=documented())
async def list_dictionaries(context: Context, caller: CallerOf) -> DictionaryList:
    """The first wins over the next. Without API keys there is the global one only, and `own` is another name for it."""
    store = DictionaryStore(context.records)
    names: list[tuple[Literal["own", "global"], str]] = [("global", GLOBAL_TENANT)]
    if caller.tenant != GLOBAL_TENANT:
        names.insert(0, ("own", caller.tenant))
    return DictionaryList(
        dictionaries=[
            DictionaryInfo(
                id=name,
                entries=len(await asyncio.to_thread(store.entries, tenant)),
                may_change=may_change(caller, tenant),
            )
            for name, tenant in names
        ]
    )


@router.get("/{dictionary}/entries", summary="Entries of a dictionary", responses=documented(_UNKNOWN))
async def list_entries(
    dictionary: Named,
    language: Language = None,
    surface: Annotated[
        str | None, Query(max_length=1000, description="Only entries whose surface has this in it.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Entries on a page.")] = 100,
    after: Annotated[str | None, Query(max_length=64, description="`next` of the page before.")] = None,
) -> EntryPage:
    """In the order in which they were added."""
    entries = await asyncio.to_thread(dictionary.store.entries, dictionary.tenant)
    if after is not None and after not in entries:
        raise NoSuchEntry(f"The dictionary has no entry {after!r} to go on after.", "after")
    wanted = list(_filtered(entries, language, surface).items())
    ids = [entry_id for entry_id, _ in wanted]
    begin = next((place + 1 for place, entry_id in enumerate(ids) if entry_id == after), 0) if after else 0
    page = wanted[begin : begin + limit]
    has_more = begin + limit < len(wanted)
    return EntryPage(
        entries=[EntryInfo.of(*one) for one in page], total=len(wanted), next=page[-1][0] if has_more else None
    )


@router.post(
    "/{dictionary}/entries",
    summary="Add an entry",
    status_code=201,
    responses=documented(*_ENTRY_ERRORS, _DUPLICATE, _FULL),
)
async def add_entry(body: EntryFields, dictionary: Named, request: Request, response: Response) -> EntryInfo:
    """It is heard from the next request on, on every replica."""
    mine = dictionary.to_change()
    entry = require_small(body.entry(), mine.limits)
    entry_id = await asyncio.to_thread(mine.store.add, mine.tenant, entry, most=mine.limits.max_entries)
    response.headers["Location"] = f"{request.url.path.rstrip('/')}/{entry_id}"
    return EntryInfo.of(entry_id, entry)


@router.get("/{dictionary}/entries/{entry_id}", summary="An entry", responses=documented(_UNKNOWN))
async def get_entry(entry_id: EntryId, dictionary: Named) -> EntryInfo:
    """As it was added, in its canonical form."""
    return EntryInfo.of(entry_id, await asyncio.to_thread(dictionary.store.get, dictionary.tenant, entry_id))


@router.put(
    "/{dictionary}/entries/{entry_id}",
    summary="Change an entry",
    responses=documented(*_ENTRY_ERRORS, _UNKNOWN, _DUPLICATE),
)
async def change_entry(body: EntryFields, entry_id: EntryId, dictionary: Named) -> EntryInfo:
    """All of it: a field left out gets its default."""
    mine = dictionary.to_change()
    entry = require_small(body.entry(), mine.limits)
    await asyncio.to_thread(mine.store.replace, mine.tenant, entry_id, entry)
    return EntryInfo.of(entry_id, entry)


@router.delete(
    "/{dictionary}/entries/{entry_id}",
    summary="Remove an entry",
    status_code=204,
    responses=documented(_ENTRY_ERRORS[-1], _UNKNOWN),
)
async def delete_entry(entry_id: EntryId, dictionary: Named) -> None:
    """Its words are read as before from the next request on."""
    mine = dictionary.to_change()
    await asyncio.to_thread(mine.store.delete, mine.tenant, entry_id)


@router.get(
    "/{dictionary}/export",
    summary="A dictionary as a document",
    response_class=Response,
    responses={
        **documented(),
        200: {
            "model": EntryDocument,
            "description": "JSON, or W3C's Pronunciation Lexicon Specification 1.0.",
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/EntryDocument"}},
                PLS_TYPE: {"schema": {"type": "string"}},
            },
        },
    },
)
async def export_entries(
    dictionary: Named, language: Language = None, format: Annotated[Literal["json", "pls"], Query()] = "json"
) -> Response:
    """What an import takes."""
    entries = _filtered(await asyncio.to_thread(dictionary.store.entries, dictionary.tenant), language, None).values()
    if format == "pls":
        tag = resolve_language(language).tag if language else ""
        return Response(write_pls(entries, tag), media_type=PLS_TYPE)
    document = EntryDocument(entries=[EntryFields.model_validate(fields_of(entry)) for entry in entries])
    return Response(document.model_dump_json(indent=1), media_type="application/json")


@router.post(
    "/{dictionary}/import",
    summary="Add many entries",
    responses=documented(
        InvalidRequest("Line 7, column 3: a lexeme has at least one grapheme and one phoneme or alias.", "body"),
        _ENTRY_ERRORS[-1],
        _FULL,
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/EntryDocument"}},
                PLS_TYPE: {"schema": {"type": "string"}},
            },
        }
    },
)
async def import_entries(
    request: Request,
    dictionary: Named,
    mode: Annotated[
        Literal["merge", "replace"], Query(description="`replace` removes what is not in the import.")
    ] = "merge",
) -> ImportResult:
    """All of them or, if one cannot be, none. An entry takes the place of one with the same surface and language."""
    mine = dictionary.to_change()
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    read = read_pls if content_type in _XML_TYPES else _read_json
    entries = await asyncio.to_thread(lambda: [require_small(entry, mine.limits) for entry in read(body)])
    imported = await asyncio.to_thread(
        mine.store.take_in, mine.tenant, entries, most=mine.limits.max_entries, replace_all=mode == "replace"
    )
    return ImportResult(**asdict(imported))


@router.post(
    "/preview",
    summary="How a text is read",
    responses=documented(
        EmptyText("The text is empty: there is nothing to say."),
        TextTooLong("The text has 12,000 characters; this server accepts 10,000."),
        UnpronounceableText("Nothing in the text can be spoken."),
        _ENTRY_ERRORS[1],
    ),
)
async def preview(body: PreviewRequest, context: Context, turn: TurnOf) -> Preview:
    """The phonemes of every word, with the caller's dictionaries applied; no audio is made."""
    limit = context.settings.max_input_characters
    if len(body.input) > limit:
        raise TextTooLong(f"The text has {len(body.input):,} characters; this server accepts {limit:,}.")
    language = resolve_language(body.language).tag
    await charge(len(body.input))
    segments = await context.graph.scheduled(turn.flow).segments(body.input, language)
    return Preview(segments=[_previewed(body.input, segment) for segment in segments])


def _previewed(text: str, segment: Phonemes) -> PreviewSegment:
    words = [
        PreviewWord(
            word=hide_controls(text[word.start : word.end]).replace("\0", ""),
            phonemes=segment.symbols[word.first_token : word.end_token],
            text_start=word.start,
            text_end=word.end,
        )
        for word in segment.words
    ]
    return PreviewSegment(text=segment.text, phonemes=segment.symbols, words=words)


def _filtered(entries: dict[str, Entry], language: str | None, surface: str | None) -> dict[str, Entry]:
    tag = resolve_language(language).tag if language else None
    return {
        entry_id: entry
        for entry_id, entry in entries.items()
        if (tag is None or entry.applies_to(tag))
        and (surface is None or surface.casefold() in entry.surface.casefold())
    }


def _read_json(body: bytes) -> list[Entry]:
    try:
        document = EntryDocument.model_validate_json(body)
    except ValidationError as error:
        faults: list[Any] = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        if faults[0]["type"] == "json_invalid":
            raise InvalidRequest(f"The body is not valid JSON: {faults[0]['ctx']['error']}.", "body") from None
        raise RequestValidationError(faults) from None
    entries = []
    for number, entry in enumerate(document.entries):
        try:
            entries.append(entry.entry())
        except (InvalidRequest, UnsupportedLanguage) as error:
            raise type(error)(f"Entry {number + 1}: {error.message}", f"entries.{number}.{error.param}") from None
    return entries
