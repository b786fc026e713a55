"""The states of a job: one holder at a time, nothing lost, whatever order things happen in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from deployments.settings import JobSettings
from deployments.storage.records import SqliteRecords
from serve_app.jobs.board import JobBoard, JobLost, JobNotFound
from serve_app.jobs.job import Job, JobFailure, JobResult, Progress
from tests.jobs.conftest import Shop
from tests.jobs.fakes import Clock, FlakyObjects

NOTHING = Progress()
RESULT = JobResult(duration_s=1.0, files={})


def test_a_lost_worker_is_noticed(any_shop: Shop) -> None:
    board, clock = any_shop.board, any_shop.clock
    job = any_shop.submit("Hello.")
    held = board.claim(job.id, "a")
    assert held is not None
    assert board.claim(job.id, "b") is None
    board.sweep(lambda _: None, lambda: True)
    assert board.get(job.id).status == "running"

    any_shop.records.delete("job_leases", job.id)  # it runs out
    sent: list[str] = []
    board.sweep(sent.append, lambda: True)
    assert board.get(job.id).status == "queued"
    clock.now_s += 5
    board.sweep(sent.append, lambda: True)
    assert sent == [job.id]
    again = board.claim(job.id, "b")
    assert again is not None
    assert again.attempts == 2
    with pytest.raises(JobLost):
        board.renew(held, NOTHING)
    with pytest.raises(JobLost):
        board.succeed(held, RESULT, NOTHING)
    board.renew(again, NOTHING)
    board.succeed(again, RESULT, NOTHING)


def test_a_lease_that_ran_out_while_nobody_looked_is_taken_up_again(any_shop: Shop) -> None:
    job = any_shop.submit("Hello.")
    held = any_shop.board.claim(job.id, "a")
    assert held is not None
    any_shop.records.delete("job_leases", job.id)
    any_shop.board.renew(held, Progress(segments=3))
    assert any_shop.board.progress(held).segments == 3


def test_a_lost_message_is_sent_again_when_the_broker_is_empty(any_shop: Shop) -> None:
    job = any_shop.submit("Hello.")
    sent: list[str] = []
    any_shop.board.sweep(sent.append, lambda: True)
    any_shop.clock.now_s += 11
    any_shop.board.sweep(sent.append, lambda: False)
    assert sent == []
    any_shop.board.sweep(sent.append, lambda: True)
    any_shop.board.sweep(sent.append, lambda: True)
    assert sent == [job.id]


def test_what_is_past_is_removed_with_its_files(any_shop: Shop) -> None:
    job = any_shop.submit("Hello.")
    held = any_shop.board.claim(job.id, "a")
    assert held is not None
    any_shop.objects.put(f"{job.folder}/segments/1", b"x")
    any_shop.board.succeed(held, RESULT, NOTHING)
    any_shop.board.sweep(lambda _: None, lambda: True)
    assert list(any_shop.objects.keys(job.folder)) == [f"{job.folder}/request.json"]
    any_shop.clock.now_s += 86_401
    with pytest.raises(JobNotFound):
        any_shop.board.get(job.id)
    any_shop.board.sweep(lambda _: None, lambda: True)
    assert list(any_shop.objects.keys("jobs")) == []
    assert any_shop.records.all("jobs") == {}


def test_jobs_are_begun_in_the_order_they_came(any_shop: Shop) -> None:
    jobs = []
    for _ in range(3):
        any_shop.clock.now_s += 1
        jobs.append(any_shop.submit("Hello."))
    assert [any_shop.board.outlook(job).position for job in jobs] == [0, 1, 2]
    for job in jobs:
        following = any_shop.board.next_queued()
        assert following is not None
        assert following.id == job.id
        assert any_shop.board.claim(job.id, job.id)


def test_a_record_of_an_older_version_can_be_changed(shop: Shop) -> None:
    job = shop.submit("Hello.")
    older = shop.records.get("jobs", job.id)
    assert older is not None
    shop.records.put("jobs", job.id, older.replace(b'"is_tidy":false,', b" "))
    assert shop.board.claim(job.id, "a") is not None


class States(RuleBasedStateMachine):
    """Workers, sweepers and callers in any order, and leases that run out at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.records = SqliteRecords(Path(":memory:"))
        limits = JobSettings(attempts=3, retry_delay_s=1, lease_s=5)
        self.board = JobBoard(self.records, FlakyObjects(), limits, self.clock)
        self.holders: dict[str, list[Job]] = {}
        self.ended: dict[str, int] = {}
        self.cancelled: set[str] = set()
        self.sent: set[str] = set()

    def a_job(self, data: st.DataObject) -> Job | None:
        jobs = self.board.all()
        return data.draw(st.sampled_from(jobs)) if jobs else None

    @rule()
    def submit(self) -> None:
        self.clock.now_s += 0.001
        job, _ = self.board.submit(b"{}", characters=1, response_format="mp3")
        self.sent.add(job.id)

    @rule(data=st.data(), worker=st.sampled_from("abc"))
    def claim(self, data: st.DataObject, worker: str) -> None:
        if (job := self.a_job(data)) and (held := self.board.claim(job.id, f"{worker}{self.clock.now_s}")):
            assert held.status == "running"
            self.holders.setdefault(job.id, []).append(held)

    @rule(data=st.data(), how=st.sampled_from(["renew", "succeed", "fail", "retry", "release", "die"]))
    def holder_acts(self, data: st.DataObject, how: str) -> None:
        held = [job for jobs in self.holders.values() for job in jobs]
        if not held:
            return
        job = data.draw(st.sampled_from(held))
        try:
            match how:
                case "renew":
                    self.board.renew(job, NOTHING)
                    return
                case "succeed":
                    self.board.succeed(job, RESULT, NOTHING)
                    self.ended[job.id] = self.ended.get(job.id, 0) + 1
                case "fail" | "retry":
                    self.board.fail(job, JobFailure(message="no"), NOTHING, may_pass=how == "retry")
                case "release":
                    self.board.release(job, NOTHING)
                case "die":
                    pass
        except JobLost:
            pass
        self.holders[job.id].remove(job)

    @rule(data=st.data())
    def lease_runs_out(self, data: st.DataObject) -> None:
        if job := self.a_job(data):
            self.records.delete("job_leases", job.id)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if (job := self.a_job(data)) and not job.is_final:
            self.board.cancel(job.id)
            self.cancelled.add(job.id)

    @rule(passed_s=st.floats(0.1, 30), is_empty=st.booleans())
    def sweep(self, passed_s: float, is_empty: bool) -> None:
        self.clock.now_s += passed_s
        self.board.sweep(self.sent.add, lambda: is_empty)

    @invariant()
    def nothing_is_wrong(self) -> None:
        for job in self.board.all():
            assert self.ended.get(job.id, 0) <= 1
            if job.id in self.cancelled:
                assert job.status == "cancelled"
            if job.status == "running":
                assert job.worker
                assert sum(held.worker == job.worker for held in self.holders.get(job.id, [])) <= 1
            assert 0 <= job.attempts <= 3
            assert job.is_final == (job.expires_s is not None)

    def teardown(self) -> None:
        """Whatever happened, sweeping and working brings every job to an end."""
        for _ in range(20):
            for job in self.board.all():
                if job.status == "running":
                    self.records.delete("job_leases", job.id)
            self.clock.now_s += 400
            self.board.sweep(lambda _: None, lambda: True)
            while job := self.board.next_queued():
                self.records.delete("job_leases", job.id)
                held = self.board.claim(job.id, f"last {self.clock.now_s}")
                assert held is not None
                self.board.succeed(held, RESULT, NOTHING)
        assert all(job.is_final for job in self.board.all())


TestStates = States.TestCase
TestStates.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
