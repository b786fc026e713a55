"""How the page and its files are sent; what it does is in tests/browser."""

from __future__ import annotations

import re

import httpx
import pytest

from deployments.settings import HttpSettings
from serve_app.voicevox.app import mount_voicevox
from tests.http.fakes import Served


async def files(client: httpx.AsyncClient, at: str = "/") -> list[str]:
    """Everything that the page names, and what that imports."""
    page = await client.get(at)
    assert page.status_code == 200
    found = re.findall(r'(?:href|src)="(static/[^"]+)"', page.text)
    for name in found:
        module = await client.get("/" + name)
        folder = name.rpartition("/")[0]
        found.extend(
            f"{folder}/{name}"
            for name in re.findall(r'^import .*"\./([^"]+)";$', module.text, re.MULTILINE)
            if f"{folder}/{name}" not in found
        )
    return found


async def test_the_page_and_all_that_it_needs_are_there_without_a_key() -> None:
    served = Served(HttpSettings(api_keys="required"))
    transport = httpx.ASGITransport(served.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        named = await files(client)
        assert len(named) > 15
        for name in named:
            file = await client.get("/" + name)
            assert file.status_code == 200
            assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
            kind = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}[name.rpartition(".")[2]]
            assert file.headers["content-type"].startswith(kind)


async def test_nothing_on_the_page_is_inline_or_of_another_server(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*\ssrc=)", page.text)
    assert not re.search(r"<style|\sstyle=|\son\w+=", page.text)
    for text in [page.text, *[(await client.get("/" + name)).text for name in await files(client)]]:
        assert set(re.findall(r"(?:https?:)?//[\w.]+\.\w+", text)) <= {"http://www.w3.org"}


async def test_browsers_ask_whether_the_page_has_changed(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.headers["cache-control"] == "no-cache"
    again = await client.get("/", headers={"if-none-match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_files_are_small_on_the_way(client: httpx.AsyncClient) -> None:
    total = 0
    for name in ["", *await files(client)]:
        plain = await client.get("/" + name, headers={"accept-encoding": "identity"})
        async with client.stream("GET", "/" + name, headers={"accept-encoding": "gzip"}) as packed:
            sent = b"".join([part async for part in packed.aiter_raw()])
        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert len(sent) < len(plain.content) or len(plain.content) < 400
        total += len(sent)
    assert total < 64_000


async def test_another_version_of_a_file_is_not_kept(client: httpx.AsyncClient) -> None:
    (name, *_) = await files(client)
    other = await client.get("/static/000000000000/" + name.rpartition("/")[2])
    assert (other.status_code, other.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "name", ["nothing.js", "index.html", "../http/app.py", "..%2fhttp%2fapp.py", "%2e%2e/graph.py"]
)
async def test_nothing_else_is_served(name: str, client: httpx.AsyncClient) -> None:
    response = await client.get("/static/000000000000/" + name)
    assert response.status_code == 404
    assert response.json()["error"]["message"]


async def test_its_files_are_not_counted_as_requests() -> None:
    settings = HttpSettings(api_keys="off")
    transport = httpx.ASGITransport(Served(settings).app, raise_app_exceptions=False, client=("10.0.0.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert "ratelimit" in (await client.get("/")).headers
        for _ in range(3):
            for name in await files(client):
                assert (await client.get("/" + name)).status_code == 200


async def test_voicevox_at_the_root_moves_the_page() -> None:
    served = Served(HttpSettings(voicevox_mount="/"))
    mount_voicevox(served.app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(served.app), base_url="http://test") as client:
        assert (await client.get("/version")).json() == served.app.version
        assert "VOICEVOX" in (await client.get("/")).text
        assert len(await files(client, "/listen")) > 15


async def test_the_page_is_in_no_description(client: httpx.AsyncClient) -> None:
    assert not {"/", "/listen"} & (await client.get("/openapi.json")).json()["paths"].keys()
