"""Who gives jobs to workers: Celery on Redis where there is one, else nobody, and workers look for themselves.

Both are task processors of Ray Serve's async inference. A message is a hint that there is work: what is to be done, and
by whom, is on the :class:`~serve_app.jobs.board.JobBoard`, so that one lost or delivered twice does no harm.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from ray.serve.schema import CeleryAdapterConfig, TaskProcessorAdapter, TaskProcessorConfig, TaskResult
from ray.serve.task_consumer import instantiate_adapter_from_config

from deployments.settings import AppSettings
from deployments.storage.objects import open_objects
from deployments.storage.records import open_records
from serve_app.jobs.board import JobBoard

logger = logging.getLogger(__name__)

TASK = "voicegraph.job"
QUEUE = "voicegraph-jobs"
_POLL_S = 0.25
_FAULT_PAUSE_S = 2.0
_REDELIVERY_S = 3_600


def open_board(settings: AppSettings) -> JobBoard:
    """The board that ``settings`` name."""
    return JobBoard(open_records(settings.storage), open_objects(settings.storage), settings.jobs)


def broker_url(settings: AppSettings) -> str | None:
    """The Redis server that hands out jobs; None where workers look for themselves."""
    return settings.jobs.broker or settings.storage.records


def task_processor(settings: AppSettings) -> TaskProcessorConfig:
    """How workers get their jobs."""
    url = broker_url(settings)
    if url is None:
        return TaskProcessorConfig(
            queue_name=QUEUE, adapter="serve_app.jobs.broker:BoardTaskProcessor", adapter_config=settings
        )
    celery = CeleryAdapterConfig(
        broker_url=url,
        backend_url=url,
        app_custom_config={
            "worker_prefetch_multiplier": 1,  # a job waits in Redis, not with a worker that is busy
            "worker_hijack_root_logger": False,
            "worker_redirect_stdouts": False,
            "broker_connection_retry_on_startup": True,
            "broker_connection_max_retries": None,
            "worker_enable_remote_control": True,  # how Ray stops it
        },
        task_custom_config={"ignore_result": True},  # results are on the board
        broker_transport_options={
            "visibility_timeout": _REDELIVERY_S,
            "socket_timeout": 10,
            "socket_connect_timeout": 5,
            "retry_on_timeout": True,
        },
    )
    # Tries, delays and dead letters are the board's: they survive a broker that forgets.
    return TaskProcessorConfig(queue_name=QUEUE, adapter_config=celery, max_retries=3)


class JobSender:
    """Gives jobs to the broker, if there is one.

    Args:
        settings: The whole tree.
    """

    def __init__(self, settings: AppSettings) -> None:
        self._url = broker_url(settings)
        self._settings = settings
        self._lock = threading.Lock()
        self._adapter: TaskProcessorAdapter | None = None
        self._redis: Any = None

    def send(self, job_id: str) -> None:
        """Says that a job waits. Where that fails, whoever sweeps the board says it again."""
        if self._url is None:
            return
        try:
            with self._lock:
                self._adapter = self._adapter or instantiate_adapter_from_config(task_processor(self._settings))
            self._adapter.enqueue_task_sync(TASK, args=[job_id], ignore_result=True, retry=False)
        except Exception:  # of Celery, kombu, Redis
            logger.warning("The broker did not take %s; it will be sent again.", job_id, exc_info=True)

    def is_empty(self) -> bool:
        """Whether the broker holds no message that nobody has taken, so that a job which waits has lost its own."""
        if self._url is None:
            return False  # no message, nothing to lose
        if self._redis is None:
            from redis import Redis

            self._redis = Redis.from_url(self._url, socket_timeout=5, socket_connect_timeout=5)
        return not self._redis.llen(QUEUE)


class BoardTaskProcessor(TaskProcessorAdapter):
    """Takes jobs from the board itself: nothing to install, and nothing to lose.

    Args:
        config: ``adapter_config`` is the settings tree.
    """

    def __init__(self, config: TaskProcessorConfig) -> None:
        super().__init__()
        self._board = open_board(config.adapter_config)
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._work: Callable[[str], None] | None = None
        self._concurrency = 1

    def initialize(self, consumer_concurrency: int = 1) -> None:
        """Sets how many jobs are worked on at once."""
        self._concurrency = consumer_concurrency

    def register_task_handle(self, func: Callable[..., Any], name: str | None = None) -> None:
        """Takes the function that makes a job."""
        self._work = func

    def start_consumer(self, **kwargs: Any) -> None:
        """Starts to look for jobs."""
        self._threads = [
            threading.Thread(target=self._look, name=f"jobs-{i}", daemon=True) for i in range(self._concurrency)
        ]
        for thread in self._threads:
            thread.start()

    def stop_consumer(self, timeout: float = 10.0) -> None:
        """Takes no new jobs, and waits a while for those that are being made."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout)

    def _look(self) -> None:
        assert self._work is not None
        while not self._stop.is_set():
            try:
                job = self._board.next_queued()
                if job is not None:
                    self._work(job.id)
                    continue
                self._stop.wait(_POLL_S)
            except Exception:
                logger.exception("Jobs cannot be looked for now.")
                self._stop.wait(_FAULT_PAUSE_S)

    def health_check_sync(self) -> list[dict[str, Any]]:
        """Whether each thread still looks."""
        return [{thread.name: {"ok": thread.is_alive()}} for thread in self._threads]

    def enqueue_task_sync(self, task_name: str, args: Any = None, kwargs: Any = None, **options: Any) -> TaskResult:
        """Nothing is to be done: the job is on the board."""
        return TaskResult(id=str(args[0]), status="PENDING", result=None)

    def get_task_status_sync(self, task_id: str) -> TaskResult:
        """As the board has it."""
        job = self._board.get(task_id)
        return TaskResult(id=task_id, status=job.status, created_at=job.created_s, result=None)

    def cancel_task_sync(self, task_id: str) -> None:
        """Cancels the job."""
        self._board.cancel(task_id)

    def get_metrics_sync(self) -> dict[str, Any]:
        """How many jobs are not finished."""
        return {"unfinished": self._board.unfinished()}
