"""What every G2P engine returns, and how text and symbols of punctuation correspond."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import regex

PUNCTUATION_SYMBOLS = {
    **dict.fromkeys(",，、､،﹐﹑", ","),
    **dict.fromkeys(";；؛﹔", ";"),
    **dict.fromkeys(":：﹕", ":"),
    **dict.fromkeys(".。．｡।॥۔።᙮", "."),
    **dict.fromkeys("…⋯‥", "…"),
    **dict.fromkeys("!！﹗", "!"),
    **dict.fromkeys("?？؟﹖", "?"),
    **dict.fromkeys("—–―〜～", "—"),
    **dict.fromkeys("“„«「『《〈〝", "“"),
    **dict.fromkeys("”»」』》〉〞", "”"),
    **dict.fromkeys("(（[［【〔{｛", "("),
    **dict.fromkeys(")）]］】〕}｝", ")"),
    '"': '"',
    "＂": '"',
}
"""Punctuation in text -> its symbol in the vocabulary. Other punctuation is silent."""

OPENING = frozenset("(“")
CLOSING = frozenset(")”")

PRONOUNCEABLE = regex.compile(r"[\p{L}\p{N}]")
"""Characters that must be heard: letters and digits of every script."""

UNBROKEN_MAX_CHARS = 60
"""Longest run without a space that an engine is given; espeak loses the rest of longer ones."""


@dataclass(slots=True)
class Word:
    """A word, or a mark of punctuation, with its symbols.

    Attributes:
        start: Offset of its first character in the text.
        end: Offset after its last character.
        symbols: Its phoneme symbols; may contain spaces where one written word is spoken as several.
        space: Whether a space follows.
    """

    start: int
    end: int
    symbols: str
    space: bool


def is_pronounceable(text: str) -> bool:
    """Whether there is a letter or a digit in ``text``."""
    return PRONOUNCEABLE.search(text) is not None


_MARK = re.compile(
    # A mark inside a word (3.5, 10:30, www.example.com, it's) belongs to the word; CJK and Indic stops always end it.
    r"[.,:](?=[\s\"”»)\]]|$)|[.,:](?![^\W_])|(?<![^\W_])[.,:]"
    r"|[" + re.escape("".join(c for c in PUNCTUATION_SYMBOLS if c not in ".,:")) + "]"
    r"|(?<=\s)-+(?=\s)"
)


def split_punctuation(text: str) -> Iterator[tuple[int, int, str | None]]:
    """Cuts ``text`` into ``(start, end, symbol)``: one mark with its symbol, or a stretch without marks with ``None``."""
    last = 0
    for match in _MARK.finditer(text):
        if match.start() > last:
            yield last, match.start(), None
        yield match.start(), match.end(), PUNCTUATION_SYMBOLS.get(match.group(), "—")
        last = match.end()
    if last < len(text):
        yield last, len(text), None


def join_symbols(words: list[Word]) -> str:
    """The symbols of a sequence of words as one string, single spaces between words and none at the ends."""
    return " ".join("".join(w.symbols + (" " if w.space else "") for w in words).split())
