"""Sounds with a known F0 and a known speaker, made without a model."""

from __future__ import annotations

import numpy as np

from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.types import FloatArray

VOWEL_HZ = ((700, 110), (1200, 130), (2600, 200))


def vowel(f0_hz: FloatArray | float, duration_s: float, *, noise: float = 0.003, seed: int = 0) -> FloatArray:
    """A vowel: pulses at ``f0_hz`` (one number, or a curve over the whole) through three resonances.

    Returns:
        ``(n,)`` float32 at 16 kHz, peak 0.5.
    """
    n = round(duration_s * ENCODER_RATE_HZ)
    curve = np.interp(np.linspace(0, 1, n), np.linspace(0, 1, np.size(f0_hz)), np.atleast_1d(f0_hz))
    phase = np.cumsum(curve) / ENCODER_RATE_HZ
    t = np.arange(n) / ENCODER_RATE_HZ
    wave = np.zeros(n)
    for harmonic in range(1, 60):
        hz = harmonic * curve
        gain = sum(1 / (1 + ((hz - centre) / width) ** 2) for centre, width in VOWEL_HZ) / harmonic**0.5
        wave += np.where(hz < 7600, gain, 0) * np.sin(2 * np.pi * harmonic * phase + harmonic**2)
    wave *= 0.6 + 0.4 * np.abs(np.sin(np.pi * 2 * t)) ** 0.5  # syllables
    wave = 0.5 * wave / np.abs(wave).max()
    return (wave + noise * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)
