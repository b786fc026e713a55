from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
import torch

from deployments import share

GIB = 2**30


def test_four_quarters_and_their_contexts_fit_one_gpu() -> None:
    for total_bytes in (16 * GIB, 24 * GIB, 141 * GIB):
        fraction = share.memory_fraction(0.25, total_bytes)
        used = 4 * (fraction * total_bytes + share._CUDA_CONTEXT_BYTES)
        assert 0.99 * total_bytes < used <= total_bytes


def test_a_whole_gpu_and_a_tiny_one() -> None:
    assert 0.95 < share.memory_fraction(2.0, 80 * GIB) < 1
    assert share.memory_fraction(0.1, 2 * GIB) == 0.01


@pytest.mark.parametrize(("gpus", "capped"), [(0.25, True), (0.0, False)])
def test_memory_is_capped_where_a_gpu_was_given(gpus: float, capped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[float, int]] = []
    monkeypatch.setattr(share, "assigned_gpus", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=40 * GIB))
    monkeypatch.setattr(
        torch.cuda, "set_per_process_memory_fraction", lambda part, device: calls.append((part, device))
    )
    share.keep_to_share(None)
    assert calls == ([(share.memory_fraction(0.25, 40 * GIB), 0)] if capped else [])


def test_threads() -> None:
    before = torch.get_num_threads()
    try:
        share.keep_to_share(before + 1)
        assert torch.get_num_threads() == before + 1
        share.keep_to_share(None)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_outside_of_ray_nothing_is_assigned() -> None:
    assert share.assigned_gpus() == 0


@pytest.mark.parametrize(
    ("in_replica", "gpus", "cuda", "device"),
    [(False, 0, True, "cuda"), (True, 0.25, True, "cuda"), (True, 0, True, "cpu"), (False, 0, False, "cpu")],
)
def test_the_device(in_replica: bool, gpus: float, cuda: bool, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "_in_replica", lambda: in_replica)
    monkeypatch.setattr(share, "assigned_gpus", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert share.torch_device("auto") == torch.device(device)
    assert share.torch_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(("set_by_user", "kept"), [(None, "128"), ("4096", "4096")])
def test_shapes_that_were_seen_are_not_kept_for_ever(
    set_by_user: str | None, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    monkeypatch.setenv(name, "")
    monkeypatch.delenv(name)
    if set_by_user:
        monkeypatch.setenv(name, set_by_user)
    share.keep_to_share(None)
    assert os.environ[name] == kept
