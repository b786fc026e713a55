"""Pieces of speech whose timbre can be changed, and the gradient with respect to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torchaudio
from torch import Tensor

from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, AcousticFeatures
from tts_models.vocoder.network import VocoderNetwork
from tts_models.vocoder.stft import inverse_stft
from tts_models.vocoder.vocoder import seeded_noise


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """All that the vocoder is given for a stretch of speech, except the timbre.

    Attributes:
        text: ``(1, 512, T)``, the text encoding repeated to frames.
        f0_hz: ``(1, 2T)``.
        energy: ``(1, 2T)``.
        source: ``(1, n_fft + 2, 120T + 1)``. Made of F0 once: nothing flows back into it.
    """

    text: Tensor
    f0_hz: Tensor
    energy: Tensor
    source: Tensor

    @property
    def n_frames(self) -> int:
        """``T``."""
        return self.text.shape[-1]

    def cut(self, start: int, stop: int) -> Passage:
        """The frames from ``start`` to ``stop``."""
        per_frame = (self.source.shape[-1] - 1) // self.n_frames
        return Passage(
            self.text[..., start:stop],
            self.f0_hz[..., 2 * start : 2 * stop],
            self.energy[..., 2 * start : 2 * stop],
            self.source[..., per_frame * start : per_frame * stop + 1],
        )


class FrozenVocoder:
    """The vocoder as a function of timbre.

    Args:
        network: Kokoro's vocoder; frozen, and moved to ``device`` and ``dtype``.
        device: Where to compute.
        dtype: What to multiply in. bfloat16 halves the time on a processor that multiplies it, and its gradients
            differ from float32's by less than those of two sentences.
    """

    def __init__(self, network: VocoderNetwork, device: torch.device, dtype: torch.dtype) -> None:
        self._network = network.eval().requires_grad_(False).to(device, dtype)
        self._device, self._dtype = device, dtype
        self._to_encoder_rate = torchaudio.transforms.Resample(SAMPLE_RATE_HZ, ENCODER_RATE_HZ).to(device)

    def passage(self, features: AcousticFeatures) -> Passage:
        """What ``features`` say, without the silence before and behind it."""
        config = self._network.config
        text = torch.from_numpy(np.repeat(features.text_encoding, features.durations_frames, axis=1))
        f0_hz = torch.tensor(features.f0_hz, device=self._device)
        noise = seeded_noise(features).to(self._device)
        source = self._network.generator.m_source.polar_spectra([f0_hz], [noise], config)
        source = source[..., : features.n_frames * FRAME_SAMPLES // config.hop_samples + 1]
        tensors = (text[None], f0_hz[None], torch.tensor(features.energy)[None], source)
        whole = Passage(*(tensor.to(self._device, self._dtype) for tensor in tensors))
        return whole.cut(int(features.durations_frames[0]), int(features.durations_frames[:-1].sum()))

    def waveform(self, passage: Passage, timbre: Tensor) -> Tensor:
        """``passage`` said with ``timbre`` ``(128,)`` float32, which it is differentiable by.

        Returns:
            ``(1, n)`` float32 at 16 kHz.
        """
        spectra = self._network(
            passage.text, passage.f0_hz, passage.energy, timbre.to(self._dtype)[None], passage.source, None
        )
        samples = inverse_stft(spectra.float(), [spectra.shape[-1]], self._network.config.hop_samples)
        resampled: Tensor = self._to_encoder_rate(samples)
        return resampled
