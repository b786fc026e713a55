"""What a stage's replica counts, under the events that make it count."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ray.serve.config import AutoscalingConfig

from deployments import metrics
from deployments.errors import DeadlineExceeded
from deployments.fair_queue import Flow, Priority
from deployments.fair_worker import FairWorker
from deployments.metrics import (
    AUDIO,
    CHARACTERS,
    RETRIES,
    STAGE_BATCHES,
    STAGE_BUSY,
    STAGE_CALLS,
    STAGE_GIVEN_UP,
    STAGE_MAX_REPLICAS,
    STAGE_PADDING,
    STAGE_RUNNING,
    STAGE_WAIT,
    STAGE_WAITING,
    STAGE_WORK,
)
from deployments.settings import AssetSettings, BatchLimits, SynthesisSettings, TextSettings, VocoderSettings
from deployments.text_frontend import TextFrontend
from deployments.vocoder import Vocoder
from serve_app.calls import StageCaller
from tests.metrics.fakes import Recorded
from tts_models.errors import OutOfMemory, UnsupportedLanguage
from tts_models.types import Audio, Phonemes

LIMITS = BatchLimits(max_items=4, max_padded_work=1000, wait_s=0.05, max_run_s=60)


class Held:
    """A model that works when it is let go."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.go = threading.Semaphore(0)

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.started.release()
        assert self.go.acquire(timeout=60)
        return list(items)


def worker(model: Any, limits: BatchLimits = LIMITS) -> FairWorker[int, int]:
    return FairWorker(model, lambda item: item, ThreadPoolExecutor(1), limits)


async def test_a_batch_counts_its_work_its_padding_and_how_long_its_calls_waited(recorded: Recorded) -> None:
    work = worker(list)
    flows = [Flow("a"), Flow("b", priority=Priority.BATCH), Flow("c")]
    await asyncio.gather(*(work(length, flow) for length, flow in zip([10, 4, 6], flows, strict=True)))
    assert recorded.of(STAGE_WORK) == [30]
    assert recorded.of(STAGE_PADDING) == [10]
    assert (recorded.of(STAGE_CALLS), recorded.of(STAGE_BATCHES)) == ([3], [1])
    assert len(recorded.of(STAGE_WAIT, priority="interactive")) == 2
    (waited,) = recorded.of(STAGE_WAIT, priority="batch")
    assert 0 < waited < 60
    assert 0 < recorded.of(STAGE_BUSY)[0] < 60


async def test_nothing_is_padded_where_all_are_of_one_length(recorded: Recorded) -> None:
    work = worker(list)
    await asyncio.gather(*(work(7, Flow(str(n))) for n in range(3)))
    assert sum(recorded.of(STAGE_WORK)) == 21
    assert recorded.of(STAGE_PADDING) == []


async def test_queue_and_batch_are_shown_as_they_change(recorded: Recorded) -> None:
    model = Held()
    work = worker(model, LIMITS.model_copy(update={"wait_s": 0}))
    first = asyncio.create_task(work(1, Flow("a")))
    await asyncio.to_thread(model.started.acquire, timeout=60)
    rest = [asyncio.create_task(work(1, Flow(str(n)))) for n in range(3)]
    await asyncio.sleep(0)
    assert (recorded.of(STAGE_WAITING)[-1], recorded.of(STAGE_RUNNING)[-1]) == (3, 1)
    model.go.release(9)
    await asyncio.gather(first, *rest)
    assert 3 in recorded.of(STAGE_RUNNING)
    assert (recorded.of(STAGE_WAITING)[-1], recorded.of(STAGE_RUNNING)[-1]) == (0, 0)


async def test_work_given_up_is_told_apart(recorded: Recorded) -> None:
    model = Held()
    work = worker(model, LIMITS.model_copy(update={"wait_s": 0, "max_items": 1}))
    runs = asyncio.create_task(work(1, Flow("a")))
    await asyncio.to_thread(model.started.acquire, timeout=60)
    waits = asyncio.create_task(work(1, Flow("b")))
    late = asyncio.create_task(work(1, Flow("c", deadline_s=time.time() + 0.01)))
    await asyncio.sleep(0.05)
    for task in (waits, runs):
        task.cancel()
    await asyncio.wait((waits, runs), timeout=60)
    assert recorded.of(STAGE_WAITING)[-1] == 1
    model.go.release(9)
    with pytest.raises(DeadlineExceeded):
        await late
    assert {when: sum(recorded.of(STAGE_GIVEN_UP, when=when)) for when in ("waiting", "running", "late")} == {
        "waiting": 1,
        "running": 1,
        "late": 1,
    }


async def test_a_failure_is_nothing_given_up(recorded: Recorded) -> None:
    def fails(items: Sequence[int]) -> list[int]:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await worker(fails)(1, Flow())
    assert recorded.told[STAGE_GIVEN_UP.name] == {}


async def test_gauges_are_told_again_with_every_health_check(recorded: Recorded) -> None:
    """Ray forgets a gauge that was not set for twenty seconds."""
    work = worker(list)
    told = len(recorded.of(STAGE_WAITING))
    await work.check_health()
    assert recorded.of(STAGE_WAITING)[told:] == [0]
    assert recorded.of(STAGE_RUNNING)[-1] == 0


@pytest.mark.parametrize(
    ("config", "most"),
    [
        ({"autoscaling_config": AutoscalingConfig(max_replicas=8)}, 8),
        ({"autoscaling_config": None, "num_replicas": 3}, 3),
    ],
)
def test_how_many_replicas_there_may_be(
    config: dict[str, Any], most: int, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = SimpleNamespace(_deployment_config=SimpleNamespace(**config))
    monkeypatch.setattr(metrics, "get_internal_replica_context", lambda: context)
    metrics.StageMeter()
    assert recorded.of(STAGE_MAX_REPLICAS) == [most]


@pytest.mark.usefixtures("replica_context")
async def test_audio_and_characters(recorded: Recorded) -> None:
    class Speaks:
        def synthesize(self, batch: Sequence[Any]) -> list[Audio]:
            return [Audio(np.zeros(36_000, np.float32)) for _ in batch]

    class Reads:
        def segments(self, text: Any, language: str, *_: Any) -> list[Phonemes]:
            if language == "tlh":
                raise UnsupportedLanguage("no")
            return []

    vocoder = Vocoder(VocoderSettings(), AssetSettings(), lambda *_: Speaks())
    features: Any = SimpleNamespace(n_frames=60)
    await asyncio.gather(
        vocoder.synthesize(features, Flow()), vocoder.synthesize(features, Flow(priority=Priority.BATCH))
    )
    assert recorded.of(AUDIO, priority="interactive") == [1.5]
    assert recorded.of(AUDIO, priority="batch") == [1.5]
    text = TextFrontend(TextSettings(in_logs=True), lambda _: Reads())
    await text.segments("Hello there.", "en", Flow())
    await text.segments("x" * 2500, "en-GB", Flow())
    with pytest.raises(UnsupportedLanguage):
        await text.segments("Qapla'", "tlh", Flow())
    assert recorded.told[CHARACTERS.name] == {(("language", "en-US"),): [12], (("language", "en-GB"),): [2500]}


async def test_calls_made_again(recorded: Recorded) -> None:
    outcomes: list[Any] = [OutOfMemory("full"), OutOfMemory("full"), "done"]

    class Response:
        def __await__(self) -> Any:
            outcome = outcomes.pop(0)
            yield from asyncio.sleep(0).__await__()
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        def cancel(self) -> None:
            pass

    caller = StageCaller(SynthesisSettings(retry_delay_s=0.001))
    assert await caller.call(lambda: [Response()]) == "done"
    assert recorded.told[RETRIES.name] == {(("reason", "lost"),): [1, 1]}


async def test_a_caller_that_leaves_is_no_call_made_again(recorded: Recorded) -> None:
    """Ray may give its calls up before it tells us that it is gone."""

    class GivenUp:
        def __await__(self) -> Any:
            yield from asyncio.sleep(0).__await__()
            raise asyncio.CancelledError

        def cancel(self) -> None:
            pass

    caller = StageCaller(SynthesisSettings(retry_delay_s=60))
    call = asyncio.create_task(caller.call(lambda: [GivenUp()]))
    await asyncio.sleep(0.05)
    call.cancel()
    await asyncio.wait([call], timeout=60)
    assert recorded.told[RETRIES.name] == {}
