"""The load as it changes, and where the time of the caller's own requests went."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from deployments.fair_worker import ReplicaLoad
from deployments.past_calls import PastCall
from deployments.settings import HttpSettings
from deployments.storage.api_keys import ApiKeys
from serve_app.http import load_events
from serve_app.stage_load import combined
from tests.http.fakes import Served, speech, uvicorn_server, wait_until

EVENTS = "/v1/load/events"


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_events, "EVERY_S", 0.1)
    monkeypatch.setattr(load_events, "LASTS_S", 0.5)


def vocoder(*recent: PastCall, waiting: int = 0) -> Any:
    load = ReplicaLoad(running=0, waiting=waiting, max_running=4, max_ongoing=100, wait_s=0.0, recent=recent)
    return combined("Vocoder", [load])


def only(places: int, served: Served) -> asyncio.Semaphore:
    """Lets no more than ``places`` watch."""
    watchers = asyncio.Semaphore(places)
    served.app.state.context = replace(served.app.state.context, watchers=watchers)
    return watchers


def call(key: str, request: str = "mine", segment: int | None = 0) -> PastCall:
    now = time.time()
    return PastCall(request, key, segment, now - 0.3, now - 0.2, now, 2)


def events(text: str, kind: str) -> list[dict[str, Any]]:
    found = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line]
    return [each for each in found if each["type"] == kind]


async def test_the_load_is_told_again_and_again(served: Served, client: httpx.AsyncClient) -> None:
    served.stages = [vocoder(waiting=3)]
    plain = (await client.get("/v1/load")).json()

    response = await client.get(EVENTS)

    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-accel-buffering"] == "no"
    loads = events(response.text, "load")
    assert len(loads) >= 2
    assert all(load == plain | {"type": "load"} for load in loads)


async def test_a_caller_is_told_what_was_done_for_it_and_only_once(served: Served, client: httpx.AsyncClient) -> None:
    served.stages = [vocoder(call("127.0.0.1"), call("127.0.0.1", segment=1), call("10.1.2.3", "another's"))]

    calls = events((await client.get(EVENTS)).text, "calls")

    assert len(calls) == 1, "there was nothing new later"
    told = sorted(calls[0]["calls"], key=lambda each: each["segment"])
    assert [(each["request"], each["stage"], each["segment"]) for each in told] == [
        ("mine", "Vocoder", 0),
        ("mine", "Vocoder", 1),
    ]
    assert told[0]["began_s"] - told[0]["came_s"] == pytest.approx(0.1, abs=1e-3)
    assert told[0]["ended_s"] - told[0]["began_s"] == pytest.approx(0.2, abs=1e-3)
    assert told[0]["batch"] == 2


async def test_the_utterance_itself_is_told_by_its_request_id(client: httpx.AsyncClient) -> None:
    request_id = (await client.post("/v1/audio/speech", json=speech())).headers["x-request-id"]

    (event,) = events((await client.get(EVENTS)).text, "calls")

    (told,) = event["calls"]
    assert (told["request"], told["stage"], told["segment"]) == (request_id, "Admission", None)
    assert told["came_s"] <= told["began_s"] <= told["ended_s"] < time.time() + 1


async def test_keys_see_their_own_requests_only() -> None:
    served = Served(HttpSettings(api_keys="required"))
    keys = ApiKeys(served.app.state.context.records)
    (own, secret), (other, _) = keys.create("own"), keys.create("other")
    served.stages = [vocoder(call(own.key_id), call(other.key_id, "another's"), call("127.0.0.1", "no key"))]
    transport = httpx.ASGITransport(served.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        refused = await client.get(EVENTS)
        answer = await client.get(EVENTS, headers={"authorization": f"Bearer {secret}"})
    assert refused.status_code == 401
    assert {each["request"] for event in events(answer.text, "calls") for each in event["calls"]} == {"mine"}


async def test_watchers_are_limited_and_leave_their_places(served: Served, client: httpx.AsyncClient) -> None:
    places = only(1, served)
    watching = asyncio.create_task(client.get(EVENTS))
    while not places.locked():
        await asyncio.sleep(0.01)
    refused = await client.get(EVENTS)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "5"
    assert (await watching).status_code == 200
    assert (await client.get(EVENTS)).status_code == 200


def test_a_watcher_who_leaves_frees_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_events, "LASTS_S", 60.0)
    with uvicorn_server(Served()) as served:
        places = only(1, served)
        with httpx.stream("GET", served.base_url + EVENTS, timeout=30) as response:
            lines = response.iter_lines()
            next(lines)
            assert places.locked()
        wait_until(lambda: not places.locked())
