"""Cuts a text into chunks small enough for every engine, at places where nothing depends on the cut."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import regex

from tts_models.text.controls import ControlledText
from tts_models.text.g2p.words import Break

MAX_CHUNK_CHARS = 500
"""Longest chunk, characters."""

_WRAPPED_LINE_MIN_CHARS = 50
_LINE_BREAK = regex.compile(r"[^\S\n]*\n\s*")
_CUTS = tuple(
    regex.compile(pattern)
    for pattern in (
        # After a sentence; not after what may be an abbreviation, a full stop behind a short word or a capital.
        r"(?:[!?。！？।॥۔…]|(?<=\p{Ll}{4})\.)[\"'”’»)\]」』）]*(?:\s+|(?=\p{Han}|[ぁ-ヿ]))",
        # After a clause; not in or after a number, which may go on.
        r"(?<=[\p{L}\p{M}])(?:[;:,]\s+|[；：，、]\s*)(?=\p{L})",
        r"(?<=\p{Ll}{2})\s+(?=\p{Ll}{2})",
        r"\s+",
        r"(?<=[\p{L}\p{M}])[;:,](?=\p{L})",  # a list without a blank
    )
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the text that is normalised and phonemised on its own.

    Attributes:
        start: Offset of its first character in the text.
        end: Offset after its last.
        ends: What the writer ended with it: a line, a paragraph or nothing.
        symbols: Its pronunciation if the caller gave it.
    """

    start: int
    end: int
    ends: Break
    symbols: str | None = None


def split_text(controlled: ControlledText) -> list[list[Chunk]]:
    """The chunks of each stretch between two pauses; they tile its text. One more list than there are pauses."""
    bounds = [0, *(offset for offset, _ in controlled.pauses), len(controlled.text)]
    blocks = []
    for start, end in pairwise(bounds):
        chunks: list[Chunk] = []
        for given_start, given_end, symbols in controlled.pronunciations:
            if start <= given_start < end:
                chunks.extend(_plain_chunks(controlled.text, start, given_start))
                chunks.append(Chunk(given_start, given_end, Break.NONE, symbols))
                start = given_end
        chunks.extend(_plain_chunks(controlled.text, start, end))
        blocks.append(chunks)
    return blocks


def _plain_chunks(text: str, start: int, end: int) -> Iterator[Chunk]:
    begin = start
    for match in _LINE_BREAK.finditer(text, start, end):
        line_end = match.end()
        ends = Break.PARAGRAPH if match.group().count("\n") > 1 else Break.SENTENCE
        if ends is Break.SENTENCE and _is_wrapped(text[begin : match.start()], text[line_end : line_end + 1]):
            continue
        if line_end < len(text):
            yield from _line_chunks(text, begin, line_end, ends)
            begin = line_end
    if begin < end:
        yield from _line_chunks(text, begin, end, Break.NONE)


def _is_wrapped(line: str, next_char: str) -> bool:
    """Whether a line break is the editor's rather than the writer's: a long line, or one that goes on in lower case."""
    length = len(line) - line.rfind("\n")
    return next_char.islower() or (length > _WRAPPED_LINE_MIN_CHARS and line[-1:] not in ".!?。！？:：")


def _line_chunks(text: str, start: int, end: int, ends: Break) -> Iterator[Chunk]:
    while end - start > MAX_CHUNK_CHARS:
        stop = start + MAX_CHUNK_CHARS
        for pattern in _CUTS:
            cuts = [match.end() for match in pattern.finditer(text, start + MAX_CHUNK_CHARS // 4, stop)]
            if cuts:
                stop = cuts[-1]
                break
        else:
            while unicodedata.category(text[stop])[0] == "M" and stop > start + MAX_CHUNK_CHARS // 2:
                stop -= 1
        yield Chunk(start, stop, Break.NONE)
        start = stop
    yield Chunk(start, end, ends)
