"""The deployment that makes jobs: a consumer of Ray Serve's async inference which drives the graph.

How many jobs a replica makes at once is its ``max_ongoing_requests``; how many replicas there are follows from the jobs
that wait, by :func:`scale_by_jobs`.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from ray.serve.config import AutoscalingContext
from ray.serve.handle import DeploymentHandle
from ray.serve.task_consumer import task_consumer, task_handler

from deployments.logs import keep_texts_out, log_with_serve
from deployments.metrics import JOBS
from deployments.settings import AppSettings, AssetSettings
from deployments.storage.records import storage_root
from deployments.storage.voices import VoiceStore
from serve_app.graph import RaySpeechGraph
from serve_app.jobs.broker import TASK, JobSender, open_board, task_processor
from serve_app.jobs.pace import Paces
from serve_app.jobs.worker import JobOffer, JobRunner
from serve_app.voices.registry import VoiceRegistry
from tts_models.instructions import Understanding
from tts_models.speaker.voices import VoiceCatalogue

logger = logging.getLogger(__name__)

UNFINISHED = "unfinished_jobs"
_SWEEP_S = 2.0


class JobWorker:
    """Makes jobs, each in a thread of the consumer, and sweeps the board.

    Args:
        text: Handle of ``TextFrontend``.
        speaker: Handle of ``SpeakerEncoder``.
        acoustic: Handle of ``AcousticModel``.
        vocoder: Handle of ``Vocoder``.
        settings: The whole tree.
        load_voices: Makes the catalogue.
        load_understanding: Makes what understands instructions.
    """

    def __init__(
        self,
        text: DeploymentHandle[Any],
        speaker: DeploymentHandle[Any],
        acoustic: DeploymentHandle[Any],
        vocoder: DeploymentHandle[Any],
        settings: AppSettings,
        load_voices: Callable[[AssetSettings], VoiceCatalogue],
        load_understanding: Callable[[AssetSettings], Understanding],
    ) -> None:
        log_with_serve()
        keep_texts_out(settings.text)
        synthesis = settings.synthesis.model_copy(update={"segments_in_flight": settings.jobs.segments_in_flight})
        graph = RaySpeechGraph(text, speaker, acoustic, vocoder, synthesis)
        scratch = storage_root(settings.storage) / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        self._board = open_board(settings)
        voices = VoiceRegistry(load_voices(settings.assets), VoiceStore(self._board.records))
        paces = Paces(settings.storage.records)
        offer = JobOffer(voices, settings.http, load_understanding(settings.assets))
        self._runner = JobRunner(self._board, graph, offer, scratch, paces)
        self._sender = JobSender(settings)
        self._stopping = threading.Event()
        self._unfinished = 0
        self._count = JOBS.make()
        self._sweeper = threading.Thread(target=self._sweep, name="jobs-sweeper", daemon=True)
        self._sweeper.start()

    @task_handler(name=TASK)
    def make(self, job_id: str) -> None:
        """Makes the job of that id, unless somebody else does."""
        if not self._stopping.is_set():
            worker = f"{os.getpid()}-{secrets.token_hex(6)}"
            asyncio.run(self._runner.run(job_id, worker, self._stopping.is_set))

    def record_autoscaling_stats(self) -> dict[str, float]:
        """For :func:`scale_by_jobs`."""
        return {UNFINISHED: float(self._unfinished)}

    def check_health(self) -> None:
        """Called by Serve.

        Raises:
            RuntimeError: No jobs are taken any more.
        """
        worker = getattr(getattr(self, "_adapter", None), "_worker_thread", None)
        if not self._sweeper.is_alive() or (worker is not None and not worker.is_alive()):
            raise RuntimeError("a thread of the worker has ended")

    def _sweep(self) -> None:
        while not self._stopping.wait(_SWEEP_S):
            try:
                self._board.sweep(self._sender.send, self._sender.is_empty)
                self._unfinished = self._board.unfinished()
                for state, count in self._board.counts().items():
                    self._count.set(count, {"state": state})
            except Exception:  # of the records or objects: they come back
                logger.warning("The board of jobs could not be swept; trying again.", exc_info=True)
                time.sleep(_SWEEP_S)

    def hand_back(self) -> None:
        """Takes no new jobs, and puts those being made back into the queue."""
        self._stopping.set()


def consumer(settings: AppSettings) -> type:
    """:class:`JobWorker` as a consumer of the broker that ``settings`` name."""
    base = task_consumer(task_processor_config=task_processor(settings))(JobWorker)

    class Consumer(base):  # type: ignore[misc, valid-type]
        def __del__(self) -> None:
            self.hand_back()
            super().__del__()

    return Consumer


def scale_by_jobs(context: AutoscalingContext) -> tuple[float, dict[str, Any]]:
    """An autoscaling policy: as many replicas as the jobs that wait and run fill.

    ``target_ongoing_requests`` is how many of them one replica is for; best its ``max_ongoing_requests``.
    """
    assert context.config is not None
    seen = [series[-1] for series in (context.raw_metrics or {}).get(UNFINISHED, {}).values() if series]
    latest = max(seen, key=lambda value: value.timestamp, default=None)  # every replica sees the whole board
    wanted = math.ceil(latest.value / context.config.get_target_ongoing_requests()) if latest else 0
    return max(wanted, context.capacity_adjusted_min_replicas), {}
