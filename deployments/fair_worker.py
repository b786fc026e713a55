"""Blocking model functions on one thread, their calls in fair order.

::

    call --> FairQueue --> one worker thread --> model
                 |
                 picks a batch when the model is free; what is past its deadline leaves
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from opentelemetry.trace import SpanContext
from ray.serve.context import _get_internal_replica_context as get_internal_replica_context

from deployments.errors import DeadlineExceeded
from deployments.fair_queue import Entry, FairQueue, Flow
from deployments.metrics import StageMeter
from deployments.past_calls import PastCall, PastCalls
from deployments.settings import BatchLimits
from deployments.tracing import BatchPlace, here, note_call
from tts_models.errors import OutOfMemory

logger = logging.getLogger("ray.serve")

_SPEED_MEMORY = 0.8
"""Weight of what was known of the model's speed when a batch has been measured."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ReplicaLoad:
    """What one replica of a stage has to do.

    Attributes:
        running: Items in the batch that runs.
        waiting: Items in the queue.
        max_running: Most items in a batch.
        max_ongoing: Most items that the replica takes.
        wait_s: About how long an item that comes now would wait if it were served last, seconds.
        recent: The calls of the last minute, 256 at most.
        shares_queue: Whether ``waiting`` is what waits for all replicas of the stage, not for this one.
    """

    running: int
    waiting: int
    max_running: int
    max_ongoing: int
    wait_s: float
    recent: tuple[PastCall, ...]
    shares_queue: bool = False


@dataclass(eq=False, slots=True)
class _Call(Generic[Item]):
    item: Item
    flow: Flow
    length: int
    result: asyncio.Future[Any]
    since_s: float = field(default_factory=time.monotonic)
    trace: SpanContext | None = field(default_factory=here)
    began_s: float | None = None
    batch: BatchPlace | None = None


class FairWorker(Generic[Item, Result]):
    """Calls ``run`` with batches of the items that callers bring one at a time.

    Args:
        run: The model: a list of items -> as many results, in order, an exception instance in the place of an item that
            failed. Called in ``thread`` only. If it raises, every item of the batch is tried alone, so that the others
            do not fail with one; if it raises ``OutOfMemory``, the batch is tried in halves, and no later one is as
            large.
        length: Length of an item in the unit of ``BatchLimits.max_padded_work``.
        thread: A pool of one thread; the model was loaded and warmed up in it.
        limits: Until :meth:`set_limits`.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        length: Callable[[Item], int],
        thread: ThreadPoolExecutor,
        limits: BatchLimits,
    ) -> None:
        self._run = run
        self._length = length
        self._thread = thread
        self._limits = limits
        self._queue: FairQueue[_Call[Item]] = FairQueue()
        self._enough = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._running: Sequence[_Call[Item]] = ()
        self._run_since_s = 0.0
        self._s_per_work = 0.0
        self.call_s = 0.0
        """Seconds that the model is busy for each call, lately; 0 before the first batch."""
        self._learned_work: float = math.inf
        self._past = PastCalls()
        self._meter = StageMeter()

    async def __call__(self, item: Item, flow: Flow) -> Result:
        """The result for ``item``, computed in some batch when it is the turn of ``flow``.

        Raises:
            DeadlineExceeded: The deadline of ``flow`` passed before the item was run.
            Exception: Whatever the model put in the item's place.
        """
        call = _Call(item, flow, max(1, self._length(item)), asyncio.get_running_loop().create_future())
        entry = self._queue.put(call, flow, call.length)
        self._note_held()
        if self._is_enough():
            self._enough.set()
        if self._serving is None or self._serving.done():
            # Not in the context of the first call, whose request and trace are none of the others'.
            self._serving = asyncio.create_task(self._serve(), context=contextvars.Context())
        try:
            result: Result = await call.result
        except asyncio.CancelledError:
            self._meter.gave_up("waiting" if entry.is_queued else "running")
            raise
        finally:
            if entry.is_queued:
                self._queue.remove(entry)
                self._note_held()
            note_call(call.since_s, call.began_s, call.batch)
        if call.began_s is not None and call.batch is not None:
            self._past.add(flow, call.began_s - call.since_s, time.monotonic() - call.began_s, call.batch.size)
        return result

    def set_limits(self, limits: BatchLimits) -> None:
        """Change the limits, from the next batch on; what was learned of the memory's is forgotten."""
        self._limits = limits
        self._learned_work = math.inf

    async def check_health(self) -> None:
        """Raise if the model hangs; Ray then replaces the replica, and who waits for it tries again elsewhere.

        Raises:
            RuntimeError: It does.
        """
        self._meter.lives()
        if self._running and (ran_s := time.monotonic() - self._run_since_s) > self._limits.max_run_s:
            raise RuntimeError(f"a batch has been running for {ran_s:.0f} s: the model hangs")

    def load(self) -> ReplicaLoad:
        """What there is to do."""
        now = time.monotonic()
        left_s = 0.0
        if self._running:
            left_s = max(0.0, self._s_per_work * _padded_work(self._running) - (now - self._run_since_s))
        return ReplicaLoad(
            running=len(self._running),
            waiting=len(self._queue),
            max_running=self._limits.max_items,
            max_ongoing=_max_ongoing(),
            wait_s=left_s + self._s_per_work * self._queue.cost,
            recent=self._past.recent(),
        )

    async def run_batch(self, items: list[Item]) -> Sequence[Result | BaseException]:
        """Run the model in its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run_each_safely, items)

    async def _serve(self) -> None:
        """Runs batches until the queue is empty; whoever had to wait for one has given others the time to come."""
        if self._limits.wait_s and not self._is_enough():
            self._enough.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), self._limits.wait_s)
        while calls := self._next_batch():
            self._running = calls
            self._run_since_s = time.monotonic()
            batch = _batch_of(calls)
            for call in calls:
                call.began_s, call.batch = self._run_since_s, batch
                self._meter.waited(call.flow, call.began_s - call.since_s)
            self._note_held()
            results = await self.run_batch([call.item for call in calls])
            self._measure(batch)
            self._running = ()
            self._note_held()
            for call, result in zip(calls, results, strict=True):
                if call.result.done():
                    continue  # its caller has left
                if isinstance(result, BaseException):
                    call.result.set_exception(result)
                else:
                    call.result.set_result(result)

    def _next_batch(self) -> list[_Call[Item]]:
        """Takes who is next, as many as the limits allow; one item always fits, however long."""
        calls: list[_Call[Item]] = []
        while len(calls) < self._limits.max_items and (entry := self._queue.first()):
            if self._is_late(entry):
                continue
            if calls and _padded_work([*calls, entry.item]) > min(self._limits.max_padded_work, self._learned_work):
                break
            self._queue.take(entry)
            calls.append(entry.item)
        return calls

    def _is_late(self, entry: Entry[_Call[Item]]) -> bool:
        if time.time() < entry.flow.deadline_s:
            return False
        self._queue.remove(entry)
        self._note_held()
        if not entry.item.result.done():
            self._meter.gave_up("late")
            entry.item.result.set_exception(DeadlineExceeded("The time limit of the request passed while it waited."))
        return True

    def _note_held(self) -> None:
        self._meter.holds(len(self._queue), len(self._running))

    def _is_enough(self) -> bool:
        return len(self._queue) >= self._limits.max_items or self._queue.cost >= self._limits.max_padded_work

    def _measure(self, batch: BatchPlace) -> None:
        run_s = time.monotonic() - self._run_since_s
        self._meter.ran(run_s, batch)
        self._s_per_work = _remembered(self._s_per_work, run_s / batch.padded_work)
        self.call_s = _remembered(self.call_s, run_s / batch.size)

    def _run_each_safely(self, items: Sequence[Item]) -> list[Result | Exception]:
        try:
            results = list(self._run(items))
            if len(results) != len(items):
                raise RuntimeError(f"{len(items)} items in, {len(results)} results out")
        except OutOfMemory as error:
            if len(items) == 1:
                return [error]
            half = (len(items) + 1) // 2
            self._learned_work = half * max(max(1, self._length(item)) for item in items)
            logger.warning(
                "No memory for a batch of %d; padded work is now at most %d.", len(items), self._learned_work
            )
            return [*self._run_each_safely(items[:half]), *self._run_each_safely(items[half:])]
        except Exception as error:
            if len(items) == 1:
                return [error]
            logger.warning("A batch of %d failed as a whole; trying its items one by one.", len(items), exc_info=True)
            return [result for item in items for result in self._run_each_safely([item])]
        return results


def _remembered(known: float, measured: float) -> float:
    return _SPEED_MEMORY * (known or measured) + (1 - _SPEED_MEMORY) * measured


def _max_ongoing() -> int:
    """``max_ongoing_requests`` of this replica; 0 outside of one. Ray has no public way to ask."""
    context = get_internal_replica_context()
    return context._deployment_config.max_ongoing_requests if context else 0


def _batch_of(calls: Sequence[_Call[Any]]) -> BatchPlace:
    padded_work = _padded_work(calls)
    traces = tuple(call.trace for call in calls if call.trace)
    return BatchPlace(len(calls), padded_work, padded_work - sum(call.length for call in calls), traces)


def _padded_work(calls: Sequence[_Call[Any]]) -> int:
    return len(calls) * max(call.length for call in calls)
