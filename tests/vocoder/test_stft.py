"""The two small transforms against torch's own, and each item of a padded batch against itself alone."""

from __future__ import annotations

import torch

from tts_models.vocoder.stft import inverse_stft, polar_spectrum

N_FFT, HOP = 20, 5


def test_the_polar_spectrum_is_that_of_torch_stft() -> None:
    samples = torch.randn(2, 600, generator=torch.Generator().manual_seed(1))
    ours = polar_spectrum(samples, [600, 600], N_FFT, HOP)
    reference = torch.stft(samples, N_FFT, HOP, window=torch.hann_window(N_FFT), return_complex=True)
    magnitude, phase = ours.chunk(2, dim=1)
    torch.testing.assert_close(torch.polar(magnitude, phase), reference, atol=1e-5, rtol=1e-5)


def test_the_inverse_is_that_of_torch_istft() -> None:
    spectra = torch.randn(2, N_FFT + 2, 121, generator=torch.Generator().manual_seed(2))
    ours = inverse_stft(spectra, [121, 121], HOP)
    log_magnitude, angle = spectra.chunk(2, dim=1)
    reference = torch.istft(torch.polar(log_magnitude.exp(), angle.sin()), N_FFT, HOP, window=torch.hann_window(N_FFT))
    torch.testing.assert_close(ours, reference, atol=1e-5, rtol=1e-5)


def test_in_a_padded_batch_every_item_is_transformed_as_alone() -> None:
    generator = torch.Generator().manual_seed(3)
    lengths = [600, 300, 1200]
    waves = [torch.randn(length, generator=generator) for length in lengths]
    padded = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True)
    together = polar_spectrum(padded, lengths, N_FFT, HOP)
    counts = [length // HOP + 1 for length in lengths]
    back = inverse_stft(torch.cat([together[:, : N_FFT // 2 + 1].log(), together[:, N_FFT // 2 + 1 :]], 1), counts, HOP)
    for item, (wave, count) in enumerate(zip(waves, counts, strict=True)):
        alone = polar_spectrum(wave[None], [len(wave)], N_FFT, HOP)
        torch.testing.assert_close(together[item, :, :count], alone[0])
        log = torch.cat([alone[:, : N_FFT // 2 + 1].log(), alone[:, N_FFT // 2 + 1 :]], 1)
        torch.testing.assert_close(back[item, : len(wave)], inverse_stft(log, [count], HOP)[0], atol=1e-6, rtol=1e-5)
        assert back[item, len(wave) :].abs().max() == 0 if len(wave) < 1200 else True
