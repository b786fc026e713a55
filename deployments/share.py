"""A replica's share of its machine: the device it computes on, and no more of it than it was given."""

from __future__ import annotations

import os

import ray
import torch

from deployments import tiers
from deployments.cores import this_machine
from tts_models.kernels.convolution import Kernels

_CUDA_CONTEXT_BYTES = tiers.CUDA_CONTEXT_BYTES
"""Not counted by torch's limit, so taken off the share."""


def torch_device(name: str) -> torch.device:
    """``auto`` (CUDA in a replica that was given some of a GPU, else the CPU) or a torch device by its name."""
    if name == "auto":
        given = assigned_gpus() > 0 if _in_replica() else True
        name = "cuda" if given and torch.cuda.is_available() else "cpu"
    return torch.device(name)


def keep_to_share(threads: int | None) -> None:
    """Limit torch to what this replica was given: CPU threads by its settings, GPU memory by its ``num_gpus``.

    Ray's fractional GPUs are book-keeping only; without this limit one replica can take the memory of its neighbours.
    Its batches are kept to the same share, see :func:`deployments.tiers.limits_that_fit`.
    """
    # Read by oneDNN when it first computes. It keeps a compiled primitive for every shape, and utterances and clips
    # have any length: with its own 1024 a speaker encoder grew by 500 MB in 80 clips, with 128 by 120 and no more.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
    if threads is not None:
        torch.set_num_threads(threads)
    gpu_share = assigned_gpus()
    if gpu_share > 0 and torch.cuda.is_available():
        total_bytes = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(memory_fraction(gpu_share, total_bytes), 0)
        tiers.note_share(int(min(gpu_share, 1.0) * total_bytes))


def share_cores(kernels: Kernels) -> None:
    """Let ``kernels`` compute with as many threads as torch does, and no more than a fair share of the cores."""
    most, cores = torch.get_num_threads(), this_machine()
    kernels.threads = lambda: min(most, cores.share())


def assigned_gpus() -> float:
    """``num_gpus`` of the replica this runs in; 0 outside of one, a driver of Ray's included."""
    if not _in_replica():
        return 0.0
    return float(ray.get_runtime_context().get_assigned_resources().get("GPU", 0.0))


def _in_replica() -> bool:
    """Whether this process is an actor of Ray's, which a replica is; a driver has no resources to ask for."""
    return ray.is_initialized() and ray.get_runtime_context().get_actor_id() is not None


def memory_fraction(gpu_share: float, total_bytes: int) -> float:
    """Part of a GPU's memory that torch may use in a replica that asked for ``gpu_share`` of the GPU.

    Args:
        gpu_share: ``num_gpus`` of the replica, above 0; 1 and more is a whole GPU.
        total_bytes: Memory of the GPU.
    """
    return max(0.01, min(gpu_share, 1.0) - _CUDA_CONTEXT_BYTES / total_bytes)
