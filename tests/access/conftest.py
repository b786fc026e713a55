from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.settings import HttpSettings
from deployments.storage.api_keys import ApiKeys
from deployments.storage.records import Records, SqliteRecords
from serve_app.http.app import create_app
from tests.http.fakes import FakeGraph, catalogue

Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return SqliteRecords(tmp_path / "records.sqlite3")


@pytest.fixture
def keys(records: Records) -> ApiKeys:
    return ApiKeys(records)


@pytest.fixture
def graph() -> FakeGraph:
    return FakeGraph()


@pytest.fixture
def client(records: Records, graph: FakeGraph) -> Client:
    """Makes clients at an address, of servers that listen on an address; all of them with the same keys."""

    def at(
        address: str | None = "127.0.0.1",
        *,
        listens_on: str | None = "127.0.0.1",
        key: str = "",
        app: Any = None,
        **settings: Any,
    ) -> httpx.AsyncClient:
        app = app or create_app(
            graph,
            catalogue(),
            HttpSettings(**settings),
            count=lambda outcome: None,
            records=records,
            listens_on=listens_on,
        )
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 4711) if address else None)  # type: ignore[arg-type]
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)

    return at


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
