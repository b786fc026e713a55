"""Cuts a text into chunks small enough for every engine, at places where nothing depends on the cut."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter

import regex

from tts_models.text.controls import ControlledText, Reading
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
        reading: What is to be said in its place if the caller gave that.
    """

    start: int
    end: int
    ends: Break
    symbols: str | None = None
    reading: Reading | None = None


def split_text(controlled: ControlledText) -> list[list[Chunk]]:
    """The chunks of each block; they tile its text."""
    given = sorted(
        [
            *(Chunk(start, end, Break.NONE, symbols) for start, end, symbols in controlled.pronunciations),
            *(Chunk(reading.start, reading.end, Break.NONE, reading=reading) for reading in controlled.readings),
        ],
        key=lambda chunk: chunk.start,
    )
    blocks = []
    for block in controlled.blocks:
        chunks: list[Chunk] = []
        start = block.start
        first, last = (bisect_left(given, offset, key=attrgetter("start")) for offset in (start, block.end))
        for chunk in given[first:last]:
            if start <= chunk.start:
                chunks.extend(_plain_chunks(controlled, start, chunk.start))
                chunks.append(chunk)
                start = chunk.end
        chunks.extend(_plain_chunks(controlled, start, block.end))
        blocks.append(chunks)
    return blocks


def _plain_chunks(controlled: ControlledText, start: int, end: int) -> Iterator[Chunk]:
    text = controlled.text
    begin = start
    line_ends = _line_ends(text, start, end) if controlled.ends is None else _given_ends(controlled, start, end)
    for line_end, ends in line_ends:
        yield from _line_chunks(text, begin, line_end, ends)
        begin = line_end
    if begin < end:
        yield from _line_chunks(text, begin, end, Break.NONE)


def _line_ends(text: str, start: int, end: int) -> Iterator[tuple[int, Break]]:
    """Where lines and paragraphs end, but for breaks that are the editor's rather than the writer's."""
    begin = start
    for match in _LINE_BREAK.finditer(text, start, end):
        line_end = match.end()
        ends = Break.PARAGRAPH if match.group().count("\n") > 1 else Break.SENTENCE
        if ends is Break.SENTENCE and _is_wrapped(text[begin : match.start()], text[line_end : line_end + 1]):
            continue
        if line_end < len(text):
            yield line_end, ends
            begin = line_end


def _given_ends(controlled: ControlledText, start: int, end: int) -> Sequence[tuple[int, Break]]:
    assert controlled.ends is not None
    first, last = (bisect_right(controlled.ends, offset, key=itemgetter(0)) for offset in (start, end))
    return controlled.ends[first:last]


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
