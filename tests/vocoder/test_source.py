"""The harmonic source: its phase, its noise, and what a rounding error of F0 does to it."""

from __future__ import annotations

import torch

from tests.vocoder.conftest import snr_db
from tts_models.types import SAMPLE_RATE_HZ
from tts_models.vocoder.source import UNVOICED_NOISE, HarmonicSource, phase_cycles

K = 300


def source() -> HarmonicSource:
    torch.manual_seed(1)
    return HarmonicSource(9).requires_grad_(False)


def test_a_constant_pitch_is_that_many_cycles_a_second() -> None:
    phase = phase_cycles(torch.full((80,), 200.0), K)
    slope = phase[K:-K].diff() * SAMPLE_RATE_HZ
    torch.testing.assert_close(slope, torch.full_like(slope, 200.0))


def test_phase_has_no_jumps_inside_a_voiced_stretch() -> None:
    f0_hz = 150 + 60 * torch.sin(torch.arange(120) / 7)
    step = phase_cycles(f0_hz, K).diff()[K:-K]  # flat before the first centre and after the last
    assert step.min() > 80 / SAMPLE_RATE_HZ
    assert step.max() < 220 / SAMPLE_RATE_HZ


def test_phase_starts_again_at_every_onset() -> None:
    """What was said before an unvoiced stretch has no influence behind it."""
    pause, voiced = torch.zeros(10), torch.full((30,), 130.0)
    one = phase_cycles(torch.cat([voiced, pause, voiced]), K)
    other = phase_cycles(torch.cat([voiced + 17, pause, voiced]), K)
    torch.testing.assert_close(one[-30 * K :], other[-30 * K :])


def test_a_rounding_error_of_f0_stays_small_over_a_long_utterance() -> None:
    """2e-3 Hz, the most that two correct float32 models differ by; a phase never restarted would drift for 20 s."""
    stretches = torch.arange(1600) % 60 < 45
    f0_hz = torch.where(stretches, 140 + 30 * torch.sin(torch.arange(1600) / 11), 0.0)
    noise = torch.zeros(1600 * K)
    wave = source()(f0_hz, noise, K)
    assert snr_db(wave, source()(f0_hz + 2e-3 * stretches, noise, K)) > 35


def test_unvoiced_is_noise_and_voiced_is_hardly_any() -> None:
    module = source()
    noise = torch.randn(40 * K, generator=torch.Generator().manual_seed(2))
    module.l_linear.bias.zero_()
    unvoiced = module(torch.zeros(40), noise, K)
    level = UNVOICED_NOISE * torch.linalg.vector_norm(module.l_linear.weight)
    torch.testing.assert_close(unvoiced.std(), level, rtol=0.05, atol=0)
    voiced = torch.full((40,), 110.0)
    assert snr_db(module(voiced, noise * 0, K), module(voiced, noise, K)) > 15
