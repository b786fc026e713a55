"""What is kept, for how long, and how much of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from deployments.settings import CacheSettings, StorageSettings
from deployments.storage.objects import Objects, memory_objects, open_objects
from deployments.storage.speech import FOLDER, SpeechStore


class Clock:
    """Seconds after the objects' own time."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@pytest.fixture(params=["memory", "folder"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "memory":
        return memory_objects()
    return open_objects(StorageSettings(root=tmp_path))


def test_what_was_put_is_got_by_its_tenant_only(objects: Objects) -> None:
    store = SpeechStore(objects, CacheSettings())
    store.put("acme", "k", b"speech")
    assert store.get("acme", "k") == b"speech"
    assert store.get("other", "k") is None
    assert store.get(None, "k") is None
    assert store.get("acme", "l") is None
    assert "acme" not in "".join(objects.keys(FOLDER))


def test_what_is_too_old_is_not_there(objects: Objects) -> None:
    clock = Clock()
    store = SpeechStore(objects, CacheSettings(keep_s=60), clock)
    store.put("a", "k", b"speech")
    clock.ahead_s = 61
    assert store.get("a", "k") is None
    store.sweep()
    assert list(objects.keys(FOLDER)) == []


def test_the_oldest_goes_when_there_is_too_much(objects: Objects) -> None:
    store = SpeechStore(objects, CacheSettings(max_bytes=1000))
    for number in range(12):
        store.put("a", f"k{number}", b"x" * 68)  # and 32 of its digest
        time.sleep(0.01)
    kept = [number for number in range(12) if store.get("a", f"k{number}")]
    assert kept
    assert len(kept) <= 10
    assert kept == list(range(12 - len(kept), 12))


def test_what_is_larger_than_all_that_may_be_kept_is_not(objects: Objects) -> None:
    store = SpeechStore(objects, CacheSettings(max_bytes=10))
    store.put("a", "k", b"x" * 11)
    assert store.get("a", "k") is None


def test_a_tenants_speech_is_forgotten_or_everybodys(objects: Objects) -> None:
    store = SpeechStore(objects, CacheSettings())
    for tenant in ("a", "b", None):
        store.put(tenant, "k", b"speech")
    store.forget("a")
    assert [store.get(tenant, "k") for tenant in ("a", "b", None)] == [None, b"speech", b"speech"]
    store.forget(None)
    assert [store.get(tenant, "k") for tenant in ("a", "b", None)] == [None, None, None]


def test_sweeping_leaves_other_objects_alone(objects: Objects) -> None:
    objects.put("jobs/1/result", b"x" * 2000)
    store = SpeechStore(objects, CacheSettings(max_bytes=100))
    store.put("a", "k", b"x" * 60)
    store.put("a", "l", b"x" * 60)
    store.sweep()
    assert objects.get("jobs/1/result")
