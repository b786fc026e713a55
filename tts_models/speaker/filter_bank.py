"""Log-mel filter bank energies as speechbrain's speaker encoders were trained on.

Source: ``speechbrain.lobes.features.Fbank`` and ``InputNormalization(norm_type="sentence", std_norm=False)``
(Apache-2.0). Its triangles are symmetric, as wide to the right as to the left, which ``torchaudio``'s are not.
Different here: the 80 dB floor and the mean of a padded item count its own frames only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.ecapa import Extents

_N_FFT = 400
_HOP = 160
_MIN_POWER = 1e-10
_RANGE_DB = 80.0


class FilterBank(nn.Module):
    """``(B, N)`` waveforms at 16 kHz -> ``(B, n_mels, T)`` dB, zero mean over time; a frame is 10 ms."""

    window: Tensor
    filters: Tensor

    def __init__(self, n_mels: int = 80) -> None:
        """Make a bank of ``n_mels`` filters from 0 to 8 kHz."""
        super().__init__()
        self.register_buffer("window", torch.hamming_window(_N_FFT), persistent=False)
        self.register_buffer("filters", _triangles(n_mels), persistent=False)

    @staticmethod
    def n_frames(n_samples: int) -> int:
        """Frames of a waveform."""
        return n_samples // _HOP + 1

    def forward(self, waveforms: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Extents]:
        """Analyses.

        Args:
            waveforms: ``(B, N)`` float32 at 16 kHz, 0 in the padding.
            lengths: Samples of each item.

        Returns:
            Features ``(B, n_mels, T)`` float32 and the frames of each item; finite, but without meaning, in the
            padding.
        """
        decibel, extents = self.decibel(waveforms, lengths)
        return decibel - extents.mean(decibel), extents

    def decibel(self, waveforms: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Extents]:
        """The same before the mean over time is taken off."""
        extents = Extents([self.n_frames(length) for length in lengths], waveforms.device)
        spectrum = torch.stft(
            waveforms, _N_FFT, _HOP, window=self.window, center=True, pad_mode="constant", return_complex=True
        )
        power = torch.view_as_real(spectrum).square().sum(-1)[..., : extents.max_length]
        decibel = 10 * torch.log10((self.filters @ power).clamp(min=_MIN_POWER))
        own = decibel.masked_fill(extents.mask == 0, float("-inf")) if extents.is_padded else decibel
        return torch.maximum(decibel, own.amax(dim=(1, 2), keepdim=True) - _RANGE_DB), extents


def _triangles(n_mels: int) -> Tensor:
    """``(n_mels, 201)`` float32 weights of the power spectrum's bins."""
    top_mel = 2595 * math.log10(1 + ENCODER_RATE_HZ / 2 / 700)
    edges_hz = 700 * (10 ** (torch.linspace(0, top_mel, n_mels + 2) / 2595) - 1)
    bins_hz = torch.linspace(0, ENCODER_RATE_HZ // 2, _N_FFT // 2 + 1)
    slope = (bins_hz - edges_hz[1:-1, None]) / edges_hz.diff()[:-1, None]
    return (1 - slope.abs()).clamp(min=0)
