"""What reference audio says about its speaker, in numbers.

::

    clip -> [speech, F0] -> [encoder: the whole clip, and pieces of it] -> ClipProfile  --+
    clip -> ...                                                            ClipProfile  --+--> ReferenceProfile

A clip's numbers are small (0.8 KB) and hold none of its sound, so that they can be kept and shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_models.speaker.pitch import Pitch
from tts_models.types import SPEAKER_EMBEDDING_DIM, FloatArray

_NUMBERS = 4


@dataclass(frozen=True, slots=True, eq=False)
class ClipProfile:
    """What one clip says about its speaker.

    Attributes:
        embedding: ``(192,)`` float32, unit length.
        speech_s: Seconds of speech it was computed from, silence excluded.
        pitch: F0 in it.
    """

    embedding: FloatArray
    speech_s: float
    pitch: Pitch

    def to_bytes(self) -> bytes:
        """The numbers, 784 bytes."""
        pitch = self.pitch
        numbers = [self.speech_s, pitch.median_hz, pitch.range_semitones, pitch.voiced_s]
        return np.concatenate([self.embedding, numbers]).astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> ClipProfile:
        """What :meth:`to_bytes` made.

        Raises:
            ValueError: It made something else.
        """
        numbers = np.frombuffer(data, "<f4")
        if len(numbers) != SPEAKER_EMBEDDING_DIM + _NUMBERS or not np.isfinite(numbers).all():
            raise ValueError("no profile of a clip")
        speech_s, *pitch = map(float, numbers[SPEAKER_EMBEDDING_DIM:])
        return cls(numbers[:SPEAKER_EMBEDDING_DIM].astype(np.float32), speech_s, Pitch(*pitch))


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceProfile:
    """What one or several clips say about their speaker.

    Attributes:
        embedding: ``(192,)`` float32, unit length.
        clips: The speech of each clip, ``(n,)`` float32 at 16 kHz, silence left out; empty where it was not asked for.
        voiced_s: Seconds of speech in all of them.
        median_f0_hz: Median F0, Hz; 0 where nothing is voiced, as in a whisper.
        f0_range_semitones: From the 10th to the 90th percentile of F0; 0 likewise.
    """

    embedding: FloatArray
    clips: tuple[FloatArray, ...]
    voiced_s: float
    median_f0_hz: float
    f0_range_semitones: float


def reference_profile(profiles: Sequence[ClipProfile], clips: Sequence[FloatArray] = ()) -> ReferenceProfile:
    """What several clips of one speaker say together: means, each clip counting for as long as it is.

    Args:
        profiles: Of at least one clip.
        clips: Their speech, where it is wanted.
    """
    embedding = np.sum([profile.embedding * profile.speech_s for profile in profiles], axis=0)
    embedding /= np.linalg.norm(embedding)
    voiced = [profile.pitch for profile in profiles if profile.pitch.median_hz > 0]
    median_hz = range_semitones = 0.0
    if voiced:
        weights = [pitch.voiced_s for pitch in voiced]
        median_hz = float(np.exp(np.average(np.log([pitch.median_hz for pitch in voiced]), weights=weights)))
        range_semitones = float(np.average([pitch.range_semitones for pitch in voiced], weights=weights))
    speech_s = sum(profile.speech_s for profile in profiles)
    return ReferenceProfile(embedding.astype(np.float32), tuple(clips), speech_s, median_hz, range_semitones)
