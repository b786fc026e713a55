"""What each stage has to do, over all of its replicas."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ray.serve.handle import DeploymentHandle

from deployments.fair_worker import ReplicaLoad
from deployments.past_calls import PastCall

logger = logging.getLogger(__name__)

_MAX_AGE_S = 0.5
_TIMEOUT_S = 2.0
_BATCHES_OF_S = 10.0


@dataclass(frozen=True, slots=True)
class StageLoad:
    """What a stage has to do.

    Attributes:
        name: Of its deployment.
        replicas: That answered.
        running: Items in the batches that run.
        waiting: Items in the queues.
        max_running: Items there is room for in the batches.
        max_waiting: Items there is room for in the queues.
        p50_s: Half of the items of the last minute took no longer, waiting included, seconds; None without any.
        p95_s: As long took 95 in 100.
        wait_s: About how long an item that comes now waits, seconds.
        batch: Mean number of items in the batches that ended in the last 10 s; None without any.
        calls: Those of the last minute, 256 of each replica at most.
    """

    name: str
    replicas: int
    running: int
    waiting: int
    max_running: int
    max_waiting: int
    p50_s: float | None
    p95_s: float | None
    wait_s: float
    batch: float | None = None
    calls: tuple[PastCall, ...] = ()


class StageLoads:
    """Asks every replica of every stage, at most twice a second however often it is called.

    Args:
        stages: Handles by the name of the deployment.
    """

    def __init__(self, stages: Mapping[str, DeploymentHandle[Any]]) -> None:
        self._stages = stages
        self._lock = asyncio.Lock()
        self._asked_s = -math.inf
        self._loads: Sequence[StageLoad] = ()

    async def __call__(self) -> Sequence[StageLoad]:
        """The load of each stage."""
        async with self._lock:
            if time.monotonic() - self._asked_s >= _MAX_AGE_S:
                asked = (_ask(name, handle) for name, handle in self._stages.items())
                self._loads = await asyncio.gather(*asked)
                self._asked_s = time.monotonic()
        return self._loads


def combined(name: str, replicas: Sequence[ReplicaLoad]) -> StageLoad:
    """The load of a stage from that of its replicas."""
    calls = tuple(call for replica in replicas for call in replica.recent)
    took_s = sorted(call.ended_s - call.came_s for call in calls)
    return StageLoad(
        name=name,
        replicas=len(replicas),
        running=sum(replica.running for replica in replicas),
        waiting=_waiting(replicas),
        max_running=sum(replica.max_running for replica in replicas),
        max_waiting=sum(max(0, replica.max_ongoing - replica.max_running) for replica in replicas),
        p50_s=_percentile(took_s, 50),
        p95_s=_percentile(took_s, 95),
        wait_s=min((replica.wait_s for replica in replicas), default=0.0),  # the router prefers short queues
        batch=_mean_batch([call.batch for call in calls if call.ended_s > time.time() - _BATCHES_OF_S]),
        calls=calls,
    )


def _waiting(replicas: Sequence[ReplicaLoad]) -> int:
    own = sum(replica.waiting for replica in replicas if not replica.shares_queue)
    return own + max((replica.waiting for replica in replicas if replica.shares_queue), default=0)


async def _ask(name: str, handle: DeploymentHandle[Any]) -> StageLoad:
    try:
        answers = await handle.broadcast("load").results_async(timeout_s=_TIMEOUT_S, return_exceptions=True)
    except Exception:  # none running, or one that hangs
        logger.warning("%s does not say what it has to do.", name, exc_info=True)
        answers = []
    return combined(name, [answer for answer in answers if isinstance(answer, ReplicaLoad)])


def _mean_batch(batches: Sequence[int]) -> float | None:
    """Mean size of the batches of which the calls say how large theirs was."""
    return len(batches) / sum(1 / batch for batch in batches) if batches else None


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The smallest value that ``percent`` of all do not exceed."""
    return ordered[-(-percent * len(ordered) // 100) - 1] if ordered else None
