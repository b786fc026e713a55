"""How busy the server is, as it tells; time limits of requests."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import httpx
import pytest

from deployments.fair_worker import ReplicaLoad
from deployments.past_calls import PastCall
from deployments.settings import AdmissionSettings
from serve_app.stage_load import combined
from tests.http.fakes import Gate, Served, speech, tone, uvicorn_server

SPEECH = "/v1/audio/speech"


def replica(waiting: int, *took_s: float, batch: int = 1, ended_ago_s: float = 1) -> ReplicaLoad:
    ended_s = time.time() - ended_ago_s
    recent = tuple(PastCall("", "", None, ended_s - s, ended_s - s, ended_s, batch) for s in took_s)
    return ReplicaLoad(running=1, waiting=waiting, max_running=4, max_ongoing=100, wait_s=waiting / 10, recent=recent)


async def test_stages_are_summed_over_their_replicas(served: Served, client: httpx.AsyncClient) -> None:
    served.stages = [
        combined("Vocoder", [replica(3, *[0.125] * 90, batch=3), replica(7, *[0.5] * 10, batch=1)]),
        combined("AcousticModel", []),
    ]
    vocoder, acoustic = (await client.get("/v1/load")).json()["stages"]
    assert vocoder == {
        "name": "Vocoder",
        "replicas": 2,
        "running": 2,
        "waiting": 10,
        "max_running": 8,
        "max_waiting": 192,
        "p50_s": 0.125,
        "p95_s": 0.5,
        "estimated_wait_s": 0.3,
        "batch": 2.5,  # thirty batches of three and ten of one
    }
    assert (acoustic["replicas"], acoustic["p50_s"], acoustic["batch"]) == (0, None, None)


def test_the_size_of_batches_is_that_of_the_last_seconds() -> None:
    load = combined("Vocoder", [replica(0, 0.1, batch=8, ended_ago_s=20), replica(0, 0.1, batch=2)])
    assert load.batch == 2


def test_a_queue_that_replicas_share_is_counted_once() -> None:
    sharing = [replace(replica(waiting), shares_queue=True) for waiting in (4, 5)]  # counted a moment apart
    assert combined("VoiceFitter", sharing).waiting == 5
    assert combined("VoiceFitter", sharing).running == 2
    assert combined("VoiceFitter", []).waiting == 0


def test_load_and_stats_follow_the_requests() -> None:
    with uvicorn_server(Served(places=AdmissionSettings(max_running=1, max_waiting=1))) as served:
        gate = Gate()
        served.script(tone(0.5), gate, tone(0.5))
        with httpx.Client(base_url=served.base_url, timeout=60) as client:
            with client.stream("POST", SPEECH, json=speech()):
                utterances = client.get("/v1/load").json()["utterances"]
                assert (utterances["running"], utterances["waiting"]) == (1, 0)
                assert (utterances["max_running"], utterances["max_waiting"]) == (1, 1)
                gate.open()
            served.script(tone(0.5))
            assert client.post(SPEECH, json=speech()).status_code == 200
            assert client.post(SPEECH, json=speech(voice="nobody")).status_code == 404
            stats = client.get("/v1/stats").json()
            assert stats["total"] == stats["completed"] + stats["disconnected"] == 2
            assert stats["running"] == 0
            assert stats["average_run_s"] > 0


async def test_the_time_limit_of_the_request_goes_with_all_of_its_work(
    served: Served, client: httpx.AsyncClient
) -> None:
    before = time.time()
    await client.post(SPEECH, json=speech(), headers={"x-request-timeout-seconds": "20"})
    await client.post(SPEECH, json=speech())
    for unreadable in ("soon", "-1", "nan", "inf", "0"):
        response = await client.post(SPEECH, json=speech(), headers={"x-request-timeout-seconds": unreadable})
        assert response.status_code == 200
    limited, *others = served.graph.flows
    # A little early, so that the answer is ours and not the proxy's.
    assert before + 19 < limited.deadline_s < time.time() + 20
    assert all(flow.deadline_s == math.inf for flow in others)
    assert len({flow.id for flow in served.graph.flows}) == 7


@pytest.mark.parametrize("stream", [True, False])
async def test_what_has_not_begun_in_time_is_given_up(stream: bool, served: Served, client: httpx.AsyncClient) -> None:
    served.script(Gate(), tone(0.5))
    response = await client.post(
        SPEECH, json=speech(stream=stream), headers={"x-request-timeout-seconds": "0.1"}, timeout=60
    )
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "deadline_exceeded"
    assert served.graph.ended == ["closed"], "and with it the work on the stages"
    assert served.outcomes == {"rejected": 1}


def test_the_default_time_limit_is_for_the_beginning_only() -> None:
    with uvicorn_server(Served(places=AdmissionSettings(timeout_s=0.3))) as served:
        gate = Gate()
        served.script(tone(0.5), gate, tone(0.5))
        with httpx.stream("POST", served.base_url + SPEECH, json=speech(response_format="pcm"), timeout=60) as response:
            assert response.status_code == 200
            time.sleep(0.5)
            gate.open()
            assert len(response.read()) == 48_000


async def test_what_would_be_late_is_refused_before_it_costs_anything(
    served: Served, client: httpx.AsyncClient
) -> None:
    served.script(tone(0.1))
    for _ in range(3):
        await client.post(SPEECH, json=speech())
    begun = len(served.graph.spoken)
    response = await client.post(
        SPEECH, json=speech(input="Very long. " * 900), headers={"x-request-timeout-seconds": "0.002"}
    )
    assert response.status_code == 503
    assert response.headers["x-should-retry"] == "false", "it would be too long at any time"
    assert "needs about" in response.json()["error"]["message"]
    assert len(served.graph.spoken) == begun
