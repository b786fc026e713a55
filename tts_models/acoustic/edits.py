"""What an item's :class:`~tts_models.types.ProsodyEdit` does to its rows of a batch, and what may be wrong with it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tts_models.acoustic.batches import n_tokens
from tts_models.contour import drawn_f0
from tts_models.errors import InvalidRequest
from tts_models.prosody import edited_durations, edited_f0
from tts_models.prosody_changes import changed_durations, changed_energy, changed_f0, stretched, token_rates
from tts_models.types import AcousticInput, Contour, FloatArray, IntArray, ProsodyChange, ProsodyEdit

MAX_GIVEN_FRAMES = 8_000
"""Most frames that may be given for one segment (200 s): the work is that of the frames."""
MIN_LOG_F0, MAX_LOG_F0 = math.log(20), math.log(2_000)
MAX_RANGE_SCALE = 4.0
MAX_SEMITONES = 36.0
MIN_ENERGY_GAIN, MAX_ENERGY_GAIN = 0.1, 10.0
MIN_RATE, MAX_RATE = 0.1, 20.0
"""Of a stretch, all changes and the item's speed together."""
MAX_VOLUME = 8.0
MAX_CONTOUR = 12.0
"""Most semitones of any part of a contour."""


def edit_fault(edit: ProsodyEdit, length: int, speed: float = 1.0) -> InvalidRequest | None:
    """What is wrong with ``edit`` of a segment of ``length`` tokens, padding tokens included, if anything."""
    spans, frames, log_f0 = np.asarray(edit.spans), np.asarray(edit.frames), np.asarray(edit.log_f0)
    n_spans = len(spans)
    if (
        spans.shape != (n_spans, 2)
        or spans.dtype.kind != "i"
        or frames.shape != (n_spans,)
        or log_f0.shape != (n_spans,)
    ):
        return InvalidRequest("a prosody edit has a start, an end, a length and a pitch for every span", "prosody")
    bounds = [0, *spans.ravel().tolist(), length]
    if bounds != sorted(bounds) or (spans[:, 0] == spans[:, 1]).any():
        return InvalidRequest("spans of a prosody edit are in order, apart and within the segment", "prosody")
    given = frames[~np.isnan(frames)]
    if not (np.isfinite(given).all() and (given >= 0).all() and given.sum() <= MAX_GIVEN_FRAMES):
        return InvalidRequest(f"given lengths are 0 or more and {MAX_GIVEN_FRAMES} frames at most in all", "prosody")
    pitches = log_f0[np.isfinite(log_f0) | (log_f0 == np.inf)]
    if not ((pitches >= MIN_LOG_F0) & (pitches <= MAX_LOG_F0)).all():
        return InvalidRequest("a given pitch is from 20 to 2000 Hz", "prosody")
    if not (
        0 <= edit.range_scale <= MAX_RANGE_SCALE
        and abs(edit.semitones) <= MAX_SEMITONES
        and MIN_ENERGY_GAIN <= edit.energy_gain <= MAX_ENERGY_GAIN
    ):
        return InvalidRequest("a scale, a shift or a gain of a prosody edit is out of range", "prosody")
    if not all(_is_possible(change, length) for change in edit.changes):
        return InvalidRequest("a prosody change is outside the segment, or a value of it out of range", "prosody")
    if edit.contour and not _can_be_drawn(edit.contour):
        return InvalidRequest("a contour of a prosody edit is out of range", "prosody")
    rates = speed * token_rates(edit.changes, length)
    if not (rates.min() >= MIN_RATE and rates.max() <= MAX_RATE):
        return InvalidRequest(
            f"speed and the rates of a stretch multiply to {MIN_RATE:g} to {MAX_RATE:g}, "
            f"not {rates.min():.3g} to {rates.max():.3g}",
            "speed",
        )
    return None


def _is_possible(change: ProsodyChange, length: int) -> bool:
    return (
        0 <= change.start < change.end <= length
        and MIN_RATE <= change.rate <= MAX_RATE
        and abs(change.semitones) <= MAX_SEMITONES
        and abs(change.shift_hz) <= math.exp(MAX_LOG_F0)
        and (change.mean_f0_hz is None or MIN_LOG_F0 <= math.log(max(change.mean_f0_hz, 1e-9)) <= MAX_LOG_F0)
        and 0 <= change.range_scale <= MAX_RANGE_SCALE
        and MIN_ENERGY_GAIN <= change.energy_gain <= MAX_ENERGY_GAIN
        and 0 <= change.volume <= MAX_VOLUME
    )


def _can_be_drawn(contour: Contour) -> bool:
    return (
        abs(contour.tilt) <= MAX_CONTOUR
        and abs(contour.final) <= MAX_CONTOUR
        and 0 <= contour.jitter <= MAX_CONTOUR
        and 0 <= contour.tremor <= MAX_CONTOUR
        and contour.seed >= 0
    )


def edit_durations(items: Sequence[AcousticInput], predicted: Tensor, frames: Tensor) -> Tensor:
    """``frames`` with the lengths that the items give.

    Args:
        items: Of the batch.
        predicted: ``(B, L)`` float32, frames at speed 1, not rounded.
        frames: ``(B, L)`` int64, whole frames at the items' speeds.

    Returns:
        ``(B, L)`` int64; ``frames`` itself if nothing is given.
    """
    edits = [(row, item.prosody, n_tokens(item)) for row, item in enumerate(items) if item.prosody]
    if not edits:
        return frames
    result = frames.clone()
    for row, edit, length in edits:
        # What is not a number belongs to an item that its curves will give away.
        weights = predicted[row, :length].nan_to_num(nan=1.0).cpu().numpy()
        durations = edited_durations(edit, weights, frames[row, :length].cpu().numpy())
        result[row, :length] = torch.from_numpy(durations).to(frames.device)
    return result


def edit_curves(
    edit: ProsodyEdit, frames: IntArray, f0_hz: FloatArray, energy: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Frames of each token ``(L,)``, F0 and energy ``(2T,)`` as ``edit`` asks, the lengths that it gives apart.

    Energy is a logarithm: a gain adds to it.
    """
    f0_hz = edited_f0(edit, frames, f0_hz)
    if edit.energy_gain != 1:
        energy = energy + np.float32(math.log(edit.energy_gain))
    durations = changed_durations(edit.changes, frames)
    f0_hz = changed_f0(edit.changes, durations, stretched(f0_hz, frames, durations, voiced_only=True))
    if edit.contour:
        f0_hz = drawn_f0(edit.contour, f0_hz)
    return durations, f0_hz, changed_energy(edit.changes, durations, stretched(energy, frames, durations))
