"""Pronunciation dictionaries over the wire."""

from __future__ import annotations

from dataclasses import fields
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tts_models.text.dictionary import Entry
from tts_models.text.dictionary.entry import DEFAULT_PRIORITY, MAX_PRIORITY, Alphabet
from tts_models.text.g2p.given import WordType


class EntryFields(BaseModel):
    """How a word, or several, are read."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"surface": "Voicegraph", "pronunciation": "vˈYsɡɹˌæf", "alphabet": "ipa"},
                {"surface": "GIF", "pronunciation": "jif", "language": "en"},
                {"surface": "結月", "pronunciation": "ユヅキ", "alphabet": "katakana", "language": "ja", "accent": 1},
            ]
        },
    )

    surface: str = Field(description="What is written. Width and composition of characters make no difference.")
    pronunciation: str = Field(description="How it is read, in `alphabet`.")
    alphabet: Alphabet = Field(
        default=Alphabet.TEXT,
        description="`ipa`: the symbols that `[word](/ipa/)` takes; `katakana`; `text`: other text to read instead.",
    )
    language: str = Field(
        default="",
        max_length=35,
        description="BCP-47 tag: of one language (`en-GB`) or of all its variants (`en`); empty for every language.",
    )
    accent: int | None = Field(
        default=None,
        ge=0,
        description="Japanese, in katakana: after which mora the pitch falls, 0 for never; by the rule for names where"
        " absent.",
    )
    word_type: WordType = Field(default=WordType.PROPER_NOUN, description="What kind of Japanese word it is.")
    priority: int = Field(
        default=DEFAULT_PRIORITY,
        ge=0,
        le=MAX_PRIORITY,
        description="Which entry is taken where two overlap; of equal ones the longer.",
    )
    case_sensitive: bool = Field(default=False, description="Whether `US` leaves `us` alone.")
    whole_word: bool = Field(
        default=True,
        description="Whether it leaves alone what is only a part of a word, in scripts with spaces and in katakana."
        " Kanji, hiragana, hanzi and Thai show no words; there an entry is found anywhere.",
    )

    def entry(self) -> Entry:
        """The entry, checked.

        Raises:
            InvalidRequest: It cannot be.
            UnsupportedLanguage: There is no such language.
        """
        return Entry(**{field.name: getattr(self, field.name) for field in fields(Entry)}).checked()


class EntryInfo(EntryFields):
    """An entry of a dictionary."""

    id: str = Field(description="Its id.")

    @classmethod
    def of(cls, entry_id: str, entry: Entry) -> EntryInfo:
        """The entry as it is sent."""
        return cls.model_validate({"id": entry_id, **fields_of(entry)})


def fields_of(entry: Entry) -> dict[str, object]:
    """The fields of an entry, by name."""
    return {field.name: getattr(entry, field.name) for field in fields(Entry)}


class EntryPage(BaseModel):
    """A part of a dictionary, in the order in which entries were added."""

    entries: list[EntryInfo]
    total: int = Field(description="Entries that the filters let through, on all pages.")
    next: str | None = Field(default=None, description="What to send as `after` for the next page; null on the last.")


class EntryDocument(BaseModel):
    """A dictionary as a document."""

    model_config = ConfigDict(extra="ignore")

    entries: list[EntryFields]


class DictionaryInfo(BaseModel):
    """A dictionary that the caller's texts are read with."""

    id: Literal["own", "global"] = Field(description="What to name it in paths.")
    entries: int = Field(description="How many entries it has.")
    may_change: bool = Field(description="Whether the caller may change it.")


class DictionaryList(BaseModel):
    """The dictionaries that the caller's texts are read with; entries of the first win."""

    dictionaries: list[DictionaryInfo]


class ImportResult(BaseModel):
    """What an import did."""

    added: int = Field(description="Entries that are new.")
    replaced: int = Field(description="Entries in the place of one with the same surface and language.")
    removed: int = Field(description="Entries that were there and are not in the import.")
    total: int = Field(description="Entries that are there now.")


class PreviewRequest(BaseModel):
    """A text to be read."""

    input: str = Field(description="The text.", examples=["Voicegraph reads GIF as you say."])
    language: str = Field(max_length=35, description="BCP-47 tag of the language it is in.", examples=["en-US"])


class PreviewWord(BaseModel):
    """A word as it is read."""

    word: str = Field(description="As it is written.")
    phonemes: str = Field(description="In the model's symbols.")
    text_start: int = Field(description="Offset of its first character in the text.")
    text_end: int = Field(description="Offset after its last.")


class PreviewSegment(BaseModel):
    """A segment as it is read."""

    text: str = Field(description="As it is written.")
    phonemes: str = Field(description="In the model's symbols, with the marks that shape its melody.")
    words: list[PreviewWord]


class Preview(BaseModel):
    """How a text is read."""

    segments: list[PreviewSegment]
