from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest

from deployments.batching import Batcher
from deployments.errors import DeadlineExceeded
from deployments.fair_queue import ANYONE, Flow, Priority
from deployments.settings import BatchLimits
from tts_models.errors import OutOfMemory, SynthesisError

pytestmark = pytest.mark.usefixtures("replica_context")

LIMITS = BatchLimits(max_items=4, max_padded_work=40, wait_s=0.2, max_run_s=60)


class Model:
    """Answers an item with itself; runs a batch only when told to, if it is told at all."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[Any]] = []
        self.started = threading.Semaphore(0)
        self.go = threading.Semaphore(0 if held else 1_000)

    def __call__(self, items: Sequence[Any]) -> list[Any]:
        self.batches.append(list(items))
        self.started.release()
        assert self.go.acquire(timeout=60)
        if any(item == "crash" for item in items):
            raise RuntimeError("crash")
        return [SynthesisError(f"no {item}") if str(item).startswith("bad") else item for item in items]


class Caller(Batcher[Any, Any]):
    """Calls of one flow unless said otherwise."""

    async def __call__(self, item: Any, flow: Flow = ANYONE) -> Any:
        return await super().__call__(item, flow)


@asynccontextmanager
async def batcher(model: Model, limits: BatchLimits = LIMITS, length: Any = lambda _: 1) -> Any:
    with ThreadPoolExecutor(1) as thread:
        yield Caller(model, length, thread, limits)


async def until_started(model: Model) -> None:
    assert await asyncio.to_thread(model.started.acquire, timeout=60)


async def test_items_that_come_together_share_a_batch() -> None:
    model = Model()
    async with batcher(model) as batch:
        assert await asyncio.gather(*(batch(n) for n in range(4))) == [0, 1, 2, 3]
    assert model.batches == [[0, 1, 2, 3]]


async def test_items_that_come_one_by_one_to_a_busy_model_share_the_next_batch() -> None:
    """What ``@serve.batch`` alone does not do: it would make four batches of these."""
    model = Model(held=True)
    async with batcher(model, LIMITS.model_copy(update={"wait_s": 0.001})) as batch:
        first = asyncio.create_task(batch("first"))
        await until_started(model)
        rest = []
        for n in range(4):
            rest.append(asyncio.create_task(batch(n)))
            await asyncio.sleep(0.01)
        model.go.release(2)
        await asyncio.gather(first, *rest)
    assert model.batches == [["first"], [0, 1, 2, 3]]


async def test_max_items_and_padded_work_bound_a_batch() -> None:
    model = Model()
    async with batcher(model, LIMITS, length=lambda item: item) as batch:
        assert await asyncio.gather(*(batch(n) for n in [10, 10, 10, 10, 10])) == [10] * 5
        assert [len(items) for items in model.batches] == [4, 1]
        model.batches.clear()
        # 2 x 20 is all the work there may be.
        await asyncio.gather(*(batch(n) for n in [20, 5, 5]))
        assert model.batches == [[20, 5], [5]]


async def test_an_item_longer_than_all_the_work_allowed_runs_alone() -> None:
    model = Model()
    async with batcher(model, LIMITS, length=lambda item: item) as batch:
        assert await asyncio.gather(*(batch(n) for n in [1, 1_000_000, 1])) == [1, 1_000_000, 1]
    assert [1_000_000] in model.batches


async def test_a_failing_item_fails_alone() -> None:
    model = Model()
    async with batcher(model) as batch:
        results = await asyncio.gather(*(batch(x) for x in ["a", "bad", "b"]), return_exceptions=True)
    assert results[::2] == ["a", "b"]
    assert isinstance(results[1], SynthesisError)
    assert len(model.batches) == 1


async def test_a_batch_that_crashes_is_tried_item_by_item() -> None:
    model = Model()
    async with batcher(model) as batch:
        results = await asyncio.gather(*(batch(x) for x in ["a", "crash", "b"]), return_exceptions=True)
        assert results[::2] == ["a", "b"]
        assert isinstance(results[1], RuntimeError)
        await batch.check_health()


async def test_a_length_that_cannot_be_measured_fails_its_own_call_only() -> None:
    """Inside ``batch_size_fn`` it would end the batch loop."""
    async with batcher(Model(), length=len) as batch:
        results = await asyncio.gather(batch("a"), batch(7), batch("b"), return_exceptions=True)
        assert results[::2] == ["a", "b"]
        assert isinstance(results[1], TypeError)
        await batch.check_health()


async def test_limits_change_between_batches() -> None:
    model = Model()
    async with batcher(model) as batch:
        batch.set_limits(BatchLimits(max_items=2, max_padded_work=40, wait_s=0.2, max_run_s=60))
        await asyncio.gather(*(batch(n) for n in range(4)))
        batch.set_limits(BatchLimits(max_items=8, max_padded_work=40, wait_s=0.2, max_run_s=60))
        await asyncio.gather(*(batch(n) for n in range(8)))
    assert [len(items) for items in model.batches] == [2, 2, 8]


async def test_cancelled_items_do_not_run_and_the_door_opens_again() -> None:
    model = Model(held=True)
    async with batcher(model) as batch:
        running = asyncio.create_task(batch("running"))
        await until_started(model)
        waiting = [asyncio.create_task(batch(n)) for n in range(3)]
        await asyncio.sleep(0.01)
        for task in waiting[:2]:
            task.cancel()
        model.go.release(3)
        assert await running == "running"
        assert await waiting[2] == 2
        assert await batch("after") == "after"
    assert model.batches == [["running"], [2], ["after"]]


async def test_all_running_items_cancelled() -> None:
    model = Model(held=True)
    async with batcher(model) as batch:
        running = asyncio.create_task(batch("running"))
        await until_started(model)
        running.cancel()
        await asyncio.wait([running])
        following = asyncio.create_task(batch("following"))
        model.go.release(2)
        assert await following == "following"


async def test_a_dead_batch_loop_is_unhealthy() -> None:
    """Ray itself goes on calling such a replica healthy (ray issue 66140)."""
    async with batcher(Model()) as batch:
        await batch("x")
        await batch.check_health()
        (loop,) = (task for task in asyncio.all_tasks() if "_process_batches" in repr(task.get_coro()))
        loop.cancel()
        await asyncio.wait([loop])
        with pytest.raises(RuntimeError, match="ended"):
            await batch.check_health()


async def test_a_short_utterance_is_next_beside_a_long_one() -> None:
    model = Model(held=True)
    limits = LIMITS.model_copy(update={"max_items": 1, "wait_s": 0})
    async with batcher(model, limits) as batch:
        long = [asyncio.create_task(batch(f"long {n}", Flow("long"))) for n in range(4)]
        await until_started(model)
        short = asyncio.create_task(batch("short", Flow("short")))
        await asyncio.sleep(0.01)
        model.go.release(5)
        await asyncio.gather(short, *long)
    assert model.batches[:2] == [["long 0"], ["short"]]


async def test_batch_work_gets_what_room_interactive_work_leaves() -> None:
    model = Model(held=True)
    async with batcher(model) as batch:
        first = asyncio.create_task(batch("first"))
        await until_started(model)
        jobs = [asyncio.create_task(batch(f"job {n}", Flow("job", priority=Priority.BATCH))) for n in range(4)]
        people = [asyncio.create_task(batch(f"person {n}", Flow(str(n)))) for n in range(3)]
        await asyncio.sleep(0.01)
        model.go.release(3)
        await asyncio.gather(first, *jobs, *people)
    assert model.batches == [["first"], ["person 0", "person 1", "person 2", "job 0"], ["job 1", "job 2", "job 3"]]


async def test_what_is_past_its_deadline_never_runs() -> None:
    model = Model(held=True)
    async with batcher(model) as batch:
        running = asyncio.create_task(batch("running"))
        await until_started(model)
        late = asyncio.create_task(batch("late", Flow("late", deadline_s=time.time() + 0.02)))
        in_time = asyncio.create_task(batch("in time", Flow("in time", deadline_s=time.time() + 60)))
        await asyncio.sleep(0.05)
        model.go.release(2)
        with pytest.raises(DeadlineExceeded):
            await late
        assert await asyncio.gather(running, in_time) == ["running", "in time"]
    assert model.batches == [["running"], ["in time"]]


async def test_load_says_what_runs_and_what_waits() -> None:
    model = Model(held=True)
    async with batcher(model) as batch:
        assert (batch.load().running, batch.load().waiting) == (0, 0)
        running = asyncio.create_task(batch("running"))
        await until_started(model)
        waiting = [asyncio.create_task(batch(n)) for n in range(6)]
        await asyncio.sleep(0.05)
        assert (batch.load().running, batch.load().waiting, batch.load().max_running) == (1, 6, 4)
        waiting.pop().cancel()
        await asyncio.sleep(0)
        assert batch.load().waiting == 5
        model.go.release(3)
        await asyncio.gather(running, *waiting)
        load = batch.load()
        assert (load.running, load.waiting, load.wait_s, len(load.recent)) == (0, 0, 0, 6)
        assert min(call.ended_s - call.came_s for call in load.recent) > 0.04


async def test_load_says_what_was_done_for_whom_and_in_what_company() -> None:
    model = Model(held=True)
    async with batcher(model) as batch:
        began_s = time.time()
        first = asyncio.create_task(batch("first", Flow("request", "caller", segment=0)))
        await until_started(model)
        others = [asyncio.create_task(batch(n, Flow("request", "caller", segment=n))) for n in (1, 2)]
        await asyncio.sleep(0.05)
        model.go.release(2)
        await asyncio.gather(first, *others)
        calls = sorted(batch.load().recent, key=lambda call: call.segment or 0)
    assert [(call.request, call.key, call.segment, call.batch) for call in calls] == [
        ("request", "caller", 0, 1),
        ("request", "caller", 1, 2),
        ("request", "caller", 2, 2),
    ]
    for call in calls:
        assert began_s - 0.1 < call.came_s <= call.began_s <= call.ended_s < time.time() + 0.1
    assert calls[1].began_s - calls[1].came_s > 0.04, "they came while the first one ran"


class Small(Model):
    """Has memory for three items."""

    def __call__(self, items: Sequence[Any]) -> list[Any]:
        results = super().__call__(items)
        if len(items) > 3:
            raise OutOfMemory("no room")
        return results


async def test_a_batch_too_large_for_the_memory_is_halved_and_the_limit_learned() -> None:
    model = Small()
    limits = BatchLimits(max_items=8, max_padded_work=80, wait_s=0.2, max_run_s=60)
    async with batcher(model, limits, length=lambda _: 5) as batch:
        assert await asyncio.gather(*(batch(n) for n in range(8))) == list(range(8))
        assert [len(items) for items in model.batches] == [8, 4, 2, 2, 4, 2, 2]
        model.batches.clear()
        assert await asyncio.gather(*(batch(n) for n in range(8))) == list(range(8))
        assert [len(items) for items in model.batches] == [2, 2, 2, 2]
        batch.set_limits(limits)
        model.batches.clear()
        await asyncio.gather(*(batch(n) for n in range(8)))
        assert len(model.batches[0]) == 8


async def test_an_item_too_large_for_the_memory_fails_alone() -> None:
    def run(items: Sequence[Any]) -> list[Any]:
        if "huge" in items:
            raise OutOfMemory("no room")
        return list(items)

    with ThreadPoolExecutor(1) as thread:
        batch = Caller(run, lambda _: 1, thread, LIMITS)
        results = await asyncio.gather(*map(batch, ["a", "huge", "b", "c"]), return_exceptions=True)
    assert isinstance(results.pop(1), OutOfMemory)
    assert results == ["a", "b", "c"]


async def test_a_model_that_hangs_is_unhealthy() -> None:
    model = Model(held=True)
    async with batcher(model, LIMITS.model_copy(update={"max_run_s": 0.1})) as batch:
        await batch.check_health()
        call = asyncio.create_task(batch("slow"))
        await until_started(model)
        await batch.check_health()
        await asyncio.sleep(0.2)
        with pytest.raises(RuntimeError, match="the model hangs"):
            await batch.check_health()
        model.go.release(1)
        await call
        await batch.check_health()
