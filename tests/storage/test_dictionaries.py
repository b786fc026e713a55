"""Dictionaries in the records, and their compiled copies."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deployments.dictionaries import Dictionaries
from deployments.storage.dictionaries import DictionaryFull, DictionaryStore, DuplicateEntry
from deployments.storage.records import Records, SqliteRecords
from tests.support.redis_server import RedisServer
from tts_models.text.dictionary import Dictionary, Entry


def entry(surface: str, pronunciation: str = "x") -> Entry:
    return Entry(surface, pronunciation).checked()


def readings(dictionary: Dictionary | None, text: str) -> list[str]:
    return [match.entry.pronunciation for match in dictionary.matches(text, "en-US")] if dictionary else []


def test_many_writers_lose_nothing_and_keep_the_limit(records: Records) -> None:
    store = DictionaryStore(records)

    def add(number: int) -> bool:
        try:
            store.add("t", entry(f"word {number}"), most=12)
        except DictionaryFull:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(add, range(20))) == 12
    assert len(store.entries("t")) == 12
    assert store.entries("") == {}
    assert store.version("t") == 12


def test_an_import_is_whole_or_nothing(records: Records) -> None:
    store = DictionaryStore(records)
    kept = store.add("", entry("GIF", "jif"), most=3)
    with pytest.raises(DuplicateEntry):
        store.add("", entry("gif"), most=3)
    with pytest.raises(DictionaryFull):
        store.take_in("", [entry(surface) for surface in "abc"], most=3)
    assert list(store.entries("")) == [kept]
    store.take_in("", [entry("gif", "giff"), entry("a"), entry("b")], most=3)
    assert [one.pronunciation for one in store.entries("").values()] == ["giff", "x", "x"]
    assert next(iter(store.entries(""))) == kept


async def test_a_change_is_there_for_the_next_text_on_every_replica(records: Records) -> None:
    store = DictionaryStore(records)
    replicas = [Dictionaries(DictionaryStore(records)) for _ in range(2)]
    assert [await replica.of("a") for replica in replicas] == [None, None]
    store.add("", entry("GIF", "global"), most=9)
    for replica in replicas:
        assert readings(await replica.of("a"), "gif") == ["global"]
    own = store.add("a", entry("GIF", "own"), most=9)
    for replica in replicas:
        assert readings(await replica.of("a"), "gif") == ["own"]
        assert readings(await replica.of("b"), "gif") == ["global"]
        assert readings(await replica.of(""), "gif") == ["global"]
    store.delete("a", own)
    assert readings(await replicas[0].of("a"), "gif") == ["global"]


async def test_what_did_not_change_is_not_compiled_again(tmp_path: Path) -> None:
    store = DictionaryStore(SqliteRecords(tmp_path / "records.sqlite3"))
    store.add("", entry("GIF"), most=9)
    loads = []
    load = store.entries
    store.entries = lambda tenant: loads.append(tenant) or load(tenant)  # type: ignore[method-assign, func-returns-value]
    dictionaries = Dictionaries(store)
    await asyncio.gather(*(dictionaries.of("") for _ in range(8)))
    assert loads == [""]


async def test_a_store_that_hangs_or_fails_leaves_the_last_copy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = DictionaryStore(SqliteRecords(tmp_path / "records.sqlite3"))
    store.add("", entry("GIF", "jif"), most=9)
    dictionaries = Dictionaries(store, patience_s=0.2)
    assert readings(await dictionaries.of(""), "gif") == ["jif"]
    version, gate = store.version, threading.Event()

    def hang(tenant: str) -> int:
        gate.wait(30)
        return version(tenant)

    store.version = hang  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING):
        for _ in range(20):  # only the first waits
            assert readings(await dictionaries.of(""), "gif") == ["jif"]
    assert len(caplog.records) == 1
    assert "last copies" in caplog.text
    gate.set()
    for _ in range(100):
        store.version = version  # type: ignore[method-assign]
        await asyncio.sleep(0.02)
        if not dictionaries._patience.is_over:
            break
    store.add("", entry("PNG", "ping"), most=9)
    assert readings(await dictionaries.of(""), "gif png") == ["jif", "ping"]


async def test_without_redis_the_last_copy(redis_server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    from deployments.storage.records import RedisRecords

    redis_server.client().flushall()
    store = DictionaryStore(RedisRecords(redis_server.url))
    store.add("", entry("GIF", "jif"), most=9)
    dictionaries = Dictionaries(store, patience_s=0.5)
    assert readings(await dictionaries.of(""), "gif") == ["jif"]
    redis_server.stop()
    try:
        with caplog.at_level(logging.WARNING):
            assert readings(await dictionaries.of(""), "gif") == ["jif"]
        assert "last copies" in caplog.text
    finally:
        redis_server.start()
