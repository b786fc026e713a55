"""A long text in pieces that the text frontend takes at once, cut where a reader would pause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import regex

from tts_models.text.controls import open_moods
from tts_models.types import Emotion

PIECE_CHARACTERS = 4_000
PARAGRAPH_S = 0.4
"""Silence between two pieces that are paragraphs apart, seconds."""
SENTENCE_S = 0.1
"""Silence between two pieces that are sentences of one paragraph."""

# From the best place to the worst; each match ends where a piece may.
_BREAKS = (
    (regex.compile(r"\n\s*\n\s*"), PARAGRAPH_S),
    (regex.compile(r"\n\s*|[.!?…]+[\"'”’»)\]]*\s+|[。！？｡।॥][」』”’）]*"), SENTENCE_S),
    (regex.compile(r"[,;:，、；：—–]\s*"), 0.0),
    (regex.compile(r"\s+"), 0.0),
)
_NOT_IN_CONTROLS = regex.compile(r"\[[^\[\]\n]{0,200}\](?:\([^()\n]{0,200}\))?")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text.

    Attributes:
        start: Offset of its first character.
        text: What stands there.
        pause_after_s: Silence between it and the next one, seconds.
        moods: Those that hold where it begins, the innermost last.
    """

    start: int
    text: str
    pause_after_s: float = 0.0
    moods: tuple[Emotion, ...] = ()

    @property
    def end(self) -> int:
        """Offset after its last character."""
        return self.start + len(self.text)


def pieces(text: str, most: int = PIECE_CHARACTERS) -> Iterator[Piece]:
    """``text`` in pieces of at most ``most`` characters; together they are all of it.

    The last best break in the second half of a piece ends it. Inline controls (``[pause:1s]``, ``[word](/ipa/)``) are
    not cut in two unless they are longer than 200 characters.
    """
    start = 0
    moods: tuple[Emotion, ...] = ()
    while len(text) - start > most:
        end, pause_s = _end(text, start, most)
        yield Piece(start, text[start:end], pause_s, moods)
        moods = open_moods(text[start:end], moods)
        start = end
    if start < len(text):
        yield Piece(start, text[start:], moods=moods)


def _end(text: str, start: int, most: int) -> tuple[int, float]:
    latest = start + most
    controls = [match.span() for match in _NOT_IN_CONTROLS.finditer(text, start, min(len(text), latest + 400))]
    for pattern, pause_s in _BREAKS:
        ends = [match.end() for match in pattern.finditer(text, start + most // 2, latest)]
        for end in reversed(ends):
            if end > start and not any(first < end < last for first, last in controls):
                return end, pause_s
    inside = [first for first, last in controls if start < first < latest < last]
    return (inside[0] if inside else latest), 0.0
