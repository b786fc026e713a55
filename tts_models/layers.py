"""Torch blocks that the acoustic model and the vocoder share, exact for padded batches.

Every block takes ``mask``: ``(B, 1, T)`` in ``x``'s dtype, 1 on an item's own positions and 0 on the padding behind
them, or ``None`` when nothing is padded (one item, or items of one length). The contract with a mask:

* what comes in is 0 in the padding (see :func:`apply_mask`), and what goes out is 0 there again;
* an item's own positions hold what they would hold if the item were alone, up to float rounding.

What leaks otherwise, and where it is stopped: convolutions read their neighbours (the padding is zeroed before each
one, which is what the zero padding of a lone item looks like), instance norm averages over time (its statistics count
an item's own positions only), a transposed convolution writes one position past the end (zeroed after it).

Source: ``kokoro`` 0.9.4 ``istftnet.py`` (Apache-2.0), itself from StyleTTS 2. Different here: masks; weight norm is
folded into plain weights; instance norm has no affine of its own (the release's is 1 and 0); the 1x1 shortcut runs
before the nearest-neighbour upsampling rather than after, which is equal and costs half; no dropout.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_EPS = 1e-5
"""Added to a variance before its root is taken."""


def length_mask(lengths: Tensor, max_length: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Masks of items that are ``lengths`` long in a batch padded to ``max_length``.

    Args:
        lengths: ``(B,)`` integers, 0 to ``max_length``.
        max_length: ``T``, the padded length.
        dtype: Dtype of the mask, that of the tensors it is for.

    Returns:
        ``(B, 1, T)`` of ``dtype`` on the device of ``lengths``, 1 where an item is and 0 behind it.
    """
    positions = torch.arange(max_length, device=lengths.device)
    return (positions < lengths[:, None]).to(dtype)[:, None]


def apply_mask(x: Tensor, mask: Tensor | None) -> Tensor:
    """``x`` ``(B, C, T)`` with 0 in the padding; ``x`` itself without a mask."""
    return x if mask is None else x * mask


def upsample_mask(mask: Tensor | None, factor: int) -> Tensor | None:
    """The mask ``(B, 1, factor * T)`` of a batch whose items all got ``factor`` times longer."""
    return None if mask is None else mask.repeat_interleave(factor, dim=-1)


def instance_norm(x: Tensor, scale: Tensor, shift: Tensor, mask: Tensor | None = None) -> Tensor:
    """Normalise every channel of every item over time, then scale and shift it.

    Args:
        x: ``(B, C, T)``, 0 in the padding.
        scale: ``(B, C, 1)`` factor after normalisation.
        shift: ``(B, C, 1)`` added after scaling.
        mask: ``(B, 1, T)`` or ``None``.

    Returns:
        ``(B, C, T)`` in ``x``'s dtype, computed in float32 at least; ``shift`` in the padding. On a CPU this takes two
        thirds to a half of the time of ``F.instance_norm``.
    """
    dtype = torch.promote_types(x.dtype, torch.float32)
    count = x.shape[-1] if mask is None else mask.sum(-1, keepdim=True, dtype=dtype)
    mean = x.sum(-1, keepdim=True, dtype=dtype) / count
    centred = apply_mask(x - mean, mask)
    variance = centred.square().sum(-1, keepdim=True) / count
    return torch.addcmul(shift, centred, scale * torch.rsqrt(variance + NORM_EPS)).to(x.dtype)


class AdaIN1d(nn.Module):
    """Adaptive instance norm: the style decides each channel's scale and shift."""

    def __init__(self, style_dim: int, channels: int) -> None:
        """Make a norm for ``channels`` channels, conditioned on styles ``style_dim`` long."""
        super().__init__()
        self.fc = nn.Linear(style_dim, channels * 2)

    def forward(self, x: Tensor, style: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise.

        Args:
            x: ``(B, C, T)``, 0 in the padding.
            style: ``(B, style_dim)``.
            mask: ``(B, 1, T)`` or ``None``.

        Returns:
            ``(B, C, T)``; **not** 0 in the padding, so that the caller can mask once, after its activation.
        """
        gamma, beta = self.fc(style)[..., None].chunk(2, dim=1)
        return instance_norm(x, 1 + gamma, beta, mask)


class AdainResBlk1d(nn.Module):
    """Residual block: (norm, leaky ReLU, convolution) twice, beside a shortcut; optionally twice as long out as in."""

    def __init__(self, dim_in: int, dim_out: int, style_dim: int, upsample: bool = False) -> None:
        """Make a block.

        Args:
            dim_in: Channels in.
            dim_out: Channels out; the shortcut is a 1x1 convolution where they differ.
            style_dim: Length of the style vector.
            upsample: Double the length: a transposed convolution in the residual, repetition in the shortcut.
        """
        super().__init__()
        self.norm1 = AdaIN1d(style_dim, dim_in)
        self.conv1 = nn.Conv1d(dim_in, dim_out, 3, padding=1)
        self.norm2 = AdaIN1d(style_dim, dim_out)
        self.conv2 = nn.Conv1d(dim_out, dim_out, 3, padding=1)
        self.conv1x1 = nn.Conv1d(dim_in, dim_out, 1, bias=False) if dim_in != dim_out else None
        self.pool = (
            nn.ConvTranspose1d(dim_in, dim_in, 3, stride=2, padding=1, output_padding=1, groups=dim_in)
            if upsample
            else None
        )

    def forward(self, x: Tensor, style: Tensor, mask: Tensor | None = None) -> Tensor:
        """Run the block.

        Args:
            x: ``(B, dim_in, T)``, 0 in the padding.
            style: ``(B, style_dim)``.
            mask: ``(B, 1, T)``, at the length of ``x``, or ``None``.

        Returns:
            ``(B, dim_out, T)``, or ``2T`` where the block upsamples (:func:`upsample_mask` gives its mask); 0 in the
            padding.
        """
        shortcut = x if self.conv1x1 is None else self.conv1x1(x)
        x = apply_mask(F.leaky_relu(self.norm1(x, style, mask), 0.2), mask)
        if self.pool is not None:
            shortcut = shortcut.repeat_interleave(2, dim=-1)
            mask = upsample_mask(mask, 2)
            x = apply_mask(self.pool(x), mask)
        x = apply_mask(self.conv1(x), mask)
        x = apply_mask(F.leaky_relu(self.norm2(x, style, mask), 0.2), mask)
        return apply_mask((self.conv2(x) + shortcut) * math.sqrt(0.5), mask)
