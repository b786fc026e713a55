"""A full server's answer, given by the proxy until there is room."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from serve_app import full
from serve_app.full import FULL_HEADER, RefuseWhileFull

SPEECH = "/v1/audio/speech"


class Server:
    """An application and its desk."""

    def __init__(self) -> None:
        self.is_full = True
        self.asked: Counter[str] = Counter()
        self.rooms = 0
        self.room_for: asyncio.Queue[int] = asyncio.Queue()
        self.told: list[tuple[str, int]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        self.asked[scope["path"]] += 1
        headers = [
            (b"content-type", b"application/json"),
            (b"x-ratelimit-remaining", b"3"),
            (b"x-request-id", b"the first"),
            *([(FULL_HEADER.encode(), b"voices"), (b"retry-after", b"7")] if self.is_full else []),
        ]
        await send({"type": "http.response.start", "status": 429 if self.is_full else 200, "headers": headers})
        await send({"type": "http.response.body", "body": scope["path"].encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b"!", "more_body": False})

    async def room(self, application: str) -> int:
        assert application == "voices"
        self.rooms += 1
        return await self.room_for.get()

    async def turned_away(self, application: str, count: int) -> None:
        self.told.append((application, count))

    async def gets_room(self, places: int = 1) -> None:
        self.is_full = False
        self.room_for.put_nowait(places)
        await asyncio.sleep(0.01)

    async def is_quiet(self) -> None:
        """Room, and nobody who comes for so long that the proxy asks nobody to wait any more."""
        await self.gets_room(1000)
        await asyncio.sleep(0.1)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def asking(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    counted: list[tuple[str, int]] = []
    app = RefuseWhileFull(server, server, lambda path, status: counted.append((path, status)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client
    assert len(counted) == sum(count for _, count in server.told)
    assert all(status == 429 for _, status in counted)


async def test_a_full_server_is_asked_once_until_it_has_room(server: Server, asking: httpx.AsyncClient) -> None:
    answers = [await asking.post(SPEECH, content=b"x", headers={"x-request-id": str(n)}) for n in range(5)]

    assert server.asked[SPEECH] == 1
    await asyncio.sleep(0.01)
    assert server.rooms == 1
    assert {(answer.status_code, answer.text, answer.headers["retry-after"]) for answer in answers} == {
        (429, f"{SPEECH}!", "7")
    }
    assert all(FULL_HEADER not in answer.headers for answer in answers)

    await server.is_quiet()
    assert [(await asking.post(SPEECH, content=b"x")).status_code for _ in range(3)] == [200] * 3
    assert server.told == [("voices", 4)]


async def test_as_many_may_try_as_there_is_room_for(server: Server, asking: httpx.AsyncClient) -> None:
    await asking.post(SPEECH)
    await server.gets_room(2)
    assert [(await asking.post(SPEECH)).status_code for _ in range(4)] == [200, 200, 429, 429]

    await asyncio.sleep(0.1)  # they are at the desk, which is asked again
    assert server.rooms == 2
    assert server.told == [("voices", 2)]
    assert (await asking.post(SPEECH)).status_code == 429
    await server.is_quiet()


async def test_what_is_the_first_callers_own_is_not_told_to_others(server: Server, asking: httpx.AsyncClient) -> None:
    first = await asking.post(SPEECH)
    named, unnamed, other = [await asking.post(SPEECH, headers=h) for h in ({"x-request-id": "mine"}, {}, {})]

    assert first.headers["x-ratelimit-remaining"] == "3"
    assert "x-ratelimit-remaining" not in named.headers
    assert named.headers["x-request-id"] == "mine"
    assert len({answer.headers["x-request-id"] for answer in (first, unnamed, other)}) == 3
    await server.is_quiet()


async def test_each_path_has_its_own_answer_and_reading_is_never_refused(
    server: Server, asking: httpx.AsyncClient
) -> None:
    for _ in range(2):
        assert (await asking.post(SPEECH)).text == f"{SPEECH}!"
        assert (await asking.post("/synthesis")).text == "/synthesis!"
        await asking.get(SPEECH)
        await asking.post(SPEECH, headers={"origin": "https://example.org"})

    assert server.asked == {SPEECH: 1 + 2 + 2, "/synthesis": 1}
    await asyncio.sleep(0.01)
    assert server.rooms == 1
    await server.is_quiet()
    assert server.told == [("voices", 2)]


async def test_an_old_answer_is_heard_anew_by_one(
    server: Server, asking: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full, "_FRESH_S", 0.02)
    await asking.post(SPEECH)
    await asyncio.sleep(0.05)
    for _ in range(3):
        await asking.post(SPEECH)
    assert server.asked[SPEECH] == 2
    await server.is_quiet()


async def test_a_desk_that_does_not_answer_is_not_taken_to_be_full(server: Server, asking: httpx.AsyncClient) -> None:
    async def fails(application: str) -> int:
        raise ConnectionError(application)

    server.room = fails  # type: ignore[method-assign]
    for _ in range(3):
        assert (await asking.post(SPEECH)).status_code == 429
        await asyncio.sleep(0.01)
    assert server.asked[SPEECH] == 3


async def test_an_application_that_does_not_say_that_it_is_full_is_asked_every_time(
    server: Server, asking: httpx.AsyncClient
) -> None:
    server.is_full = False
    for _ in range(3):
        assert (await asking.post(SPEECH)).status_code == 200
    assert server.asked[SPEECH] == 3
    assert server.rooms == 0
