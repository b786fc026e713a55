"""Moods without weights: what a segment is given, how it grows with intensity, and that it is within bounds."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from serve_app.graph import fold_pauses
from tts_models.acoustic.edits import MIN_RATE, edit_fault
from tts_models.delivery import (
    AS_IT_IS,
    MAX_ENERGY,
    MAX_INTONATION,
    MAX_PITCH,
    MIN_ENERGY,
    Delivery,
    delivered,
)
from tts_models.emotion import EXPECTED, MOODS, felt, gap_scale
from tts_models.emotion.style import AXES, axes
from tts_models.text.vocabulary import encode
from tts_models.types import (
    EMOTIONS,
    MAX_SPEED,
    MIN_SPEED,
    STYLE_DIM,
    TIMBRE_DIM,
    AcousticInput,
    Emotion,
    Phonemes,
    ProsodyChange,
    ProsodyEdit,
)

TOKENS = encode("hˈaɪ, ðˈɛɹ; ˈɔl.")
ITEM = AcousticInput(TOKENS, np.linspace(-1, 1, STYLE_DIM, dtype=np.float32), seed=3)


def test_there_is_a_mood_for_every_name() -> None:
    assert tuple(MOODS) == EMOTIONS
    assert set(EXPECTED) == set(EMOTIONS) - {"neutral"}
    for mood in MOODS.values():
        assert set(mood.style) <= set(AXES)


def test_nothing_asked_changes_nothing() -> None:
    assert delivered(ITEM, AS_IT_IS) is ITEM
    assert felt(ITEM, Emotion("neutral")) is ITEM
    for name in EMOTIONS:
        assert felt(ITEM, Emotion(name, 0.0)) is ITEM


@pytest.mark.parametrize("name", EMOTIONS[1:])
def test_timbre_stays_to_the_bit(name: str) -> None:
    style = felt(ITEM, Emotion(name)).style
    assert style[:TIMBRE_DIM].tolist() == ITEM.style[:TIMBRE_DIM].tolist()
    moved = np.abs(style[TIMBRE_DIM:] - ITEM.style[TIMBRE_DIM:]).max()
    assert (moved > 0) == bool(MOODS[name].style)


@pytest.mark.parametrize("name", EMOTIONS[1:])
def test_a_mood_grows_with_its_intensity(name: str) -> None:
    def sizes(intensity: float) -> np.ndarray:
        item = felt(ITEM, Emotion(name, intensity))
        edit = item.prosody
        assert edit is not None
        assert edit.contour is not None
        contour = edit.contour
        return np.abs(
            [
                np.log(item.speed),
                edit.semitones,
                np.log(edit.range_scale),
                np.log(edit.energy_gain),
                np.log(item.volume),
                np.linalg.norm(item.style - ITEM.style),
                contour.tilt,
                contour.final,
                contour.jitter,
                contour.tremor,
            ]
        )

    quarter, half, full = sizes(0.25), sizes(0.5), sizes(1.0)
    np.testing.assert_allclose(quarter * 2, half, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(half * 2, full, rtol=1e-4, atol=1e-6)
    assert full.max() > 0


@pytest.mark.parametrize("name", EMOTIONS)
def test_whatever_is_asked_together_can_be_said(name: str) -> None:
    extremes = itertools.product(
        (-MAX_PITCH, MAX_PITCH), (MIN_ENERGY, MAX_ENERGY), (0.0, MAX_INTONATION), (MIN_SPEED, 1.0, MAX_SPEED)
    )
    change = ProsodyChange(0, len(TOKENS) + 2, rate=0.4, semitones=24, range_scale=3, energy_gain=2)
    edit = ProsodyEdit(semitones=24, range_scale=2.5, changes=(change,))
    for pitch, energy, intonation, speed in extremes:
        for prosody in (None, ProsodyEdit(semitones=-24.0), edit):
            item = delivered(replace(ITEM, speed=speed, prosody=prosody), Delivery(pitch, energy, intonation))
            item = felt(item, Emotion(name))
            assert MIN_SPEED <= item.speed <= MAX_SPEED
            if item.prosody:
                assert edit_fault(item.prosody, len(TOKENS) + 2, item.speed) is None


def test_pauses_within_a_segment_last_longer_and_its_end_does_not() -> None:
    edit = felt(ITEM, Emotion("sad")).prosody
    assert edit is not None
    said = [TOKENS[change.start - 1 : change.end - 1] for change in edit.changes]
    assert said == [encode(", "), encode("; ")]
    assert {change.rate for change in edit.changes} == {1 / MOODS["sad"].pauses}


def test_pauses_do_not_stop_what_is_said_slowly() -> None:
    slow = replace(ITEM, speed=0.25, prosody=ProsodyEdit(changes=(ProsodyChange(0, 4, rate=0.42),)))
    item = felt(slow, Emotion("sad"))
    assert item.prosody is not None
    assert item.speed * 0.42 / MOODS["sad"].pauses < MIN_RATE
    assert len(item.prosody.changes) == 1


def test_gaps_between_segments_are_of_the_mood() -> None:
    segment = Phonemes("", "", (1,), "en-US", gap_after_s=0.4)

    def gap_s(first: Phonemes, emotion: Emotion) -> float:
        before, behind = fold_pauses([first, segment], 1.0, emotion)
        return before.pause_after_s + behind.pause_before_s

    assert gap_s(segment, Emotion("neutral")) == pytest.approx(0.4)
    for name in ("sad", "excited"):
        mood = MOODS[name]
        expected = pytest.approx(0.4 * mood.pauses / mood.rate)
        assert gap_s(segment, Emotion(name)) == expected
        assert gap_s(replace(segment, emotion=Emotion(name)), Emotion("neutral")) == expected
        assert gap_s(replace(segment, emotion=Emotion("neutral")), Emotion(name)) == pytest.approx(0.4)
    assert gap_scale(Emotion("sad", 0.5)) == pytest.approx(gap_scale(Emotion("sad")) ** 0.5)


def test_axes_are_numbers_of_the_size_of_a_style() -> None:
    assert set(axes()) == set(AXES)
    for axis in axes().values():
        assert axis.shape == (STYLE_DIM - TIMBRE_DIM,)
        assert 0.05 < np.linalg.norm(axis) < 10
