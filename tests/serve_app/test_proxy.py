"""Asking another replica when one dies, as Ray's proxy tells it: an application that ends without a response."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from serve_app import proxy
from serve_app.proxy import AskAgain, may_ask_again

SPEECH = "/v1/audio/speech"


class Replicas:
    """An application that dies ``deaths`` times, first before it has read all, then behind ``bytes_first``."""

    def __init__(self, deaths: int, *, bytes_first: bool = False) -> None:
        self.deaths = deaths
        self.bytes_first = bytes_first
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["headers"].append((b"x-attempt", str(len(self.bodies)).encode()))
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.bodies.append(body)
        is_last = len(self.bodies) > self.deaths
        if is_last or self.bytes_first:
            attempts = b",".join(value for name, value in scope["headers"] if name == b"x-attempt")
            start = {"type": "http.response.start", "status": 200, "headers": [(b"x-attempts", attempts)]}
            await send(start)
            await send({"type": "http.response.body", "body": b"audio", "more_body": not is_last})


async def body_in_parts() -> AsyncIterator[bytes]:
    yield b"hello "
    yield b"there"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "_DELAY_S", 0.0)


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(AskAgain(app)), base_url="http://test")


async def test_a_request_that_was_not_answered_is_made_again_whole() -> None:
    replicas = Replicas(deaths=2)
    async with client(replicas) as asking:
        response = await asking.post(SPEECH, content=body_in_parts())
    assert (response.status_code, response.content) == (200, b"audio")
    assert replicas.bodies == [b"hello there"] * 3
    assert response.headers["x-attempts"] == "2", "each try begins with the headers as they came"


async def test_it_is_not_made_for_ever() -> None:
    replicas = Replicas(deaths=100)
    async with client(replicas) as asking:
        response = await asking.post(SPEECH, content=b"x", headers={"x-request-id": "abc-1"})
    assert len(replicas.bodies) == 5
    assert response.headers["x-request-id"] == "abc-1"
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["error"]["code"] == "unavailable"


async def test_a_proxy_that_reaches_nobody_is_unhealthy_until_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    replicas = Replicas(deaths=14)
    async with client(replicas) as asking:

        async def ask(times: int) -> list[int]:
            return [(await asking.post(SPEECH, content=b"x")).status_code for _ in range(times)]

        async def health() -> int:
            deaths, replicas.deaths = replicas.deaths, 0  # Ray's proxy answers it whoever else does not
            status = (await asking.get("/-/healthz")).status_code
            replicas.deaths = deaths
            return status

        assert (await ask(2), await health()) == ([503, 503], 200)
        assert (await ask(1), await health()) == ([200], 200), "one that is answered begins the row anew"
        replicas.deaths = 100
        assert (await ask(2), await health()) == ([503, 503], 200)
        assert (await ask(1), await health()) == ([503], 503)
        monkeypatch.setattr(proxy, "_UNHEALTHY_S", 0.0)
        assert await health() == 200, "it is tried again after a while"


@pytest.mark.parametrize(
    ("path", "content"),
    [("/v1/audio/jobs", b"x"), ("/v1/audio/voices", b"x"), (SPEECH, bytes(3_000_000))],
    ids=["jobs", "voices", "a body too large to keep"],
)
async def test_what_may_do_harm_or_is_too_large_is_made_once(path: str, content: bytes) -> None:
    replicas = Replicas(deaths=1)
    with pytest.raises(AssertionError):
        async with client(replicas) as asking:
            await asking.post(path, content=content)
    assert len(replicas.bodies) == 1


async def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    replicas = Replicas(deaths=1, bytes_first=True)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await AskAgain(replicas)({"type": "http", "method": "POST", "path": SPEECH, "headers": []}, receive, send)
    assert len(replicas.bodies) == 1
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


async def test_whoever_has_left_is_not_asked_for_again() -> None:
    tries = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal tries
        tries += 1
        while (await receive())["type"] != "http.disconnect":
            pass

    messages = [{"type": "http.request", "body": b"x", "more_body": False}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return messages.pop(0)

    async def send(message: Any) -> None:
        raise AssertionError(message)

    await AskAgain(app)({"type": "http", "method": "POST", "path": SPEECH, "headers": []}, receive, send)
    assert tries == 1


@pytest.mark.parametrize(
    ("method", "path", "may"),
    [
        ("POST", "/v1/audio/speech", True),
        ("POST", "/voicevox/synthesis", True),
        ("POST", "/multi_synthesis", True),
        ("POST", "/voicevox/audio_query_from_preset", True),
        ("POST", "/v1/audio/jobs", False),
        ("POST", "/voicevox/user_dict_word", False),
        ("POST", "/v1/audio/speech/more", False),
        ("GET", "/v1/audio/voices", True),
        ("PUT", "/v1/dictionaries/global/entries/1", True),
        ("DELETE", "/v1/audio/jobs/job_1", False),
        ("PATCH", "/anything", False),
    ],
)
def test_what_may_be_asked_twice(method: str, path: str, may: bool) -> None:
    assert may_ask_again(method, path) is may
