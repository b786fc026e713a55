"""The marks of a timeline as they go over the wire."""

from __future__ import annotations

from collections.abc import Sequence

from serve_app.http.schemas import (
    MarkTimestamp,
    PhonemeTimestamp,
    TimestampLevel,
    Timestamps,
    VisemeTimestamp,
    WordTimestamp,
)
from tts_models.timing import PhonemeMark, Timeline, WordMark
from tts_models.visemes import visemes

_DECIMALS = 6  # a sample is 42 microseconds


def timestamps(text: str, timelines: Sequence[Timeline], level: TimestampLevel) -> Timestamps:
    """What a caller who asked for ``level`` is told.

    Args:
        text: As people read it, with nulls in place of controls and tags.
        timelines: Of consecutive segments of it.
        level: What is asked for.
    """
    words = [word_timestamp(text, mark) for timeline in timelines for mark in timeline.words()]
    marks = [
        MarkTimestamp(name=mark.name, start_s=_seconds(mark.at_s), text_start=mark.position)
        for timeline in timelines
        for mark in timeline.bookmarks()
    ]
    named = marks or None
    if level == "word":
        return Timestamps(words=words, marks=named)
    phonemes = [mark for timeline in timelines for mark in timeline.phonemes()]
    if level == "phoneme":
        return Timestamps(
            words=words, marks=named, phonemes=[_phoneme(mark) for mark in phonemes if not mark.is_silence]
        )
    shapes = [
        VisemeTimestamp(
            viseme=mark.viseme, mouth_open=mark.mouth_open, start_s=_seconds(mark.start_s), end_s=_seconds(mark.end_s)
        )
        for mark in visemes(phonemes)
    ]
    return Timestamps(words=words, marks=named, visemes=shapes)


def word_timestamp(text: str, mark: WordMark) -> WordTimestamp:
    """A word of ``text``, which has nulls in place of controls and tags."""
    return WordTimestamp(
        word=text[mark.start : mark.end].replace("\0", ""),
        start_s=_seconds(mark.start_s),
        end_s=_seconds(mark.end_s),
        text_start=mark.start,
        text_end=mark.end,
    )


def _phoneme(mark: PhonemeMark) -> PhonemeTimestamp:
    return PhonemeTimestamp(phoneme=mark.symbols, start_s=_seconds(mark.start_s), end_s=_seconds(mark.end_s))


def _seconds(value: float) -> float:
    return round(value, _DECIMALS)
