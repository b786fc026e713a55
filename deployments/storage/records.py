"""Small values by collection and key, shared by every replica and kept across restarts.

::

    Records --+-- SqliteRecords    a file in storage.root: one machine, nothing to install
              +-- RedisRecords     storage.records = redis://...: any number of nodes

Each collection has a version that every change to it raises, so that a reader who keeps a copy asks for one integer to
learn whether it is still right. Methods block (a millisecond or so): call them in a thread. They may be called from
several threads at once.
"""

from __future__ import annotations

import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from platformdirs import user_data_path
from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from deployments.errors import StorageUnavailable
from deployments.settings import StorageSettings

_BUSY_S = 10.0
_SOUND_BYTES = 4096
"""A record as large may be speech: the file keeps nothing of it once it is deleted."""
_TABLES = """
CREATE TABLE IF NOT EXISTS records (
    collection TEXT, key TEXT, value BLOB NOT NULL, expires_at REAL NOT NULL, PRIMARY KEY (collection, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS expiring ON records (collection, expires_at);
CREATE TABLE IF NOT EXISTS versions (collection TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
"""


class Records(Protocol):
    """A store of records. An expired record is as good as deleted; a change of any kind drops the older expiry.

    Every method raises :class:`~deployments.errors.StorageUnavailable` while the store cannot be reached or is full.
    """

    def get(self, collection: str, key: str) -> bytes | None:
        """The value, or None."""
        ...

    def all(self, collection: str) -> dict[str, bytes]:
        """Every record of a collection, sorted by key."""
        ...

    def put(self, collection: str, key: str, value: bytes, *, expires_s: float | None = None) -> None:
        """Adds or replaces a record, for ``expires_s`` seconds if given."""
        ...

    def add(self, collection: str, key: str, value: bytes, *, expires_s: float | None = None) -> bool:
        """Adds a record unless there is one; whether it did."""
        ...

    def swap(self, collection: str, key: str, old: bytes, new: bytes, *, expires_s: float | None = None) -> bool:
        """Replaces a record if it still has the value ``old``; whether it did. The way to change what others change."""
        ...

    def delete(self, collection: str, key: str) -> bool:
        """Removes a record; whether there was one."""
        ...

    def version(self, collection: str) -> int:
        """A number that grew with every change; 0 before the first. What merely expires does not raise it."""
        ...


def storage_root(settings: StorageSettings) -> Path:
    """The folder of what is stored on this machine."""
    return settings.root or Path(user_data_path("voicegraph", appauthor=False))


def records_file(settings: StorageSettings) -> Path:
    """Where records are kept on this machine, unless the settings name a server for them."""
    return storage_root(settings) / "records.sqlite3"


def open_records(settings: StorageSettings) -> Records:
    """The records that ``settings`` name.

    Raises:
        ValueError: The URL is none of a Redis server.
    """
    if settings.records is None:
        return SqliteRecords(records_file(settings))
    return RedisRecords(settings.records)


def change(records: Records, collection: str, key: str, new: Callable[[bytes | None], bytes]) -> None:
    """Makes a record of what it was, None if there was none; anew if somebody else changed it meanwhile."""
    while True:
        old = records.get(collection, key)
        value = new(old)
        if records.add(collection, key, value) if old is None else records.swap(collection, key, old, value):
            return


class SqliteRecords:
    """Records in a SQLite file; any number of processes of one machine may use it at once.

    Args:
        file: Made, with its folder, when first needed. ``:memory:`` for records that end with the object.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return SqliteRecords, (self._file,)

    def get(self, collection: str, key: str) -> bytes | None:
        """See :meth:`Records.get`."""
        with self._transaction() as db:
            return self._value(db, collection, key)

    def all(self, collection: str) -> dict[str, bytes]:
        """See :meth:`Records.all`."""
        query = "SELECT key, value FROM records WHERE collection = ? AND expires_at > ? ORDER BY key"
        with self._transaction() as db:
            return dict(db.execute(query, (collection, time.time())).fetchall())

    def put(self, collection: str, key: str, value: bytes, *, expires_s: float | None = None) -> None:
        """See :meth:`Records.put`."""
        with self._transaction(writes=True) as db:
            self._set(db, collection, key, value, expires_s)

    def add(self, collection: str, key: str, value: bytes, *, expires_s: float | None = None) -> bool:
        """See :meth:`Records.add`."""
        with self._transaction(writes=True) as db:
            is_free = self._value(db, collection, key) is None
            if is_free:
                self._set(db, collection, key, value, expires_s)
            return is_free

    def swap(self, collection: str, key: str, old: bytes, new: bytes, *, expires_s: float | None = None) -> bool:
        """See :meth:`Records.swap`."""
        with self._transaction(writes=True) as db:
            is_same = self._value(db, collection, key) == old
            if is_same:
                self._set(db, collection, key, new, expires_s)
            return is_same

    def delete(self, collection: str, key: str) -> bool:
        """See :meth:`Records.delete`."""
        with self._transaction(writes=True) as db:
            value = self._value(db, collection, key)
            if value is not None:
                db.execute("DELETE FROM records WHERE collection = ? AND key = ?", (collection, key))
                self._changed(db, collection)
        if value is not None and len(value) >= _SOUND_BYTES:
            self._write_over()
        return value is not None

    def version(self, collection: str) -> int:
        """See :meth:`Records.version`."""
        with self._transaction() as db:
            row = db.execute("SELECT version FROM versions WHERE collection = ?", (collection,)).fetchone()
            return int(row[0]) if row else 0

    def _write_over(self) -> None:
        """Leaves nothing of what was deleted in the log of changes; where somebody reads just now, the next does."""
        with self._lock, suppress(sqlite3.Error):
            if self._connection is not None:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def _transaction(self, writes: bool = False) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._open()
                # Commits at the end, rolls back if it raises, and so does a commit that fails.
                with self._connection as db:
                    db.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                    yield db
            except (sqlite3.Error, OSError) as error:
                raise StorageUnavailable(f"The records cannot be reached: {error}.") from error

    def _open(self) -> sqlite3.Connection:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._file, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")  # readers do not wait for writers
        db.execute("PRAGMA synchronous = NORMAL")  # a crash of the process loses nothing; one of the machine, the last
        db.execute("PRAGMA secure_delete = ON")  # zeros in the place of what was deleted: it may be somebody's voice
        db.executescript(_TABLES)
        with closing(db.execute("DELETE FROM records WHERE expires_at <= ?", (time.time(),))):
            pass
        return db

    @staticmethod
    def _value(db: sqlite3.Connection, collection: str, key: str) -> bytes | None:
        query = "SELECT value FROM records WHERE collection = ? AND key = ? AND expires_at > ?"
        row = db.execute(query, (collection, key, time.time())).fetchone()
        return bytes(row[0]) if row else None

    def _set(self, db: sqlite3.Connection, collection: str, key: str, value: bytes, expires_s: float | None) -> None:
        expires_at = math.inf if expires_s is None else time.time() + expires_s
        db.execute("REPLACE INTO records VALUES (?, ?, ?, ?)", (collection, key, value, expires_at))
        if expires_s is not None:  # whoever writes what expires sweeps up
            db.execute("DELETE FROM records WHERE collection = ? AND expires_at <= ?", (collection, time.time()))
        self._changed(db, collection)

    @staticmethod
    def _changed(db: sqlite3.Connection, collection: str) -> None:
        db.execute(
            "INSERT INTO versions VALUES (?, 1) ON CONFLICT (collection) DO UPDATE SET version = version + 1",
            (collection,),
        )


@contextmanager
def _redis_errors_named() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise StorageUnavailable("The records cannot be reached: Redis does not answer as it should.") from error


_SET = """
local old = redis.call('GET', KEYS[1])
if ARGV[1] == 'add' and old then return 0 end
if ARGV[1] == 'swap' and old ~= ARGV[5] then return 0 end
if tonumber(ARGV[3]) > 0 then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
else redis.call('SET', KEYS[1], ARGV[2]) end
redis.call('SADD', KEYS[2], ARGV[4])
redis.call('INCR', KEYS[3])
if tonumber(ARGV[3]) > 0 then
    for _, name in ipairs(redis.call('SRANDMEMBER', KEYS[2], 3)) do
        local key = string.sub(KEYS[1], 1, #KEYS[1] - #ARGV[4]) .. name
        if redis.call('EXISTS', key) == 0 then redis.call('SREM', KEYS[2], name) end
    end
end
return 1
"""
"""Whoever writes what expires looks at some names, and sweeps up those whose records have."""
_DELETE = """
redis.call('SREM', KEYS[2], ARGV[1])
if redis.call('DEL', KEYS[1]) == 0 then return 0 end
redis.call('INCR', KEYS[3])
return 1
"""


class RedisRecords:
    """Records in a Redis server; what is lost of a connection is tried again for some seconds.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``, with the number of the database and credentials, if any.
        prefix: What every key in the server begins with. In braces, so that a cluster keeps a collection together.

    Raises:
        ValueError: That is no such URL.
    """

    def __init__(self, url: str, prefix: str = "voicegraph") -> None:
        self._url, self._prefix = url, prefix
        self._db: Any = Redis.from_url(
            url,
            socket_timeout=5,
            socket_connect_timeout=5,
            health_check_interval=30,
            retry=Retry(ExponentialBackoff(cap=2, base=0.1), retries=6),
            retry_on_error=[RedisConnectionError, RedisTimeoutError],
        )
        self._set = self._db.register_script(_SET)
        self._delete = self._db.register_script(_DELETE)

    def __reduce__(self) -> tuple[Any, ...]:
        return RedisRecords, (self._url, self._prefix)

    @_redis_errors_named()
    def get(self, collection: str, key: str) -> bytes | None:
        """See :meth:`Records.get`."""
        value: bytes | None = self._db.get(self._key(collection, key))
        return value

    @_redis_errors_named()
    def all(self, collection: str) -> dict[str, bytes]:
        """See :meth:`Records.all`."""
        keys = sorted(key.decode() for key in self._db.smembers(self._names(collection)))
        if not keys:
            return {}
        values = self._db.mget([self._key(collection, key) for key in keys])
        found = {key: value for key, value in zip(keys, values, strict=True) if value is not None}
        if expired := [key for key in keys if key not in found]:
            for key in expired:  # added anew meanwhile, it stays: the script looks first
                self._forget(collection, key)
        return found

    def put(self, collection: str, key: str, value: bytes, *, expires_s: float | None = None) -> None:
        """See :meth:`Records.put`."""
        self._change("put", collection, key, value, expires_s)

    def add(self, collection: str, key: str, value: bytes, *, expires_s: float | None = None) -> bool:
        """See :meth:`Records.add`."""
        return self._change("add", collection, key, value, expires_s)

    def swap(self, collection: str, key: str, old: bytes, new: bytes, *, expires_s: float | None = None) -> bool:
        """See :meth:`Records.swap`."""
        return self._change("swap", collection, key, new, expires_s, old)

    @_redis_errors_named()
    def delete(self, collection: str, key: str) -> bool:
        """See :meth:`Records.delete`."""
        return bool(self._delete(keys=self._keys(collection, key), args=[key]))

    @_redis_errors_named()
    def version(self, collection: str) -> int:
        """See :meth:`Records.version`."""
        return int(self._db.get(self._version(collection)) or 0)

    @_redis_errors_named()
    def _change(
        self, how: str, collection: str, key: str, value: bytes, expires_s: float | None, old: bytes = b""
    ) -> bool:
        expires_ms = 0 if expires_s is None else max(1, round(expires_s * 1000))
        return bool(self._set(keys=self._keys(collection, key), args=[how, value, expires_ms, key, old]))

    def _forget(self, collection: str, key: str) -> None:
        script = "if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], ARGV[1]) end"
        self._db.eval(script, 2, self._key(collection, key), self._names(collection), key)

    def _keys(self, collection: str, key: str) -> list[str]:
        return [self._key(collection, key), self._names(collection), self._version(collection)]

    def _key(self, collection: str, key: str) -> str:
        return f"{{{self._prefix}:{collection}}}:record:{key}"

    def _names(self, collection: str) -> str:
        return f"{{{self._prefix}:{collection}}}:keys"

    def _version(self, collection: str) -> str:
        return f"{{{self._prefix}:{collection}}}:version"
