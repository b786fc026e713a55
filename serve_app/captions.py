"""Captions: the marks of words made into cues that people can read, as SubRip (SRT) and WebVTT.

::

    text + word marks --> pieces (a word with the marks that belong to it) --> cues of one or two lines --> srt | vtt

A cue has at most two lines of ``LINE_WIDTH`` columns and lasts at most ``MAX_CUE_S``; it ends with a sentence, else a
clause, else a word, chosen for the whole text at once by dynamic programming. Sources of the limits: Netflix's Timed
Text Style Guide (42 characters a line, 16 in Chinese; 5/6 s to 7 s) and the BBC's subtitle guidelines.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from typing import Literal

import regex

from tts_models.timing import WordMark

CaptionFormat = Literal["srt", "vtt"]

LINE_WIDTH = 42.0
"""Columns of a line; a letter has one."""
WIDE_COLUMNS = LINE_WIDTH / 16
"""Columns of a Han character, a kana or a full-width mark: sixteen fill a line."""
MAX_LINES = 2
MIN_CUE_S = 5 / 6
MAX_CUE_S = 7.0
LONG_PAUSE_S = 0.6
"""A cue does not stay across a silence longer than this, seconds."""
LINGER_S = 0.3
"""A cue stays this long after its last word where nothing follows at once, seconds."""

_CUE_COST = 10.0
_BREAK_COST = {3: 0.0, 2: 8.0, 1: 30.0, 0: 200.0}
_INNER_SENTENCE_COST = 12.0
_INNER_PAUSE_COST = 100.0
_SHORT_COST = 15.0
_SECOND_LINE_COST = 4.0

_CLOSERS = "\"'”’»)]」』》）】"
_SENTENCE_END = regex.compile(rf"(?:[!?。！？｡।॥…]|\.)[{regex.escape(_CLOSERS)}]*\s*$|\n\s*$")
_CLAUSE_END = regex.compile(rf"[,;:，、；：,،—–][{regex.escape(_CLOSERS)}]*\s*$")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}ー々、。，！？；：」』）]")


@dataclass(frozen=True, slots=True)
class Cue:
    """What stands on the screen for a while.

    Attributes:
        start_s: From when, seconds.
        end_s: Until when.
        lines: One or two lines of text.
    """

    start_s: float
    end_s: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word with what stands around it; ``strength`` says how well a cue ends here: 3 sentence ... 0 inside a word."""

    text: str
    start_s: float
    end_s: float
    strength: int


def cues(text: str, words: Sequence[WordMark]) -> list[Cue]:
    """Captions of an utterance.

    Args:
        text: As people read it, with nulls in place of controls and tags.
        words: All its words, in order.
    """
    pieces = [part for piece in _pieces(text, words) for part in _parts(piece)]
    best: list[tuple[float, int, tuple[str, ...]]] = [(0.0, 0, ())]
    for stop in range(1, len(pieces) + 1):
        candidates = []
        for begin in range(stop - 1, -1, -1):
            lines = _lines(pieces[begin:stop])
            if lines is None or (begin < stop - 1 and pieces[stop - 1].end_s - pieces[begin].start_s > MAX_CUE_S):
                break
            candidates.append((best[begin][0] + _cost(pieces, begin, stop, len(lines)), begin, lines))
        best.append(min(candidates))
    result: list[Cue] = []
    stop = len(pieces)
    while stop:
        _, begin, lines = best[stop]
        result.append(Cue(pieces[begin].start_s, pieces[stop - 1].end_s, lines))
        stop = begin
    return _readable(result[::-1])


def to_srt(captions: Sequence[Cue]) -> str:
    """The captions as a SubRip file."""
    blocks = []
    for number, cue in enumerate(captions, start=1):
        lines = "\n".join(line.replace("-->", "→") for line in cue.lines)
        blocks.append(f"{number}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n{lines}\n")
    return "\n".join(blocks)


def to_vtt(captions: Sequence[Cue]) -> str:
    """The captions as a WebVTT file."""
    blocks = ["WEBVTT\n"]
    for cue in captions:
        lines = "\n".join(html.escape(line, quote=False) for line in cue.lines)
        blocks.append(f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}\n{lines}\n")
    return "\n".join(blocks)


def caption_file(text: str, words: Sequence[WordMark], caption_format: CaptionFormat) -> str:
    """The captions of an utterance as a file."""
    return {"srt": to_srt, "vtt": to_vtt}[caption_format](cues(text, words))


def width(text: str) -> float:
    """Columns that ``text`` takes."""
    return sum(
        0.0
        if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf")
        else WIDE_COLUMNS
        if unicodedata.east_asian_width(char) in "WF"
        else 1.0
        for char in text
    )


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _pieces(text: str, words: Sequence[WordMark]) -> Iterator[_Piece]:
    start = 0
    for word, following in zip_longest(words, words[1:]):
        end = len(text)
        if following is not None:
            gap_start = max(start, word.end)
            end = gap_start + _split(text[gap_start : max(gap_start, following.start)])
        written = text[start:end].replace("\0", "")
        if written.strip() or start == 0:
            pauses = following is not None and following.start_s - word.end_s > LONG_PAUSE_S
            strength = 3 if pauses else _strength(written, text[end : end + 1])
            yield _Piece(written, word.start_s, word.end_s, strength)
        start = end


def _split(gap: str) -> int:
    """Where in what stands between two words the second one's part begins: its line, bracket or quotation mark."""
    if "\n" in gap:
        return gap.rindex("\n") + 1
    opening = next(
        (i for i, char in enumerate(gap) if unicodedata.category(char) in ("Ps", "Pi") or char in "¿¡"), None
    )
    if opening is not None:
        return opening
    spaces = [i for i, char in enumerate(gap) if char.isspace()]
    return spaces[-1] + 1 if spaces else len(gap)


def _strength(written: str, following: str) -> int:
    if not following or _SENTENCE_END.search(written):
        return 3
    if _CLAUSE_END.search(written):
        return 2
    is_unspaced = _UNSPACED.search(written[-1:]) or _UNSPACED.match(following)
    return 1 if written[-1:].isspace() or is_unspaced else 0


def _parts(piece: _Piece) -> Iterator[_Piece]:
    """``piece``, or if it is too long for a line (an address, a row of signs), parts that are not."""
    while width(piece.text.strip()) > LINE_WIDTH:
        total, fits = width(piece.text), 0
        while width(piece.text[: fits + 1].lstrip()) <= LINE_WIDTH:
            fits += 1
        space = piece.text.rfind(" ", 1, fits)
        cut = space + 1 if space > 0 and piece.text[:space].strip() else fits
        share = width(piece.text[:cut]) / total
        middle_s = piece.start_s + share * (piece.end_s - piece.start_s)
        yield _Piece(piece.text[:cut], piece.start_s, middle_s, 1 if piece.text[cut - 1] == " " else 0)
        piece = replace(piece, text=piece.text[cut:], start_s=middle_s)
    yield piece


def _joined(pieces: Sequence[_Piece]) -> str:
    return " ".join("".join(piece.text for piece in pieces).split())


def _lines(pieces: Sequence[_Piece]) -> tuple[str, ...] | None:
    """``pieces`` on one line or, if they are too long, on two of like length; None if they do not fit."""
    whole = _joined(pieces)
    if width(whole) <= LINE_WIDTH:
        return (whole,)
    if width(whole) > MAX_LINES * LINE_WIDTH:
        return None
    candidates = []
    for cut in range(1, len(pieces)):
        first, second = _joined(pieces[:cut]), _joined(pieces[cut:])
        if width(first) <= LINE_WIDTH and width(second) <= LINE_WIDTH:
            unequal = abs(width(first) - width(second))
            candidates.append((_BREAK_COST[pieces[cut - 1].strength] + unequal, (first, second)))
    return min(candidates)[1] if candidates else None


def _cost(pieces: Sequence[_Piece], begin: int, stop: int, n_lines: int) -> float:
    cost = _CUE_COST + (_BREAK_COST[pieces[stop - 1].strength] if stop < len(pieces) else 0.0)
    cost += _SECOND_LINE_COST * (n_lines - 1)
    if pieces[stop - 1].end_s - pieces[begin].start_s < MIN_CUE_S:
        cost += _SHORT_COST
    for piece, following in pairwise(pieces[begin:stop]):
        cost += _INNER_SENTENCE_COST * (piece.strength == 3)
        cost += _INNER_PAUSE_COST * (following.start_s - piece.end_s > LONG_PAUSE_S)
    return cost


def _readable(captions: Sequence[Cue]) -> list[Cue]:
    """``captions`` that stay a little longer than they are heard, where there is room before the next."""
    result = []
    for cue, following in zip_longest(captions, captions[1:]):
        end_s = max(cue.end_s + LINGER_S, cue.start_s + MIN_CUE_S)
        if following is not None:
            end_s = min(end_s, max(following.start_s, cue.end_s))
        result.append(replace(cue, end_s=end_s))
    return [cue for cue in result if any(cue.lines)]
