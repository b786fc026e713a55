from __future__ import annotations

import pickle
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from pydantic import ValidationError

from deployments.errors import StorageUnavailable
from deployments.settings import StorageSettings
from deployments.storage.records import Records, RedisRecords, SqliteRecords, change, open_records
from tests.support.redis_server import RedisServer
from tests.support.waiting import free_port


def test_a_record_is_kept_until_it_is_deleted(records: Records) -> None:
    assert records.get("voices", "a") is None
    records.put("voices", "a", b"\0\xff1")
    assert records.get("voices", "a") == b"\0\xff1"
    assert records.get("jobs", "a") is None
    assert records.delete("voices", "a")
    assert not records.delete("voices", "a")
    assert records.get("voices", "a") is None


def test_the_file_keeps_nothing_of_what_was_deleted(tmp_path: Path) -> None:
    one, other = (SqliteRecords(tmp_path / "records.sqlite3") for _ in range(2))
    speech = b"spoken by somebody" * 2000
    for key in "ab":
        one.put("references", key, speech, expires_s=60)
        other.put("references", key, speech)
    assert one.delete("references", "a")
    assert other.delete("references", "b")
    assert all(b"somebody" not in path.read_bytes() for path in tmp_path.iterdir())


def test_all_is_sorted_and_of_one_collection(records: Records) -> None:
    for key in ("b", "a", "ö"):
        records.put("voices", key, key.encode())
    records.put("jobs", "c", b"c")
    assert list(records.all("voices").items()) == [("a", b"a"), ("b", b"b"), ("ö", "ö".encode())]
    assert records.all("nothing") == {}


def test_add_does_not_replace(records: Records) -> None:
    assert records.add("keys", "a", b"1")
    assert not records.add("keys", "a", b"2")
    assert records.get("keys", "a") == b"1"


def test_swap_replaces_only_what_it_expects(records: Records) -> None:
    assert not records.swap("keys", "a", b"", b"1")
    records.put("keys", "a", b"1")
    assert not records.swap("keys", "a", b"0", b"2")
    assert records.swap("keys", "a", b"1", b"2")
    assert records.get("keys", "a") == b"2"


def test_an_expired_record_is_gone(records: Records) -> None:
    records.put("cache", "short", b"1", expires_s=0.05)
    records.put("cache", "long", b"2", expires_s=60)
    records.put("cache", "kept", b"3", expires_s=0.05)
    records.put("cache", "kept", b"4")
    assert records.get("cache", "short") == b"1"
    time.sleep(0.1)
    assert records.get("cache", "short") is None
    assert records.all("cache") == {"kept": b"4", "long": b"2"}
    assert not records.delete("cache", "short")
    assert records.add("cache", "short", b"5")
    assert records.all("cache") == {"kept": b"4", "long": b"2", "short": b"5"}


def test_every_change_raises_the_version_of_its_collection(records: Records) -> None:
    assert records.version("keys") == 0
    seen = [0]
    for act in (
        lambda: records.put("keys", "a", b"1"),
        lambda: records.put("keys", "a", b"1"),
        lambda: records.add("keys", "b", b"1"),
        lambda: records.swap("keys", "b", b"1", b"2"),
        lambda: records.delete("keys", "a"),
    ):
        act()
        seen.append(records.version("keys"))
    assert seen == sorted(set(seen))
    records.add("keys", "b", b"3")
    records.swap("keys", "b", b"3", b"4")
    records.delete("keys", "a")
    records.get("keys", "b")
    assert records.version("keys") == seen[-1]
    assert records.version("jobs") == 0


def _count(records: Records, times: int) -> None:
    for _ in range(times):
        change(records, "counts", "n", lambda old: str(int(old or b"0") + 1).encode())


def test_changes_from_threads_are_not_lost(records: Records) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: _count(records, 25), range(4)))
    assert records.get("counts", "n") == b"100"


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_changes_from_processes_are_not_lost_and_outlive_them(
    kind: str, tmp_path: Path, redis_server: RedisServer
) -> None:
    records: Records = SqliteRecords(tmp_path / "r") if kind == "sqlite" else RedisRecords(redis_server.url, "p")
    records.put("counts", "n", b"0")  # an open connection does not travel, the rest does
    spawn = get_context("spawn")
    processes = [spawn.Process(target=_count, args=(pickle.loads(pickle.dumps(records)), 20)) for _ in range(2)]
    for process in processes:
        process.start()
    _count(records, 20)
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert records.get("counts", "n") == b"60"


def test_a_redis_that_goes_away_for_a_moment_is_waited_for(redis_server: RedisServer) -> None:
    records = RedisRecords(redis_server.url)
    records.put("voices", "a", b"1")
    redis_server.stop()
    with ThreadPoolExecutor(1) as thread:
        read = thread.submit(records.get, "voices", "a")
        time.sleep(0.5)
        redis_server.start()
        assert read.result(30) == b"1"


def test_what_cannot_be_reached_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnavailable, match="records"):
        SqliteRecords(tmp_path / "file" / "records.sqlite3").get("a", "b")
    with pytest.raises(StorageUnavailable, match="Redis"):
        RedisRecords(f"redis://127.0.0.1:{free_port()}").put("a", "b", b"1")


def test_a_failed_change_changes_nothing(tmp_path: Path) -> None:
    records = SqliteRecords(tmp_path / "records.sqlite3")
    records.put("a", "b", b"1")
    with sqlite3.connect(tmp_path / "records.sqlite3") as db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
    with pytest.raises(StorageUnavailable, match="the disk is full"):
        records.put("a", "b", b"2")
    assert (records.get("a", "b"), records.version("a")) == (b"1", 1)


def test_records_are_where_the_settings_say(tmp_path: Path, redis_server: RedisServer) -> None:
    open_records(StorageSettings(root=tmp_path)).put("a", "b", b"1")
    assert (tmp_path / "records.sqlite3").exists()
    open_records(StorageSettings(records=redis_server.url)).put("a", "b", b"2")
    assert RedisRecords(redis_server.url).get("a", "b") == b"2"
    with pytest.raises(ValidationError, match="records"):
        StorageSettings(records="localhost:6379")


def test_names_of_what_has_expired_do_not_stay_in_redis(redis_server: RedisServer) -> None:
    db = redis_server.client()
    db.flushall()
    records = RedisRecords(redis_server.url)
    records.put("cache", "kept", b"x", expires_s=60)
    for number in range(200):
        records.put("cache", f"{number}", b"x", expires_s=0.001)
    assert db.scard("{voicegraph:cache}:keys") < 50
    assert set(records.all("cache")) >= {"kept"}
