"""The silence around the moras of a segment: what of it is played, and what is put between two segments.

::

    ... last mora | after | <- silence put in -> | before | first mora ...
                  |<------ length of the pause mora ----->|

The same cuts and the same silences as on the other routes, so that an unedited query sounds as there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serve_app.graph import shared_silence
from serve_app.voicevox.plan import Segment
from tts_models.edges import ROOM_S, Edges, edges
from tts_models.types import FRAME_SAMPLES, FloatArray, IntArray, silence_samples


@dataclass(frozen=True, slots=True)
class Margins:
    """Around the moras of one segment, in samples.

    Attributes:
        edges: Of its audio.
        first: Where its first mora begins.
        last: Where its last mora ends.
        early: How much before the first mora its sound may begin.
    """

    edges: Edges
    first: int
    last: int
    early: int

    @property
    def before(self) -> int:
        """Played before the first mora."""
        return max(self.first - self.edges.start, 0)

    @property
    def after(self) -> int:
        """Played behind the last mora."""
        return max(self.edges.end - self.last, 0)


def margins(segment: Segment, durations_frames: IntArray, energy: FloatArray | None) -> Margins:
    """The margins of ``segment`` said with such durations and energy."""
    ends = np.concatenate([[0], np.cumsum(durations_frames)]) * FRAME_SAMPLES
    at = edges(energy, int(durations_frames.sum()))
    first, last = int(ends[segment.first_token]), int(ends[segment.last_token])
    soft = min(at.start + silence_samples(ROOM_S), at.sound_start)
    return Margins(at, first, last, 0 if energy is None else max(first - soft, 0))


def joined(one: Margins, two: Margins, silence_s: float) -> int:
    """Samples between the last mora of ``one`` and the first of ``two``, so that ``silence_s`` seconds are silent."""
    after_s, before_s = shared_silence(silence_s)
    silent_mora = max(one.last - one.edges.end, 0)  # a vowel at the end can be silent long before it is over
    put_in = max(one.edges.gap_after(after_s) - silent_mora, 0) + two.edges.gap_before(before_s)
    return one.after + put_in + two.before
