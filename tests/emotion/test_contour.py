"""What is drawn over F0: as much as asked, where asked."""

from __future__ import annotations

import numpy as np
import pytest

from tts_models.contour import FINAL_S, POINT_S, TREMOR_HZ, drawn_f0
from tts_models.types import Contour, FloatArray

F0: FloatArray = np.full(240, 200, np.float32)  # three seconds
F0[60:80] = 0
VOICED = F0 > 0


def drawn(**fields: float) -> FloatArray:
    """How many semitones each voiced point was moved by."""
    after = drawn_f0(Contour(**fields), F0)  # type: ignore[arg-type]
    assert (after[~VOICED] == 0).all(), "what has no voice gets none"
    moved: FloatArray = 12 * np.log2(after[VOICED] / F0[VOICED])
    return moved


def test_nothing_is_drawn_by_default() -> None:
    assert drawn_f0(Contour(seed=5), F0) is F0
    unvoiced = np.zeros(10, np.float32)
    assert drawn_f0(Contour(tilt=2), unvoiced) is unvoiced


@pytest.mark.parametrize("tilt", [-4.0, 2.0])
def test_a_tilt_raises_the_end_against_the_start_and_keeps_the_mean(tilt: float) -> None:
    moved = drawn(tilt=tilt)
    assert moved[-1] - moved[0] == pytest.approx(tilt, abs=1e-3)
    assert moved.mean() == pytest.approx(0, abs=1e-3)
    assert (np.sign(np.diff(moved)) == np.sign(tilt)).all()


def test_an_ending_rises_in_its_last_third_of_a_second() -> None:
    moved = drawn(final=3.0)
    points = round(FINAL_S / POINT_S)
    assert (np.abs(moved[: -points - 1]) < 1e-4).all()
    assert moved[-1] == pytest.approx(3, abs=1e-3)
    assert (np.diff(moved[-points:]) > 0).all()


def test_a_tremor_has_its_rate_and_its_amplitude() -> None:
    moved = np.zeros(len(F0))
    moved[VOICED] = drawn(tremor=0.5)
    assert np.abs(moved).max() == pytest.approx(0.5, abs=0.02)
    spectrum = np.abs(np.fft.rfft(moved))
    assert np.fft.rfftfreq(len(F0), POINT_S)[spectrum.argmax()] == pytest.approx(TREMOR_HZ, abs=0.4)


def test_jitter_is_random_and_repeatable() -> None:
    moved = drawn(jitter=0.3, seed=7)
    assert moved.std() == pytest.approx(0.3, rel=0.15)
    assert moved.tolist() == drawn(jitter=0.3, seed=7).tolist()
    assert moved.tolist() != drawn(jitter=0.3, seed=8).tolist()


def test_a_whisper_has_no_voice() -> None:
    assert (drawn_f0(Contour(unvoiced=True, tilt=3), F0) == 0).all()
