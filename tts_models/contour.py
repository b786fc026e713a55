"""What a :class:`~tts_models.types.Contour` does to F0: declination, endings, roughness, trembling, whispering.

All in semitones, added to the logarithm of F0 where it is voiced; nothing unvoiced gets a voice.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tts_models.prosody import FRAME_S, POINTS_PER_FRAME, VOICED_ABOVE_HZ
from tts_models.types import Contour, FloatArray

POINT_S = FRAME_S / POINTS_PER_FRAME
"""Seconds from one value of F0 to the next."""
FINAL_S = 0.33
"""How much of the end ``final`` raises, seconds."""
TREMOR_HZ = 6.0
"""In the middle of what trembling voices do, 4 to 8 Hz."""

Curve = NDArray[np.float64]


def drawn_f0(contour: Contour, f0_hz: FloatArray) -> FloatArray:
    """``f0_hz`` ``(2T,)``, Hz, with ``contour`` drawn over it; itself where that draws nothing."""
    if contour.unvoiced:
        return np.zeros_like(f0_hz)
    voiced = np.flatnonzero(f0_hz > VOICED_ABOVE_HZ)
    moves = (contour.tilt, contour.final, contour.jitter, contour.tremor)
    if not len(voiced) or not any(moves):
        return f0_hz
    at_s: Curve = (voiced * POINT_S).astype(np.float64)
    semitones: Curve = contour.tilt * _centred(at_s) + contour.final * _ending(at_s)
    if contour.tremor:
        semitones += contour.tremor * np.sin(2 * math.pi * TREMOR_HZ * at_s)
    if contour.jitter:
        semitones += contour.jitter * np.random.default_rng(contour.seed).standard_normal(len(voiced))
    result = f0_hz.copy()
    result[voiced] = (f0_hz[voiced] * np.exp2(semitones / 12)).astype(np.float32)
    return result


def _centred(at_s: Curve) -> Curve:
    """From the first time to the last in even steps of which the whole is 1, mean 0."""
    length_s = at_s[-1] - at_s[0]
    if not length_s:
        return np.zeros_like(at_s)
    share: Curve = (at_s - at_s.mean()) / length_s
    return share


def _ending(at_s: Curve) -> Curve:
    """0 until :data:`FINAL_S` before the last time, 1 at it, even in between."""
    share: Curve = np.clip(1 - (at_s[-1] - at_s) / FINAL_S, 0, 1)
    return share
