"""The compiled convolution against torch's, alone and with all that is fused into it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.vocoder.conftest import fast_engines, snr_db
from tts_models.engine import Engine, choose_engine
from tts_models.kernels import build
from tts_models.kernels.build import BuildError
from tts_models.kernels.convolution import Activation, Kernels, Norm, has_tiles, pack
from tts_models.layers import NORM_EPS
from tts_models.vocoder.generator import snake

ENOUGH_DB = {torch.float32: 110, torch.bfloat16: 42}
ENOUGH_DB_OF_PAIRS = 95


@st.composite
def shapes(draw: st.DrawFn) -> dict[str, int]:
    window = draw(st.sampled_from([0, 16, 32]))
    kernel = draw(st.integers(1, 11) if window else st.integers(1, 12))
    return {
        "positions": draw(st.integers(1, 400)),
        "in_channels": 16 * draw(st.integers(1, 9)),
        "out_channels": 16 * draw(st.integers(1, 9)),
        "kernel": kernel,
        "dilation": draw(st.integers(1, 5)),
        "window": window,
        "parts": draw(st.integers(1, 1 if window else 2)),
        "threads": draw(st.integers(1, 2)),
        "seed": draw(st.integers(0, 2**31)),
    }


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=shapes())
def test_a_convolution_of_any_shape_is_torchs(fast: Engine, shape: dict[str, int]) -> None:
    assert fast.kernels is not None
    generator = torch.Generator().manual_seed(shape["seed"])
    x = torch.randn(shape["positions"], shape["in_channels"], generator=generator)
    fan_in = shape["in_channels"] * shape["kernel"]
    weight = torch.randn(shape["out_channels"], shape["in_channels"], shape["kernel"], generator=generator)
    weight = weight / fan_in**0.5
    bias = torch.randn(shape["out_channels"], generator=generator)
    padding = shape["kernel"] // 2 * shape["dilation"]
    wanted = F.conv1d(x.T, weight, bias, dilation=shape["dilation"], padding=padding).T
    out = torch.full_like(wanted.contiguous(), torch.nan)
    statistics = torch.full((2, shape["out_channels"]), torch.nan)
    torch.set_num_threads(shape["threads"])
    layout = {name: shape[name] for name in ("dilation", "window")}
    parts = shape["parts"] if fast.dtype == torch.bfloat16 else 1
    packed = pack(weight, bias, fast.dtype, padding=padding, parts=parts, **layout)
    fast.kernels.convolve(packed, x, out, statistics=statistics)
    assert snr_db(wanted, out) > (ENOUGH_DB[fast.dtype] if parts == 1 else ENOUGH_DB_OF_PAIRS)
    variance, mean = torch.var_mean(out.double(), dim=0, correction=0)
    torch.testing.assert_close(statistics, torch.stack([mean, variance]).float(), atol=1e-5, rtol=1e-4)

    again, statistics_again = torch.full_like(out, torch.nan), torch.full_like(statistics, torch.nan)
    torch.set_num_threads(3 - shape["threads"])
    fast.kernels.convolve(packed, x, again, statistics=statistics_again)
    assert torch.equal(again, out)
    assert torch.equal(statistics_again, statistics)


@pytest.mark.parametrize("window", [0, 16, 32])
@pytest.mark.parametrize("activation", Activation)
def test_what_is_fused_is_what_torch_does_in_steps(fast: Engine, window: int, activation: Activation) -> None:
    """Norm, activation, convolution, residual, gain and accumulation, strided input; both dtypes between operations."""
    assert fast.kernels is not None
    for stored in [torch.float32] if fast.dtype == torch.float32 else [torch.float32, torch.float16]:
        _compare_fused(fast, window, activation, stored)


def _compare_fused(fast: Engine, window: int, activation: Activation, stored: torch.dtype) -> None:
    assert fast.kernels is not None
    torch.manual_seed(3)
    channels, positions = 32, 333
    wide = (3 + 2 * torch.randn(positions, channels + 16)).to(stored)
    x = wide[:, :channels]
    weight, bias = torch.randn(channels, channels, 3) / 10, torch.randn(channels)
    alpha, affine = torch.rand(channels) + 0.5, torch.randn(2, channels)
    residual = torch.randn(positions, channels).to(stored)
    before = torch.randn(positions, channels).to(stored)

    variance, mean = torch.var_mean(x.float(), dim=0, correction=0)
    steps = affine[0] * (x.float() - mean) * torch.rsqrt(variance + NORM_EPS) + affine[1]
    if activation == Activation.LEAKY_RELU:
        steps = F.leaky_relu(steps, 0.2)
    if activation == Activation.SNAKE:
        steps = snake(steps.T[None], alpha[:, None])[0].T
    steps = F.conv1d(steps.T, weight, bias, padding=5, dilation=5).T
    wanted = 0.25 * (steps + residual) + before

    out = before.clone()
    fast.kernels.convolve(
        pack(weight, bias, fast.dtype, dilation=5, padding=5, window=window),
        x,
        out,
        norm=Norm(torch.stack([mean, variance]), affine),
        activation=activation,
        slope=0.2,
        alpha=alpha,
        residual=residual,
        gain=0.25,
        accumulate=True,
    )
    assert snr_db(wanted, out) > ENOUGH_DB[fast.dtype]


def test_numbers_that_are_not_finite_stay_so(fast: Engine) -> None:
    """Nothing is hidden: what overflows upstream is an error downstream, not a wrong sound."""
    assert fast.kernels is not None
    x = torch.zeros(60, 16)
    x[30, 3] = torch.nan
    for window in (0, 16):
        out = torch.zeros(60, 16)
        fast.kernels.convolve(pack(torch.ones(16, 16, 3), None, fast.dtype, padding=1, window=window), x, out)
        assert not torch.isfinite(out[29:32]).any()


def test_tensors_that_do_not_fit_are_refused(fast: Engine) -> None:
    assert fast.kernels is not None
    conv = pack(torch.ones(16, 32, 1), None, fast.dtype)
    for x, out in (
        (torch.zeros(9, 16), torch.zeros(9, 16)),
        (torch.zeros(9, 32), torch.zeros(9, 32)),
        (torch.zeros(32, 9).T, torch.zeros(9, 16)),
    ):
        with pytest.raises(AssertionError):
            fast.kernels.convolve(conv, x, out)


needs_compiler = pytest.mark.skipif(not fast_engines(), reason="this machine compiles no kernels")


@needs_compiler
def test_a_second_start_does_not_compile(kernel_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Kernels(kernel_cache)
    monkeypatch.setattr(build, "_compile", lambda *_: pytest.fail("compiled again"))
    Kernels(kernel_cache).verify(torch.float32)


def test_no_compiler_is_said_and_auto_goes_on_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(build, "compiler", lambda: None)
    with pytest.raises(ValueError, match=r"cpu-fp32 needs compiled kernels: no C\+\+ compiler"):
        choose_engine("cpu-fp32", cache_dir=tmp_path)
    assert choose_engine("auto", device="cpu", cache_dir=tmp_path).name == "fp32"
    assert "no C++ compiler" in caplog.text


@needs_compiler
def test_a_compiler_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "FLAGS", ("--no-such-option",))
    with pytest.raises(BuildError, match="no-such-option"):
        Kernels(tmp_path)
    assert list(tmp_path.iterdir()) == []


@needs_compiler
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BuildError, match="file"):
        Kernels(tmp_path / "file")


@needs_compiler
def test_a_damaged_library_is_an_error_and_not_a_crash(tmp_path: Path, kernel_cache: Path) -> None:
    Kernels(kernel_cache)
    library = next(kernel_cache.iterdir())
    (tmp_path / library.name).write_bytes(b"no library")
    with pytest.raises(BuildError, match="cannot be loaded"):
        Kernels(tmp_path)


@pytest.mark.skipif("cpu-bf16" not in fast_engines(), reason="this processor has no AVX512-BF16")
@pytest.mark.skipif(has_tiles(torch.bfloat16), reason="bfloat16 is multiplied by tiles here, not by oneDNN")
def test_a_processor_that_cannot_multiply_so_is_found_out(kernel_cache: Path) -> None:
    """oneDNN, which multiplies, is told that the processor is an older one."""
    code = (
        "import sys, pathlib; from tts_models.engine import choose_engine;"
        "print(choose_engine('auto', device='cpu', cache_dir=pathlib.Path(sys.argv[1])).name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(kernel_cache)],
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == "cpu-fp32"
    assert "cannot multiply torch.bfloat16" in done.stderr


@needs_compiler
def test_kernels_that_compute_wrongly_are_not_used(kernel_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kernels, "convolve", lambda _self, _conv, _x, out: out.zero_())
    with pytest.raises(BuildError, match=r"compute torch\.float32 wrongly"):
        Kernels(kernel_cache).verify(torch.float32)
    assert choose_engine("auto", device="cpu", cache_dir=kernel_cache).name == "fp32"
