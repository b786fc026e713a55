"""The engine's user dictionary: the Japanese katakana entries of the caller's own dictionary.

The same entries as on ``/v1/dictionaries/own``; those in IPA or with another text to read, and those for other
languages, cannot be told in the engine's terms and stay unseen here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query
from pydantic import Field, field_validator
from starlette.exceptions import HTTPException

from deployments.settings import DictionarySettings
from deployments.storage.dictionaries import DictionaryStore, NoSuchEntry
from serve_app.http.caller import CallerOf
from serve_app.http.context import Context
from serve_app.http.dictionaries import may_change, require_change, require_small
from serve_app.voicevox.schemas import Json
from tts_models.text.dictionary import Entry
from tts_models.text.dictionary.entry import DEFAULT_PRIORITY, MAX_PRIORITY, Alphabet, check_katakana
from tts_models.text.g2p.given import WordType
from tts_models.text.moras import read_moras

router = APIRouter(tags=["user dictionary"])

_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_PARTS_OF_SPEECH = MappingProxyType(
    {
        # Part of speech and its three details, id of its context in Open JTalk's dictionary.
        WordType.PROPER_NOUN: ("名詞", "固有名詞", "一般", "*", 1348),
        WordType.LOCATION_NAME: ("名詞", "固有名詞", "地域", "一般", 1353),
        WordType.ORGANIZATION_NAME: ("名詞", "固有名詞", "組織", "*", 1352),
        WordType.PERSON_NAME: ("名詞", "固有名詞", "人名", "一般", 1349),
        WordType.PERSON_FAMILY_NAME: ("名詞", "固有名詞", "人名", "姓", 1350),
        WordType.PERSON_GIVEN_NAME: ("名詞", "固有名詞", "人名", "名", 1351),
        WordType.COMMON_NOUN: ("名詞", "一般", "*", "*", 1345),
        WordType.VERB: ("動詞", "自立", "*", "*", 642),
        WordType.ADJECTIVE: ("形容詞", "自立", "*", "*", 20),
        WordType.SUFFIX: ("名詞", "接尾", "一般", "*", 1358),
    }
)
_TYPE_OF_CONTEXT = {context: word_type for word_type, (*_, context) in _PARTS_OF_SPEECH.items()}


class UserDictWord(Json):
    """A word of the dictionary, as the engine sends it."""

    surface: str = Field(description="What is written; Latin letters, digits and signs are full-width.")
    priority: int = Field(ge=0, le=MAX_PRIORITY, description="Which word is taken where two overlap.")
    context_id: int = Field(default=1348, description="Id of the word type.")
    part_of_speech: str
    part_of_speech_detail_1: str
    part_of_speech_detail_2: str
    part_of_speech_detail_3: str
    inflectional_type: str
    inflectional_form: str
    stem: str
    yomi: str = Field(description="Reading, katakana.")
    pronunciation: str = Field(description="Katakana.")
    accent_type: int = Field(description="After which mora the pitch falls; 0 for never.")
    mora_count: int | None = Field(default=None, description="Moras of the pronunciation.")
    accent_associative_rule: str

    @field_validator("context_id")
    @classmethod
    def _is_known(cls, context_id: int) -> int:
        if context_id not in _TYPE_OF_CONTEXT:
            raise ValueError("品詞IDが不正です")
        return context_id

    @classmethod
    def of(cls, entry: Entry) -> UserDictWord:
        """An entry in the engine's terms."""
        part, detail_1, detail_2, detail_3, context_id = _PARTS_OF_SPEECH[entry.word_type]
        return cls(
            surface=entry.surface.translate(_FULL_WIDTH),
            priority=entry.priority,
            context_id=context_id,
            part_of_speech=part,
            part_of_speech_detail_1=detail_1,
            part_of_speech_detail_2=detail_2,
            part_of_speech_detail_3=detail_3,
            inflectional_type="*",
            inflectional_form="*",
            stem="*",
            yomi=entry.pronunciation,
            pronunciation=entry.pronunciation,
            accent_type=entry.accent or 0,
            mora_count=len(read_moras(entry.pronunciation)),
            accent_associative_rule="*",
        )

    def entry(self) -> Entry:
        """The word as an entry, checked."""
        word_type = _TYPE_OF_CONTEXT[self.context_id]
        return _entry(self.surface, self.pronunciation, self.accent_type, word_type, self.priority)


@dataclass(frozen=True, slots=True)
class _UserDict:
    store: DictionaryStore
    tenant: str
    limits: DictionarySettings
    may_change: bool

    def to_change(self) -> _UserDict:
        require_change(self.may_change)
        return self


async def _user_dict(context: Context, caller: CallerOf) -> _UserDict:
    return _UserDict(
        DictionaryStore(context.records),
        caller.tenant,
        context.settings.dictionaries,
        may_change(caller, caller.tenant),
    )


@dataclass(frozen=True, slots=True)
class _Word:
    entry: Entry


async def _word(
    surface: Annotated[list[str], Query(description="What is written; of a compound word, each part.")],
    pronunciation: Annotated[list[str], Query(description="Katakana.")],
    accent_type: Annotated[list[int], Query(description="After which mora the pitch falls; 0 for never.")],
    word_type: Annotated[WordType | None, Query(description="PROPER_NOUN where absent.")] = None,
    priority: Annotated[int | None, Query(ge=0, le=MAX_PRIORITY, description="5 where absent.")] = None,
) -> _Word:
    if not len(surface) == len(pronunciation) == len(accent_type):
        raise HTTPException(422, "表層形・発音・アクセント型の数が一致していません")
    return _Word(
        _entry(
            "".join(surface),
            "".join(pronunciation),
            _accent_of(pronunciation, accent_type),
            word_type or WordType.PROPER_NOUN,
            DEFAULT_PRIORITY if priority is None else priority,
        )
    )


UserDict = Annotated[_UserDict, Depends(_user_dict)]
WordOf = Annotated[_Word, Depends(_word)]
WordUuid = Annotated[str, Path(description="UUID of a word.")]


@router.get("/user_dict", summary="All words")
async def user_dict(words: UserDict) -> dict[str, UserDictWord]:
    """By their UUIDs."""
    entries = await asyncio.to_thread(words.store.entries, words.tenant)
    return {word_uuid: UserDictWord.of(entry) for word_uuid, entry in entries.items() if _is_word(entry)}


@router.post("/user_dict_word", summary="Add a word")
async def add_user_dict_word(words: UserDict, word: WordOf) -> str:
    """Its UUID. It is heard from the next query on; of two with one surface the one added last."""
    mine = words.to_change()
    entry = require_small(word.entry, mine.limits)
    return await asyncio.to_thread(mine.store.add, mine.tenant, entry, most=mine.limits.max_entries, duplicates=True)


@router.put("/user_dict_word/{word_uuid}", summary="Change a word", status_code=204)
async def rewrite_user_dict_word(word_uuid: WordUuid, words: UserDict, word: WordOf) -> None:
    """All of it."""
    mine = words.to_change()
    entry = require_small(word.entry, mine.limits)
    try:
        await asyncio.to_thread(mine.store.replace, mine.tenant, word_uuid, entry, duplicates=True)
    except NoSuchEntry:
        raise HTTPException(422, "UUIDに該当するワードが見つかりませんでした") from None


@router.delete("/user_dict_word/{word_uuid}", summary="Remove a word", status_code=204)
async def delete_user_dict_word(word_uuid: WordUuid, words: UserDict) -> None:
    """Of that UUID."""
    mine = words.to_change()
    try:
        await asyncio.to_thread(mine.store.delete, mine.tenant, word_uuid)
    except NoSuchEntry:
        raise HTTPException(422, "IDに該当するワードが見つかりませんでした") from None


@router.post("/import_user_dict", summary="Add many words", status_code=204)
async def import_user_dict(
    import_dict_data: Annotated[dict[str, UserDictWord], Body(description="Words by their UUIDs.")],
    override: Annotated[bool, Query(description="Whether they take the place of words of the same UUIDs.")],
    words: UserDict,
) -> None:
    """All of them or, if one cannot be, none."""
    mine = words.to_change()
    new = {word_uuid: require_small(word.entry(), mine.limits) for word_uuid, word in import_dict_data.items()}
    if any(len(word_uuid) > 64 for word_uuid in new):
        raise HTTPException(422, "UUIDが長すぎます")
    await asyncio.to_thread(mine.store.put_all, mine.tenant, new, most=mine.limits.max_entries, override=override)


def _is_word(entry: Entry) -> bool:
    return entry.alphabet is Alphabet.KATAKANA and entry.applies_to("ja")


def _accent_of(pronunciations: list[str], accents: list[int]) -> int:
    """The accent of a word of several parts (AivisSpeech's) as one: where the last part's falls, as in compounds."""
    before = sum(len(read_moras(check_katakana(part))) for part in pronunciations[:-1])
    return before + accents[-1] if accents[-1] > 0 else accents[-1]


def _entry(surface: str, pronunciation: str, accent: int, word_type: WordType, priority: int) -> Entry:
    return Entry(
        surface=surface,
        pronunciation=pronunciation,
        alphabet=Alphabet.KATAKANA,
        language="ja",
        accent=accent,
        word_type=word_type,
        priority=priority,
    ).checked()
