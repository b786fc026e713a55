"""The text encoder: what the vocoder knows of the phonemes. It does not see the style.

Source: ``kokoro`` 0.9.4 ``modules.py`` (Apache-2.0), from StyleTTS 2; weight norm folded, no dropout.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tts_models.acoustic.config import AcousticConfig
from tts_models.acoustic.recurrent import BiLstm, run_bilstm
from tts_models.layers import NORM_EPS, apply_mask


class TextEncoder(nn.Module):
    """Embedding, convolutions, bidirectional LSTM."""

    def __init__(self, config: AcousticConfig) -> None:
        """Make an untrained encoder of the sizes in ``config``."""
        super().__init__()
        dim, width = config.hidden_dim, config.kernel_size
        self.embedding = nn.Embedding(config.n_symbols, dim)
        self.cnn = nn.ModuleList(
            nn.Sequential(nn.Conv1d(dim, dim, width, padding=width // 2), ChannelNorm(dim), nn.LeakyReLU(0.2))
            for _ in range(config.n_layers)
        )
        self.lstm = BiLstm(dim, dim)

    def forward(self, tokens: Tensor, lengths: Tensor | None, mask: Tensor | None) -> Tensor:
        """Encode.

        Args:
            tokens: ``(B, L)`` int64 vocabulary ids.
            lengths: ``(B,)`` tokens of each item, or ``None`` when nothing is padded.
            mask: ``(B, 1, L)`` float32 of the same, or ``None``.

        Returns:
            ``(B, hidden_dim, L)``, 0 in the padding.
        """
        x = apply_mask(self.embedding(tokens).transpose(1, 2), mask)
        for block in self.cnn:
            x = apply_mask(block(x), mask)
        return apply_mask(run_bilstm(self.lstm, x.transpose(1, 2), lengths).transpose(1, 2), mask)


class ChannelNorm(nn.Module):
    """Layer norm over the channels of ``(B, C, T)``."""

    def __init__(self, channels: int) -> None:
        """Make a norm that starts as the identity on normalised input."""
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x`` ``(B, C, T)`` over ``C``."""
        normed = F.layer_norm(x.transpose(1, 2), self.gamma.shape, self.gamma, self.beta, NORM_EPS)
        return normed.transpose(1, 2)
