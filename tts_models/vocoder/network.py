"""The vocoder's parameters and arithmetic in plain torch, any device, batches padded exactly."""

from __future__ import annotations

from torch import Tensor, nn

from tts_models.vocoder.config import VocoderConfig
from tts_models.vocoder.decoder import Decoder
from tts_models.vocoder.generator import Generator


class VocoderNetwork(nn.Module):
    """The vocoder's parameters and arithmetic: a decoder, a source and a generator.

    Source: ``Decoder`` of ``kokoro`` 0.9.4 ``istftnet.py`` (iSTFTNet, https://arxiv.org/abs/2203.02395).
    """

    def __init__(self, config: VocoderConfig) -> None:
        """Make a network of ``config``'s sizes, with random weights."""
        super().__init__()
        self.config = config
        self.decoder = Decoder(config)

    @property
    def generator(self) -> Generator:
        """The second half."""
        return self.decoder.generator

    def forward(
        self, text: Tensor, f0_hz: Tensor, energy: Tensor, timbre: Tensor, source: Tensor, lengths: Tensor | None
    ) -> Tensor:
        """Features and source to spectra, all in the dtype of the weights.

        Args:
            text: ``(B, text_channels, T)``, the text encoding repeated to frames; 0 in the padding.
            f0_hz: ``(B, 2T)``, Hz; 0 in the padding.
            energy: ``(B, 2T)``; 0 in the padding.
            timbre: ``(B, style_dim)``.
            source: ``(B, n_fft + 2, 120T + 1)``, see :meth:`HarmonicSource.polar_spectra`.
            lengths: ``(B,)`` frames of each item, or ``None`` where nothing is padded.

        Returns:
            ``(B, n_fft + 2, 120T + 1)``: log magnitudes, then numbers whose sine is the phase; meaningless in the
            padding.
        """
        spectra: Tensor = self.generator(self.decoder(text, f0_hz, energy, timbre, lengths), source, timbre, lengths)
        return spectra
