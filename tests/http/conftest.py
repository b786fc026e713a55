from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.http.fakes import Served, uvicorn_server


@pytest.fixture
def served() -> Served:
    """The application in this process."""
    return Served()


@pytest.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """Asks :func:`served` without a socket; bodies arrive whole."""
    transport = httpx.ASGITransport(served.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
def live() -> Iterator[Served]:
    """The application behind a real socket."""
    with uvicorn_server(Served()) as served:
        yield served
