from __future__ import annotations

import pytest
import torch

from tts_models.errors import OutOfMemory
from tts_models.memory import memory_errors_named


def test_memory_that_is_short_has_one_name() -> None:
    with pytest.raises(OutOfMemory), memory_errors_named():
        torch.empty(2**60)
    with pytest.raises(OutOfMemory), memory_errors_named():
        raise torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(OutOfMemory), memory_errors_named():
        raise MemoryError


def test_another_error_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="Sizes of tensors"), memory_errors_named():
        torch.cat([torch.zeros(1, 2), torch.zeros(1, 3)])
