"""The harmonic source: what the vocal folds would do, from F0.

A sum of sines at F0 and its overtones where the speech is voiced, Gaussian noise where it is not. The generator shapes
it into speech, so its phase decides the waveform's phase.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tts_models.layers import length_mask
from tts_models.types import SAMPLE_RATE_HZ
from tts_models.vocoder.config import VocoderConfig
from tts_models.vocoder.stft import polar_spectrum

VOICED_ABOVE_HZ = 10.0
SINE_AMPLITUDE = 0.1
VOICED_NOISE = 0.003
"""Standard deviation of the noise beside the sines."""
UNVOICED_NOISE = SINE_AMPLITUDE / 3
"""Standard deviation of the noise where there are no sines."""


def phase_cycles(f0_hz: Tensor, samples_per_f0: int) -> Tensor:
    """Phase of the fundamental at every sample, counted from the start of its voiced stretch.

    F0 is taken as the phase's slope between the centres of neighbouring F0 values, so the phase is piecewise linear,
    flat before the first centre and after the last. It starts again at every voiced onset: F0 that differs by a
    rounding error between two runs then drifts apart over one stretch of voicing, not over the whole utterance.

    Args:
        f0_hz: ``(F,)`` float32, Hz.
        samples_per_f0: Samples per value of F0, ``K``, even.

    Returns:
        ``(F * K,)`` float64, cycles (not wrapped); meaningless where unvoiced.

    Source: ``SineGen._f02sine`` of ``kokoro`` 0.9.4, which accumulates in float32 at sample rate and never restarts.
    """
    per_sample = f0_hz.double() / SAMPLE_RATE_HZ
    voiced = f0_hz > VOICED_ABOVE_HZ
    total = torch.cumsum(per_sample * samples_per_f0, dim=0)
    before = total - per_sample * samples_per_f0
    onset = voiced & ~torch.cat([voiced.new_zeros(1), voiced[:-1]])
    index = torch.arange(len(f0_hz), device=f0_hz.device)
    latest_onset = torch.cummax(torch.where(onset, index, 0), dim=0).values
    centre = total - before[latest_onset]
    flat = per_sample.new_zeros(1)
    slope_before = torch.cat([flat, per_sample[1:]])
    slope_after = torch.cat([per_sample[1:], flat])
    offset = torch.arange(samples_per_f0, dtype=torch.float64, device=f0_hz.device) + 0.5 - samples_per_f0 / 2
    phase = centre[:, None] + torch.where(offset < 0, slope_before[:, None], slope_after[:, None]) * offset
    return phase.flatten()


class HarmonicSource(nn.Module):
    """Sines and noise, mixed by a learnt weight a harmonic.

    Source: ``SourceModuleHnNSF`` of ``kokoro`` 0.9.4. There every harmonic has its own noise and the mix adds them up;
    a weighted sum of Gaussians is one Gaussian, so one is drawn here, scaled by the weights' norm. The noise comes from
    the caller, so that an utterance does not depend on what is synthesised beside it.
    """

    def __init__(self, harmonics: int) -> None:
        """Make a source of ``harmonics`` sines, the fundamental among them."""
        super().__init__()
        self.l_linear = nn.Linear(harmonics, 1)

    def forward(self, f0_hz: Tensor, noise: Tensor, samples_per_f0: int) -> Tensor:
        """Make one item's source.

        Args:
            f0_hz: ``(F,)`` float32, Hz.
            noise: ``(F * samples_per_f0,)`` float32, standard normal.
            samples_per_f0: Samples per value of F0.

        Returns:
            ``(F * samples_per_f0,)`` float32 in (-1, 1).
        """
        weights = self.l_linear.weight[0].float()
        phase = phase_cycles(f0_hz, samples_per_f0)
        angle = (2 * torch.pi * (phase - phase.floor())).float()
        # sin(h x) for h = 1, 2, ... by the recurrence sin((h+1) x) = 2 cos(x) sin(h x) - sin((h-1) x).
        double_cosine = 2 * torch.cos(angle)
        previous, current = torch.zeros_like(angle), torch.sin(angle)
        sines = weights[0] * current
        for weight in weights[1:]:
            previous, current = current, double_cosine * current - previous
            sines = sines + weight * current
        voiced = (f0_hz > VOICED_ABOVE_HZ).repeat_interleave(samples_per_f0)
        noise_scale = torch.where(voiced, VOICED_NOISE, UNVOICED_NOISE) * torch.linalg.vector_norm(weights)
        mixed = torch.where(voiced, SINE_AMPLITUDE * sines, 0.0) + noise_scale * noise
        return torch.tanh(mixed + self.l_linear.bias.float())

    def polar_spectra(self, f0_hz: Sequence[Tensor], noise: Sequence[Tensor], config: VocoderConfig) -> Tensor:
        """The sources of a batch as the generator takes them.

        Args:
            f0_hz: ``(2T,)`` float32 an item, Hz.
            noise: ``(600T,)`` float32 an item, standard normal.
            config: Sizes.

        Returns:
            ``(B, n_fft + 2, 120T + 1)`` float32, 0 behind each item's own spectra.
        """
        waves = [self(hz, own_noise, config.samples_per_f0) for hz, own_noise in zip(f0_hz, noise, strict=True)]
        samples = [len(wave) for wave in waves]
        padded = nn.utils.rnn.pad_sequence(waves, batch_first=True)
        spectra = polar_spectrum(padded, samples, config.n_fft, config.hop_samples)
        if min(samples) == max(samples):
            return spectra
        counts = torch.tensor(samples, device=spectra.device) // config.hop_samples + 1
        return spectra * length_mask(counts, spectra.shape[-1])
