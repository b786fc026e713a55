"""Jobs on a real Ray, over models that sleep: through HTTP, with Celery on a real Redis and without."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster.conftest import Cluster
from tests.cluster.test_faults import replicas
from tests.support.redis_server import RedisServer
from tests.support.waiting import until
from tts_models.types import FRAME_SAMPLES

JOBS = "/v1/audio/jobs"
FRAME_BYTES = 2 * FRAME_SAMPLES
QUICK = {"lease_s": 3, "retry_delay_s": 0.5, "segments_in_flight": 2}
SCALES = {
    "max_ongoing_requests": 1,
    "autoscaling_config": {
        "min_replicas": 1,
        "max_replicas": 2,
        "target_ongoing_requests": 1,
        "policy": {"policy_function": "serve_app.jobs.deployment:scale_by_jobs"},
        "metrics_interval_s": 0.5,
        "look_back_period_s": 1,
        "upscale_delay_s": 1,
        "downscale_delay_s": 1,
    },
}


class Desk:
    """A deployed application and what one does with its jobs."""

    def __init__(self, cluster: Cluster, storage: dict[str, Any]) -> None:
        self.cluster = cluster
        self.storage = storage

    def deploy(self, **changes: Any) -> None:
        args = {"assets": {"root": str(self.cluster.log.path.parent)}, "storage": self.storage, "jobs": QUICK}
        self.cluster.deploy(args=args, JobWorker=SCALES, **changes)

    def submit(self, text: Any, **changes: Any) -> str:
        body = {"model": "tts-1", "voice": "af_test", "input": text, "response_format": "pcm", **changes}
        response = httpx.post(self.cluster.url + JOBS, json=body, timeout=60)
        assert response.status_code == 202, response.text
        job_id: str = response.json()["id"]
        return job_id

    def get(self, job_id: str, path: str = "") -> httpx.Response:
        return httpx.get(f"{self.cluster.url}{JOBS}/{job_id}{path}", timeout=60, follow_redirects=True)

    def is_done(self, job_id: str) -> Any:
        response = self.get(job_id)
        if response.status_code != 200:
            return None
        job = response.json()
        assert job["status"] not in ("failed", "cancelled"), job
        return job if job["status"] == "succeeded" else None

    def done(self, job_id: str, limit_s: float = 90) -> dict[str, Any]:
        job: dict[str, Any] = until(lambda: self.is_done(job_id), limit_s, f"{job_id} is done")
        return job

    def kill_workers(self) -> None:
        """kill -9 of every worker."""
        workers = replicas("JobWorker")
        assert workers
        for worker in workers:
            worker.kill()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module", params=["embedded", "redis"])
def desk(request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    storage: dict[str, Any] = {"root": str(tmp_path_factory.mktemp("storage"))}
    if request.param == "redis":
        storage["records"] = request.getfixturevalue("redis").url
    desk = Desk(cluster, storage)
    desk.deploy()
    return desk


def test_a_document_from_submit_to_file(desk: Desk) -> None:
    job_id = desk.submit(["40 20", {"title": "Two", "input": "10"}], chapter_pause_s=0.1)
    with httpx.stream("GET", f"{desk.cluster.url}{JOBS}/{job_id}/events", timeout=60) as events:
        states = [json.loads(line[6:]) for line in events.iter_lines() if line.startswith("data: ")]

    assert states[-1]["status"] == "succeeded"
    assert states[-1]["progress"]["segments"] == 3
    audio = desk.get(job_id, "/audio")
    assert len(audio.content) == 70 * FRAME_BYTES + 4_800
    assert desk.get(job_id, "/audio?as=zip").content.startswith(b"PK")
    assert desk.get(job_id, "/captions?format=vtt").text.startswith("WEBVTT")


def test_an_error_of_the_caller_fails_the_job_with_its_words(desk: Desk) -> None:
    job_id = desk.submit("?")
    job = until(lambda: (j := desk.get(job_id).json())["status"] == "failed" and j, 60, "it has failed")
    assert job["error"]["code"] == "unpronounceable_input"
    assert job["attempts"] == 1


def test_cancelling_stops_the_stages(desk: Desk) -> None:
    job_id = desk.submit(" ".join(["300"] * 200))
    until(lambda: desk.get(job_id).json()["progress"]["segments"] > 1, 60, "some segments are made")
    httpx.delete(f"{desk.cluster.url}{JOBS}/{job_id}", timeout=60)
    assert desk.get(job_id).json()["status"] == "cancelled"
    time.sleep(3)
    made = len(desk.cluster.log.read("vocoder"))
    time.sleep(2)
    assert len(desk.cluster.log.read("vocoder")) == made


def test_a_worker_killed_in_the_middle_loses_nothing(desk: Desk) -> None:
    """Twelve segments; killed when about half are made. Each is made once, and those in flight once more."""
    desk.cluster.log.clear()
    frames = [400 + i for i in range(12)]
    job_id = desk.submit(" ".join(map(str, frames)))
    until(lambda: desk.get(job_id).json()["progress"]["segments"] >= 4, 60, "some segments are made")
    desk.kill_workers()
    job = desk.done(job_id)

    assert job["attempts"] == 2
    assert len(desk.get(job_id, "/audio").content) == sum(frames) * FRAME_BYTES
    made = [frame for line in desk.cluster.log.read("vocoder") for frame in line["frames"]]
    assert set(made) == set(frames)
    assert len(made) <= len(frames) + QUICK["segments_in_flight"]


def test_workers_come_and_go_with_the_jobs(desk: Desk) -> None:
    if "records" in desk.storage:
        pytest.skip("the policy does not ask who hands the jobs over")
    until(lambda: desk.cluster.replicas("JobWorker") == 1, 240, "one worker is left")
    jobs = [desk.submit("400 " * 20) for _ in range(8)]
    until(lambda: desk.cluster.replicas("JobWorker") == 2, 180, "a second one helps")
    for job_id in jobs:
        desk.done(job_id)
    until(lambda: desk.cluster.replicas("JobWorker") == 1, 240, "it has gone")


def test_redis_may_go_and_come_back(desk: Desk, request: pytest.FixtureRequest) -> None:
    if "records" not in desk.storage:
        pytest.skip("there is none")
    redis: RedisServer = request.getfixturevalue("redis")
    job_id = desk.submit("400 " * 20)
    until(lambda: desk.get(job_id).json()["progress"]["segments"] > 1, 60, "some segments are made")
    redis.stop()
    time.sleep(20)
    redis.start()
    desk.done(job_id)
    assert len(desk.get(job_id, "/audio").content) == 20 * 400 * FRAME_BYTES
    desk.done(desk.submit("10"))  # and workers still listen


def test_jobs_survive_the_application(desk: Desk) -> None:
    from ray import serve

    if "records" in desk.storage:
        pytest.skip("Redis does not end with the application")
    desk.cluster.log.clear()
    first = desk.submit("400 " * 30)
    second = desk.submit("10 20")
    until(lambda: desk.get(first).json()["progress"]["segments"] > 2, 60, "some segments are made")
    serve.delete("voicegraph")
    made = len(desk.cluster.log.read("vocoder"))
    desk.deploy()
    assert len(desk.done(first) and desk.get(first, "/audio").content) == 30 * 400 * FRAME_BYTES
    desk.done(second)
    assert len(desk.cluster.log.read("vocoder")) < 32
    assert made > 2
    assert not list(Path(desk.storage["root"]).glob("scratch/*"))
