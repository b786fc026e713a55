r"""What a :class:`~tts_models.types.ProsodyChange` of a segment does to its durations, its curves and its level.

::

    durations   |  a  |  b  |   c   |      the tokens of a stretch share its new length as they shared the old
    F0, energy  ~~~~~~~~/\~~~~~~~~~~~      of a token that lasts longer are stretched with it, all others as they were
    F0          ____/-------------\__      a change glides in before the stretch and out behind it, over RAMP_POINTS
    energy      _____/-----------\___      centred on the boundaries
    gain        ___/-----------\_____      the same, LEAD_S earlier: where the tokens are heard

The curves are predicted at the durations that the model chose and stretched, not predicted anew: said at half the rate,
one word of a sentence would otherwise take 3 dB and 2.6 semitones from the next (measured; stretched 0.7 dB and none).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from tts_models.prosody import (
    FRAME_S,
    LEAD_S,
    POINTS_PER_FRAME,
    VOICED_ABOVE_HZ,
    mean_log_f0,
    share_out,
    span_points,
    whole_spans,
)
from tts_models.types import FloatArray, IntArray, ProsodyChange

RAMP_POINTS = 4
"""Over how many points of a curve a change comes in and goes out: 50 ms, less than a syllable and more than a click."""
_LEAD_POINTS = LEAD_S / FRAME_S * POINTS_PER_FRAME
_MIN_MEAN_HZ = 20.0  # a shift in Hz leaves this at least

Curve = NDArray[np.float64]


def changed_durations(changes: Sequence[ProsodyChange], frames: IntArray) -> IntArray:
    """``frames`` ``(L,)`` of each token at the rates that ``changes`` ask for; the same array where they ask for none.

    The length of a stretch is what was asked for; its tokens share it as they shared the old one, a frame at least.
    """
    rates = token_rates(changes, len(frames))
    stretches: list[tuple[int, int]] = []
    start = 0
    for rate, tokens in groupby(rates.tolist()):
        end = start + len(list(tokens))
        if rate != 1:
            stretches.append((start, end))
        start = end
    if not stretches:
        return frames
    spans = np.array(stretches)
    wanted = np.array([frames[start:end].sum() / rates[start] for start, end in stretches])
    result = frames.copy()
    for (start, end), length in zip(stretches, whole_spans(wanted, spans[:, 1] - spans[:, 0]), strict=True):
        result[start:end] = share_out(int(length), (frames[start:end] / rates[start]).astype(np.float32))
    return result


def stretched(curve: FloatArray, before: IntArray, after: IntArray, *, voiced_only: bool = False) -> FloatArray:
    """``curve`` ``(2T,)`` of tokens of ``before`` frames as of tokens of ``after`` frames; itself if they are the same.

    Args:
        curve: The curve.
        before: ``(L,)`` frames of each token.
        after: ``(L,)`` frames of each token.
        voiced_only: The curve is F0: nothing lies halfway between voiced and unvoiced.
    """
    if before is after:
        return curve
    ends_before, ends_after = (
        np.concatenate([[0], np.cumsum(frames)]) * POINTS_PER_FRAME for frames in (before, after)
    )
    at = np.clip(np.interp(np.arange(ends_after[-1]) + 0.5, ends_after, ends_before) - 0.5, 0, len(curve) - 1)
    between = np.interp(at, np.arange(len(curve)), curve)
    if voiced_only:
        voiced = curve > VOICED_ABOVE_HZ
        mixed = voiced[np.floor(at).astype(int)] != voiced[np.ceil(at).astype(int)]
        between[mixed] = curve[np.rint(at[mixed]).astype(int)]
    result: FloatArray = between.astype(np.float32)
    return result


def token_rates(changes: Sequence[ProsodyChange], length: int) -> Curve:
    """The factor on the speaking rate of each of ``length`` tokens."""
    rates = np.ones(length)
    for change in changes:
        rates[change.start : change.end] *= change.rate
    return rates


def changed_f0(changes: Sequence[ProsodyChange], durations_frames: IntArray, f0_hz: FloatArray) -> FloatArray:
    """``f0_hz`` ``(2T,)`` as ``changes`` ask; the very same array where they ask for nothing."""
    for change in changes:
        if change.range_scale == 1 and not change.semitones and not change.shift_hz and change.mean_f0_hz is None:
            continue
        start, end = _points(change, durations_frames)
        mean = mean_log_f0(f0_hz[start:end])
        if math.isnan(mean):
            continue
        shift = change.semitones * math.log(2) / 12
        if change.mean_f0_hz is not None:
            shift += math.log(change.mean_f0_hz) - mean
        if change.shift_hz:
            hz = math.exp(mean)
            shift += math.log(max(hz + change.shift_hz, _MIN_MEAN_HZ) / hz)
        voiced = f0_hz > VOICED_ABOVE_HZ
        log_f0 = np.log(f0_hz[voiced].astype(np.float64))
        moved = (log_f0 - mean) * (change.range_scale - 1) + shift
        f0_hz = f0_hz.copy()
        f0_hz[voiced] = np.exp(log_f0 + _weights(start, end, len(voiced), inside=0)[voiced] * moved)
    return f0_hz


def changed_energy(changes: Sequence[ProsodyChange], durations_frames: IntArray, energy: FloatArray) -> FloatArray:
    """``energy`` ``(2T,)`` as ``changes`` ask, to which a gain adds: it is a logarithm."""
    for change in changes:
        if change.energy_gain != 1:
            weights = _weights(*_points(change, durations_frames), len(energy))
            energy = energy + (math.log(change.energy_gain) * weights).astype(np.float32)
    return energy


def gain_curve(changes: Sequence[ProsodyChange], durations_frames: IntArray) -> FloatArray | None:
    """``(2T,)`` gain on the waveform, None where ``changes`` ask for none."""
    louder = [change for change in changes if change.volume != 1]
    if not louder:
        return None
    gain = np.ones(POINTS_PER_FRAME * int(durations_frames.sum()))
    for change in louder:
        start, end = _points(change, durations_frames)
        gain *= 1 + (change.volume - 1) * _weights(start, end, len(gain), _LEAD_POINTS)
    result: FloatArray = gain.astype(np.float32)
    return result


def _points(change: ProsodyChange, durations_frames: IntArray) -> tuple[int, int]:
    """Where the change is on the curves."""
    start, end = span_points(durations_frames, np.array([(change.start, change.end)]))[0].tolist()
    return start, end


def _weights(start: int, end: int, length: int, earlier: float = 0.0, inside: float = 0.5) -> Curve:
    """``(length,)``: 1 between two points, 0 outside, even in between; the ends of the curve are no boundaries.

    Args:
        start: First point.
        end: Point after the last.
        length: Points of the curve.
        earlier: By how many points both boundaries are moved forward.
        inside: Part of a ramp that lies between the two points.
    """
    at = np.arange(length) + 0.5
    rise = np.ones(length) if start == 0 else (at - (start - earlier)) / RAMP_POINTS + 1 - inside
    fall = np.ones(length) if end == length else ((end - earlier) - at) / RAMP_POINTS + 1 - inside
    weights: Curve = np.clip(np.minimum(rise, fall), 0, 1)
    return weights
