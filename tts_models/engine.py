"""How the vocoder computes on the machine it finds itself on.

==============  ========================================================================================================
``fp32``        plain torch, float32, any device; the one the others are compared with
``cpu-fp32``    compiled kernels with frequency-domain convolutions, float32 throughout: 108 dB from ``fp32``
``cpu-bf16``    the same with bfloat16 products; for processors that multiply bfloat16 (AVX512-BF16, AMX)
``cuda-half``   plain torch compiled for the GPU, bfloat16 (float16 on GPUs before Ampere), padded batches
==============  ========================================================================================================
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from tts_models.assets import default_root
from tts_models.kernels.build import BuildError, processor_flags
from tts_models.kernels.convolution import Kernels

ENGINES = ("auto", "fp32", "cpu-fp32", "cpu-bf16", "cuda-half")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """One way of computing, ready to be used.

    Attributes:
        name: One of ``ENGINES`` other than ``auto``.
        device: Where.
        dtype: Dtype of what is multiplied.
        kernels: The compiled kernels of the ``cpu-*`` engines, ``None`` for the others.
        cache_dir: Where what is compiled is kept between starts.
    """

    name: str
    device: torch.device
    dtype: torch.dtype
    kernels: Kernels | None
    cache_dir: Path


def choose_engine(name: str = "auto", *, device: str | None = None, cache_dir: Path | None = None) -> Engine:
    """Choose how to compute, and compile what that needs (seconds the first time, then kept in ``cache_dir``).

    Args:
        name: One of ``ENGINES``. ``auto`` takes the fastest this machine can run, and logs if it is not the fastest its
            processor could.
        device: A torch device, such as ``cuda:0``; ``None`` takes a GPU where there is one.
        cache_dir: Directory for compiled kernels, made if needed; by default one beside the user's assets.

    Raises:
        ValueError: No engine of that name, or it cannot run here; says why.
    """
    if name not in ENGINES:
        raise ValueError(f"no engine {name!r}; there are {', '.join(ENGINES)}")
    cache_dir = cache_dir or default_root() / "kernels"
    if name == "auto":
        return _automatic(device, cache_dir)
    where = torch.device(device or ("cpu" if name.startswith("cpu-") or not torch.cuda.is_available() else "cuda"))
    if name == "fp32":
        return Engine(name, where, torch.float32, None, cache_dir)
    if name == "cuda-half":
        if where.type != "cuda" or not torch.cuda.is_available():
            raise ValueError("the engine cuda-half needs a GPU, and torch sees none here")
        with torch.cuda.device(where):
            dtype = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
        return Engine(name, where, dtype, None, cache_dir)
    if where.type != "cpu":
        raise ValueError(f"the engine {name} runs on a CPU, not on {where}")
    if name == "cpu-bf16" and "avx512_bf16" not in processor_flags():
        raise ValueError("the engine cpu-bf16 needs a processor with AVX512-BF16")
    dtype = torch.bfloat16 if name == "cpu-bf16" else torch.float32
    try:
        kernels = Kernels(cache_dir)
        kernels.verify(dtype)
    except BuildError as error:
        raise ValueError(f"the engine {name} needs compiled kernels: {error}") from error
    return Engine(name, where, dtype, kernels, cache_dir)


def float32_kernels(cache_dir: Path | None = None) -> Kernels | None:
    """The compiled kernels for what bears no rounding, compiled if need be; ``None`` where they cannot be had."""
    try:
        return choose_engine("cpu-fp32", cache_dir=cache_dir).kernels
    except ValueError as error:
        logger.warning("Plain torch computes, slower than this machine could: %s", error)
        return None


def fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where plain torch multiplies it faster than float32, for what bears it."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if "avx512_bf16" in processor_flags() else torch.float32


def _automatic(device: str | None, cache_dir: Path) -> Engine:
    """The fastest engine of this machine."""
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if torch.device(device).type == "cuda":
        return choose_engine("cuda-half", device=device, cache_dir=cache_dir)
    if torch.device(device).type != "cpu":
        return choose_engine("fp32", device=device, cache_dir=cache_dir)
    why = ""
    for name in ("cpu-bf16", "cpu-fp32") if "avx512_bf16" in processor_flags() else ("cpu-fp32",):
        try:
            engine = choose_engine(name, device=device, cache_dir=cache_dir)
        except ValueError as error:
            why = why or str(error)
        else:
            break
    else:
        engine = choose_engine("fp32", device=device, cache_dir=cache_dir)
    if why:
        logger.warning("The vocoder runs as %s, slower than this machine could: %s", engine.name, why)
    return engine
