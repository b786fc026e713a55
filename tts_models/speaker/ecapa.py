"""ECAPA-TDNN: filter bank features into one vector that says who speaks; exact for padded batches.

Source: Desplanques, Thienpondt and Demuynck, "ECAPA-TDNN" (Interspeech 2020, arXiv:2005.07143), as implemented in
``speechbrain.lobes.models.ECAPA_TDNN`` (Apache-2.0), whose parameter names these are but for its ``Conv1d`` and
``BatchNorm1d`` wrappers. Different here: a padded batch gives every item what it would get alone. speechbrain's
convolutions reflect at the end of the batch, so a short item reads the padding behind it; here each reflects at its
own end. Letters in shapes: ``B`` items, ``C`` channels, ``T`` frames of the longest item.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tts_models.layers import length_mask

_MIN_VARIANCE = 1e-12
_POOLED_TOGETHER = 384
"""Channels whose statistics are taken at once: those of all, half a minute long, want 300 MB."""


@dataclass(frozen=True)
class EcapaConfig:
    """Sizes of the network; the defaults are those of ``spkrec-ecapa-voxceleb``."""

    n_mels: int = 80
    channels: int = 1024
    dilations: tuple[int, ...] = (2, 3, 4)
    scale: int = 8
    squeeze_channels: int = 128
    attention_channels: int = 128
    aggregate_channels: int = 3072
    embedding_dim: int = 192

    @property
    def min_frames(self) -> int:
        """The shortest input: a reflection needs more frames than it adds."""
        return max(self.dilations) + 1


class Extents:
    """How long each item of a padded batch is, and what follows from it.

    Args:
        lengths: Frames of each item.
        device: Where the batch is.
    """

    def __init__(self, lengths: Sequence[int], device: torch.device) -> None:
        self.max_length = max(lengths)
        self.is_padded = min(lengths) < self.max_length
        self._lengths = torch.tensor(lengths, device=device)
        self._reflected: dict[int, Tensor] = {}

    @cached_property
    def mask(self) -> Tensor:
        """``(B, 1, T)`` float32, 1 on an item's own frames and 0 behind them."""
        return length_mask(self._lengths, self.max_length)

    def mean(self, x: Tensor) -> Tensor:
        """``(B, C, T)`` -> ``(B, C, 1)``, the mean over an item's own frames."""
        if not self.is_padded:
            return x.mean(-1, keepdim=True)
        # Not a product with the mask: what lies in the padding need not be finite.
        return torch.where(self.mask > 0, x, 0).sum(-1, keepdim=True) / self._lengths[:, None, None]

    def pad(self, x: Tensor, frames: int) -> Tensor:
        """Reflects every item at its own two ends.

        Args:
            x: ``(B, C, T)``, anything in the padding.
            frames: ``p`` >= 0, fewer than the shortest item has.

        Returns:
            ``(B, C, T + 2p)``; item ``b`` is right in its first ``length[b] + 2p`` frames.
        """
        if not frames:
            return x
        if not self.is_padded:
            return F.pad(x, (frames, frames), mode="reflect")
        if frames not in self._reflected:
            last = self._lengths[:, None] - 1
            position = torch.arange(-frames, self.max_length + frames, device=x.device).abs()
            # Behind its reflection an item reads something of its own, whatever it is.
            self._reflected[frames] = (last - (last - position).abs()).clamp(min=0)[:, None]
        return x.gather(-1, self._reflected[frames].expand(-1, x.shape[1], -1))


class TdnnBlock(nn.Module):
    """Convolution of the same length out as in, ReLU, batch norm with fixed statistics."""

    def __init__(self, channels_in: int, channels_out: int, kernel_size: int = 1, dilation: int = 1) -> None:
        """Make a block of an odd ``kernel_size``."""
        super().__init__()
        self.conv = nn.Conv1d(channels_in, channels_out, kernel_size, dilation=dilation)
        self.norm = nn.BatchNorm1d(channels_out)
        self._pad_frames = dilation * (kernel_size - 1) // 2

    def forward(self, x: Tensor, extents: Extents) -> Tensor:
        """``(B, channels_in, T)`` -> ``(B, channels_out, T)``."""
        if self._pad_frames:
            made = self.conv(extents.pad(x, self._pad_frames))
        else:  # one tap is a product, which oneDNN's convolution takes up to twice as long for
            made = self.conv.weight[..., 0] @ x
            made += cast(Tensor, self.conv.bias)[:, None]
        out: Tensor = self.norm(F.relu(made, inplace=True))
        return out


class Res2NetBlock(nn.Module):
    """Groups of channels, each convolved after the result of the one before is added to it."""

    def __init__(self, channels: int, scale: int, kernel_size: int, dilation: int) -> None:
        """Make a block of ``scale`` groups, the first of which passes unchanged."""
        super().__init__()
        width = channels // scale
        self.blocks = nn.ModuleList(TdnnBlock(width, width, kernel_size, dilation) for _ in range(scale - 1))

    def forward(self, x: Tensor, extents: Extents) -> Tensor:
        """``(B, C, T)`` -> ``(B, C, T)``."""
        first, *groups = x.chunk(len(self.blocks) + 1, dim=1)
        out = [first]
        for block, group in zip(self.blocks, groups, strict=True):
            out.append(block(group if len(out) == 1 else group + out[-1], extents))
        return torch.cat(out, dim=1)


class SqueezeExcitation(nn.Module):
    """What to scale every channel by, from what all channels' means over time say about it."""

    def __init__(self, channels: int, squeeze_channels: int) -> None:
        """Make a block."""
        super().__init__()
        self.conv1 = nn.Conv1d(channels, squeeze_channels, 1)
        self.conv2 = nn.Conv1d(squeeze_channels, channels, 1)

    def forward(self, x: Tensor, extents: Extents) -> Tensor:
        """``(B, C, T)`` -> ``(B, C, 1)``."""
        return torch.sigmoid(self.conv2(F.relu(self.conv1(extents.mean(x)))))


class SERes2NetBlock(nn.Module):
    """TDNN, Res2Net, TDNN and squeeze-excitation beside a shortcut."""

    def __init__(self, config: EcapaConfig, dilation: int) -> None:
        """Make a block."""
        super().__init__()
        channels = config.channels
        self.tdnn1 = TdnnBlock(channels, channels)
        self.res2net_block = Res2NetBlock(channels, config.scale, kernel_size=3, dilation=dilation)
        self.tdnn2 = TdnnBlock(channels, channels)
        self.se_block = SqueezeExcitation(channels, config.squeeze_channels)

    def forward(self, x: Tensor, extents: Extents) -> Tensor:
        """``(B, C, T)`` -> ``(B, C, T)``."""
        residual = self.tdnn2(self.res2net_block(self.tdnn1(x, extents), extents), extents)
        return torch.addcmul(x, residual, self.se_block(residual, extents))


class AttentiveStatisticsPooling(nn.Module):
    """Mean and deviation of every channel over time, weighted by an attention that also sees the plain ones."""

    def __init__(self, channels: int, attention_channels: int) -> None:
        """Make a pool."""
        super().__init__()
        self.tdnn = TdnnBlock(channels * 3, attention_channels)
        self.conv = nn.Conv1d(attention_channels, channels, 1)

    def forward(self, x: Tensor, extents: Extents) -> Tensor:
        """``(B, C, T)`` -> ``(B, 2C, 1)``: means, then deviations."""
        groups = x.split(_POOLED_TOGETHER, dim=1)
        means, deviations = zip(*(_moments(group.float(), extents) for group in groups), strict=True)
        # The attention sees [x, mean, deviation], of which only x changes over time: a third of the product, and not by
        # oneDNN's convolution, which is nine times slower than the product for so many channels to so few.
        conv, channels = self.tdnn.conv, x.shape[1]
        over_time, once = conv.weight[..., 0].split([channels, 2 * channels], dim=1)
        context = (over_time.to(x.dtype) @ x).float() + once @ torch.cat([*means, *deviations], dim=1)
        seen = torch.tanh(self.tdnn.norm(F.relu(context + cast(Tensor, conv.bias)[:, None])))
        weights = self.conv.weight[..., 0].split(_POOLED_TOGETHER)
        biases = cast(Tensor, self.conv.bias).split(_POOLED_TOGETHER)
        pooled = []
        for group, weight, bias in zip(groups, weights, biases, strict=True):
            scores = weight @ seen + bias[:, None]
            if extents.is_padded:
                scores = scores.masked_fill(extents.mask == 0, float("-inf"))
            pooled.append(_weighted_moments(group.float(), scores.softmax(-1)))
        return torch.cat([moment for moments in zip(*pooled, strict=True) for moment in moments], dim=1)


def _moments(x: Tensor, extents: Extents) -> tuple[Tensor, Tensor]:
    """``(B, C, T)`` -> ``(B, C, 1)`` each: mean and deviation over an item's own frames."""
    mean = extents.mean(x)
    return mean, extents.mean((x - mean).square()).clamp(_MIN_VARIANCE).sqrt()


def _weighted_moments(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The same with ``(B, C, T)`` weights whose sum over time is 1."""
    mean = (weights * x).sum(-1, keepdim=True)
    deviation = (weights * (x - mean).square()).sum(-1, keepdim=True).clamp(_MIN_VARIANCE).sqrt()
    return mean, deviation


class EcapaTdnn(nn.Module):
    """The network."""

    def __init__(self, config: EcapaConfig) -> None:
        """Make one with random weights."""
        super().__init__()
        self.config = config
        channels = config.channels
        self.blocks = nn.ModuleList(
            [
                TdnnBlock(config.n_mels, channels, kernel_size=5),
                *(SERes2NetBlock(config, dilation) for dilation in config.dilations),
            ]
        )
        self.mfa = TdnnBlock(channels * len(config.dilations), config.aggregate_channels)
        self.asp = AttentiveStatisticsPooling(config.aggregate_channels, config.attention_channels)
        self.asp_bn = nn.BatchNorm1d(config.aggregate_channels * 2)
        self.fc = nn.Conv1d(config.aggregate_channels * 2, config.embedding_dim, 1)

    def forward(self, features: Tensor, extents: Extents) -> Tensor:
        """Embeds.

        Args:
            features: ``(B, n_mels, T)`` float32, zero mean over each item's frames; anything finite in the padding.
            extents: Frames of each item, at least ``config.min_frames``.

        Returns:
            ``(B, embedding_dim)`` float32, not normalised.
        """
        return self.pooled(self.layers(features, extents)[-1], extents)

    def multiply_in(self, dtype: torch.dtype) -> EcapaTdnn:
        """Has the blocks' products, and what goes from one to the next, in ``dtype``; pooling stays in float32."""
        for module in (*self.blocks.modules(), *self.mfa.modules()):
            if isinstance(module, nn.Conv1d):
                module.to(dtype)
        return self

    def layers(self, features: Tensor, extents: Extents) -> list[Tensor]:
        """What each block makes of the ``features``, and last what they make together: ``(B, C, T)`` each."""
        layers = [features.to(self.mfa.conv.weight.dtype)]
        for block in self.blocks:
            layers.append(block(layers[-1], extents))
        return [*layers[1:], self.mfa(torch.cat(layers[2:], dim=1), extents)]

    def pooled(self, last: Tensor, extents: Extents) -> Tensor:
        """The embedding ``(B, embedding_dim)``, not normalised, of the last of :meth:`layers`."""
        embedding: Tensor = self.fc(self.asp_bn(self.asp(last, extents)))[..., 0]
        return embedding
