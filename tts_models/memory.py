"""Torch's several ways to say that memory is short, as one error of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from tts_models.errors import OutOfMemory

_CPU_ALLOCATOR = "DefaultCPUAllocator: can't allocate memory"


@contextmanager
def memory_errors_named() -> Iterator[None]:
    """Raises what says that memory is short as :class:`~tts_models.errors.OutOfMemory`.

    What torch's cache holds of the device goes back first, so that a smaller batch finds room.

    Raises:
        OutOfMemory: In the place of ``MemoryError``, ``torch.OutOfMemoryError`` and the ``RuntimeError`` of torch's
            allocator for the CPU.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError
        is_short = isinstance(error, MemoryError | torch.OutOfMemoryError) or _CPU_ALLOCATOR in str(error)
        if not is_short:
            raise
        # The frames of the traceback hold the tensors that took the memory.
        error.__traceback__ = None
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        raise OutOfMemory("The memory of a model does not do for this much at once.") from None
