"""A job whose texts, checkpoints and files are in a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deployments.settings import HttpSettings, JobSettings, StorageSettings
from deployments.storage.objects import open_objects
from deployments.storage.records import SqliteRecords
from serve_app.http.app import create_app
from serve_app.http.context import Jobs
from serve_app.jobs.board import JobBoard
from serve_app.jobs.worker import JobRunner
from tests.http.fakes import FakeGraph, catalogue
from tests.jobs.conftest import offer
from tests.jobs.fakes import Clock, WordGraph
from tests.support.s3_server import S3Server, s3_server


@pytest.fixture
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


async def test_a_job_in_a_bucket(s3: S3Server, tmp_path: Path) -> None:
    clock = Clock()
    objects = open_objects(StorageSettings(root=tmp_path, objects=s3.url))
    board = JobBoard(SqliteRecords(Path(":memory:")), objects, JobSettings(), clock)
    runner = JobRunner(board, WordGraph(), offer(board.records), tmp_path)
    jobs = Jobs(board, send=lambda _: None, redirects=True)
    app = create_app(FakeGraph(), catalogue(), HttpSettings(), records=board.records, long_work=jobs)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        body = {"model": "tts-1", "voice": "marin", "input": "One. Two. Three.", "response_format": "flac"}
        job_id = (await client.post("/v1/audio/jobs", json=body)).json()["id"]
        await runner.run(job_id, "a")
        job = (await client.get(f"/v1/audio/jobs/{job_id}")).json()
        answer = await client.get(job["files"]["audio"])

    assert job["status"] == "succeeded", job
    assert answer.status_code == 307
    linked = httpx.get(answer.headers["location"], timeout=10)
    assert len(linked.content) == job["size_bytes"]
    assert linked.content.startswith(b"fLaC")
    assert any("segments" in key for key in objects.keys(f"jobs/{job_id}"))
    board.sweep(lambda _: None, lambda: True)
    assert not any("segments" in key for key in objects.keys(f"jobs/{job_id}"))
    clock.now_s += 86_401
    board.sweep(lambda _: None, lambda: True)
    assert list(objects.keys("jobs")) == []


async def test_a_bucket_that_goes_away_in_the_middle(tmp_path: Path) -> None:
    with s3_server() as server:
        objects = open_objects(StorageSettings(root=tmp_path, objects=server.url))
        board = JobBoard(SqliteRecords(Path(":memory:")), objects, JobSettings(), Clock())
        graph = WordGraph(before=lambda sentence: server.stop() if sentence.startswith("Two") else None)
        runner = JobRunner(board, graph, offer(board.records), tmp_path)
        request = b'{"model": "tts-1", "voice": "marin", "input": "One. Two."}'
        job, _ = board.submit(request, characters=9, response_format="mp3")
        await runner.run(job.id, "a")

    job = board.get(job.id)
    assert job.status == "queued"
    assert job.error is not None
    assert (
        job.error.message == f"Results cannot be kept in the bucket {server.bucket}: it cannot be reached or refuses."
    )
