"""The acoustic network's larger products on a CPU, by the compiled kernels, in float32 or nearly so.

PL-BERT's linear layers are most of the work, and the residual blocks of F0 and energy most of the rest. They take the
place of torch's own modules; what they compute does not depend on how many threads compute it. Where the processor
multiplies bfloat16 by tiles, their factors are sums of two bfloat16: 16 bits, and nearly twice as fast.
"""

from __future__ import annotations

import logging

import torch
from torch import Tensor, nn

from tts_models.acoustic.network import AcousticNetwork
from tts_models.acoustic.recurrent import BiLstm
from tts_models.kernels.build import BuildError
from tts_models.kernels.convolution import Kernels, has_tiles, pack, round_up
from tts_models.kernels.res_block import PackedResBlock, Styles
from tts_models.layers import AdainResBlk1d

logger = logging.getLogger(__name__)


def use_kernels(network: AcousticNetwork, kernels: Kernels) -> None:
    """Let ``kernels`` compute what they are faster at than torch; ``network`` cannot be trained or moved afterwards."""
    dtype, parts = _factors(kernels)
    for parent in (network, *network.bert.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.Linear):
                setattr(parent, name, _Linear(layer, kernels, dtype, parts))
    if torch.get_num_threads() == 1:  # else an LSTM's directions each take all threads of torch's
        for lstm in network.modules():
            if isinstance(lstm, BiLstm):
                lstm.threads = lambda: kernels.threads()
    for blocks in (network.predictor.F0, network.predictor.N):
        for index, block in enumerate(blocks):
            assert isinstance(block, AdainResBlk1d)
            blocks[index] = _ResBlock(block, kernels, dtype, parts)


def _factors(kernels: Kernels) -> tuple[torch.dtype, int]:
    """What the products' factors are here, and of how many parts: float32, or pairs of bfloat16 where faster."""
    if has_tiles(torch.bfloat16):
        try:
            kernels.verify(torch.bfloat16, parts=2)
        except BuildError as error:
            logger.warning("The acoustic model computes in float32, slower than this processor could: %s", error)
        else:
            return torch.bfloat16, 2
    return torch.float32, 1


class _Linear(nn.Module):
    """``nn.Linear``: a convolution of one tap over all rows there are."""

    def __init__(self, layer: nn.Linear, kernels: Kernels, dtype: torch.dtype, parts: int) -> None:
        super().__init__()
        self._kernels = kernels
        self._weights = pack(layer.weight.detach()[..., None], layer.bias.detach(), dtype, parts=parts)
        self._columns = layer.out_features

    def forward(self, x: Tensor) -> Tensor:
        """``(..., in)`` float32 to ``(..., out)``."""
        rows = _widened(x.flatten(0, -2))
        out = rows.new_empty(len(rows), self._weights.out_channels)
        self._kernels.convolve(self._weights, rows, out)
        return out[:, : self._columns].view(*x.shape[:-1], self._columns)


class _ResBlock(nn.Module):
    """``AdainResBlk1d``, item by item, each as long as it is."""

    def __init__(self, block: AdainResBlk1d, kernels: Kernels, dtype: torch.dtype, parts: int) -> None:
        super().__init__()
        self._kernels = kernels
        self._styles = Styles()
        self._block = PackedResBlock.of(block, self._styles, dtype, parts=parts)
        self._styles.seal()
        self._channels, self._factor = block.conv2.out_channels, 1 if block.pool is None else 2

    def forward(self, x: Tensor, style: Tensor, mask: Tensor | None = None) -> Tensor:
        """As :meth:`tts_models.layers.AdainResBlk1d.forward`."""
        n_items, _, length = x.shape
        lengths = [length] * n_items if mask is None else mask.sum(dim=(1, 2)).long().tolist()
        out = x.new_zeros(n_items, self._channels, self._factor * length)
        for item, its_style, its_out, own in zip(x, style, out, lengths, strict=True):
            made = x.new_empty(self._factor * own, round_up(self._channels))
            self._block.run(self._kernels, _widened(item[:, :own].T), self._styles(its_style), made)
            its_out[:, : len(made)] = made[:, : self._channels].T
        return out


def _widened(rows: Tensor) -> Tensor:
    """Rows as wide as the kernels take them, elements adjacent."""
    missing = round_up(rows.shape[1]) - rows.shape[1]
    return nn.functional.pad(rows, (0, missing)) if missing else rows.contiguous()
