"""How alike two voices sound, whatever each of them says; differentiable.

The speaker encoder's embedding alone is easy to fool: its 192 numbers can be met by sounds that no other listener takes
for the speaker. So what is compared besides is what the encoder hears on the way there, and the filter bank before it:
mean and deviation over time of every channel of every layer, several thousand numbers. The difference of each is
measured by how much it varies between pieces of the reference itself, which is how much it says about the words.

Source: the statistics are those of style transfer (Huang and Belongie 2017, arXiv:1703.06868), of a speaker encoder
instead of an image classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.encoder import SpeakerEncoder
from tts_models.types import FloatArray

_LEVEL = 0.05
_MIN_POWER = 1e-6
_MIN_SPREAD = 1e-3
_SILENCE_DB, _SOFTNESS_DB = 26.0, 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What was heard of a batch of pieces of speech.

    Attributes:
        embeddings: ``(B, 192)``, unit length.
        statistics: ``(B, 2C)`` a layer, the filter bank first: means over time, then deviations.
    """

    embeddings: Tensor
    statistics: list[Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class SpeakerSound:
    """How a speaker sounds, from all pieces of a reference.

    Attributes:
        embedding: ``(192,)``, unit length.
        statistics: ``(2C,)`` a layer.
        spreads: ``(2C,)`` a layer, above 0: how much each of them varies from piece to piece.
    """

    embedding: Tensor
    statistics: list[Tensor]
    spreads: list[Tensor]


def hear(encoder: SpeakerEncoder, waveforms: Tensor) -> Heard:
    """Listens.

    Args:
        encoder: The frozen speaker encoder.
        waveforms: ``(B, N)`` float32 at 16 kHz, of any level.
    """
    power = waveforms.square().mean(-1, keepdim=True)
    embeddings, (decibel, *layers) = encoder.listen(waveforms * (_LEVEL / (power + _MIN_POWER).sqrt()))
    return Heard(embeddings, [_spectral(decibel), *(_over_time(layer, None) for layer in layers)])


def speaker_sound(
    encoder: SpeakerEncoder,
    clips: Sequence[FloatArray],
    piece_s: float,
    device: torch.device,
    spreads: list[Tensor] | None = None,
) -> SpeakerSound:
    """How the speaker of ``clips`` sounds in pieces of ``piece_s`` seconds, as long as those it is compared with.

    Args:
        encoder: The speaker encoder.
        clips: ``(n,)`` float32 at 16 kHz, speech only.
        piece_s: Length of a piece; shorter where the longest clip would not make two.
        device: Where the encoder is.
        spreads: Those of more speech of the speaker, if there is more.
    """
    length = min(round(piece_s * ENCODER_RATE_HZ), max(map(len, clips)) // 2)
    pieces = [piece for clip in clips for piece in _pieces(clip, length)]
    with torch.no_grad():
        heard = [hear(encoder, torch.from_numpy(piece[None]).to(device)) for piece in pieces]
    embedding = F.normalize(torch.cat([one.embeddings for one in heard]).mean(0), dim=-1)
    layers = [torch.cat(layer) for layer in zip(*(one.statistics for one in heard), strict=True)]
    if spreads is None:
        # Few pieces know little of the spread: half of it is the layer's own average.
        spreads = [spread + spread.mean() + _MIN_SPREAD for spread in (layer.std(0) for layer in layers)]
    return SpeakerSound(embedding, [layer.mean(0) for layer in layers], spreads)


def unlikeness(heard: Heard, speaker: SpeakerSound) -> tuple[Tensor, Tensor, Tensor]:
    """How far what was heard is from the speaker.

    Returns:
        Three scalars, 0 where they are alike: of the embedding (1 - cosine), of the encoder's layers, and of the
        spectrum.
    """
    embedding = 1 - (heard.embeddings @ speaker.embedding).mean()
    spectrum, *layers = (
        F.smooth_l1_loss(own / spread, (theirs / spread).expand_as(own))
        for own, theirs, spread in zip(heard.statistics, speaker.statistics, speaker.spreads, strict=True)
    )
    return embedding, torch.stack(layers).mean(), spectrum


def _spectral(decibel: Tensor) -> Tensor:
    """``(B, C, T)`` dB -> ``(B, 2C)``: shape of the average spectrum of what is no silence, and its deviation."""
    level = decibel.mean(1, keepdim=True)
    weights = torch.sigmoid((level - level.amax(-1, keepdim=True) + _SILENCE_DB) / _SOFTNESS_DB)
    statistics = _over_time(decibel, weights)
    mean, deviation = statistics.chunk(2, dim=-1)
    return torch.cat([mean - mean.mean(-1, keepdim=True), deviation], dim=-1)


def _over_time(x: Tensor, weights: Tensor | None) -> Tensor:
    """``(B, C, T)`` -> ``(B, 2C)``: means, then deviations."""
    if weights is None:
        weights = torch.ones_like(x[:, :1])
    weights = weights / weights.sum(-1, keepdim=True)
    mean = (x * weights).sum(-1, keepdim=True)
    variance = ((x - mean).square() * weights).sum(-1)
    return torch.cat([mean[..., 0], (variance + _MIN_POWER).sqrt()], dim=-1)


def _pieces(clip: FloatArray, length: int) -> list[FloatArray]:
    """``clip`` cut into overlapping pieces of that length which cover it; itself if it is hardly longer."""
    count = round(len(clip) / length)
    if count < 2:
        return [clip[: max(length, len(clip))]]
    starts = np.linspace(0, len(clip) - length, count).astype(int)
    return [clip[start : start + length] for start in starts]
