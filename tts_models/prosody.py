"""Arithmetic of prosody: spans of tokens, their lengths in whole frames, their mean F0. Plain numpy, for any room."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, FloatArray, IntArray, ProsodyEdit

FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ
"""Seconds of one frame."""
VOICED_ABOVE_HZ = 10.0
"""F0 above this is voiced; what the vocoder's source takes it for."""
POINTS_PER_FRAME = 2
"""F0 and energy values in a frame."""
LEAD_S = 0.040
"""How much earlier a token is heard than the durations before it sum to, seconds; see :mod:`tts_models.timing`."""
_VOICED_POINTS = 3  # a span counts as voiced with so many voiced points, or half of a short one's
_SAME_LOG_F0 = 1e-3  # two cents: a target this near is met already
_PASSES = 8


def whole_spans(frames: NDArray[np.float64], n_tokens: IntArray) -> IntArray:
    """Lengths in whole frames whose sums are those of ``frames``.

    What rounding takes from one span goes to the next, so that the end of the last is not off by more than half a
    frame, unless short spans need more: each has at least one frame a token.

    Args:
        frames: ``(S,)`` finite.
        n_tokens: ``(S,)`` tokens of each span.

    Returns:
        ``(S,)`` int64.
    """
    whole = np.empty(len(frames), np.int64)
    owed = 0.0
    for index, length in enumerate(frames):
        wanted = length + owed
        whole[index] = max(math.floor(wanted + 0.5 - 1e-9), n_tokens[index])
        owed = wanted - whole[index]
    return whole


def share_out(total: int, weights: FloatArray) -> IntArray:
    """``total`` frames among tokens by their ``weights`` ``(n,)``, at least one each (``n <= total``)."""
    spare = total - len(weights)
    weights = np.maximum(weights.astype(np.float64) - 1, 1e-6)
    ends = np.rint(np.cumsum(weights) / weights.sum() * spare).astype(np.int64)
    shares: IntArray = np.diff(ends, prepend=0) + 1
    return shares


def edited_durations(edit: ProsodyEdit, predicted: FloatArray, frames: IntArray) -> IntArray:
    """``frames`` ``(L,)`` with the spans' lengths as given.

    Args:
        edit: What is given.
        predicted: ``(L,)`` frames at speed 1, not rounded: how a span's length is shared among its tokens.
        frames: ``(L,)`` frames of each token as predicted, rounded, at the speed asked for.
    """
    given = ~np.isnan(edit.frames)
    if not given.any():
        return frames
    spans = edit.spans[given]
    lengths = whole_spans(edit.frames[given], spans[:, 1] - spans[:, 0])
    result = frames.copy()
    for (start, end), length in zip(spans, lengths, strict=True):
        if length != frames[start:end].sum():
            result[start:end] = share_out(int(length), predicted[start:end])
    return result


def span_points(durations_frames: IntArray, spans: IntArray) -> IntArray:
    """``(S, 2)`` ranges of each span on the curves, which have ``POINTS_PER_FRAME`` values a frame."""
    ends = np.concatenate([[0], np.cumsum(durations_frames)]) * POINTS_PER_FRAME
    points: IntArray = ends[spans]
    return points


def mean_log_f0(f0_hz: FloatArray) -> float:
    """Mean natural logarithm of the voiced part of a stretch of F0 (Hz); NaN where it is unvoiced."""
    voiced = f0_hz[f0_hz > VOICED_ABOVE_HZ]
    if not len(voiced) or len(voiced) < min(_VOICED_POINTS, len(f0_hz) / 2):
        return math.nan
    return float(np.log(voiced.astype(np.float64)).mean())


def edited_f0(edit: ProsodyEdit, durations_frames: IntArray, f0_hz: FloatArray) -> FloatArray:
    """``f0_hz`` ``(2T,)`` as ``edit`` asks; the very same array where it asks for nothing."""
    voiced = f0_hz > VOICED_ABOVE_HZ
    if voiced.any() and (edit.range_scale != 1 or edit.semitones):
        log_f0 = np.log(f0_hz[voiced].astype(np.float64))
        mean = log_f0.mean()
        moved = (log_f0 - mean) * edit.range_scale + mean + edit.semitones * math.log(2) / 12
        f0_hz = f0_hz.copy()
        f0_hz[voiced] = np.exp(moved)
    given = ~np.isnan(edit.log_f0)
    if not given.any():
        return f0_hz
    return _with_targets(f0_hz, span_points(durations_frames, edit.spans[given]), edit.log_f0[given])


def _with_targets(f0_hz: FloatArray, points: IntArray, targets: NDArray[np.float64]) -> FloatArray:
    """F0 whose mean over each span is the span's target; between the middles of spans the shift moves evenly."""
    result = f0_hz.copy()
    voiced = f0_hz > VOICED_ABOVE_HZ
    middles, wanted, ranges = [], [], []
    for (start, end), target in zip(points, targets, strict=True):
        is_voiced = not math.isnan(mean_log_f0(f0_hz[start:end]))
        if np.isneginf(target) and is_voiced:
            result[start:end], voiced[start:end] = 0, False
        elif np.isfinite(target) and not is_voiced:
            result[start:end], voiced[start:end] = math.exp(target), False
        elif is_voiced:
            middles.append((start + end - 1) / 2)
            wanted.append(target)
            ranges.append(slice(start, end))
    if not ranges:
        return result
    log_f0 = np.log(np.maximum(result, VOICED_ABOVE_HZ).astype(np.float64))
    missing = _missing(log_f0, voiced, ranges, wanted)
    if np.abs(missing).max() < _SAME_LOG_F0:
        return result
    nodes, at = np.zeros(len(ranges)), np.arange(len(result))
    for _ in range(_PASSES):  # the shift at a span's middle is not quite that of its mean
        nodes += missing
        shift = np.interp(at, middles, nodes)
        missing = _missing(log_f0 + shift, voiced, ranges, wanted)
        if np.abs(missing).max() < _SAME_LOG_F0:
            break
    else:
        for where, rest in zip(ranges, missing, strict=True):
            shift[where] += rest
    result[voiced] = np.exp(log_f0 + shift)[voiced]
    return result


def _missing(
    log_f0: NDArray[np.float64], voiced: NDArray[np.bool_], ranges: list[slice], wanted: list[float]
) -> NDArray[np.float64]:
    """How far each span's mean is from what is wanted."""
    means = [log_f0[where][voiced[where]].mean() for where in ranges]
    return np.asarray(wanted, np.float64) - np.asarray(means, np.float64)
