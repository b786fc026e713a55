from __future__ import annotations

import platform
from pathlib import Path

import pytest
import torch

from tests.vocoder.conftest import fast_engines
from tts_models.engine import choose_engine
from tts_models.kernels import build


def test_auto_is_the_fastest_this_machine_can_run(kernel_cache: Path) -> None:
    engine = choose_engine("auto", device="cpu", cache_dir=kernel_cache)
    assert engine.name == (["fp32", *fast_engines()])[-1]
    assert (engine.kernels is None) == (engine.name == "fp32")


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no engine 'fast'; there are auto, fp32, cpu-fp32, cpu-bf16, cuda-half"):
        choose_engine("fast")


def test_engines_of_another_device_are_refused() -> None:
    with pytest.raises(ValueError, match="runs on a CPU, not on cuda:0"):
        choose_engine("cpu-fp32", device="cuda:0")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="needs a GPU, and torch sees none"):
            choose_engine("cuda-half")


def test_bfloat16_needs_a_processor_that_has_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tts_models.engine.processor_flags", lambda: frozenset({"avx2"}))
    with pytest.raises(ValueError, match="needs a processor with AVX512-BF16"):
        choose_engine("cpu-bf16", device="cpu", cache_dir=tmp_path)


def test_flags_are_read_from_the_system() -> None:
    assert build.processor_flags() == build.processor_flags()
    assert "sse2" in build.processor_flags() or platform.machine() != "x86_64"
