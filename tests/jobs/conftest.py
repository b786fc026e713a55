from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployments.settings import HttpSettings, JobSettings
from deployments.storage.records import Records, RedisRecords, SqliteRecords
from deployments.storage.voices import VoiceStore
from serve_app.http.job_schemas import JobRequest
from serve_app.jobs.board import JobBoard
from serve_app.jobs.job import Job
from serve_app.jobs.pace import Paces
from serve_app.jobs.worker import JobOffer, JobRunner
from serve_app.voices.registry import VoiceRegistry
from tests.http.fakes import catalogue
from tests.jobs.fakes import Clock, FlakyObjects, WordGraph
from tests.support.redis_server import RedisServer
from tts_models.instructions import Understanding


def offer(records: Records, **settings: Any) -> JobOffer:
    """What can be asked for."""
    return JobOffer(VoiceRegistry(catalogue(), VoiceStore(records)), HttpSettings(**settings), Understanding())


@dataclass
class Shop:
    """A board and what is needed to make its jobs."""

    records: Records
    scratch: Path
    settings: JobSettings = field(default_factory=lambda: JobSettings(retry_delay_s=5, lease_s=10, attempts=3))
    clock: Clock = field(default_factory=Clock)
    objects: FlakyObjects = field(default_factory=FlakyObjects)
    graph: WordGraph = field(default_factory=WordGraph)
    piece_characters: int = 10_000

    def __post_init__(self) -> None:
        self.board = JobBoard(self.records, self.objects, self.settings, self.clock)

    def submit(
        self,
        text: Any,
        *,
        key: str = "",
        tenant: str = "",
        pace: str = "",
        characters_per_min: int | None = None,
        **changes: Any,
    ) -> Job:
        request = JobRequest.model_validate({"model": "tts-1", "voice": "af_heart", "input": text, **changes})
        job, _ = self.board.submit(
            request.model_dump_json().encode(),
            idempotency_key=key,
            tenant=tenant,
            caller="somebody",
            characters=sum(len(chapter.input) for chapter in request.chapters),
            chapters=len(request.chapters),
            response_format=request.response_format,
            pace=pace,
            characters_per_min=characters_per_min,
        )
        return job

    async def work(
        self, job: Job, worker: str = "a", graph: WordGraph | None = None, paces: Paces | None = None, **options: Any
    ) -> Job:
        """What becomes of ``job`` when a worker gets it."""
        offered = offer(self.records, max_input_characters=self.piece_characters)
        runner = JobRunner(self.board, graph or self.graph, offered, self.scratch, paces)
        await runner.run(job.id, worker, **options)
        return self.board.get(job.id)

    def file(self, job: Job, kind: str = "audio") -> bytes:
        assert job.result is not None
        return self.objects.get(job.result.files[kind].key)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(SqliteRecords(Path(":memory:")), tmp_path)


@pytest.fixture
def new_shop(tmp_path: Path) -> Callable[[], Shop]:
    return lambda: Shop(SqliteRecords(Path(":memory:")), tmp_path)


@pytest.fixture(params=["sqlite", "redis"])
def any_shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    """Over either kind of records."""
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        server.client().flushall()
        return Shop(RedisRecords(server.url), tmp_path)
    return Shop(SqliteRecords(tmp_path / "records.sqlite3"), tmp_path)
