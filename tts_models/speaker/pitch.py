"""How high a recorded voice is: F0 of a recording, and its median and range.

Source: de Cheveigné and Kawahara, "YIN" (JASA 2002), steps 1 to 5: difference function, its cumulative mean
normalisation, the first dip below a threshold, parabolic interpolation. The range that is kept for the statistics is
Hirst's (2011): three quarters of the first quartile to one and a half times the third, which drops octave errors.
``librosa.pyin`` hears the same medians (a test compares them) and would bring numba and scipy into the server.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.types import FloatArray

MIN_F0_HZ, MAX_F0_HZ = 60.0, 600.0
HOP_S = 0.01
_HOP = round(HOP_S * ENCODER_RATE_HZ)
_MAX_LAG = int(ENCODER_RATE_HZ / MIN_F0_HZ) + 1
_MIN_LAG = int(ENCODER_RATE_HZ / MAX_F0_HZ)
_WINDOW = 640  # 40 ms: two periods of 50 Hz
_N_FFT = 1024
_BLOCK_FRAMES = 512
_DIP = 0.15
_MAX_APERIODICITY = 0.25
_MIN_LEVEL = 0.03  # -30 dB below the loud parts
_MIN_VOICED_S = 0.1


@dataclass(frozen=True, slots=True)
class Pitch:
    """F0 of a speaker in a recording.

    Attributes:
        median_hz: Median F0 of the voiced parts, Hz; 0 where there are hardly any, as in a whisper.
        range_semitones: From the 10th to the 90th percentile of F0; 0 likewise.
        voiced_s: How long the voiced parts are, seconds.
    """

    median_hz: float
    range_semitones: float
    voiced_s: float


def pitch_of(waveform: FloatArray) -> Pitch:
    """How high the speaker of a recording speaks.

    Args:
        waveform: ``(n,)`` float32 at 16 kHz, speech only.
    """
    f0_hz = f0_curve(waveform)
    f0_hz = f0_hz[f0_hz > 0]
    if len(f0_hz) * HOP_S >= _MIN_VOICED_S:
        first, third = np.quantile(f0_hz, [0.25, 0.75])
        f0_hz = f0_hz[(f0_hz >= 0.75 * first) & (f0_hz <= 1.5 * third)]
    voiced_s = len(f0_hz) * HOP_S
    if voiced_s < _MIN_VOICED_S:
        return Pitch(0.0, 0.0, voiced_s)
    low, median, high = np.quantile(f0_hz, [0.1, 0.5, 0.9])
    return Pitch(float(median), float(12 * np.log2(high / low)), voiced_s)


def f0_curve(waveform: FloatArray) -> FloatArray:
    """F0 every 10 ms.

    Args:
        waveform: ``(n,)`` float32 at 16 kHz.

    Returns:
        ``(T,)`` float32, Hz in [60, 600], 0 where unvoiced.
    """
    span = _WINDOW + _MAX_LAG
    padded = np.pad(waveform.astype(np.float64), (span // 2, span // 2 + _HOP))
    windows = np.lib.stride_tricks.sliding_window_view(padded, span)[::_HOP]
    curves = [_f0(windows[at : at + _BLOCK_FRAMES]) for at in range(0, len(windows), _BLOCK_FRAMES)]
    f0_hz = np.concatenate([f0 for f0, _ in curves])
    level = np.concatenate([level for _, level in curves])
    f0_hz[level < _MIN_LEVEL * np.quantile(level, 0.95)] = 0
    return f0_hz.astype(np.float32)


def _f0(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """F0 and level of ``(T, 640 + lags)`` windows, both ``(T,)``."""
    power = np.cumsum(np.square(windows), axis=1)
    power = np.pad(power, ((0, 0), (1, 0)))
    energy = power[:, _WINDOW:] - power[:, :-_WINDOW]  # of the 640 samples from each lag on
    spectrum = np.conj(np.fft.rfft(windows[:, :_WINDOW], _N_FFT)) * np.fft.rfft(windows, _N_FFT)
    product = np.fft.irfft(spectrum, _N_FFT)[:, : _MAX_LAG + 1]
    difference = np.maximum(energy[:, :1] + energy - 2 * product, 0)
    lags = np.arange(1, _MAX_LAG + 1)
    mean = np.cumsum(difference[:, 1:], axis=1) / lags
    normal = np.ones_like(difference)
    np.divide(difference[:, 1:], mean, out=normal[:, 1:], where=mean > 0)

    inner = normal[:, 1:-1]
    is_dip = (inner < _DIP) & (inner <= normal[:, :-2]) & (inner <= normal[:, 2:])
    is_dip[:, : _MIN_LAG - 1] = False
    lowest = _MIN_LAG + np.argmin(normal[:, _MIN_LAG:-1], axis=1)
    lag = np.where(is_dip.any(axis=1), 1 + np.argmax(is_dip, axis=1), lowest)

    row = np.arange(len(lag))
    before, at, after = normal[row, lag - 1], normal[row, lag], normal[row, lag + 1]
    curvature = before - 2 * at + after
    shift = np.divide(before - after, 2 * curvature, out=np.zeros_like(at), where=curvature > 0)
    f0_hz = ENCODER_RATE_HZ / (lag + np.clip(shift, -1, 1))
    is_voiced = (at < _MAX_APERIODICITY) & (f0_hz >= MIN_F0_HZ) & (f0_hz <= MAX_F0_HZ)
    return np.where(is_voiced, f0_hz, 0.0), np.sqrt(energy[:, 0] / _WINDOW)
