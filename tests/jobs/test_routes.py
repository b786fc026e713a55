"""``/v1/audio/jobs`` over a board without workers; a test is the worker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deployments.settings import HttpSettings, JobSettings, LimitSettings
from serve_app.http.app import create_app
from serve_app.http.caller import Caller, caller_of
from serve_app.http.context import Jobs
from tests.http.fakes import FakeGraph, catalogue
from tests.jobs.conftest import Shop
from tests.jobs.fakes import WordGraph
from tts_models.text.word_filter import WordFilter

JOBS = "/v1/audio/jobs"


class Desk:
    """The application over a shop, and a client of it."""

    def __init__(self, shop: Shop, **settings: Any) -> None:
        self.shop = shop
        self.sent: list[str] = []
        self.caller = Caller()
        jobs = Jobs(shop.board, self.sent.append)
        self.app = create_app(
            FakeGraph(),
            catalogue(),
            HttpSettings(**settings),
            records=shop.records,
            long_work=jobs,
            forbidden=WordFilter({"insults": ("silly old goat",)}),
        )
        self.app.dependency_overrides[caller_of] = lambda: self.caller
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://test")

    async def submit(
        self, text: Any = "Hello there. Good bye.", *, headers: Any = None, **changes: Any
    ) -> httpx.Response:
        body = {"model": "tts-1", "voice": "marin", "input": text, **changes}
        return await self.client.post(JOBS, json=body, headers=headers)

    async def done(self, text: Any = "Hello there. Good bye.", **changes: Any) -> dict[str, Any]:
        """A job that has succeeded."""
        job_id = (await self.submit(text, **changes)).json()["id"]
        await self.shop.work(self.shop.board.get(job_id))
        return await self.get(job_id)

    async def get(self, job_id: str) -> dict[str, Any]:
        body: dict[str, Any] = (await self.client.get(f"{JOBS}/{job_id}")).json()
        return body


@pytest.fixture
async def desk(shop: Shop) -> AsyncIterator[Desk]:
    desk = Desk(shop)
    async with desk.client:
        yield desk


async def test_submit(desk: Desk) -> None:
    response = await desk.submit(["Hello.", {"title": "Two", "input": "Good bye.", "voice": "bf_emma"}])

    assert response.status_code == 202
    job = response.json()
    assert (job["status"], job["position"], job["chapters"], job["estimated_s"]) == ("queued", 0, 2, None)
    assert job["progress"] == {"segments": 0, "characters": 0, "total_characters": 15, "audio_s": 0.0}
    assert response.headers["location"] == f"{JOBS}/{job['id']}"
    assert desk.sent == [job["id"]]
    desk.shop.clock.now_s += 1
    assert (await desk.submit()).json()["position"] == 1


async def test_what_is_forbidden_is_refused_at_once_wherever_the_text_would_be_cut(desk: Desk) -> None:
    for before in range(1980, 2020):
        response = await desk.submit("a" * before + " You silly old goat, you.")
        assert response.status_code == 400
        assert response.json()["error"]["code"] == "content_policy_violation"
    assert desk.sent == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"input": ""}, 400, "empty_input"),
        ({"input": ["a", " "]}, 400, "empty_input"),
        ({"input": []}, 400, "invalid_value"),
        ({"input": "a" * 1_000_001}, 400, "input_too_long"),
        ({"input": ["a" * 600_000, "b" * 600_000]}, 400, "input_too_long"),
        ({"input": ["a", {"input": "b", "voice": "nobody"}]}, 404, "voice_not_found"),
        ({"input": ["a", {"input": "b", "language": "tlh"}]}, 400, "unsupported_language"),
        ({"input": "a", "model": "none"}, 404, "model_not_found"),
        ({"input": "a", "speed": 9}, 400, "invalid_value"),
        ({"input": "a", "stream_format": "sse"}, 400, "invalid_value"),
        ({"input": "a\0"}, 400, "invalid_value"),
        ({"input": ["a", "<speak>b"]}, 400, "invalid_ssml"),
        ({"input": [{"input": "a\0"}]}, 400, "invalid_value"),
        ({"input": "a" * 8_000_001}, 413, "request_too_large"),
    ],
)
async def test_bad_requests(body: dict[str, Any], status: int, code: str, desk: Desk) -> None:
    response = await desk.submit(body.pop("input"), **body)

    assert (response.status_code, response.json()["error"]["code"]) == (status, code), response.text
    assert desk.shop.board.all() == []


async def test_a_million_characters_are_taken(desk: Desk) -> None:
    assert (await desk.submit("あ" * 1_000_000)).status_code == 202


async def test_a_repeated_submit_is_the_same_job(desk: Desk) -> None:
    key = {"Idempotency-Key": "order 7"}
    first, second = [await desk.submit(headers=key) for _ in range(2)]
    other = await desk.submit("Something else.", headers=key)

    assert first.status_code == second.status_code == 202
    assert first.json()["id"] == second.json()["id"]
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_reused")
    assert len(desk.shop.board.all()) == len(desk.sent) == 1
    desk.caller = Caller(tenant="somebody else")
    assert (await desk.submit(headers=key)).json()["id"] != first.json()["id"]


async def test_many_at_once_with_one_key_are_one_job(desk: Desk) -> None:
    responses = await asyncio.gather(*(desk.submit(headers={"Idempotency-Key": "k"}) for _ in range(8)))

    assert {response.status_code for response in responses} == {202}
    assert len({response.json()["id"] for response in responses}) == 1
    assert len(desk.shop.board.all()) == 1


async def test_no_more_may_wait_than_the_settings_say(desk: Desk, shop: Shop) -> None:
    shop.board.settings = JobSettings(max_queued=3, max_queued_per_tenant=2)
    for tenant, statuses in (("a", [202, 202, 429]), ("b", [202, 429])):
        desk.caller = Caller(tenant=tenant)
        for status in statuses:
            response = await desk.submit()
            assert response.status_code == status
            if status == 429:
                assert int(response.headers["retry-after"]) >= 1


async def test_a_job_is_seen_by_its_tenant_only(desk: Desk) -> None:
    desk.caller = Caller(tenant="a")
    job = (await desk.submit()).json()["id"]
    desk.caller = Caller(tenant="b")

    for method, path in (
        ("GET", ""), ("DELETE", ""), ("POST", "/retry"), ("GET", "/events"), ("GET", "/audio"), ("GET", "/captions"),
        ("GET", "/manifest"),
    ):  # fmt: skip
        response = await desk.client.request(method, f"{JOBS}/{job}{path}")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "job_not_found")
    assert (await desk.client.get(JOBS)).json()["data"] == []
    desk.caller = Caller(tenant="a")
    assert len((await desk.client.get(JOBS)).json()["data"]) == 1


async def test_list_in_pages(desk: Desk, shop: Shop) -> None:
    ids = []
    for _ in range(5):
        shop.clock.now_s += 1
        ids.append((await desk.submit()).json()["id"])
    shop.board.cancel(ids[0])

    first = (await desk.client.get(JOBS, params={"limit": 2})).json()
    assert [job["id"] for job in first["data"]] == ids[:2:-1]
    assert first["has_more"]
    rest = (await desk.client.get(JOBS, params={"limit": 3, "after": ids[3]})).json()
    assert [job["id"] for job in rest["data"]] == ids[2::-1]
    assert not rest["has_more"]
    cancelled = (await desk.client.get(JOBS, params={"status": "cancelled"})).json()["data"]
    assert [job["id"] for job in cancelled] == ids[:1]


async def test_files(desk: Desk) -> None:
    job = await desk.done(["Hello there.", "Good bye."], response_format="mp3")

    assert job["status"] == "succeeded"
    assert job["progress"]["characters"] == job["progress"]["total_characters"]
    kinds = {
        "audio": "audio/mpeg", "zip": "application/zip", "manifest": "application/json",
        "captions": "application/x-subrip",
    }  # fmt: skip
    for name, kind in kinds.items():
        response = await desk.client.get(job["files"][name])
        assert response.status_code == 200
        assert response.headers["content-type"].startswith(kind)
        assert len(response.content) == int(response.headers["content-length"])
    vtt = await desk.client.get(job["files"]["captions"], params={"format": "vtt"})
    assert vtt.text.startswith("WEBVTT")


async def test_ranges(desk: Desk) -> None:
    job = await desk.done(response_format="pcm")
    url = job["files"]["audio"]
    whole = await desk.client.get(url)
    size, tag = len(whole.content), whole.headers["etag"]

    async def get(**headers: str) -> httpx.Response:
        return await desk.client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})

    for wanted, start, end in (
        ("bytes=0-0", 0, 1), ("bytes=10-19", 10, 20), ("bytes=100-", 100, size), ("bytes=-7", size - 7, size),
        (f"bytes=5-{size + 9}", 5, size), (f"bytes=-{size + 9}", 0, size),
    ):  # fmt: skip
        part = await get(range=wanted)
        assert part.content == whole.content[start:end]
        if (start, end) != (0, size):
            assert part.status_code == 206
            assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    for ignored in ("bytes=9-3", "bytes=0-1,5-6", "lines=1-2", "bytes=-"):
        assert (await get(range=ignored)).status_code == 200
    for beyond in (f"bytes={size}-", "bytes=-0", f"bytes={10**18}-"):
        refused = await get(range=beyond)
        assert (refused.status_code, refused.headers["content-range"]) == (416, f"bytes */{size}")
    assert (await get(range="bytes=0-9", if_range=tag)).status_code == 206
    assert (await get(range="bytes=0-9", if_range='"another"')).content == whole.content
    assert (await get(if_none_match=tag)).status_code == 304


async def test_files_of_a_job_that_has_none(desk: Desk) -> None:
    job = (await desk.submit()).json()["id"]
    response = await desk.client.get(f"{JOBS}/{job}/audio")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "job_not_ready")

    one_text = await desk.done()
    response = await desk.client.get(one_text["files"]["audio"], params={"as": "zip"})
    assert response.status_code == 400
    assert "no document" in response.json()["error"]["message"]


async def test_cancel_then_remove(desk: Desk, shop: Shop) -> None:
    job = (await desk.submit()).json()["id"]

    assert (await desk.client.delete(f"{JOBS}/{job}")).json()["status"] == "cancelled"
    assert (await desk.client.delete(f"{JOBS}/{job}")).json() == {"id": job, "object": "audio.job", "deleted": True}
    assert (await desk.client.get(f"{JOBS}/{job}")).status_code == 404
    assert list(shop.objects.keys("jobs")) == []


async def test_a_failed_job_says_why_and_can_be_tried_again(desk: Desk, shop: Shop) -> None:
    job = await desk.done("***")
    assert job["status"] == "failed"
    assert job["error"] == {
        "message": "Nothing in the text can be spoken.", "type": "invalid_request_error", "param": "input",
        "code": "unpronounceable_input",
    }  # fmt: skip
    response = await desk.client.post(f"{JOBS}/{job['id']}/retry")
    assert (response.status_code, response.json()["status"]) == (202, "queued")
    assert (await desk.client.post(f"{JOBS}/{job['id']}/retry")).status_code == 409


async def test_events_end_with_the_job(desk: Desk, shop: Shop) -> None:
    job = (await desk.submit()).json()["id"]
    watching = asyncio.create_task(desk.client.get(f"{JOBS}/{job}/events"))
    await asyncio.sleep(0.1)
    slow = WordGraph(before=lambda _: asyncio.sleep(1.2))
    await shop.work(shop.board.get(job), graph=slow)
    response = await asyncio.wait_for(watching, 30)

    assert response.headers["content-type"].startswith("text/event-stream")
    events = [event.split("\n") for event in response.text.strip().split("\n\n")]
    states = [json.loads(data.removeprefix("data: ")) for _, _, data in events]
    assert states[0]["status"] == "queued"
    assert states[-1]["status"] == "succeeded"
    assert {state["progress"]["segments"] for state in states} >= {0, 1, 2}
    last = events[-1][0].removeprefix("id: ")
    again = await desk.client.get(f"{JOBS}/{job}/events", headers={"Last-Event-ID": last})
    assert again.text == ""


async def test_how_long_it_takes_is_measured(desk: Desk, shop: Shop) -> None:
    shop.board.measured(took_s=10.0, characters=100)
    job = (await desk.submit("a" * 1_000)).json()
    shop.clock.now_s += 1
    second = (await desk.submit("a" * 500)).json()

    assert job["estimated_s"] == pytest.approx(100)
    assert second["estimated_s"] == pytest.approx(150)
    shop.board.measured(took_s=100.0, characters=20_000)
    assert (await desk.get(job["id"]))["estimated_s"] < 10


async def test_records_or_objects_that_are_away(desk: Desk, shop: Shop) -> None:
    shop.objects.is_away = True
    response = await desk.submit()
    assert (response.status_code, response.json()["error"]["code"]) == (503, "storage_unavailable")
    assert response.headers["retry-after"]
    assert shop.board.all() == []


async def test_links_are_given_where_the_store_has_them(desk: Desk, shop: Shop) -> None:
    job = await desk.done()
    desk.app.state.context.jobs.board.objects.link = lambda key, expires_s: f"https://bucket/{key}?signed"
    assert (await desk.client.get(job["files"]["audio"])).status_code == 200
    object.__setattr__(desk.app.state.context.jobs, "redirects", True)
    response = await desk.client.get(job["files"]["audio"])
    assert response.status_code == 307
    assert response.headers["location"] == f"https://bucket/jobs/{job['id']}/audio.mp3?signed"


async def test_a_job_remembers_the_pace_of_who_submits_it(shop: Shop) -> None:
    limits = LimitSettings(address_characters_per_min=500, loopback=True)
    desk = Desk(shop, limits=limits)
    async with desk.client:
        submitted = await desk.submit("x" * 2_000)
    job = shop.board.get(submitted.json()["id"])
    assert (job.pace, job.characters_per_min) == ("jobs of address 127.0.0.1", 500)
