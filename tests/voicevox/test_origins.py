"""Who may call from a browser, and the page where that is set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from serve_app.voicevox.origins import Setting
from tests.voicevox.conftest import serve

LOCAL = [
    "http://localhost",
    "http://localhost:3000",
    "https://app.localhost:8443",
    "http://127.0.0.1:50021",
    "http://[::1]:80",
    "app://.",
    "chrome-extension://abcdef",
    "moz-extension://abcdef",
    "capacitor://localhost",
]
FOREIGN = [
    "https://example.com",
    "http://localhost.example.com",
    "http://127.0.0.1.example.com",
    "null",
    "http://[::1]x",
]


@pytest.mark.parametrize("origin", LOCAL)
async def test_pages_of_this_machine_and_extensions_may_call(origin: str, client: httpx.AsyncClient) -> None:
    response = await client.get("/version", headers={"Origin": origin})
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == origin
    assert "Origin" in response.headers["vary"]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_other_pages_may_not(origin: str, client: httpx.AsyncClient) -> None:
    response = await client.get("/version", headers={"Origin": origin})
    assert (response.status_code, response.json()) == (403, {"detail": "Origin not allowed"})
    assert "access-control-allow-origin" not in response.headers
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    assert (await client.options("/audio_query", headers=preflight)).status_code == 403
    assert (await client.get("/version")).status_code == 200, "no browser"


async def test_a_preflight_is_answered(client: httpx.AsyncClient) -> None:
    asked = {
        "Origin": "http://localhost:3000",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    response = await client.options("/synthesis", headers=asked)
    assert response.status_code == 200
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-headers"] == "content-type"


async def test_the_setting_page_changes_who_may_call(client: httpx.AsyncClient) -> None:
    page = await client.get("/setting")
    assert page.headers["content-type"].startswith("text/html")
    assert '<option value="localapps" selected>' in page.text
    form = {"cors_policy_mode": "localapps", "allow_origin": 'https://a.example https://b.example"><script>'}
    saved = await client.post("/setting", data=form, headers={"Origin": "http://localhost"})
    assert (saved.status_code, saved.content) == (204, b"")
    page = await client.get("/setting")
    assert "https://b.example&quot;&gt;&lt;script&gt;" in page.text
    codes = {
        origin: (await client.get("/version", headers={"Origin": origin})).status_code
        for origin in ("https://a.example", "https://c.example")
    }
    assert codes == {"https://a.example": 200, "https://c.example": 403}
    assert (await client.post("/setting", data={"cors_policy_mode": "all"})).status_code == 204
    assert (await client.get("/version", headers={"Origin": "https://c.example"})).status_code == 200
    assert '<option value="all" selected>' in (await client.get("/setting")).text


@pytest.mark.parametrize("form", [{}, {"cors_policy_mode": "some"}, {"allow_origin": "https://a.example"}])
async def test_a_form_that_cannot_be(form: dict[str, str], client: httpx.AsyncClient) -> None:
    assert (await client.post("/setting", data=form)).status_code == 422


async def test_a_foreign_page_cannot_let_itself_in(client: httpx.AsyncClient) -> None:
    form = {"cors_policy_mode": "all"}
    assert (await client.post("/setting", data=form, headers={"Origin": "https://example.com"})).status_code == 403
    assert '<option value="localapps" selected>' in (await client.get("/setting")).text


@pytest.fixture
async def other(client: httpx.AsyncClient, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Another replica over the same records, whose operator lets a page in."""
    served = serve(tmp_path, allowed_origins=("https://d.example",))
    transport = httpx.ASGITransport(served.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/voicevox") as other:
        yield other


async def test_settings_hold_on_every_replica_and_are_kept(client: httpx.AsyncClient, other: httpx.AsyncClient) -> None:
    form = {"cors_policy_mode": "localapps", "allow_origin": "https://a.example"}
    assert (await client.post("/setting", data=form)).status_code == 204
    response = await other.get("/version", headers={"Origin": "https://a.example"})
    assert response.status_code == 200
    assert response.headers.get_list("access-control-allow-origin") == ["https://a.example"]


async def test_what_the_operator_lets_in_may_call_too(other: httpx.AsyncClient) -> None:
    response = await other.get("/version", headers={"Origin": "https://d.example"})
    assert response.status_code == 200
    assert response.headers.get_list("access-control-allow-origin") == ["https://d.example"], "once: two are refused"


def test_the_engines_rule() -> None:
    assert Setting(cors_policy_mode="all").allows("https://example.com")
    assert not Setting().allows("https://example.com")
