"""Whether one person speaks in a clip, or several.

The clip is cut into pieces, each gets an embedding, and the pieces are parted into the two groups that differ most.
Of one speaker the two groups still sound alike; of two they do not. How often it errs: docs/adr/0018.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tts_models.errors import SeveralSpeakers, TtsError
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.types import FloatArray, SpeakerEmbedding

_WHOLE = 15 * ENCODER_RATE_HZ
"""That says who speaks; twice as much says hardly more."""
_PIECE = 2 * ENCODER_RATE_HZ
_MOST_PIECES = 10
_ALIKE_PIECES = 0.35
_ALIKE_CLIPS = 0.30
_ROUNDS = 10


@dataclass(frozen=True, slots=True, eq=False)
class ClipEmbeddings:
    """Who speaks in a clip, and in each of the pieces in which somebody else might.

    Attributes:
        whole: Of the clip, as its first 15 s have it.
        pieces: ``(192,)`` float32 each, unit length; none of a short clip.
    """

    whole: SpeakerEmbedding
    pieces: tuple[FloatArray, ...]


def embed_clips(
    embed: Callable[[Sequence[FloatArray]], Sequence[SpeakerEmbedding | TtsError]], clips: Sequence[FloatArray]
) -> list[ClipEmbeddings | TtsError]:
    """Embeds clips and the pieces of each, all at once; a bad clip fails alone.

    Args:
        embed: An embedding for each waveform, or what was wrong with it.
        clips: ``(n,)`` float32 at 16 kHz, speech only.
    """
    cut = [heard_of(clip) for clip in clips]
    embedded = iter(embed([one for ones in cut for one in ones]))
    return [_clip_embeddings(clip, [next(embedded) for _ in ones]) for clip, ones in zip(clips, cut, strict=True)]


def _clip_embeddings(clip: FloatArray, embedded: Sequence[SpeakerEmbedding | TtsError]) -> ClipEmbeddings | TtsError:
    good = []
    for one in embedded:
        if isinstance(one, TtsError):
            return one
        good.append(one)
    whole = replace(good[0], voiced_s=len(clip) / ENCODER_RATE_HZ)
    return ClipEmbeddings(whole, tuple(part.vector for part in good[1:]))


def heard_of(waveform: FloatArray) -> list[FloatArray]:
    """What the encoder is to hear of a clip: its beginning, and then its :func:`pieces`."""
    return [waveform[:_WHOLE], *pieces(waveform)]


def pieces(waveform: FloatArray) -> list[FloatArray]:
    """What of a clip is compared: 2 s of it each; none of a clip that has not two of them.

    They overlap by a half, so that whoever speaks for 3 s has one to himself, as far as that makes ten; of a longer
    clip ten are taken from all over it.

    Args:
        waveform: ``(n,)`` float32 at 16 kHz, speech only.
    """
    if len(waveform) < 2 * _PIECE:
        return []
    last = len(waveform) - _PIECE
    step = max(_PIECE // 2, last // (_MOST_PIECES - 1))
    return [waveform[start : start + _PIECE] for start in range(0, last + 1, step)]


def require_one_speaker(embeddings: Sequence[FloatArray]) -> None:
    """Passes if the pieces of a clip are of one speaker, as far as can be heard.

    Args:
        embeddings: ``(192,)`` unit length, of the pieces in order.

    Raises:
        SeveralSpeakers: They are of several.
    """
    if len(embeddings) > 1 and likeness(np.stack(embeddings)) < _ALIKE_PIECES:
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
    alike = np.stack(embeddings) @ np.stack(embeddings).T
    if alike.min() < _ALIKE_CLIPS:
        odd = int(np.argmin(alike.sum(axis=1))) + 1
        raise SeveralSpeakers(
            f"Clip {odd} of the reference audio is of another speaker than the others. Leave it out, or the others."
        )


def likeness(embeddings: FloatArray) -> float:
    """How alike the two groups of pieces are that differ most: the cosine of their means.

    Args:
        embeddings: ``(n, 192)`` unit length, n of 2 or more.
    """
    alike = embeddings @ embeddings.T
    means = embeddings[list(np.unravel_index(np.argmin(alike), alike.shape))]
    for _ in range(_ROUNDS):
        is_second = np.argmax(embeddings @ means.T, axis=1) == 1
        if is_second.all() or not is_second.any():
            break
        means = np.stack([embeddings[~is_second].sum(axis=0), embeddings[is_second].sum(axis=0)])
        means /= np.linalg.norm(means, axis=1, keepdims=True)
    return float(means[0] @ means[1])
