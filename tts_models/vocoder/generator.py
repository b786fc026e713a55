"""The vocoder's second half: upsampling with Snake residual blocks, from half-frames to spectra."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tts_models.layers import AdaIN1d, apply_mask, length_mask
from tts_models.vocoder.config import VocoderConfig
from tts_models.vocoder.source import HarmonicSource


def snake(x: Tensor, alpha: Tensor) -> Tensor:
    """``x + sin(alpha x)^2 / alpha``, a periodic activation, in float32 at least; ``alpha`` ``(1, C, 1)``."""
    precise = x.to(torch.promote_types(x.dtype, torch.float32))
    return (precise + torch.sin(alpha * precise).square() / alpha).to(x.dtype)


class SnakeResBlock(nn.Module):
    """Three residual steps of (norm, Snake, dilated convolution, norm, Snake, convolution).

    Source: ``AdaINResBlock1`` of ``kokoro`` 0.9.4 ``istftnet.py``.
    """

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...], style_dim: int) -> None:
        """Make a block of ``channels`` channels whose steps' first convolutions are dilated by ``dilations``."""
        super().__init__()
        self.kernel = kernel
        self.dilations = dilations

        def conv(dilation: int) -> nn.Conv1d:
            return nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=(kernel - 1) // 2 * dilation)

        def alphas() -> nn.ParameterList:
            return nn.ParameterList(nn.Parameter(torch.ones(1, channels, 1)) for _ in dilations)

        self.convs1 = nn.ModuleList(conv(dilation) for dilation in dilations)
        self.convs2 = nn.ModuleList(conv(1) for _ in dilations)
        self.adain1 = nn.ModuleList(AdaIN1d(style_dim, channels) for _ in dilations)
        self.adain2 = nn.ModuleList(AdaIN1d(style_dim, channels) for _ in dilations)
        self.alpha1 = alphas()
        self.alpha2 = alphas()

    def forward(self, x: Tensor, style: Tensor, mask: Tensor | None) -> Tensor:
        """Run the block.

        Args:
            x: ``(B, channels, L)``, 0 in the padding.
            style: ``(B, style_dim)``.
            mask: ``(B, 1, L)`` or ``None``.

        Returns:
            ``(B, channels, L)``, 0 in the padding.
        """
        steps = zip(self.adain1, self.alpha1, self.convs1, self.adain2, self.alpha2, self.convs2, strict=True)
        for norm1, alpha1, conv1, norm2, alpha2, conv2 in steps:
            y = apply_mask(conv1(apply_mask(snake(norm1(x, style, mask), alpha1), mask)), mask)
            y = conv2(apply_mask(snake(norm2(y, style, mask), alpha2), mask))
            x = apply_mask(x + y, mask)
        return x


class Generator(nn.Module):
    """Two upsamplings, each joined by the source and followed by residual blocks side by side.

    Lengths, for an item of ``T`` frames: ``2T`` in, ``20T`` after the first upsampling, ``120T + 1`` spectra out.

    Source: ``Generator`` of ``kokoro`` 0.9.4 ``istftnet.py``, without its source and its inverse STFT.
    """

    def __init__(self, config: VocoderConfig) -> None:
        """Make a generator of ``config``'s sizes."""
        super().__init__()
        self.rates = config.upsample_rates
        self.side_by_side = len(config.resblock_kernels)
        self.m_source = HarmonicSource(config.harmonics)
        spectrum = config.n_fft + 2
        channels = [config.generator_channels // 2**i for i in range(3)]
        first, second = channels[1:]
        rate = config.upsample_rates[1]
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(channels[i], channels[i + 1], kernel, stride, padding=(kernel - stride) // 2)
            for i, (stride, kernel) in enumerate(zip(config.upsample_rates, config.upsample_kernels, strict=True))
        )
        self.noise_convs = nn.ModuleList(
            [
                nn.Conv1d(spectrum, first, 2 * rate, stride=rate, padding=(rate + 1) // 2),
                nn.Conv1d(spectrum, second, 1),
            ]
        )

        def block(width: int, kernel: int) -> SnakeResBlock:
            return SnakeResBlock(width, kernel, config.resblock_dilations, config.style_dim)

        self.noise_res = nn.ModuleList(
            block(width, kernel) for width, kernel in zip((first, second), config.noise_kernels, strict=True)
        )
        self.resblocks = nn.ModuleList(
            block(width, kernel) for width in (first, second) for kernel in config.resblock_kernels
        )
        self.conv_post = nn.Conv1d(second, spectrum, 7, padding=3)

    def forward(self, x: Tensor, source: Tensor, timbre: Tensor, lengths: Tensor | None) -> Tensor:
        """Generate spectra.

        Args:
            x: ``(B, generator_channels, 2T)``, 0 in the padding.
            source: ``(B, n_fft + 2, 120T + 1)``, polar spectrum of the source; 0 in the padding.
            timbre: ``(B, style_dim)``.
            lengths: ``(B,)`` frames of each item, or ``None`` where nothing is padded.

        Returns:
            ``(B, n_fft + 2, 120T + 1)``: log magnitudes, then numbers whose sine is the phase; meaningless in the
            padding.
        """
        per_frame, extra = 2, 0
        for i, (up, rate) in enumerate(zip(self.ups, self.rates, strict=True)):
            per_frame, extra = per_frame * rate, int(i == len(self.rates) - 1)
            longest = x.shape[-1] * rate + extra
            mask = None if lengths is None else length_mask(lengths * per_frame + extra, longest, x.dtype)
            beside = self.noise_res[i](apply_mask(self.noise_convs[i](source), mask), timbre, mask)
            x = up(F.leaky_relu(x, 0.1))
            if extra:
                x = F.pad(x, (1, 0), mode="reflect")
            x = apply_mask(x + beside, mask)
            blocks = self.resblocks[i * self.side_by_side : (i + 1) * self.side_by_side]
            x = torch.stack([block(x, timbre, mask) for block in blocks]).mean(dim=0)
        spectra: Tensor = self.conv_post(F.leaky_relu(x, 0.01))
        return spectra
