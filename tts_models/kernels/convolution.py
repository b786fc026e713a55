"""The compiled convolution as Python sees it: weights packed once, tensors in and out."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tts_models.kernels.build import BuildError, load, processor_flags

LANES = 16
COLUMNS = {torch.float32: 64, torch.bfloat16: 128}
"""Most output channels of one direct product: a panel of weights that stays in a core's cache."""
BLOCK = 48
"""Windows, or outputs, that a thread works on together: enough rows for the products, few enough for its cache."""
BLOCK_BY_TILES = 32
"""The same where a processor has tiles, which are 16 rows high and multiplied in pairs."""


class Activation(IntEnum):
    """What is done to the input between norm and convolution."""

    NONE = 0
    LEAKY_RELU = 1
    SNAKE = 2


class _Operation(ctypes.Structure):
    """``Operation`` of ``conv.cpp``, field by field."""

    _fields_ = (
        [(name, ctypes.c_int64) for name in ("in_positions", "out_positions", "in_channels", "out_channels")]
        + [(name, ctypes.c_int64) for name in ("in_stride", "out_stride", "residual_stride")]
        + [(name, ctypes.c_int64) for name in ("kernel", "dilation", "padding")]
        + [(name, ctypes.c_int64) for name in ("window", "block", "columns", "threads")]
        + [(name, ctypes.c_int32) for name in ("bfloat16", "in_half", "out_half", "activation", "accumulate")]
        + [(name, ctypes.c_float) for name in ("slope", "gain")]
        + [(name, ctypes.c_void_p) for name in ("input", "mean", "variance", "scale", "shift", "alpha")]
        + [(name, ctypes.c_void_p) for name in ("weights", "bias", "residual", "out", "out_mean", "out_variance")]
    )


@dataclass(frozen=True, slots=True, eq=False)
class PackedConv:
    """A convolution's weights in the order the products read them.

    Attributes:
        weights: ``(columns / n, k, parts, in, n)`` for a direct one, ``(P, in, out)`` for one by windows; float32 or
            bfloat16, the latter with two input channels side by side.
        bias: ``(out,)`` float32.
        in_channels: Rounded up to a multiple of ``LANES``.
        out_channels: Likewise.
        kernel: Taps.
        dilation: Positions between taps.
        padding: Zeros before the first position.
        window: Positions of a window, or 0 for a direct convolution.
        parts: bfloat16 numbers that each factor is the sum of, 1 or 2; 1 for float32.
    """

    weights: Tensor
    bias: Tensor
    in_channels: int
    out_channels: int
    kernel: int
    dilation: int
    padding: int
    window: int
    parts: int


@dataclass(frozen=True, slots=True, eq=False)
class Norm:
    """An instance norm with a style's affine.

    Attributes:
        statistics: ``(2, channels)`` float32, mean and variance of the input over time.
        affine: ``(2, channels)`` float32, scale and shift after normalisation.
    """

    statistics: Tensor
    affine: Tensor


def round_up(channels: int) -> int:
    """``channels`` rounded up to what the kernels take."""
    return -(-channels // LANES) * LANES


@cache
def has_tiles(dtype: torch.dtype) -> bool:
    """Whether this processor multiplies ``dtype`` by tiles (AMX): some eight times as fast as float32 by vectors."""
    return dtype == torch.bfloat16 and "amx_bf16" in processor_flags()


def _columns(channels: int, dtype: torch.dtype) -> int:
    """Output channels of one direct product: a multiple of ``LANES`` that divides ``channels``."""
    return max(columns for columns in range(LANES, COLUMNS[dtype] + 1, LANES) if channels % columns == 0)


def pack(
    weight: Tensor,
    bias: Tensor | None,
    dtype: torch.dtype,
    *,
    dilation: int = 1,
    padding: int = 0,
    window: int = 0,
    parts: int = 1,
) -> PackedConv:
    """Pack a convolution.

    Args:
        weight: ``(out, in, k)`` float32.
        bias: ``(out,)`` float32 or ``None``.
        dtype: float32 or bfloat16.
        dilation: Positions between taps.
        padding: Zeros before the first position.
        window: 16 or 32 to convolve in the frequency domain, 0 directly. Both dimensions' channels are then multiples
            of ``LANES`` and the kernel shorter than the window.
        parts: 2 makes each factor of a direct convolution's products, data and weights, the sum of two bfloat16: 16
            bits of float32's 24, in three products. What torch calls the precision ``high`` of float32.
    """
    out_channels, in_channels, kernel = weight.shape
    padded_in, padded_out = round_up(in_channels), round_up(out_channels)
    weight = F.pad(weight, (0, 0, 0, padded_in - in_channels, 0, padded_out - out_channels))
    bias = torch.zeros(out_channels) if bias is None else bias
    bias = F.pad(bias, (0, padded_out - out_channels)).contiguous()
    assert parts == 1 or (dtype == torch.bfloat16 and not window)
    if window:
        matrices = _spectral_factors(weight, window)
    else:
        columns = _columns(padded_out, dtype)
        matrices = weight.view(-1, columns, padded_in, kernel).permute(0, 3, 2, 1).flatten(0, 1)
    if dtype == torch.bfloat16:
        high = matrices.bfloat16()
        matrices = high if parts == 1 else torch.stack([high, (matrices - high).bfloat16()], dim=1).flatten(0, 1)
        matrices = matrices.unflatten(1, (padded_in // 2, 2)).transpose(2, 3)
    return PackedConv(matrices.contiguous(), bias, padded_in, padded_out, kernel, dilation, padding, window, parts)


def pack_conv(conv: nn.Conv1d, dtype: torch.dtype, window: int = 0, parts: int = 1) -> PackedConv:
    """:func:`pack` of a convolution of torch's."""
    bias = None if conv.bias is None else conv.bias.detach()
    (dilation,), padding = conv.dilation, int(conv.padding[0])
    return pack(conv.weight.detach(), bias, dtype, dilation=dilation, padding=padding, window=window, parts=parts)


def _spectral_factors(weight: Tensor, window: int) -> Tensor:
    """The ``P`` real matrices that multiply a window's spectrum, ``(P, in, out)``.

    With the spectrum's conjugate ``a + ib`` (a convolution here is a correlation) Gauss's product is
    ``re = a (Re + Im) - (a + b) Im`` and ``im = a (Re + Im) + (b - a) Re``. The inverse transform's ``1 / N`` is in it.
    """
    time = torch.arange(weight.shape[-1], dtype=torch.float64)
    frequency = torch.arange(window // 2 + 1, dtype=torch.float64)
    angle = 2 * torch.pi / window * frequency[:, None] * time
    taps = weight.permute(2, 1, 0).flatten(1)
    a, b = ((basis(angle) / window).float() @ taps for basis in (torch.cos, torch.sin))
    a, b = a.unflatten(1, (weight.shape[1], -1)), b.unflatten(1, (weight.shape[1], -1))
    inner = slice(1, window // 2)
    complex_ones = torch.stack([a[inner], b[inner] - a[inner], a[inner] + b[inner]], dim=1).flatten(0, 1)
    return torch.cat([a[:1], a[-1:], complex_ones])


class Kernels:
    """The compiled library.

    Attributes:
        threads: Says how many threads compute, by default as many as torch's; asked before every operation. What they
            compute does not depend on it.
    """

    def __init__(self, cache_dir: Path) -> None:
        """Compile or load.

        Raises:
            BuildError: Neither is possible here.
        """
        self.threads: Callable[[], int] = torch.get_num_threads
        self._convolve = load(cache_dir).voicegraph_convolve
        self._convolve.restype = ctypes.c_int

    def verify(self, dtype: torch.dtype, parts: int = 1) -> None:
        """Convolve something small and compare: what compiles here need not compute here.

        Args:
            dtype: float32 or bfloat16, of the weights.
            parts: See :func:`pack`.

        Raises:
            BuildError: The result is wrong, or there is none: the processor lacks what the products need.
        """
        generator = torch.Generator().manual_seed(0)
        x, weight = (torch.randn(*shape, generator=generator) for shape in ((50, LANES), (LANES, LANES, 3)))
        wanted = F.conv1d(x.T, weight, padding=1).T
        for window in (0, 16) if parts == 1 else (0,):
            out = torch.full_like(x, torch.nan)
            try:
                self.convolve(pack(weight, None, dtype, padding=1, window=window, parts=parts), x, out)
            except RuntimeError as error:
                raise BuildError(
                    f"this processor or torch cannot multiply {dtype} as they need it ({error})"
                ) from error
            if not torch.allclose(out, wanted, atol=0.2 if dtype == torch.bfloat16 and parts == 1 else 1e-4 * parts**2):
                raise BuildError(f"they compute {dtype} wrongly on this machine")

    def convolve(
        self,
        conv: PackedConv,
        x: Tensor,
        out: Tensor,
        *,
        norm: Norm | None = None,
        activation: Activation = Activation.NONE,
        slope: float = 0.0,
        alpha: Tensor | None = None,
        residual: Tensor | None = None,
        gain: float = 1.0,
        accumulate: bool = False,
        statistics: Tensor | None = None,
    ) -> None:
        """``out = gain (conv(activation(norm(x))) + residual)``.

        Args:
            conv: What to convolve with.
            x: ``(positions, in_channels)`` float32 or float16, channels adjacent.
            out: ``(out_positions, out_channels)`` float32 or float16, channels adjacent; may be ``residual`` too, but
                not ``x``.
            norm: Norm of ``x``, or ``None``.
            activation: After the norm.
            slope: Of a leaky ReLU.
            alpha: ``(in_channels,)`` float32 of a Snake.
            residual: Like ``out``, or ``None``.
            gain: See above.
            accumulate: Add to ``out`` instead of replacing it.
            statistics: ``(2, >= out_channels)`` float32; its columns get mean and variance of ``out`` over time.

        Raises:
            RuntimeError: The kernel failed.
        """
        self._check(conv, x, out, residual, statistics)
        operation = _Operation(
            in_positions=x.shape[0],
            out_positions=out.shape[0],
            in_channels=conv.in_channels,
            out_channels=conv.out_channels,
            in_stride=x.stride(0),
            out_stride=out.stride(0),
            residual_stride=0 if residual is None else residual.stride(0),
            kernel=conv.kernel,
            dilation=conv.dilation,
            padding=conv.padding,
            window=conv.window,
            block=BLOCK_BY_TILES if has_tiles(conv.weights.dtype) else BLOCK,
            columns=_columns(conv.out_channels, conv.weights.dtype),
            threads=self.threads(),
            bfloat16=conv.parts if conv.weights.dtype == torch.bfloat16 else 0,
            in_half=x.dtype == torch.float16,
            out_half=out.dtype == torch.float16,
            activation=activation,
            accumulate=accumulate,
            slope=slope,
            gain=gain,
            input=x.data_ptr(),
            mean=None if norm is None else norm.statistics[0].data_ptr(),
            variance=None if norm is None else norm.statistics[1].data_ptr(),
            scale=None if norm is None else norm.affine[0].data_ptr(),
            shift=None if norm is None else norm.affine[1].data_ptr(),
            alpha=None if alpha is None else alpha.data_ptr(),
            weights=conv.weights.data_ptr(),
            bias=conv.bias.data_ptr(),
            residual=None if residual is None else residual.data_ptr(),
            out=out.data_ptr(),
            out_mean=None if statistics is None else statistics[0].data_ptr(),
            out_variance=None if statistics is None else statistics[1].data_ptr(),
        )
        status = self._convolve(ctypes.byref(operation))
        if status != 0:
            raise RuntimeError(f"the convolution kernel failed with status {status}")

    @staticmethod
    def _check(conv: PackedConv, x: Tensor, out: Tensor, residual: Tensor | None, statistics: Tensor | None) -> None:
        """What would otherwise be a read or a write outside a tensor."""
        assert x.shape[1] == conv.in_channels, (x.shape, conv.in_channels)
        assert out.shape[1] == conv.out_channels, (out.shape, conv.out_channels)
        assert residual is None or (residual.shape == out.shape and residual.dtype == out.dtype)
        assert statistics is None or statistics.shape[1] >= conv.out_channels
        assert all(tensor is None or tensor.stride(1) == 1 for tensor in (x, out, residual))
