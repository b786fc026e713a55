"""Where a segment's sound begins and ends, and how much of the silence around it is worth keeping.

::

    energy        ________.==._.==-=.____________      what the acoustic model tells the vocoder, two values a frame
                          |         |
    sound               start      end
    kept            |<- 50 ms   ...    50 ms ->|        faded at either end
    not played  ----                            -----

The vocoder makes 0.3 to 1.5 s of silence around every segment, each of which was a recording of its own in training.
The durations say little about it (the last vowel carries most of what follows it, and speed moves the sound among its
tokens), but the energy curve does. It is known without making audio, so whoever only asks when things are heard cuts at
the same samples. Measured in ``tests/timings/test_real_joins.py`` and ADR 13.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tts_models.prosody import POINTS_PER_FRAME
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, FloatArray, silence_samples

ROOM_S = 0.05
"""Silence kept at either end, seconds: room for what is softer than 45 dB below the loudest, and for the fade."""
FADE_S = 0.01
"""Length of the fade where something was cut, seconds."""

_SOUND = 9.0
"""Below the curve's highest value by less than this there is sound; about 5 dB a unit."""
_SOFT = 11.0
"""Below it by more than this there is nothing to keep."""
_POINT_SAMPLES = FRAME_SAMPLES // POINTS_PER_FRAME


@dataclass(frozen=True, slots=True)
class Edges:
    """Of one segment's audio, in samples from its own start; ``start <= sound_start < sound_end <= end``.

    Attributes:
        start: What is before is not played.
        sound_start: Where its sound begins.
        sound_end: Where its sound ends.
        end: What is behind is not played.
    """

    start: int
    sound_start: int
    sound_end: int
    end: int

    def gap_before(self, pause_s: float) -> int:
        """Samples of silence to put in front so that ``pause_s`` seconds are heard."""
        return max(silence_samples(pause_s) - (self.sound_start - self.start), 0)

    def gap_after(self, pause_s: float) -> int:
        """Samples of silence to put behind so that ``pause_s`` seconds are heard."""
        return max(silence_samples(pause_s) - (self.end - self.sound_end), 0)


def edges(energy: FloatArray | None, n_frames: int) -> Edges:
    """The edges of a segment.

    Args:
        energy: ``(2T,)`` the model's energy curve; where it is not known everything counts as sound.
        n_frames: ``T``.
    """
    length = n_frames * FRAME_SAMPLES
    if energy is None or not len(energy):
        return Edges(0, 0, length, length)
    below = energy.max() - energy
    sound, soft = np.flatnonzero(below <= _SOUND), np.flatnonzero(below <= _SOFT)
    room = silence_samples(ROOM_S)
    return Edges(
        start=max(int(soft[0]) * _POINT_SAMPLES - room, 0),
        sound_start=int(sound[0]) * _POINT_SAMPLES,
        sound_end=min((int(sound[-1]) + 1) * _POINT_SAMPLES, length),
        end=min((int(soft[-1]) + 1) * _POINT_SAMPLES + room, length),
    )


def cut(samples: FloatArray, at: Edges) -> FloatArray:
    """``samples`` between the edges, faded where something was cut."""
    kept = samples[at.start : at.end].copy()
    n_fade = min(round(FADE_S * SAMPLE_RATE_HZ), len(kept))
    ramp = np.linspace(0, 1, n_fade, dtype=np.float32)
    if at.start > 0:
        kept[:n_fade] *= ramp
    if at.end < len(samples):
        kept[len(kept) - n_fade :] *= ramp[::-1]
    return kept
