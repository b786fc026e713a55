"""Embeddings by content: found in the replica, with others who ask, in the records; computed once; never in the way."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deployments import embedding_cache
from deployments.embedding_cache import CLAIMS, COLLECTION, EmbeddingCache
from deployments.errors import DeadlineExceeded, StorageUnavailable
from deployments.settings import SpeakerSettings
from deployments.storage.records import SqliteRecords
from tests.storage.conftest import records, redis_server  # noqa: F401  fixtures
from tts_models.errors import NoSpeech
from tts_models.speaker.pitch import Pitch
from tts_models.speaker.profile import ClipProfile
from tts_models.types import SPEAKER_EMBEDDING_DIM


class Replica:
    """A cache, and an encoder that takes its time and may fail."""

    def __init__(self, store: Any, *, model: str = "m", fails: Exception | None = None, **settings: Any) -> None:
        self.found: Counter[str] = Counter()
        self.computed: list[bytes] = []
        self.fails = fails
        self.gate = asyncio.Event()
        self.gate.set()
        count = lambda found: self.found.update([found])  # noqa: E731
        self.cache = EmbeddingCache(SpeakerSettings(**settings), model, store, count)

    async def ask(self, clip: bytes) -> ClipProfile:
        async def compute() -> ClipProfile:
            self.computed.append(clip)
            await self.gate.wait()
            if self.fails:
                raise self.fails
            vector = np.zeros(SPEAKER_EMBEDDING_DIM, np.float32)
            vector[clip[0]] = 1
            return ClipProfile(vector, float(len(clip)), Pitch(100.0, 5.0, 1.0))

        return await self.cache.of(clip, compute)


@pytest.fixture
def shared(tmp_path: Path) -> SqliteRecords:
    return SqliteRecords(tmp_path / "records.sqlite3")


async def test_a_clip_is_computed_once_for_every_replica(records: Any) -> None:  # noqa: F811
    one, two = Replica(records), Replica(records)
    first = await one.ask(b"clip")
    assert (await one.ask(b"clip")) is first
    again = await two.ask(b"clip")
    np.testing.assert_array_equal(again.embedding, first.embedding)
    assert (again.speech_s, again.pitch) == (first.speech_s, first.pitch)
    await two.ask(b"clip")
    await two.ask(b"other")
    assert one.found == {"computed": 1, "replica": 1}
    assert two.found == {"shared": 1, "replica": 1, "computed": 1}
    assert two.computed == [b"other"]


async def test_what_comes_at_the_same_time_is_computed_once(shared: SqliteRecords) -> None:
    replica = Replica(shared)
    replica.gate.clear()
    asking = [asyncio.create_task(replica.ask(b"clip")) for _ in range(5)]
    while not replica.computed:
        await asyncio.sleep(0.005)
    asking[0].cancel()  # whoever began it leaves
    await asyncio.sleep(0.02)
    replica.gate.set()
    results = await asyncio.gather(*asking[1:])
    assert replica.computed == [b"clip"]
    assert all(result is results[0] for result in results)
    assert replica.found == {"computed": 1, "joined": 4}


async def test_replicas_wait_for_one_another(shared: SqliteRecords) -> None:
    one, two = Replica(shared), Replica(shared)
    one.gate.clear()
    first = asyncio.create_task(one.ask(b"clip"))
    while not one.computed:
        await asyncio.sleep(0.005)
    second = asyncio.create_task(two.ask(b"clip"))
    await asyncio.sleep(0.15)
    assert not second.done()
    one.gate.set()
    np.testing.assert_array_equal((await first).embedding, (await second).embedding)
    assert two.computed == []
    assert two.found == {"shared": 1}


async def test_a_replica_that_dies_keeps_nobody_waiting(shared: SqliteRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_cache, "_CLAIM_S", 0.2)
    dead, alive = Replica(shared), Replica(shared)
    dead.gate.clear()
    never = asyncio.create_task(dead.ask(b"clip"))
    while not dead.computed:
        await asyncio.sleep(0.005)
    await asyncio.wait_for(alive.ask(b"clip"), 10)
    assert alive.computed == [b"clip"]
    never.cancel()


async def test_what_was_refused_is_kept_nowhere(shared: SqliteRecords) -> None:
    replica, other = Replica(shared, fails=NoSpeech("Nobody.")), Replica(shared, fails=NoSpeech("Nobody."))
    results = await asyncio.gather(*(replica.ask(b"clip") for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [NoSpeech] * 3
    assert replica.computed == [b"clip"]
    for asked in (replica, other):
        with pytest.raises(NoSpeech):
            await asyncio.wait_for(asked.ask(b"clip"), 2)  # no claim holds it up
    assert shared.all(COLLECTION) == shared.all(CLAIMS) == {}


async def test_the_deadline_of_one_is_not_that_of_others(shared: SqliteRecords) -> None:
    replica = Replica(shared, fails=DeadlineExceeded("Late."))
    replica.gate.clear()
    first = asyncio.create_task(replica.ask(b"clip"))
    while not replica.computed:
        await asyncio.sleep(0.005)
    second = asyncio.create_task(replica.ask(b"clip"))
    await asyncio.sleep(0.02)
    replica.gate.set()
    with pytest.raises(DeadlineExceeded):
        await first
    replica.fails = None
    assert (await second).speech_s == 4.0
    assert replica.computed == [b"clip", b"clip"]


class Broken:
    """Records that fail, or that never answer."""

    def __init__(self, takes_s: float) -> None:
        self.takes_s = takes_s
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        def fail(*_: Any, **__: Any) -> Any:
            self.asked += 1
            time.sleep(self.takes_s)
            raise StorageUnavailable("Away.")

        return fail


@pytest.mark.parametrize("takes_s", [0.0, 1.0])
async def test_records_that_are_away_are_passed_over(takes_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_cache, "_PATIENCE_S", 0.1)
    broken = Broken(takes_s)
    replica = Replica(broken)
    for number in range(5):
        await replica.ask(bytes([number]))
    assert len(replica.computed) == 5
    assert broken.asked == 1, "they are left alone for a while"


async def test_what_is_no_profile_is_computed_anew_and_replaced(shared: SqliteRecords) -> None:
    await Replica(shared).ask(b"clip")
    (key,) = shared.all(COLLECTION)
    good = shared.get(COLLECTION, key)
    shared.put(COLLECTION, key, b"spoilt")
    replica = Replica(shared)
    await replica.ask(b"clip")
    assert replica.computed == [b"clip"]
    assert shared.get(COLLECTION, key) == good


async def test_another_model_has_other_numbers(shared: SqliteRecords) -> None:
    await Replica(shared, model="old").ask(b"clip")
    new = Replica(shared, model="new")
    await new.ask(b"clip")
    assert new.found == {"computed": 1}


async def test_settings(shared: SqliteRecords) -> None:
    small = Replica(None, cache_clips=2)
    for clip in (b"a", b"b", b"a", b"c", b"b", b"a"):
        await small.ask(clip)
    assert small.computed == [b"a", b"b", b"c", b"b", b"a"], "the least recently used goes first"
    alone = Replica(shared, cache_s=0, cache_clips=0)
    await alone.ask(b"clip")
    await alone.ask(b"clip")
    assert alone.found == {"computed": 2}
    assert shared.all(COLLECTION) == {}
    await Replica(shared, cache_s=0.1).ask(b"clip")
    await asyncio.sleep(0.15)
    assert shared.all(COLLECTION) == {}
