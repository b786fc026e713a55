"""An entry of a pronunciation dictionary, and what makes one valid."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from tts_models.errors import InvalidRequest
from tts_models.text.controls import read_ipa
from tts_models.text.g2p.given import Pronunciation, WordType
from tts_models.text.g2p.japanese import kana_to_symbols
from tts_models.text.g2p.words import is_pronounceable
from tts_models.text.languages import resolve_language
from tts_models.text.moras import read_moras
from tts_models.text.vocabulary import to_vocabulary

MAX_PRIORITY = 10
DEFAULT_PRIORITY = 5
MAX_MORAS = 100
"""Longest katakana pronunciation, moras; longer ones are no word."""

_KATAKANA = re.compile("[ァ-ヴー]+")
_BAD_SMALL = re.compile("[ァィゥェォャュョヮ][ァィゥェォャュョヮ]|ッ[ッァィゥェォャュョヮ]|(?<=[^クグ])ヮ|^ー")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class Alphabet(StrEnum):
    """What a pronunciation is written in."""

    IPA = "ipa"
    KATAKANA = "katakana"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Entry:
    """How a word, or several, are read.

    Attributes:
        surface: What is written. Width, compatibility forms and composition of characters make no difference.
        pronunciation: How it is read, in ``alphabet``.
        alphabet: IPA in the model's symbols, katakana, or other text to be read instead.
        language: In texts of which language: a tag of ours (``en-GB``), or its first part (``en``) for all of its
            variants; ``""`` in every one.
        accent: After which mora the pitch falls, 0 for never; of Japanese. None leaves it to the rule for names.
        word_type: What kind of Japanese word it is.
        priority: 0 to 10; which entry is taken where two overlap.
        case_sensitive: Whether ``US`` leaves ``us`` alone.
        whole_word: Whether it leaves alone what is only a part of a word: in scripts that are written with spaces, and
            in katakana. Kanji, hiragana, hanzi and Thai show no words: there it is found anywhere.
    """

    surface: str
    pronunciation: str
    alphabet: Alphabet = Alphabet.TEXT
    language: str = ""
    accent: int | None = None
    word_type: WordType = WordType.PROPER_NOUN
    priority: int = DEFAULT_PRIORITY
    case_sensitive: bool = False
    whole_word: bool = True

    def checked(self) -> Entry:
        """The entry in its canonical form.

        Raises:
            InvalidRequest: It cannot be; ``param`` is the field at fault.
            UnsupportedLanguage: There is no such language.
        """
        surface = " ".join(unicodedata.normalize("NFC", self.surface).split())
        if not surface:
            raise InvalidRequest("The surface is empty: there is nothing to look for.", "surface")
        for name, text in (("surface", surface), ("pronunciation", self.pronunciation)):
            if _CONTROL.search(text):
                raise InvalidRequest(f"The {name} holds a control character.", name)
        if not 0 <= self.priority <= MAX_PRIORITY:
            raise InvalidRequest(f"The priority is {self.priority}; it is 0 to {MAX_PRIORITY}.", "priority")
        language = _canonical_language(self.language)
        pronunciation = self._checked_pronunciation(surface, language)
        if self.accent is not None and self.alphabet is not Alphabet.KATAKANA:
            raise InvalidRequest("An accent is counted in moras; it needs a pronunciation in katakana.", "accent")
        if self.accent is not None:
            n_moras = len(read_moras(pronunciation))
            if not 0 <= self.accent <= n_moras:
                raise InvalidRequest(
                    f"The accent is {self.accent}; {pronunciation} has {n_moras} moras, so it is 0 to {n_moras}.",
                    "accent",
                )
        return replace(self, surface=surface, pronunciation=pronunciation, language=language)

    def applies_to(self, tag: str) -> bool:
        """Whether it is for texts in a language of ours."""
        return self.language in ("", tag, tag.partition("-")[0])

    def _checked_pronunciation(self, surface: str, language: str) -> str:
        if not self.pronunciation.strip():
            raise InvalidRequest(f"The pronunciation of {surface!r} is empty.", "pronunciation")
        match self.alphabet:
            case Alphabet.IPA:
                if language == "ja":
                    raise InvalidRequest(
                        "A Japanese entry is pronounced in katakana, which has moras and an accent; IPA has none.",
                        "alphabet",
                    )
                return read_ipa(surface, self.pronunciation, "pronunciation")
            case Alphabet.KATAKANA:
                return check_katakana(self.pronunciation)
        respelling = " ".join(unicodedata.normalize("NFC", self.pronunciation).split())
        if not is_pronounceable(respelling):
            raise InvalidRequest(f"The respelling of {surface!r} has no letter or digit to read.", "pronunciation")
        return respelling


def check_katakana(text: str) -> str:
    """``text`` as full-width katakana.

    Raises:
        InvalidRequest: It is none, or holds a row of small signs that nobody can say.
    """
    katakana = unicodedata.normalize("NFKC", text).strip()
    if not _KATAKANA.fullmatch(katakana):
        raise InvalidRequest(f"{text!r} is not katakana, such as ボイスグラフ.", "pronunciation")
    if bad := _BAD_SMALL.search(katakana):
        raise InvalidRequest(f"{katakana!r} cannot be said: {bad.group()!r} is no mora.", "pronunciation")
    if len(read_moras(katakana)) > MAX_MORAS:
        raise InvalidRequest(f"A pronunciation has at most {MAX_MORAS} moras.", "pronunciation")
    return katakana


@lru_cache(maxsize=4096)
def pronunciation_of(entry: Entry) -> Pronunciation:
    """The pronunciation of a checked entry in IPA or katakana."""
    if entry.alphabet is Alphabet.IPA:
        return Pronunciation(entry.pronunciation)
    katakana = entry.pronunciation
    accent = _usual_accent(katakana) if entry.accent is None else entry.accent
    return Pronunciation(to_vocabulary(kana_to_symbols(katakana)), katakana, accent, entry.word_type)


def _usual_accent(katakana: str) -> int:
    """The accent of names and loanwords: on the third mora from the end, or before it where that cannot bear one."""
    moras = read_moras(katakana)
    accent = max(len(moras) - 2, 1)
    while accent > 1 and (moras[accent - 1].vowel in ("N", "cl") or moras[accent - 1].symbols == "ː"):
        accent -= 1
    return accent


def _canonical_language(tag: str) -> str:
    if not tag:
        return ""
    known = resolve_language(tag).tag
    return known if len(tag.replace("_", "-").split("-")) > 1 else known.partition("-")[0]
