"""Words whose pronunciation a dictionary gives, among words that the engines say.

An engine is shown an ordinary name in place of such a word, so that what stands around it is said as around a name
(*the* before a vowel, は after a noun, a French liaison), and the name's symbols in its answer are then exchanged for
the given ones. Where that cannot be done (the name has grown together with something), the text is cut around the word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from tts_models.text.g2p.words import OPENING, Word
from tts_models.text.vocabulary import has_sound

JAPANESE_NAME = "鈴木"
_NAMES = {"hi": ("अनिल", "मोहन"), "ja": (JAPANESE_NAME, JAPANESE_NAME), "zh": ("小明", "小明")}
_LATIN_NAMES = ("Anna", "Marta")
_STRESS = "ˈˌ"
_VOWELS = frozenset("aeiouyæɑɐɒɔəɚɛɜɪɨʊʌøœɤɯAIOQWYᵊᵻ")


class WordType(StrEnum):
    """What kind of Japanese word it is, in VOICEVOX's names; decides how accents join with the words around it.

    Names of places, organisations and people are AivisSpeech's.
    """

    PROPER_NOUN = "PROPER_NOUN"
    LOCATION_NAME = "LOCATION_NAME"
    ORGANIZATION_NAME = "ORGANIZATION_NAME"
    PERSON_NAME = "PERSON_NAME"
    PERSON_FAMILY_NAME = "PERSON_FAMILY_NAME"
    PERSON_GIVEN_NAME = "PERSON_GIVEN_NAME"
    COMMON_NOUN = "COMMON_NOUN"
    VERB = "VERB"
    ADJECTIVE = "ADJECTIVE"
    SUFFIX = "SUFFIX"


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """What the G2P engines are told instead of letters.

    Attributes:
        symbols: In the model's symbols.
        katakana: The same for Open JTalk; empty where there is none.
        accent: After which mora the pitch falls, 0 for never.
        word_type: What kind of Japanese word it is.
    """

    symbols: str
    katakana: str = ""
    accent: int = 0
    word_type: WordType = WordType.PROPER_NOUN


@dataclass(frozen=True, slots=True)
class Given:
    """A word whose pronunciation is given.

    Attributes:
        start: Offset of its first character in the text that the engine is given.
        end: Offset after its last.
        pronunciation: How it is said.
    """

    start: int
    end: int
    pronunciation: Pronunciation


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with names in place of given words.

    Attributes:
        text: The text.
        given: The words, their offsets those of their names in ``text``.
        places: For each the offsets of the word itself in the text it came from.
    """

    text: str
    given: tuple[Given, ...]
    places: tuple[tuple[int, int], ...]

    def origin(self, offset: int) -> int:
        """Where ``text[offset:]`` begins in the text it came from."""
        shift = 0
        for given, (start, end) in zip(self.given, self.places, strict=True):
            if offset <= given.start:
                break
            if offset < given.end:
                return start
            shift = end - given.end
        return offset + shift


def name_for(pronunciation: Pronunciation, language: str) -> str:
    """The name that stands in for a word in a text of ``language``: it begins with a vowel if the word does."""
    with_vowel, with_consonant = _NAMES.get(language, _LATIN_NAMES)
    return with_vowel if pronunciation.symbols.lstrip(_STRESS)[:1] in _VOWELS else with_consonant


def mask(text: str, given: Sequence[Given], language: str) -> Masked:
    """``text`` with names in place of the ``given`` words, which are in order."""
    parts: list[str] = []
    spans: list[Given] = []
    length = position = 0
    for one in given:
        name = name_for(one.pronunciation, language)
        before = text[position : one.start]
        parts += before, name
        start = length + len(before)
        length = start + len(name)
        spans.append(Given(start, length, one.pronunciation))
        position = one.end
    return Masked("".join([*parts, text[position:]]), tuple(spans), tuple((one.start, one.end) for one in given))


def exchanged(symbols: str, name: str, pronunciations: Sequence[Pronunciation]) -> str | None:
    """``symbols`` of a word with the given ones in place of each ``name`` in it; None if it has not as many names.

    Args:
        symbols: As the engine says the word.
        name: As it says the name alone; in a longer word its stress may differ.
        pronunciations: What to put there, in order.
    """
    bare = re.escape(name.replace("ˈ", "").replace("ˌ", ""))
    if not bare:
        return None
    stressed = re.compile(f"[{_STRESS}]?" + re.sub(r"(?<=.)(?=\w)", f"[{_STRESS}]?", bare))
    parts = stressed.split(symbols)
    if len(parts) != len(pronunciations) + 1:
        return None
    said = (one.symbols for one in pronunciations)
    return parts[0] + "".join(symbols + part for symbols, part in zip(said, parts[1:], strict=True))


def cut_around(
    text: str, given: Sequence[Given], say: Callable[[str], list[Word]], *, spaced: bool = False
) -> list[Word]:
    """The words of ``text`` with its ``given`` words, each stretch between them said by itself.

    Args:
        text: The text.
        given: The words in it, in order.
        say: The words of a stretch.
        spaced: Whether words are spoken as apart although no space is written.
    """
    words: list[Word] = []
    position = 0
    for one in [*given, None]:
        end = len(text) if one is None else one.start
        for word in say(text[position:end]) if text[position:end].strip() else ():
            word.start += position
            word.end += position
            words.append(word)
        if one is not None:
            words.append(Word(one.start, one.end, one.pronunciation.symbols, space=False))
            position = one.end
    for word, following in pairwise(words):
        if has_sound(following.symbols) or following.symbols in OPENING:
            word.space |= spaced or text[word.end : following.start].isspace()
        else:
            word.space = False
    return words
