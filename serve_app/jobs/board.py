"""The truth about jobs, over records: every change of a job's status is a compare-and-set.

Blocks like the records do: call it in a thread.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from deployments.errors import Overloaded
from deployments.settings import JobSettings
from deployments.storage.objects import ObjectNotFound, Objects
from deployments.storage.records import Records, change
from serve_app.jobs.job import Job, JobFailure, JobResult, Lease, Pace, Progress
from tts_models.errors import InvalidRequest, TtsError

_JOBS, _LEASES, _KEYS, _PACE = "jobs", "job_leases", "job_keys", "job_pace"
_UNKNOWN_WAIT_S = 30.0
_LONGEST_WAIT_S = 3600.0


class JobNotFound(TtsError):
    """There is no job of that id, or it is somebody else's; args: message."""


class JobNotReady(TtsError):
    """The job is not in a state for that; args: message."""


class KeyReused(TtsError):
    """The idempotency key came with another request before; args: message."""


class JobLost(Exception):
    """The job is not this worker's any more: it was cancelled, or another worker has it."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a caller can expect.

    Attributes:
        position: Jobs that are begun before it, 0 if it is next; None once it runs.
        wait_s: About how long until it is done, seconds; None while nothing has been measured.
    """

    position: int | None
    wait_s: float | None


class JobBoard:
    """Every job.

    Args:
        records: Where jobs are recorded.
        objects: Where texts, checkpoints and results are kept.
        settings: Limits, leases, retries.
        clock: Unix time.
    """

    def __init__(
        self, records: Records, objects: Objects, settings: JobSettings, clock: Callable[[], float] = time.time
    ) -> None:
        self.records = records
        self.objects = objects
        self.settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._version = -1
        self._read: dict[str, tuple[bytes, Job]] = {}

    # -- what callers do ----------------------------------------------------------------------------------------------

    def submit(self, request: bytes, *, idempotency_key: str = "", **fields: Any) -> tuple[Job, bool]:
        """Adds a job.

        Args:
            request: What its worker is to be told; kept until the job is removed.
            idempotency_key: Another request of the same tenant with the same key makes no other job.
            fields: Of the :class:`~serve_app.jobs.job.Job`.

        Returns:
            The job, and whether it is new.

        Raises:
            KeyReused: The key came with another request before.
            Overloaded: As many jobs wait as may.
            StorageUnavailable: The request cannot be kept.
        """
        now_s = self._clock()
        job = Job(id=f"job_{secrets.token_hex(12)}", created_s=now_s, queued_s=now_s, sent_s=now_s, **fields)
        if idempotency_key:
            # The key is given to a job before there is one: whoever comes in between makes the same one.
            job = job.model_copy(update={"id": self._id_for(idempotency_key, job, request)})
            if known := self.records.get(_JOBS, job.id):
                return Job.model_validate_json(known), False
        self._check_room(job)
        self.objects.put(f"{job.folder}/request.json", request)
        if self.records.add(_JOBS, job.id, _bytes(job)):
            return job, True
        return self.get(job.id), False

    def _id_for(self, idempotency_key: str, job: Job, request: bytes) -> str:
        """The id of the job that the key is for; that of ``job`` if it is new."""
        name = hashlib.sha256(f"{job.tenant}\0{idempotency_key}".encode()).hexdigest()
        digest = hashlib.sha256(request).hexdigest()
        self.records.add(_KEYS, name, f"{job.id} {digest}".encode(), expires_s=2 * self.settings.retention_s)
        job_id, known = (self.records.get(_KEYS, name) or f"{job.id} {digest}".encode()).decode().split()
        if known != digest:
            raise KeyReused("This Idempotency-Key was used for another request; take a new one.")
        return job_id

    def _check_room(self, job: Job) -> None:
        waiting = [other for other in self.all() if other.status == "queued"]
        mine = sum(other.tenant == job.tenant for other in waiting)
        limits = self.settings
        if len(waiting) < limits.max_queued and mine < limits.max_queued_per_tenant:
            return
        first_s = min((self.outlook(other).wait_s or _UNKNOWN_WAIT_S for other in waiting), default=_UNKNOWN_WAIT_S)
        whose = "of yours are" if mine >= limits.max_queued_per_tenant else "are"
        count = mine if mine >= limits.max_queued_per_tenant else len(waiting)
        raise Overloaded(f"{count:,} jobs {whose} waiting, and no more may.", min(first_s, _LONGEST_WAIT_S))

    def get(self, job_id: str, tenant: str | None = None) -> Job:
        """The job of that id, of a tenant if one is given.

        Raises:
            JobNotFound: There is none, or it is somebody else's.
        """
        found = self.records.get(_JOBS, job_id)
        job = Job.model_validate_json(found) if found else None
        if job is None or (tenant is not None and job.tenant != tenant) or self._is_past(job):
            raise JobNotFound(f"There is no job {job_id[:64]!r}. Jobs are kept for a while after they have ended.")
        return job

    def all(self) -> list[Job]:
        """Every job, oldest first; those that have not changed are not read again."""
        with self._lock:
            version = self.records.version(_JOBS)
            if version != self._version:
                kept = self._read
                self._read = {
                    key: kept[key] if key in kept and kept[key][0] == value else (value, Job.model_validate_json(value))
                    for key, value in self.records.all(_JOBS).items()
                }
                self._version = version
            jobs = [job for _, job in self._read.values()]
        return sorted((job for job in jobs if not self._is_past(job)), key=_turn)

    def progress(self, job: Job) -> Progress:
        """How far ``job`` is."""
        lease = self.lease(job.id) if job.status == "running" else None
        return lease.progress if lease and lease.worker == job.worker else job.progress

    def outlook(self, job: Job) -> Outlook:
        """What the caller of ``job`` can expect."""
        if job.is_final:
            return Outlook(None, None)
        jobs = self.all()
        running = [other for other in jobs if other.status == "running"]
        ahead = [other for other in jobs if other.status == "queued" and _turn(other) < _turn(job)]
        if job.status == "running":
            ahead, position = [], None
        else:
            position = len(ahead)
        pace = Pace.model_validate_json(self.records.get(_PACE, "all") or b"{}")
        if not pace.characters:
            return Outlook(position, None)
        own = job.characters - self.progress(job).characters
        before = sum(other.characters for other in ahead)
        if job.status == "queued":
            before += sum(other.characters - self.progress(other).characters for other in running)
        wait_s = pace.s_per_character * (before / max(1, len(running)) + own)
        return Outlook(position, max(wait_s, job.not_before_s - self._clock()))

    def cancel(self, job_id: str, tenant: str | None = None) -> Job:
        """Ends a job that has not ended, and removes one that has; what it was is returned.

        Raises:
            JobNotFound: There is none.
            StorageUnavailable: Its files cannot be removed now.
        """
        while True:
            job = self.get(job_id, tenant)
            if job.is_final:
                self._remove(job)
                return job
            ended = self._ended(job, status="cancelled", progress=self.progress(job))
            if self._swap(job, ended):
                return ended

    def replay(self, job_id: str, tenant: str | None = None) -> Job:
        """Puts a failed job into the queue anew, with all its tries; finished segments are kept.

        Raises:
            JobNotFound: There is none.
            JobNotReady: It has not failed.
        """
        while True:
            job = self.get(job_id, tenant)
            if job.status != "failed":
                raise JobNotReady(f"The job is {job.status}; only one that failed can be tried again.")
            fresh = {"attempts": 0, "is_dead": False, "error": None, "finished_s": None, "expires_s": None}
            queued = self._queued(job, delay_s=0.0).model_copy(update=fresh)
            if self._swap(job, queued):
                return queued

    # -- what workers do ----------------------------------------------------------------------------------------------

    def next_queued(self) -> Job | None:
        """The job whose turn it is; None if none waits."""
        now_s = self._clock()
        return next((job for job in self.all() if job.status == "queued" and job.not_before_s <= now_s), None)

    def claim(self, job_id: str, worker: str) -> Job | None:
        """The job, now held by ``worker``; None if it is not to be had."""
        try:
            job = self.get(job_id)
        except JobNotFound:
            return None
        now_s = self._clock()
        if job.status != "queued" or job.not_before_s > now_s or not self._lease(job, worker):
            return None
        update = {"status": "running", "worker": worker, "attempts": job.attempts + 1}
        running = job.model_copy(update={**update, "started_s": job.started_s or now_s})
        if self._swap(job, running):
            return running
        self._give_up_lease(job.id, worker)
        return None

    def renew(self, job: Job, progress: Progress) -> None:
        """Says that the worker of ``job`` is still there, and how far it is.

        Raises:
            JobLost: The job is not its any more.
        """
        held = self.records.get(_LEASES, job.id)
        if held is not None and Lease.model_validate_json(held).worker != job.worker:
            raise JobLost
        lease = _bytes(Lease(worker=job.worker, renewed_s=self._clock(), progress=progress))
        if held is None:  # it ran out, for instance while Redis was away
            renewed = self.records.add(_LEASES, job.id, lease, expires_s=self.settings.lease_s)
        else:
            renewed = self.records.swap(_LEASES, job.id, held, lease, expires_s=self.settings.lease_s)
        now = self.records.get(_JOBS, job.id)
        is_mine = now is not None and (known := Job.model_validate_json(now)).status == "running"
        if not (renewed and is_mine and known.worker == job.worker):
            if renewed:
                self._give_up_lease(job.id, job.worker)
            raise JobLost

    def measured(self, took_s: float, characters: int) -> None:
        """Takes note of how long ``characters`` took one worker."""
        change(
            self.records,
            _PACE,
            "all",
            lambda old: _bytes(Pace.model_validate_json(old or b"{}").after(took_s, characters)),
        )

    def succeed(self, job: Job, result: JobResult, progress: Progress) -> None:
        """Ends ``job`` well.

        Raises:
            JobLost: The job is not this worker's any more.
        """
        self._leave(job, lambda now: self._ended(now, status="succeeded", result=result, progress=progress, error=None))

    def fail(self, job: Job, error: JobFailure, progress: Progress, *, may_pass: bool) -> None:
        """Ends ``job`` with an error, or, if the error ``may_pass``, puts it back for another try.

        Raises:
            JobLost: The job is not this worker's any more.
        """
        self._leave(job, lambda now: self._failed(now, error, progress, may_pass))

    def release(self, job: Job, progress: Progress) -> None:
        """Puts ``job`` back where it was, because its worker shuts down.

        Raises:
            JobLost: The job is not this worker's any more.
        """
        self._leave(
            job,
            lambda now: self._queued(now, 0.0).model_copy(
                update={"attempts": now.attempts - 1, "progress": progress, "queued_s": now.queued_s}
            ),
        )

    # -- what somebody has to do now and then -------------------------------------------------------------------------

    def sweep(self, send: Callable[[str], None], is_broker_empty: Callable[[], bool]) -> None:
        """Finds jobs that lost their worker or their message, and removes what is not needed any more.

        Any number of processes may do it at once.

        Args:
            send: Gives the id of a job to the broker.
            is_broker_empty: Whether it holds no message; then a waiting job's is lost.
        """
        now_s = self._clock()
        for job in self.all():
            if job.status == "running" and self.lease(job.id) is None:
                self._swap(job, self._failed(job, _WORKER_LOST, job.progress, may_pass=True))
        due = [job for job in self.all() if job.status == "queued" and job.not_before_s <= now_s]
        lost_before_s = now_s - self.settings.lease_s
        lost = [job for job in due if job.sent_s and job.sent_s < lost_before_s]
        if lost and not is_broker_empty():
            lost = []
        for job in [job for job in due if not job.sent_s] + lost:
            if self._swap(job, job.model_copy(update={"sent_s": now_s})):
                send(job.id)
        for value in self.records.all(_JOBS).values():
            job = Job.model_validate_json(value)
            if self._is_past(job):
                self._remove(job)
            elif job.status in ("succeeded", "cancelled") and not job.is_tidy and self.lease(job.id) is None:
                self.objects.delete_all(f"{job.folder}/segments")
                self._swap(job, job.model_copy(update={"is_tidy": True}))

    def lease(self, job_id: str) -> Lease | None:
        """The lease of a job; None if nobody holds it."""
        held = self.records.get(_LEASES, job_id)
        return Lease.model_validate_json(held) if held else None

    def counts(self) -> dict[str, int]:
        """How many jobs wait, for their turn or another try, how many run, how many are dead."""
        jobs = self.all()
        return {
            "queued": sum(job.status == "queued" for job in jobs),
            "running": sum(job.status == "running" for job in jobs),
            "dead": sum(job.is_dead for job in jobs),
        }

    def unfinished(self) -> int:
        """How many jobs wait for their turn now, or run."""
        now_s = self._clock()
        return sum(
            job.status == "running" or (job.status == "queued" and job.not_before_s <= now_s) for job in self.all()
        )

    # -- changes ------------------------------------------------------------------------------------------------------

    def _queued(self, job: Job, delay_s: float) -> Job:
        now_s = self._clock()
        update = {"status": "queued", "worker": "", "sent_s": 0.0, "queued_s": now_s, "not_before_s": now_s + delay_s}
        return job.model_copy(update=update)

    def _ended(self, job: Job, **fields: Any) -> Job:
        now_s = self._clock()
        times = {"finished_s": now_s, "expires_s": now_s + self.settings.retention_s, "worker": ""}
        return job.model_copy(update={**times, **fields})

    def _failed(self, job: Job, error: JobFailure, progress: Progress, may_pass: bool) -> Job:
        settings = self.settings
        if may_pass and job.attempts < settings.attempts:
            delay_s = min(settings.retry_delay_s * 2 ** (job.attempts - 1), settings.retry_max_delay_s)
            # Its place in the queue stays: whatever it waits for, it came first.
            return self._queued(job, delay_s).model_copy(
                update={"error": error, "progress": progress, "queued_s": job.queued_s}
            )
        return self._ended(job, status="failed", error=error, progress=progress, is_dead=may_pass)

    def _leave(self, job: Job, new: Callable[[Job], Job]) -> None:
        """Changes a running job that is still its worker's, and gives the lease up."""
        while True:
            found = self.records.get(_JOBS, job.id)
            now = Job.model_validate_json(found) if found else None
            if now is None or now.status != "running" or now.worker != job.worker:
                self._give_up_lease(job.id, job.worker)
                raise JobLost
            if self._swap(now, new(now)):
                self._give_up_lease(job.id, job.worker)
                return

    def _lease(self, job: Job, worker: str) -> bool:
        lease = Lease(worker=worker, renewed_s=self._clock(), progress=job.progress)
        return self.records.add(_LEASES, job.id, _bytes(lease), expires_s=self.settings.lease_s)

    def _give_up_lease(self, job_id: str, worker: str) -> None:
        held = self.records.get(_LEASES, job_id)
        if held is not None and Lease.model_validate_json(held).worker == worker:
            self.records.delete(_LEASES, job_id)

    def _swap(self, old: Job, new: Job) -> bool:
        found = self.records.get(_JOBS, old.id)
        if found is None or Job.model_validate_json(found) != old:
            return False
        return self.records.swap(
            _JOBS, old.id, found, _bytes(new)
        )  # not _bytes(old): an older version may have written

    def _remove(self, job: Job) -> None:
        self.objects.delete_all(job.folder)
        self.records.delete(_JOBS, job.id)

    def _is_past(self, job: Job) -> bool:
        return job.expires_s is not None and job.expires_s <= self._clock()


_WORKER_LOST = JobFailure(message="The worker of the job was lost.", kind="WorkerLost")


def request_of(board: JobBoard, job: Job) -> bytes:
    """What the worker of ``job`` is to be told.

    Raises:
        InvalidRequest: It is gone.
        StorageUnavailable: It cannot be read now.
    """
    try:
        return board.objects.get(f"{job.folder}/request.json")
    except ObjectNotFound as error:
        raise InvalidRequest("The text of the job is gone; submit it again.") from error


def _turn(job: Job) -> tuple[float, str]:
    return job.queued_s, job.id


def _bytes(value: Job | Lease | Pace) -> bytes:
    return value.model_dump_json().encode()


def newest_first(jobs: Iterable[Job]) -> list[Job]:
    """``jobs`` as a list shows them."""
    return sorted(jobs, key=lambda job: (job.created_s, job.id), reverse=True)
