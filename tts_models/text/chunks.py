"""Cuts long text into lines and into chunks small enough for every engine, at places where nothing depends on the cut."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import regex

MAX_CHUNK_CHARS = 500
"""Longest chunk, characters."""

_WRAPPED_LINE_MIN_CHARS = 50
_CUTS = tuple(
    regex.compile(pattern)
    for pattern in (
        # After a sentence: not after an abbreviation, whose full stop follows a short word or a capital.
        r"(?:[!?。！？।॥۔…]|(?<=\p{Ll}{4})\.)[\"'”’»)\]」』）]*(?:\s+|(?=\p{Han}|[ぁ-ヿ]))",
        r"[;；:,，、]\s+|[，、；](?=\S)",
        r"(?<=\p{Ll}{2})\s+(?=\p{Ll}{2})",
        r"\s+",
    )
)


def split_lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of the lines of ``text[start:end]``; a line that was only wrapped goes on into the next."""
    begin = start
    for match in regex.finditer(r"[^\S\n]*\n\s*", text, pos=start, endpos=end):
        if match.end() < end and not _is_wrapped(text[begin : match.start()], text[match.end() : match.end() + 1]):
            yield begin, match.end()
            begin = match.end()
    if begin < end:
        yield begin, end


def _is_wrapped(line: str, next_char: str) -> bool:
    """Whether a line break is the editor's rather than the writer's."""
    length = len(line) - line.rfind("\n")
    return next_char.islower() or (length > _WRAPPED_LINE_MIN_CHARS and line[-1:] not in ".!?。！？:：")


def split_chunks(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of at most ``MAX_CHUNK_CHARS`` characters that tile ``text[start:end]``."""
    while end - start > MAX_CHUNK_CHARS:
        stop = start + MAX_CHUNK_CHARS
        for pattern in _CUTS:
            cuts = [match.end() for match in pattern.finditer(text, start + MAX_CHUNK_CHARS // 4, stop)]
            if cuts:
                stop = cuts[-1]
                break
        else:
            while unicodedata.category(text[stop])[0] == "M" and stop > start + 1:
                stop -= 1
        yield start, stop
        start = stop
    if start < end:
        yield start, end
