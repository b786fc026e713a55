"""Whether one person speaks in a clip, or several.

The clip is cut into pieces, each gets an embedding, and the pieces are parted into the two groups that differ most.
Of one speaker the two groups still sound alike; of two they do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tts_models.errors import SeveralSpeakers
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.types import FloatArray

PIECE_S = 2.0
_PIECE = round(PIECE_S * ENCODER_RATE_HZ)
_MIN_PIECES = 3
_MIN_GROUP = 2
_ALIKE = 0.35
_SAME_SPEAKER = 0.30
_ROUNDS = 10


def pieces(waveform: FloatArray) -> list[FloatArray]:
    """What of a clip is compared: overlapping pieces of 2 s; none of a clip that is too short for that.

    Args:
        waveform: ``(n,)`` float32 at 16 kHz, speech only.
    """
    starts = range(0, len(waveform) - _PIECE + 1, _PIECE // 2)
    return [waveform[start : start + _PIECE] for start in starts] if len(starts) >= _MIN_PIECES else []


def require_one_speaker(embeddings: Sequence[FloatArray]) -> None:
    """Passes if the pieces of a clip are of one speaker, as far as can be heard.

    Args:
        embeddings: ``(192,)`` unit length, of the pieces in order.

    Raises:
        SeveralSpeakers: They are of several.
    """
    if len(embeddings) >= _MIN_PIECES and likeness(np.stack(embeddings)) < _ALIKE:
        raise SeveralSpeakers(
            "More than one person speaks in the reference audio. Send a part of it in which only one does."
        )


def require_same_speaker(embeddings: Sequence[FloatArray]) -> None:
    """Passes if several clips are of one speaker, as far as can be heard.

    Args:
        embeddings: ``(192,)`` unit length, of the clips in order.

    Raises:
        SeveralSpeakers: They are of several; the message names a clip.
    """
    together = np.stack(embeddings) @ np.stack(embeddings).T
    alike = (together.sum(axis=1) - 1) / max(len(together) - 1, 1)
    if len(together) > 1 and together.min() < _SAME_SPEAKER:
        odd = int(np.argmin(alike)) + 1
        raise SeveralSpeakers(f"Clip {odd} of the reference audio is of another speaker than the others. Leave it out.")


def likeness(embeddings: FloatArray) -> float:
    """How alike the two groups of pieces are that differ most: the cosine of their means; 1 if there are none.

    Args:
        embeddings: ``(n, 192)`` unit length.
    """
    alike = embeddings @ embeddings.T
    first, second = np.unravel_index(np.argmin(alike), alike.shape)
    means = embeddings[[first, second]]
    for _ in range(_ROUNDS):
        group = np.argmax(embeddings @ means.T, axis=1)
        if min(np.bincount(group, minlength=2)) < _MIN_GROUP:
            return 1.0
        means = np.stack([embeddings[group == index].sum(axis=0) for index in (0, 1)])
        means /= np.linalg.norm(means, axis=1, keepdims=True)
    return float(means[0] @ means[1])
