"""A vocoder's weights, rearranged for the compiled kernels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tts_models.kernels.convolution import PackedConv, has_tiles, pack, pack_conv
from tts_models.kernels.res_block import PackedResBlock, Styles
from tts_models.layers import AdaIN1d, AdainResBlk1d
from tts_models.vocoder.generator import SnakeResBlock
from tts_models.vocoder.network import VocoderNetwork

LONG_WINDOW = 32
SHORT_WINDOW = 16
SHORT_KERNEL = 3
"""Taps up to which the short window is as good, having half the weights; and no window by a processor's tiles."""
MANY_CHANNELS = 256
"""From here on the products of a processor's tiles take less than the transforms that would save some of them."""


@dataclass(frozen=True, slots=True, eq=False)
class SnakeStep:
    """A norm, a Snake and a convolution.

    Attributes:
        conv: The convolution.
        affine: The norm's rows in the styles.
        alpha: ``(channels,)`` Snake's.
    """

    conv: PackedConv
    affine: slice
    alpha: Tensor


class PackedNetwork:
    """A :class:`VocoderNetwork`'s decoder and generator.

    Attributes:
        styles: All norms' affines.
        f0_conv: F0 to frame rate, plain.
        energy_conv: Energy to frame rate, plain.
        residual: The text encoding, squeezed for every decoder block.
        decoder: The decoder's five blocks.
        ups: The two upsamplings; see :meth:`_upsampling`.
        noise_convs: Source to the width of each stage; the first on rows of as many positions as its stride.
        noise_padding: Positions before the first of the source, for the first of these.
        noise_blocks: The residual blocks on the source, one a stage; each two steps a residual.
        snake_blocks: The residual blocks side by side, stage by stage.
        post: The last convolution.
    """

    def __init__(self, network: VocoderNetwork, dtype: torch.dtype) -> None:
        """Pack ``network``'s weights as ``dtype``, float32 or bfloat16; ``network`` is not needed afterwards."""
        self._dtype = dtype
        self.styles = Styles()
        decoder, generator = network.decoder, network.generator
        self.f0_conv, self.energy_conv = decoder.F0_conv, decoder.N_conv
        self.residual = self._conv(decoder.asr_res[0])
        self.decoder = [self._decoder_block(block) for block in (decoder.encode, *decoder.decode)]
        self.ups = [self._upsampling(up) for up in generator.ups]
        by_stride, plain = generator.noise_convs
        assert isinstance(by_stride, nn.Conv1d)
        # Twice as many taps as its stride: two taps on rows of `stride` positions.
        (stride,), self.noise_padding = by_stride.stride, int(by_stride.padding[0])
        by_rows = by_stride.weight.unflatten(2, (2, stride)).permute(0, 3, 1, 2).flatten(1, 2)
        self.noise_convs = [pack(by_rows, by_stride.bias, dtype), self._conv(plain)]
        self.noise_blocks = [self._snake_block(block) for block in generator.noise_res]
        self.snake_blocks = [self._snake_block(block) for block in generator.resblocks]
        self.post = self._conv(generator.conv_post)
        self.styles.seal()

    def _conv(self, conv: nn.Module, window: int = 0) -> PackedConv:
        assert isinstance(conv, nn.Conv1d)
        return pack_conv(conv, self._dtype, window)

    def _upsampling(self, up: nn.Module) -> PackedConv:
        """A transposed convolution of stride ``s`` and ``2s`` taps as a plain one of two taps.

        Its ``s * channels`` outputs, read as rows of ``channels``, are the upsampled positions in order: those between
        an input position and the one before.
        """
        assert isinstance(up, nn.ConvTranspose1d)
        assert up.bias is not None
        (stride,) = up.stride
        weight = up.weight.unflatten(2, (2, stride)).flip(2).permute(3, 1, 0, 2).flatten(0, 1)
        return pack(weight, up.bias.repeat(stride), self._dtype, padding=1)

    def _decoder_block(self, block: nn.Module) -> PackedResBlock:
        assert isinstance(block, AdainResBlk1d)
        return PackedResBlock.of(block, self.styles, self._dtype)

    def _snake_block(self, block: nn.Module) -> list[SnakeStep]:
        assert isinstance(block, SnakeResBlock)
        window = self._window(block.alpha1[0].numel(), block.kernel)
        first = zip(block.convs1, block.adain1, block.alpha1, strict=True)
        second = zip(block.convs2, block.adain2, block.alpha2, strict=True)
        return [
            self._snake_step(conv, norm, alpha, window)
            for pair in zip(first, second, strict=True)
            for conv, norm, alpha in pair
        ]

    def _window(self, channels: int, kernel: int) -> int:
        """The window by which such convolutions are fastest, or 0 for none, as measured with each kind of processor."""
        if has_tiles(self._dtype):
            return 0 if kernel <= SHORT_KERNEL or channels >= MANY_CHANNELS else SHORT_WINDOW
        return SHORT_WINDOW if kernel <= SHORT_KERNEL else LONG_WINDOW

    def _snake_step(self, conv: nn.Module, norm: nn.Module, alpha: Tensor, window: int) -> SnakeStep:
        assert isinstance(norm, AdaIN1d)
        return SnakeStep(self._conv(conv, window), self.styles.add(norm), alpha.flatten().contiguous())
