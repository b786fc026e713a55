from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.storage.records import Records, RedisRecords, SqliteRecords
from tests.support.redis_server import RedisServer


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["sqlite", "memory", "redis"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Records:
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        server.client().flushall()
        return RedisRecords(server.url)
    return SqliteRecords(tmp_path / "x" / "records.sqlite3" if request.param == "sqlite" else Path(":memory:"))
