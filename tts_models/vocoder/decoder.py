"""The vocoder's first half: text encoding, F0 and energy to what the generator upsamples."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tts_models.layers import AdainResBlk1d, apply_mask, length_mask
from tts_models.vocoder.config import VocoderConfig
from tts_models.vocoder.generator import Generator


class Decoder(nn.Module):
    """Five AdaIN residual blocks at frame rate, the last of which doubles it.

    The generator hangs here because the weights are named so; :meth:`forward` stops before it.

    Source: ``Decoder`` of ``kokoro`` 0.9.4 ``istftnet.py``.
    """

    def __init__(self, config: VocoderConfig) -> None:
        """Make a decoder of ``config``'s sizes."""
        super().__init__()
        text, wide, residual = config.text_channels, config.decoder_channels, config.residual_channels
        self.F0_conv = nn.Conv1d(1, 1, 3, stride=2, padding=1)
        self.N_conv = nn.Conv1d(1, 1, 3, stride=2, padding=1)
        self.asr_res = nn.Sequential(nn.Conv1d(text, residual, 1))
        self.encode = AdainResBlk1d(text + 2, wide, config.style_dim)
        self.decode = nn.ModuleList(
            AdainResBlk1d(wide + residual + 2, out, config.style_dim, upsample=last)
            for out, last in [(wide, False)] * 3 + [(config.generator_channels, True)]
        )
        self.generator = Generator(config)

    def forward(self, text: Tensor, f0_hz: Tensor, energy: Tensor, timbre: Tensor, lengths: Tensor | None) -> Tensor:
        """Decode.

        Args:
            text: ``(B, text_channels, T)``, the text encoding repeated to frames; 0 in the padding.
            f0_hz: ``(B, 2T)`` Hz; 0 in the padding.
            energy: ``(B, 2T)``; 0 in the padding.
            timbre: ``(B, style_dim)``.
            lengths: ``(B,)`` frames of each item, or ``None`` where nothing is padded.

        Returns:
            ``(B, generator_channels, 2T)``, 0 in the padding.
        """
        mask = None if lengths is None else length_mask(lengths, text.shape[-1], text.dtype)
        f0 = apply_mask(self.F0_conv(f0_hz[:, None]), mask)
        energy = apply_mask(self.N_conv(energy[:, None]), mask)
        residual = apply_mask(self.asr_res(text), mask)
        x: Tensor = self.encode(torch.cat([text, f0, energy], dim=1), timbre, mask)
        for block in self.decode:
            x = block(torch.cat([x, residual, f0, energy], dim=1), timbre, mask)
        return x
