"""A segment as it is said in a mood."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from tts_models.delivery import at_energy, clipped
from tts_models.emotion.moods import MOODS, Mood
from tts_models.emotion.style import moved
from tts_models.text.vocabulary import PUNCTUATION, SYMBOL_IDS
from tts_models.types import MAX_SPEED, MIN_SPEED, AcousticInput, Contour, Emotion, ProsodyChange, ProsodyEdit

WHISPERED_FROM = 0.5
"""Intensity from which a whisper has no voice; below it is a soft voice."""
_SLOWEST = 0.1  # what the acoustic model takes, all rates together
_MARKS = frozenset(SYMBOL_IDS[symbol] for symbol in PUNCTUATION - frozenset('"()“”'))
_SPACE = SYMBOL_IDS[" "]


def felt(item: AcousticInput, emotion: Emotion) -> AcousticInput:
    """``item`` in a mood; itself in a neutral one.

    Args:
        item: As it would be said without.
        emotion: The mood.
    """
    mood, much = MOODS[emotion.name], emotion.intensity
    if not much or mood == MOODS["neutral"]:
        return item
    speed = min(max(item.speed * mood.rate**much, MIN_SPEED), MAX_SPEED)
    edit = item.prosody or ProsodyEdit()
    edit = replace(
        edit,
        semitones=edit.semitones + mood.semitones * much,
        range_scale=edit.range_scale * mood.range_scale**much,
        changes=(*edit.changes, *_pauses(item.token_ids, mood.pauses**much, speed, edit.changes)),
        contour=_contour(mood, much, item.seed),
    )
    style = moved(item.style, {name: deviations * much for name, deviations in mood.style.items()})
    item = replace(item, style=style, speed=speed, prosody=clipped(edit))
    return at_energy(item, 10 ** (mood.loudness_db * much / 20))


def gap_scale(emotion: Emotion) -> float:
    """Factor on the silence that is left behind a segment said in a mood."""
    mood = MOODS[emotion.name]
    return float((mood.pauses / mood.rate) ** emotion.intensity)


def _contour(mood: Mood, much: float, seed: int) -> Contour:
    return Contour(
        tilt=mood.tilt * much,
        final=mood.final * much,
        jitter=mood.jitter * much,
        tremor=mood.tremor * much,
        unvoiced=mood.unvoiced and much >= WHISPERED_FROM,
        seed=seed,
    )


def _pauses(
    token_ids: tuple[int, ...], factor: float, speed: float, changes: tuple[ProsodyChange, ...]
) -> list[ProsodyChange]:
    """Marks within the segment and the blanks behind them, ``factor`` times as long."""
    slowest = speed * min((change.rate for change in changes), default=1.0)
    if factor == 1 or slowest < _SLOWEST * factor:
        return []
    found = []
    last_sound = max((at for at, token in enumerate(token_ids) if token not in _MARKS | {_SPACE}), default=0)
    start = 0
    for is_pause, run in groupby(token_ids[:last_sound], lambda token: token in _MARKS or token == _SPACE):
        tokens = list(run)
        if is_pause and not _MARKS.isdisjoint(tokens):
            found.append(ProsodyChange(start + 1, start + 1 + len(tokens), rate=1 / factor))
        start += len(tokens)
    return found
