from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_models.vocoder.limiter import CEILING, limit_peaks


def test_what_fits_is_left_alone() -> None:
    wave = torch.sin(torch.arange(24_000) / 20) * CEILING
    assert limit_peaks(wave) is wave
    assert len(limit_peaks(torch.zeros(0))) == 0


@settings(deadline=None)
@given(st.integers(0, 2**31), st.floats(0.5, 50), st.integers(1, 5000))
def test_nothing_is_over_the_ceiling_and_nothing_is_flattened(seed: int, gain: float, length: int) -> None:
    wave = torch.randn(length, generator=torch.Generator().manual_seed(seed)) * gain
    limited = limit_peaks(wave)
    assert limited.abs().max() <= CEILING
    assert (limited.sign() == wave.sign()).all()
    # Clipping would leave rows of equal samples.
    at_ceiling = limited.abs() >= CEILING - 1e-6
    assert at_ceiling.sum() <= max(1, length // 20)


def test_far_from_a_peak_the_loudness_stays() -> None:
    wave = 0.1 * torch.sin(torch.arange(24_000) / 20)
    wave[12_000:12_020] *= 30
    limited = limit_peaks(wave)
    assert torch.equal(limited[:11_000], wave[:11_000])
    assert torch.equal(limited[13_000:], wave[13_000:])
    assert limited.abs().max() <= CEILING
