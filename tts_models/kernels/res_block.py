"""The adaptive residual block that acoustic model and vocoder share, made of the compiled convolution."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from tts_models.kernels.convolution import Activation, Kernels, Norm, PackedConv, pack_conv, round_up
from tts_models.layers import NORM_EPS, AdaIN1d, AdainResBlk1d


class Styles:
    """Scale and shift of every norm in a network, from the style, in one product."""

    def __init__(self) -> None:
        """Start without norms."""
        self._weights: list[Tensor] = []
        self._biases: list[Tensor] = []
        self._rows = 0

    def add(self, norm: AdaIN1d) -> slice:
        """Take in a norm; returns which rows of :meth:`__call__` are its scales, then its shifts."""
        channels = norm.fc.out_features // 2
        padding = round_up(channels) - channels
        weight = norm.fc.weight.detach().unflatten(0, (2, channels))
        bias = norm.fc.bias.detach().unflatten(0, (2, channels)) + torch.tensor([[1.0], [0.0]])
        self._weights.append(F.pad(weight, (0, 0, 0, padding)).flatten(0, 1))
        self._biases.append(F.pad(bias, (0, padding)).flatten())
        start, self._rows = self._rows, self._rows + 2 * (channels + padding)
        return slice(start, self._rows)

    def seal(self) -> None:
        """Take in no more."""
        self._weight, self._bias = torch.cat(self._weights), torch.cat(self._biases)
        self._weights, self._biases = [], []

    def __call__(self, style: Tensor) -> Tensor:
        """Every norm's scales and shifts, ``(rows,)``, for a style ``(style_dim,)``."""
        return F.linear(style, self._weight, self._bias)


@dataclass(frozen=True, slots=True, eq=False)
class PackedResBlock:
    """An ``AdainResBlk1d``.

    Attributes:
        conv1: First convolution.
        conv2: Second convolution.
        shortcut: 1x1 convolution beside them, or ``None``.
        affine1: First norm's rows in the styles.
        affine2: Second norm's rows in the styles.
        pool_weight: ``(3, channels)`` of the depthwise transposed convolution, or ``None`` if it does not upsample.
        pool_bias: ``(channels,)`` of it, or ``None``.
    """

    conv1: PackedConv
    conv2: PackedConv
    shortcut: PackedConv | None
    affine1: slice
    affine2: slice
    pool_weight: Tensor | None = None
    pool_bias: Tensor | None = None

    @classmethod
    def of(
        cls, block: AdainResBlk1d, styles: Styles, dtype: torch.dtype, window: int = 0, parts: int = 1
    ) -> PackedResBlock:
        """Pack ``block``'s weights as ``dtype``; its norms are added to ``styles``.

        Args:
            block: What to pack.
            styles: Of the network it is in.
            dtype: float32 or bfloat16.
            window: How its two convolutions are computed, see :func:`~tts_models.kernels.convolution.pack`.
            parts: Likewise.
        """
        pool_weight = pool_bias = None
        if block.pool is not None:
            assert block.pool.bias is not None
            padding = round_up(block.pool.in_channels) - block.pool.in_channels
            pool_weight = F.pad(block.pool.weight.detach()[:, 0].T, (0, padding))
            pool_bias = F.pad(block.pool.bias.detach(), (0, padding))
        return cls(
            conv1=pack_conv(block.conv1, dtype, window, parts),
            conv2=pack_conv(block.conv2, dtype, window, parts),
            shortcut=None if block.conv1x1 is None else pack_conv(block.conv1x1, dtype, parts=parts),
            affine1=styles.add(block.norm1),
            affine2=styles.add(block.norm2),
            pool_weight=pool_weight,
            pool_bias=pool_bias,
        )

    def run(self, kernels: Kernels, x: Tensor, styles: Tensor, out: Tensor) -> None:
        """The block of ``x`` to ``out``.

        Args:
            kernels: What computes.
            x: ``(T, channels in)`` float32.
            styles: ``(rows,)`` float32, of all norms.
            out: ``(T, channels out)`` float32, twice as long where the block upsamples; may share memory with ``x``.
        """
        variance, mean = torch.var_mean(x, dim=0, correction=0)
        norm = Norm(torch.stack([mean, variance]), styles[self.affine1].view(2, -1))
        shortcut = x
        if self.shortcut is not None:
            shortcut = x.new_empty(len(x), self.shortcut.out_channels)
            kernels.convolve(self.shortcut, x, shortcut)
        hidden = x.new_empty(len(out), self.conv1.out_channels)
        statistics = x.new_empty(2, self.conv1.out_channels)
        activation, slope = Activation.LEAKY_RELU, 0.2
        if self.pool_weight is None or self.pool_bias is None:
            kernels.convolve(
                self.conv1, x, hidden, norm=norm, activation=activation, slope=slope, statistics=statistics
            )
        else:
            shortcut = shortcut.repeat_interleave(2, dim=0)
            pooled = _pool(F.leaky_relu(_normalise(x, norm), slope), self.pool_weight, self.pool_bias)
            kernels.convolve(self.conv1, pooled, hidden, statistics=statistics)
        norm = Norm(statistics, styles[self.affine2].view(2, -1))
        kernels.convolve(
            self.conv2, hidden, out, norm=norm, activation=activation, slope=slope, residual=shortcut, gain=0.5**0.5
        )


def _normalise(x: Tensor, norm: Norm) -> Tensor:
    """The norm in torch, for the one place where no convolution of ours follows it."""
    (mean, variance), (scale, shift) = norm.statistics, norm.affine
    return torch.addcmul(shift, x - mean, scale * torch.rsqrt(variance + NORM_EPS))


def _pool(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A depthwise transposed convolution of three taps and stride 2: ``(T, C)`` to ``(2T, C)``."""
    following = F.pad(x[1:], (0, 0, 0, 1))
    even = torch.addcmul(bias, x, weight[1])
    odd = torch.addcmul(torch.addcmul(bias, x, weight[2]), following, weight[0])
    return torch.stack([even, odd], dim=1).flatten(0, 1)
