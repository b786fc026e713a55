"""The prosody predictor: how long every token lasts, then how pitch and energy move over the frames.

Source: ``kokoro`` 0.9.4 ``modules.py`` (Apache-2.0), from StyleTTS 2, under its parameter names. Different here: exact
for padded batches; weight norm folded, no dropout.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tts_models.acoustic.config import AcousticConfig
from tts_models.acoustic.recurrent import BiLstm, run_bilstm
from tts_models.layers import NORM_EPS, AdainResBlk1d, apply_mask, upsample_mask


class ProsodyPredictor(nn.Module):
    """Durations from text and style; F0 and energy curves from text, style and durations."""

    def __init__(self, config: AcousticConfig) -> None:
        """Make an untrained predictor of the sizes in ``config``."""
        super().__init__()
        dim, style_dim = config.hidden_dim, config.style_dim
        self.text_encoder = DurationEncoder(config)
        self.lstm = BiLstm(dim + style_dim, dim)
        self.duration_proj = nn.ModuleDict({"linear_layer": nn.Linear(dim, config.max_duration_frames)})
        self.shared = BiLstm(dim + style_dim, dim)
        self.F0 = _curve_blocks(dim, style_dim)
        self.N = _curve_blocks(dim, style_dim)
        self.F0_proj = nn.Conv1d(dim // 2, 1, 1)
        self.N_proj = nn.Conv1d(dim // 2, 1, 1)

    def durations(self, prosody: Tensor, lengths: Tensor | None) -> Tensor:
        """Predict how long tokens last.

        Args:
            prosody: ``(B, L, hidden_dim + style_dim)`` from :attr:`text_encoder`.
            lengths: ``(B,)`` tokens of each item, or ``None`` when nothing is padded.

        Returns:
            ``(B, L)`` float32, frames at speed 1, in (0, ``max_duration_frames``); meaningless in the padding.
        """
        # Each output is the probability that the token lasts longer than so many frames: their sum is the expectation.
        outlasting: Tensor = self.duration_proj["linear_layer"](run_bilstm(self.lstm, prosody, lengths)).sigmoid()
        return outlasting.sum(-1)

    def curves(
        self, prosody: Tensor, style: Tensor, lengths: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Predict F0 and energy.

        Args:
            prosody: ``(B, T, hidden_dim + style_dim)``, tokens repeated to frames.
            style: ``(B, style_dim)``.
            lengths: ``(B,)`` frames of each item, or ``None`` when nothing is padded.
            mask: ``(B, 1, T)`` float32 of the same, or ``None``.

        Returns:
            F0 in Hz (near or below 0 where unvoiced) and energy, both ``(B, 2T)`` float32; 0 in the padding.
        """
        shared = apply_mask(run_bilstm(self.shared, prosody, lengths).transpose(1, 2), mask)
        f0, energy = shared, shared
        for f0_block, energy_block in zip(self.F0, self.N, strict=True):
            f0 = f0_block(f0, style, mask)
            energy = energy_block(energy, style, mask)
            mask = upsample_mask(mask, f0.shape[-1] // mask.shape[-1]) if mask is not None else None
        f0 = apply_mask(self.F0_proj(f0), mask)
        energy = apply_mask(self.N_proj(energy), mask)
        return f0[:, 0], energy[:, 0]


def _curve_blocks(dim: int, style_dim: int) -> nn.ModuleList:
    """Three blocks that take ``(B, dim, T)`` to ``(B, dim / 2, 2T)``."""
    return nn.ModuleList(
        [
            AdainResBlk1d(dim, dim, style_dim),
            AdainResBlk1d(dim, dim // 2, style_dim, upsample=True),
            AdainResBlk1d(dim // 2, dim // 2, style_dim),
        ]
    )


class DurationEncoder(nn.Module):
    """PL-BERT's view of the tokens, mixed with the style: bidirectional LSTMs, each followed by an adaptive norm."""

    def __init__(self, config: AcousticConfig) -> None:
        """Make an untrained encoder of the sizes in ``config``."""
        super().__init__()
        dim, style_dim = config.hidden_dim, config.style_dim
        self.lstms = nn.ModuleList()
        for _ in range(config.n_layers):
            self.lstms.append(BiLstm(dim + style_dim, dim))
            self.lstms.append(AdaLayerNorm(style_dim, dim))

    def forward(self, x: Tensor, style: Tensor, lengths: Tensor | None) -> Tensor:
        """Encode.

        Args:
            x: ``(B, L, hidden_dim)``.
            style: ``(B, style_dim)``.
            lengths: ``(B,)`` tokens of each item, or ``None`` when nothing is padded.

        Returns:
            ``(B, L, hidden_dim + style_dim)``, the style beside the encoding; meaningless in the padding.
        """
        beside = style[:, None].expand(-1, x.shape[1], -1)
        x = torch.cat((x, beside), dim=-1)
        for lstm, norm in zip(self.lstms[::2], self.lstms[1::2], strict=True):
            x = torch.cat((norm(run_bilstm(cast(BiLstm, lstm), x, lengths), style), beside), dim=-1)
        return x


class AdaLayerNorm(nn.Module):
    """Layer norm whose scale and shift come from the style."""

    def __init__(self, style_dim: int, channels: int) -> None:
        """Make a norm for ``channels`` channels, conditioned on styles ``style_dim`` long."""
        super().__init__()
        self.fc = nn.Linear(style_dim, channels * 2)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Normalise ``x`` ``(B, L, C)`` over ``C`` given ``style`` ``(B, style_dim)``."""
        gamma, beta = self.fc(style)[:, None].chunk(2, dim=-1)
        return torch.addcmul(beta, F.layer_norm(x, x.shape[-1:], eps=NORM_EPS), 1 + gamma)
