"""The vocoder's arithmetic on a CPU, as a sequence of one compiled operation. One item at a time, of any length.

The same network as :class:`tts_models.vocoder.network.VocoderNetwork`, channels last: every convolution is computed
with the norm and activation before it, and the bias, residual and statistics after it, in one pass over the data.
"""

from __future__ import annotations

import threading

import torch
import torch.nn.functional as F
from torch import Tensor

from tts_models.kernels.convolution import Activation, Kernels, Norm
from tts_models.vocoder.network import VocoderNetwork
from tts_models.vocoder.packed import PackedNetwork, SnakeStep


class NativeNetwork:
    """A :class:`VocoderNetwork`'s decoder and generator, computed by the compiled kernels.

    Tensors between operations are float32 for float32 weights. For bfloat16 weights the long ones, the generator's, are
    half precision.
    """

    def __init__(self, network: VocoderNetwork, kernels: Kernels, dtype: torch.dtype) -> None:
        """Pack ``network``'s weights as ``dtype``, float32 or bfloat16; ``network`` is not needed afterwards."""
        self._config = network.config
        self._kernels, self._convolve = kernels, kernels.convolve
        self._weights = PackedNetwork(network, dtype)
        self._stored = torch.float32 if dtype == torch.float32 else torch.float16
        # Memory is kept from call to call, so calls take turns. They would only share the same cores anyway.
        self._buffers: dict[str, Tensor] = {}
        self._lock = threading.Lock()

    def __call__(self, text: Tensor, f0_hz: Tensor, energy: Tensor, timbre: Tensor, source: Tensor) -> Tensor:
        """Features and source of one item to its spectra.

        Args:
            text: ``(T, text_channels)`` float32, the text encoding repeated to frames.
            f0_hz: ``(2T,)`` float32, Hz.
            energy: ``(2T,)`` float32.
            timbre: ``(style_dim,)`` float32.
            source: ``(120T + 1, n_fft + 2)`` float32, polar spectrum of the source.

        Returns:
            ``(n_fft + 2, 120T + 1)`` float32, as :class:`VocoderNetwork` gives.
        """
        with self._lock:
            styles = self._weights.styles(timbre)
            spectra = self._generate(self._decode(text, f0_hz, energy, styles), source, styles)
            return spectra[:, : source.shape[1]].T.contiguous()

    def _buffer(self, name: str, positions: int, channels: int, dtype: torch.dtype) -> Tensor:
        """``(positions, channels)`` of memory kept under ``name``; it holds whatever it held."""
        kept = self._buffers.get(name)
        if kept is None or kept.numel() < positions * channels:
            self._buffers[name] = kept = torch.empty(positions * channels, dtype=dtype)
        return kept[: positions * channels].view(positions, channels)

    def _decode(self, text: Tensor, f0_hz: Tensor, energy: Tensor, styles: Tensor) -> Tensor:
        """The decoder: ``(2T, generator_channels)`` float32."""
        weights, config = self._weights, self._config
        frames, text_channels = text.shape
        curves = torch.cat([weights.f0_conv(f0_hz[None]), weights.energy_conv(energy[None])]).T
        x = text.new_zeros(frames, weights.decoder[0].conv1.in_channels)
        x[:, :text_channels] = text
        x[:, text_channels : text_channels + 2] = curves
        # The other blocks read what the one before made, in the first columns, beside what they all read.
        shared = text.new_zeros(frames, weights.decoder[1].conv1.in_channels)
        wide, residual = config.decoder_channels, config.residual_channels
        self._convolve(weights.residual, text, shared[:, wide : wide + residual])
        shared[:, wide + residual : wide + residual + 2] = curves
        for block in weights.decoder[:-1]:
            block.run(self._kernels, x, styles, shared[:, :wide])
            x = shared
        out = text.new_empty(2 * frames, config.generator_channels)
        weights.decoder[-1].run(self._kernels, x, styles, out)
        return out

    def _generate(self, x: Tensor, source: Tensor, styles: Tensor) -> Tensor:
        """The generator: ``(120T + 1, >= n_fft + 2)`` float32, in a buffer."""
        weights = self._weights
        side_by_side = len(weights.snake_blocks) // len(weights.ups)
        for stage, (up, rate) in enumerate(zip(weights.ups, self._config.upsample_rates, strict=True)):
            channels, positions = up.out_channels // rate, len(x) * rate
            upsampled = self._buffer(f"upsampled {stage}", len(x) + 1, up.out_channels, self._stored)
            self._convolve(up, x, upsampled, activation=Activation.LEAKY_RELU, slope=0.1)
            rows, start = upsampled.view(-1, channels), rate // 2
            if stage == len(weights.ups) - 1:
                rows[start - 1] = rows[start + 1]
                start, positions = start - 1, positions + 1
            x = rows[start : start + positions]
            statistics = torch.empty(2, channels)
            self._add_source(stage, x, source, styles, statistics)
            mean = self._buffer(f"mean {stage}", positions, channels, self._stored)
            blocks = weights.snake_blocks[stage * side_by_side : (stage + 1) * side_by_side]
            for index, block in enumerate(blocks):
                self._run_snake_block(block, x, statistics, styles, mean, gain=1 / side_by_side, accumulate=index > 0)
            x = mean
        spectra = self._buffer("spectra", len(x), weights.post.out_channels, torch.float32)
        self._convolve(weights.post, x, spectra, activation=Activation.LEAKY_RELU, slope=0.01)
        return spectra

    def _add_source(self, stage: int, x: Tensor, source: Tensor, styles: Tensor, statistics: Tensor) -> None:
        """Add the source's branch to ``x``, and write the sum's statistics."""
        conv = self._weights.noise_convs[stage]
        rows = source
        if stage == 0:
            rate, before = self._config.upsample_rates[1], self._weights.noise_padding
            rows = F.pad(source, (0, 0, before, rate - 1 - before)).view(len(x) + 1, -1)
        rows = F.pad(rows, (0, conv.in_channels - rows.shape[1]))
        beside = self._buffer("beside", len(x), x.shape[1], self._stored)
        own = torch.empty_like(statistics)
        self._convolve(conv, rows, beside, statistics=own)
        self._run_snake_block(
            self._weights.noise_blocks[stage], beside, own, styles, x, accumulate=True, out_statistics=statistics
        )

    def _run_snake_block(
        self,
        block: list[SnakeStep],
        x: Tensor,
        statistics: Tensor,
        styles: Tensor,
        out: Tensor,
        *,
        gain: float = 1.0,
        accumulate: bool = False,
        out_statistics: Tensor | None = None,
    ) -> None:
        """``out = gain * SnakeResBlock(x)``, or ``+=``; ``statistics`` are those of ``x``."""
        hidden = self._buffer("hidden", len(x), x.shape[1], self._stored)
        hidden_statistics = torch.empty_like(statistics)
        for index in range(0, len(block), 2):
            first, second = block[index : index + 2]
            last = index == len(block) - 2
            self._convolve(
                first.conv,
                x,
                hidden,
                norm=Norm(statistics, styles[first.affine].view(2, -1)),
                activation=Activation.SNAKE,
                alpha=first.alpha,
                statistics=hidden_statistics,
            )
            target = out if last else self._buffer("running", len(x), x.shape[1], self._stored)
            statistics = torch.empty_like(statistics)
            self._convolve(
                second.conv,
                hidden,
                target,
                norm=Norm(hidden_statistics, styles[second.affine].view(2, -1)),
                activation=Activation.SNAKE,
                alpha=second.alpha,
                residual=x,
                gain=gain if last else 1.0,
                accumulate=accumulate and last,
                statistics=out_statistics if last else statistics,
            )
            x = target
