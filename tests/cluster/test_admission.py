"""Limits, fairness, time limits and what the server says of its load, over HTTP with two ingress replicas."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise
from typing import Any

import httpx
import pytest
import ray

from tests.cluster.conftest import Cluster
from tests.support.waiting import until

SPEECH = "/v1/audio/speech"
RUNNING, WAITING = 4, 6
FRAME_BYTES = 1200


def speech(text: str) -> dict[str, Any]:
    return {"model": "tts-1", "voice": "af_test", "input": text, "response_format": "pcm"}


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> Cluster:
    args = {
        "assets": {"root": str(cluster.log.path.parent)},
        "admission": {"max_running": RUNNING, "max_waiting": WAITING},
        "synthesis": {"segments_in_flight": 2},
    }
    cluster.deploy(args=args, Ingress={"num_replicas": 2}, Vocoder={"num_replicas": 1})
    return cluster


@pytest.fixture
def fresh(server: Cluster) -> Cluster:
    until(lambda: load(server)["utterances"]["running"] == 0, 30, "nothing runs")
    server.log.clear()
    return server


def load(server: Cluster) -> Any:
    return httpx.get(server.url + "/v1/load", timeout=30).json()


async def post(client: httpx.AsyncClient, text: str, **headers: str) -> httpx.Response:
    return await client.post(SPEECH, json=speech(text), headers=headers)


def client_of(server: Cluster) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=200)
    return httpx.AsyncClient(base_url=server.url, timeout=120, limits=limits)


async def test_a_burst_as_large_as_the_room_is_admitted_to_the_last_and_no_more(fresh: Cluster) -> None:
    async with client_of(fresh) as client:
        for burst, refused in ((RUNNING + WAITING, 0), (3 * (RUNNING + WAITING), 2 * (RUNNING + WAITING))):
            fresh.log.clear()
            asking = [asyncio.create_task(post(client, "5!vocoder-waits")) for _ in range(burst)]
            async with asyncio.timeout(60):
                while sum(task.done() for task in asking) < refused:
                    await asyncio.sleep(0.05)
            await asyncio.sleep(1)
            utterances = (await client.get("/v1/load")).json()["utterances"]
            assert (utterances["running"], utterances["waiting"]) == (RUNNING, WAITING)
            assert (utterances["max_running"], utterances["max_waiting"]) == (RUNNING, WAITING)
            fresh.log.open_gate()
            responses = await asyncio.gather(*asking)
            assert Counter(response.status_code for response in responses) == Counter(
                {200: RUNNING + WAITING} | ({429: refused} if refused else {})
            )
            for response in responses:
                if response.status_code == 429:
                    assert response.json()["error"]["code"] == "overloaded"
                    assert 1 <= int(response.headers["retry-after"]) <= 120
                    assert float(response.headers["retry-after-ms"]) > 0
            # All that reached a model is what was admitted.
            assert len(fresh.log.read("vocoder")) == RUNNING + WAITING


async def test_a_short_text_waits_for_one_running_segment_of_a_long_one(fresh: Cluster) -> None:
    async with client_of(fresh) as client:
        long = asyncio.create_task(post(client, " ".join(["300"] * 12)))
        while len(fresh.log.read("vocoder")) < 3:
            await asyncio.sleep(0.01)
        for _ in range(3):
            assert (await post(client, "7")).status_code == 200
        assert not long.done()
        await long
    frames = [line["frames"][0] for line in fresh.log.read("vocoder")]
    assert frames.count(300) == 12
    shorts = [index for index, value in enumerate(frames) if value == 7]
    assert shorts[-1] < 12, "the short ones were done while the long one went on"
    assert all(later - earlier <= 3 for earlier, later in pairwise(shorts))


async def test_whoever_leaves_frees_his_place_in_line_and_on_the_stages(fresh: Cluster) -> None:
    async with client_of(fresh) as client:
        first = [asyncio.create_task(post(client, "5!vocoder-waits")) for _ in range(RUNNING + WAITING)]
        await asyncio.to_thread(until, lambda: load(fresh)["utterances"]["waiting"] == WAITING, 30, "the room is full")
        await asyncio.to_thread(until, lambda: fresh.log.read("vocoder"), 30, "the vocoder is at work")
        for task in first:
            task.cancel()
        await asyncio.wait(first)

        def nobody() -> bool:
            now = load(fresh)
            return now["utterances"]["running"] == now["utterances"]["waiting"] == 0

        await asyncio.to_thread(until, nobody, 30, "all places are free")

        def nothing_waits() -> bool:  # loads are half a second old
            return all(stage["waiting"] == 0 for stage in load(fresh)["stages"])

        await asyncio.to_thread(until, nothing_waits, 30, "nothing waits on the stages")
        fresh.log.open_gate()
        assert (await post(client, "3")).status_code == 200
    assert len(fresh.log.read("vocoder")) == 2, "the one that ran, and the last"


async def test_what_is_past_its_time_limit_reaches_no_model(fresh: Cluster) -> None:
    async with client_of(fresh) as client:
        blocking = asyncio.create_task(post(client, "5!vocoder-waits"))
        await asyncio.to_thread(until, lambda: fresh.log.read("vocoder"), 30, "the vocoder is at work")
        late = await post(client, "60", **{"x-request-timeout-seconds": "1"})
        assert late.status_code == 503
        assert late.json()["error"]["code"] == "deadline_exceeded"
        fresh.log.open_gate()
        assert (await blocking).status_code == 200
        assert (await post(client, "6")).status_code == 200
    assert [line["frames"] for line in fresh.log.read("vocoder")] == [[5], [6]]


async def test_load_counts_every_replica_of_a_stage_and_stats_every_ingress(fresh: Cluster) -> None:
    fresh.deploy(
        args={
            "assets": {"root": str(fresh.log.path.parent)},
            "admission": {"max_running": RUNNING, "max_waiting": WAITING},
            "synthesis": {"segments_in_flight": 2},
        },
        Ingress={"num_replicas": 2},
        Vocoder={"num_replicas": 2},
    )
    async with client_of(fresh) as client:
        before = (await client.get("/v1/stats")).json()
        asking = [asyncio.create_task(post(client, "5!vocoder-waits 9!vocoder-waits 9")) for _ in range(RUNNING + 1)]

        def stages() -> dict[str, Any]:
            return {stage["name"]: stage for stage in load(fresh)["stages"]}

        def all_there() -> bool:
            vocoder = stages()["Vocoder"]
            return bool(vocoder["running"] + vocoder["waiting"] == 2 * RUNNING and vocoder["running"] == 2)

        await asyncio.to_thread(until, all_there, 60, "each of those who run has two segments in the vocoders")
        vocoder = stages()["Vocoder"]
        assert (vocoder["replicas"], vocoder["max_running"], vocoder["max_waiting"]) == (2, 2, 2 * 127)
        assert stages()["AcousticModel"]["replicas"] == 1
        fresh.log.open_gate()
        assert {response.status_code for response in await asyncio.gather(*asking)} == {200}
        assert stages()["Vocoder"]["p95_s"] >= stages()["Vocoder"]["p50_s"] > 0

        def counted() -> bool:
            after = httpx.get(fresh.url + "/v1/stats", timeout=30).json()
            return bool(after["completed"] == before["completed"] + RUNNING + 1)

        await asyncio.to_thread(until, counted, 30, "both ingress replicas have said how their requests ended")


async def test_when_the_desk_is_killed_nothing_is_lost_and_it_knows_who_runs_when_it_is_back(fresh: Cluster) -> None:
    def kill_desk() -> None:
        (name,) = (name for name in ray.util.list_named_actors(all_namespaces=True) if "#Admission#" in name["name"])
        ray.kill(ray.get_actor(**name))

    async with client_of(fresh) as client:
        asking = [asyncio.create_task(post(client, "5!vocoder-waits")) for _ in range(RUNNING + 2)]
        await asyncio.to_thread(until, lambda: load(fresh)["utterances"]["waiting"] == 2, 30, "two wait")
        await asyncio.to_thread(kill_desk)
        assert (await client.get("/health")).status_code in (200, 503)
        await asyncio.to_thread(
            until, lambda: load(fresh)["utterances"]["running"] >= RUNNING, 60, "a new desk knows who runs"
        )
        fresh.log.open_gate()
        async with asyncio.timeout(60):
            responses = await asyncio.gather(*asking)
        assert {response.status_code for response in responses} == {200}
        assert (await post(client, "3")).status_code == 200
