from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tts_models.engine import Engine, choose_engine
from tts_models.kernels.build import processor_flags
from tts_models.types import AcousticFeatures
from tts_models.vocoder import VocoderConfig, VocoderNetwork

TINY = VocoderConfig(
    text_channels=32,
    style_dim=8,
    decoder_channels=48,
    residual_channels=16,
    generator_channels=64,
)
"""The real network, narrow: every part is there."""

MakeFeatures = Callable[..., AcousticFeatures]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors gain nothing from threads, and on a busy machine lose much to waiting for them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny_network() -> VocoderNetwork:
    """Random weights of the size a trained network has: neither silent nor saturated."""
    torch.manual_seed(5)
    network = VocoderNetwork(TINY).eval().requires_grad_(False)
    for name, parameter in network.named_parameters():
        if "alpha" in name:
            parameter.uniform_(0.5, 2)
    return network


@pytest.fixture
def fp32() -> Engine:
    return choose_engine("fp32", device="cpu")


@pytest.fixture(scope="session")
def kernel_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernels")


def fast_engines() -> list[str]:
    """The compiled engines that this machine must be able to run."""
    flags = processor_flags()
    if platform.machine() != "x86_64" or shutil.which("g++") is None or "avx2" not in flags:
        return []
    return ["cpu-fp32", "cpu-bf16"] if "avx512_bf16" in flags else ["cpu-fp32"]


@pytest.fixture(params=["cpu-fp32", "cpu-bf16"])
def fast(request: pytest.FixtureRequest, kernel_cache: Path) -> Engine:
    """Each of the compiled engines; a machine whose processor or lack of a compiler rules one out skips it."""
    if request.param not in fast_engines():
        pytest.skip(f"{request.param} needs g++ and AVX2 (cpu-bf16: AVX512-BF16), which this machine lacks")
    return choose_engine(request.param, cache_dir=kernel_cache)


@pytest.fixture
def make_features() -> MakeFeatures:
    """Makes features of a given number of frames: voiced and unvoiced stretches, random text, curves and timbre."""
    rng = np.random.default_rng(4)

    def make(n_frames: int, config: VocoderConfig = TINY, **fields: object) -> AcousticFeatures:
        durations = np.ones(1, np.int64)
        while durations.sum() < n_frames:
            durations = np.append(durations, min(rng.integers(1, 8), n_frames - durations.sum()))
        time = np.arange(2 * n_frames)
        f0_hz = np.where(time % 40 < 30, 150 + 40 * np.sin(time / 9), 0.3).astype(np.float32)
        values = {
            "text_encoding": rng.normal(size=(config.text_channels, len(durations))).astype(np.float32),
            "durations_frames": durations,
            "f0_hz": f0_hz,
            "energy": rng.normal(size=2 * n_frames).astype(np.float32),
            "timbre": rng.normal(size=config.style_dim).astype(np.float32),
        }
        return AcousticFeatures(**{**values, **fields})  # type: ignore[arg-type]

    return make


def snr_db(wanted: torch.Tensor, got: torch.Tensor) -> float:
    """How far ``got`` is below ``wanted`` when it is wrong, dB of power."""
    assert wanted.shape == got.shape
    wanted, got = wanted.double(), got.double()
    return float(10 * torch.log10(wanted.square().sum() / (wanted - got).square().sum().clamp_min(1e-300)))
