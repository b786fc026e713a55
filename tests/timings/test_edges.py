from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_models.edges import FADE_S, ROOM_S, cut, edges
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ

ROOM = round(ROOM_S * SAMPLE_RATE_HZ)


def curve(*parts: tuple[float, int]) -> np.ndarray:
    """Each level for so many frames."""
    return np.concatenate([np.full(2 * frames, level, np.float32) for level, frames in parts])


def test_sound_is_where_the_energy_is_near_its_highest_with_room_around_it() -> None:
    at = edges(curve((-9, 10), (5, 20), (-9, 5), (4, 2), (-9, 20)), 57)
    assert (at.sound_start, at.sound_end) == (10 * FRAME_SAMPLES, 37 * FRAME_SAMPLES)
    assert (at.start, at.end) == (at.sound_start - ROOM, at.sound_end + ROOM)


def test_what_is_soft_counts_as_silence_but_is_played() -> None:
    at = edges(curve((-9, 10), (5 - 10, 4), (5, 20), (5 - 10, 30), (-9, 20)), 84)
    assert (at.sound_start, at.sound_end) == (14 * FRAME_SAMPLES, 34 * FRAME_SAMPLES)
    assert (at.start, at.end) == (10 * FRAME_SAMPLES - ROOM, 64 * FRAME_SAMPLES + ROOM)
    assert at.gap_after(1.0) == SAMPLE_RATE_HZ - (30 * FRAME_SAMPLES + ROOM)
    assert at.gap_after(0.1) == 0, "what is played is longer than that"
    assert at.gap_before(0.5) == SAMPLE_RATE_HZ // 2 - (4 * FRAME_SAMPLES + ROOM)


def test_without_a_curve_nothing_is_cut() -> None:
    at = edges(None, 3)
    assert (at.start, at.sound_start, at.sound_end, at.end) == (0, 0, 3 * FRAME_SAMPLES, 3 * FRAME_SAMPLES)
    samples = np.ones(3 * FRAME_SAMPLES, np.float32)
    np.testing.assert_array_equal(cut(samples, at), samples)


def test_what_is_cut_is_faded_and_the_rest_untouched() -> None:
    energy = curve((-9, 10), (5, 20), (-9, 20))
    at = edges(energy, 50)
    samples = np.ones(50 * FRAME_SAMPLES, np.float32)
    kept = cut(samples, at)
    n_fade = round(FADE_S * SAMPLE_RATE_HZ)
    assert len(kept) == at.end - at.start
    assert kept[0] == kept[-1] == 0
    assert (np.diff(kept[:n_fade]) > 0).all()
    assert (np.diff(kept[-n_fade:]) < 0).all()
    assert (kept[n_fade:-n_fade] == 1).all()
    assert (samples == 1).all(), "a view of the object store"


@given(st.lists(st.floats(-20, 12, width=32), min_size=1, max_size=60), st.floats(0, 3), st.floats(0, 3))
def test_edges_are_in_order_and_a_pause_is_never_shorter_than_asked_for(
    levels: list[float], before_s: float, after_s: float
) -> None:
    energy = np.repeat(np.array(levels, np.float32), 2)
    at = edges(energy, len(levels))
    assert 0 <= at.start <= at.sound_start < at.sound_end <= at.end <= len(levels) * FRAME_SAMPLES
    assert at.gap_before(before_s) + at.sound_start - at.start >= round(before_s * SAMPLE_RATE_HZ)
    assert at.gap_after(after_s) + at.end - at.sound_end >= round(after_s * SAMPLE_RATE_HZ)


@pytest.mark.parametrize("n_frames", [1, 2])
def test_the_shortest_segments(n_frames: int) -> None:
    at = edges(np.zeros(2 * n_frames, np.float32), n_frames)
    assert (at.start, at.end) == (0, n_frames * FRAME_SAMPLES)
