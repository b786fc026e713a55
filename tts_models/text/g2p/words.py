"""What every G2P engine returns, and how text and symbols of punctuation correspond."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

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


class Break(IntEnum):
    """How natural it is to pause after a word."""

    NONE = 0
    WORD = 1
    PHRASE = 2
    CLAUSE = 3
    SENTENCE = 4
    PARAGRAPH = 5


@dataclass(slots=True)
class Word:
    """A word, or a mark of punctuation, with its symbols.

    Attributes:
        start: Offset of its first character in the text.
        end: Offset after its last character.
        symbols: Its phoneme symbols; may contain spaces where one written word is spoken as several.
        space: Whether a space follows.
        ends: What ends after it though no mark says so: a phrase, a line, a paragraph.
    """

    start: int
    end: int
    symbols: str
    space: bool
    ends: Break = Break.NONE


class Engine(Protocol):
    """Graphemes to phonemes in one language."""

    def __call__(self, texts: Sequence[str]) -> list[list[Word]]:
        """The words of each text, in order, with offsets in that text. Safe to call from several threads."""


def is_pronounceable(text: str) -> bool:
    """Whether there is a letter or a digit in ``text``."""
    return PRONOUNCEABLE.search(text) is not None


_INSIDE = r"[\p{L}\p{N}--[\p{Han}\p{Hiragana}\p{Katakana}]]"
_MARK = regex.compile(
    # A full stop inside a word (www.example.com) and a comma or colon inside a number (10:30) belong to it.
    rf"\.(?!(?<={_INSIDE}.){_INSIDE})|[,:](?!(?<=\p{{N}}.)\p{{N}})"
    rf"|[{regex.escape(''.join(mark for mark in PUNCTUATION_SYMBOLS if mark not in '.,:'), special_only=False)}]"
    r"|(?<=\s)-+(?=\s)",
    regex.VERSION1,
)


def split_punctuation(text: str) -> Iterator[tuple[int, int, str | None]]:
    """Cuts ``text`` into ``(start, end, symbol)``: a mark and its symbol, or a stretch without marks and ``None``."""
    last = 0
    for match in _MARK.finditer(text):
        if match.start() > last:
            yield last, match.start(), None
        yield match.start(), match.end(), PUNCTUATION_SYMBOLS.get(match.group(), "—")
        last = match.end()
    if last < len(text):
        yield last, len(text), None


def join_symbols(words: Sequence[Word]) -> str:
    """The symbols of a sequence of words as one string, single spaces between words and none at the ends."""
    return join_and_trace(words)[0]


def join_and_trace(words: Sequence[Word]) -> tuple[str, list[int]]:
    """As :func:`join_symbols`, and for each symbol of the string the index of the word it is from."""
    symbols: list[str] = []
    owners: list[int] = []
    for index, word in enumerate(words):
        for symbol in word.symbols + (" " if word.space else ""):
            if not symbol.isspace():
                symbols.append(symbol)
            elif symbols and symbols[-1] != " ":
                symbols.append(" ")
            else:
                continue
            owners.append(index)
    if symbols and symbols[-1] == " ":
        del symbols[-1], owners[-1]
    return "".join(symbols), owners


def has_mark(text: str, start: int, end: int) -> bool:
    """Whether a mark of punctuation that is heard stands in ``text[start:end]``; not the full stop of ``a.com``."""
    match = _MARK.search(text, start)
    return match is not None and match.start() < end
