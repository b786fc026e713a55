"""How the vocoder computes on the machine it finds itself on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

ENGINES = ("auto", "fp32")


@dataclass(frozen=True, slots=True)
class Engine:
    """One way of computing.

    Attributes:
        name: One of ``ENGINES`` other than ``auto``.
        device: Where.
        dtype: Dtype of weights and activations.
        cache_dir: Directory for compiled kernels, kept between starts; ``None`` if the engine compiles nothing.
    """

    name: str
    device: torch.device
    dtype: torch.dtype
    cache_dir: Path | None = None


def choose_engine(name: str = "auto", *, device: str | None = None, cache_dir: Path | None = None) -> Engine:
    """Choose how to compute.

    Args:
        name: One of ``ENGINES``; ``auto`` takes the fastest this machine can run.
        device: A torch device, such as ``cuda:0``; ``None`` takes a GPU where there is one.
        cache_dir: Directory for compiled kernels, made if needed.

    Raises:
        ValueError: No engine of that name, or not on this machine.
    """
    if name not in ENGINES:
        raise ValueError(f"no engine {name!r}; there are {', '.join(ENGINES)}")
    return Engine("fp32", torch.device(device or "cpu"), torch.float32, cache_dir)
