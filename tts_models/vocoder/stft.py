"""The vocoder's two tiny Fourier transforms: source samples to spectrum, spectrum to waveform.

Both are centred, with a periodic Hann window as long as the transform, as ``torch.stft`` and ``torch.istft`` compute
them; written out here because those know no padding: an item in a padded batch must be reflected at its own end, and
the sum of windows by which the inverse divides falls off at each item's own end.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def hann(n_fft: int, device: torch.device) -> Tensor:
    """The periodic Hann window, ``(n_fft,)`` float32."""
    return torch.hann_window(n_fft, periodic=True, dtype=torch.float32, device=device)


def reflect_ends(samples: Tensor, lengths: list[int], pad: int) -> Tensor:
    """Pad every item by its own mirror image at either end.

    Args:
        samples: ``(B, S)``.
        lengths: Samples of each item, each more than ``pad``.
        pad: Samples added before and after.

    Returns:
        ``(B, S + 2 * pad)``; item ``b`` fills the first ``lengths[b] + 2 * pad``, 0 behind.
    """
    batch, longest = samples.shape
    if all(length == longest for length in lengths):
        return F.pad(samples[:, None], (pad, pad), mode="reflect")[:, 0]
    out = samples.new_zeros(batch, longest + 2 * pad)
    for item, length in enumerate(lengths):
        out[item, : length + 2 * pad] = F.pad(samples[item, None, :length], (pad, pad), mode="reflect")[0]
    return out


def polar_spectrum(samples: Tensor, lengths: list[int], n_fft: int, hop: int) -> Tensor:
    """Magnitude and phase of the short-time spectrum.

    Args:
        samples: ``(B, S)`` float32.
        lengths: Samples of each item, multiples of ``hop``.
        n_fft: Points of the transform, even.
        hop: Samples from one spectrum to the next.

    Returns:
        ``(B, n_fft + 2, S / hop + 1)`` float32: ``n_fft / 2 + 1`` magnitudes, then as many phases in radians. What
        lies behind item ``b``'s own ``lengths[b] / hop + 1`` spectra is meaningless.
    """
    frames = reflect_ends(samples, lengths, n_fft // 2).unfold(-1, n_fft, hop)
    spectrum = torch.fft.rfft(frames * hann(n_fft, samples.device), dim=-1)
    return torch.cat([spectrum.abs(), spectrum.angle()], dim=-1).transpose(1, 2)


def inverse_basis(n_fft: int, device: torch.device) -> Tensor:
    """Real and imaginary parts of a half spectrum to ``n_fft`` windowed samples: ``(n_fft, n_fft + 2)`` float32."""
    spectra = torch.eye(n_fft // 2 + 1, dtype=torch.complex128)
    basis = torch.cat([torch.fft.irfft(spectra, n_fft), torch.fft.irfft(1j * spectra, n_fft)])
    window = torch.hann_window(n_fft, periodic=True, dtype=torch.float64)
    return (basis * window).T.to(device, torch.float32)


def overlap_add(frames: Tensor, hop: int) -> Tensor:
    """Sum frames ``hop`` apart.

    Args:
        frames: ``(B, L, N)``, ``N`` a multiple of ``hop``.
        hop: Samples from one frame to the next.

    Returns:
        ``(B, (L - 1) * hop + N)``.
    """
    batch, count, size = frames.shape
    parts = size // hop
    out = frames.new_zeros(batch, count + parts - 1, hop)
    for part in range(parts):
        out[:, part : part + count] += frames[..., part * hop : (part + 1) * hop]
    return out.flatten(1)


def inverse_stft(spectra: Tensor, lengths: list[int], hop: int) -> Tensor:
    """Waveforms from their short-time spectra.

    Args:
        spectra: ``(B, n_fft + 2, L)`` float32: natural logarithms of the magnitudes, then numbers whose sine is the
            phase in radians.
        lengths: Spectra of each item, at most ``L``.
        hop: Samples from one spectrum to the next, a divisor of ``n_fft``.

    Returns:
        ``(B, (L - 1) * hop)`` float32; item ``b`` fills the first ``(lengths[b] - 1) * hop``, 0 behind.
    """
    (_, bins, longest), device = spectra.shape, spectra.device
    n_fft = bins - 2
    log_magnitude, angle = spectra.chunk(2, dim=1)
    magnitude, phase = torch.exp(log_magnitude), torch.sin(angle)
    parts = torch.cat([magnitude * torch.cos(phase), magnitude * torch.sin(phase)], dim=1)
    frames = (inverse_basis(n_fft, device) @ parts).transpose(1, 2)
    own = torch.arange(longest, device=device) < torch.tensor(lengths, device=device)[:, None]
    if min(lengths) < longest:
        frames = frames.masked_fill(~own[..., None], 0.0)
    envelope = overlap_add(hann(n_fft, device).square() * own[..., None], hop)
    centre = slice(n_fft // 2, n_fft // 2 + (longest - 1) * hop)
    # The window's square sums to 1.5, and to less than half of that nowhere between an item's ends; behind them to 0.
    waveform = overlap_add(frames, hop)[:, centre] / envelope[:, centre].clamp_min(1e-3)
    if min(lengths) < longest:
        waveform = waveform * own[:, 1:].repeat_interleave(hop, dim=1)
    return waveform
