"""The voices of every tenant in several replicas over one store."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from deployments.errors import StorageUnavailable
from deployments.storage.records import SqliteRecords
from deployments.storage.voices import VoiceStore
from serve_app.voices.registry import VoiceRegistry
from tests.voices.test_book import own, presets
from tts_models.errors import VoiceNotFound
from tts_models.speaker.recipe import VoiceRecipe


async def level(registry: VoiceRegistry, name: str, tenant: str = "t") -> float:
    voice = await registry.using(tenant, lambda book: book.get(name))
    return float(voice.styles.mean())


async def test_what_one_replica_keeps_every_other_speaks_with_at_once(tmp_path: Path) -> None:
    file = tmp_path / "records.sqlite3"
    one, two = (VoiceRegistry(presets(), VoiceStore(SqliteRecords(file))) for _ in range(2))
    with pytest.raises(VoiceNotFound):
        await level(two, "Ana")

    kept = one.store.add(own("Ana", 7.0), [b"speech"])
    assert await level(two, "Ana") == pytest.approx(7.0)
    assert await level(two, "Ana+af_bella") == pytest.approx(4.0)
    with pytest.raises(VoiceNotFound):
        await level(two, "Ana", "another")

    claimed = two.store.claim("worker", 60)
    assert claimed is not None
    two.store.finish(claimed, "worker", VoiceRecipe({"af_sky": 1.0}), 0.8)
    assert await level(one, kept.id) == pytest.approx(4.0)  # swapped in
    assert await level(one, "Ana+af_bella") == pytest.approx(2.5)

    two.store.delete("t", kept.id)
    with pytest.raises(VoiceNotFound):
        await level(one, "Ana")


async def test_presets_ask_nothing_and_others_get_the_last_copy_while_the_store_is_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = VoiceStore(SqliteRecords(Path(":memory:")))
    registry = VoiceRegistry(presets(), store, patience_s=0.1)
    kept, gate = store.kept, threading.Event()

    def fail() -> None:
        raise StorageUnavailable("away")

    store.kept = fail  # type: ignore[method-assign, assignment]
    assert await level(registry, "af_bella+af_sky") == pytest.approx(2.5)
    with pytest.raises(StorageUnavailable, match="presets work"):
        await level(registry, "Ana")

    store.kept = kept  # type: ignore[method-assign]
    store.add(own("Ana", 7.0))
    assert await level(registry, "Ana") == pytest.approx(7.0)

    def hang() -> None:
        gate.wait(30)

    store.kept = hang  # type: ignore[method-assign, assignment]
    with caplog.at_level(logging.WARNING):
        for _ in range(20):  # only the first waits
            assert await level(registry, "Ana") == pytest.approx(7.0)
    assert len(caplog.records) == 1
    gate.set()
