"""Every response says which request it answers."""

from __future__ import annotations

import httpx
import pytest

from serve_app.http.app import create_app
from tests.http.fakes import FakeGraph, Served, catalogue, speech


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/nowhere"),
        ("GET", "/v1/audio/speech"),
        ("POST", "/v1/audio/speech"),
        ("GET", "/docs"),
    ],
)
async def test_every_response_has_one(method: str, path: str, client: httpx.AsyncClient) -> None:
    first, second = [(await client.request(method, path)).headers.get_list("x-request-id") for _ in range(2)]

    assert len(first) == len(second) == 1
    assert first[0].startswith("req_")
    assert first != second


@pytest.mark.parametrize("sent", ["abc-123", "0f8fad5b-d9cb-469f-a165-70867728950e", "a" * 128])
async def test_the_callers_is_kept(sent: str, client: httpx.AsyncClient) -> None:
    for body in (speech(), speech(input="")):
        response = await client.post("/v1/audio/speech", json=body, headers={"X-Request-ID": sent})
        assert response.headers.get_list("x-request-id") == [sent]


@pytest.mark.parametrize("sent", ["", " ", "a" * 129, "a b", "<script>", "\u00fc", 'a"; x="'])
async def test_what_is_no_id_is_replaced(sent: str, client: httpx.AsyncClient) -> None:
    response = await client.get("/health", headers={"X-Request-ID": sent.encode("latin-1")})

    assert response.headers["x-request-id"].startswith("req_")


async def test_behind_rays_proxy_the_header_is_left_to_it() -> None:
    served = Served()
    app = create_app(FakeGraph(), catalogue(), served.settings, behind_ray_proxy=True, count=lambda _: None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        response = await client.get("/health", headers={"x-request-id": "abc"})

    assert "x-request-id" not in response.headers
