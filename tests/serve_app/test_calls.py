from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from functools import partial
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError, ObjectLostError, RayTaskError
from ray.serve._private.common import DeploymentID
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, RayServeException

from deployments.errors import Overloaded
from deployments.settings import SynthesisSettings
from serve_app.calls import StageCaller, StageUnavailable, root_cause
from tests.serve_app.fake_handles import FakeHandle
from tts_models.errors import SynthesisError, TtsError, VoiceNotFound

SETTINGS = SynthesisSettings(attempts=3, retry_delay_s=0.001, segment_timeout_s=5)


def wrapped(cause: Exception) -> Exception:
    """``cause`` as it arrives from a replica."""
    return RayTaskError("synthesize", "Traceback ...", cause).as_instanceof_cause()


def upstream_died() -> Exception:
    """What the router makes of a response passed as argument whose replica died."""
    error = RayServeException("failed because an upstream actor died")
    error.__cause__ = ActorDiedError()
    return error


def failing(*errors: BaseException) -> tuple[FakeHandle, list[int]]:
    """A stage that fails with each of ``errors`` in turn and then says "done"."""
    calls: list[int] = []

    async def work() -> str:
        calls.append(len(calls))
        if len(calls) <= len(errors):
            raise errors[len(calls) - 1]
        return "done"

    return FakeHandle(work), calls


async def call(handle: FakeHandle, settings: SynthesisSettings = SETTINGS, **options: Any) -> Any:
    return await StageCaller(settings).call(lambda: [handle.remote()], **options)


def test_root_cause_unwraps_a_chain() -> None:
    error = SynthesisError("silence")
    assert root_cause(wrapped(wrapped(error))) is error
    assert root_cause(error) is error


@pytest.mark.parametrize("cause", [VoiceNotFound("no voice x"), SynthesisError("silence"), ZeroDivisionError("oops")])
async def test_what_a_replica_raised_is_raised_as_itself_and_not_retried(cause: Exception) -> None:
    handle, calls = failing(wrapped(cause))
    with pytest.raises(type(cause)) as caught:
        await call(handle)
    assert type(caught.value) is type(cause)
    assert caught.value.args == cause.args
    assert isinstance(caught.value.__cause__, RayTaskError), "it holds the replica's traceback, for the log"
    assert len(calls) == 1


@pytest.mark.parametrize(
    "loss",
    [
        ActorDiedError,
        lambda: ActorUnavailableError("gone", None),
        lambda: ObjectLostError("ff" * 28, None, ""),
        upstream_died,
        lambda: wrapped(ActorDiedError()),
        asyncio.CancelledError,
    ],
)
async def test_work_lost_with_a_replica_is_done_again(loss: Callable[[], Exception]) -> None:
    handle, calls = failing(loss(), loss())
    assert await call(handle) == "done"
    assert len(calls) == 3


async def test_replicas_lost_at_every_try() -> None:
    handle, calls = failing(*(ActorDiedError() for _ in range(9)))
    with pytest.raises(StageUnavailable):
        await call(handle)
    assert len(calls) == SETTINGS.attempts


async def test_a_failed_deployment_is_not_retried() -> None:
    handle, calls = failing(DeploymentUnavailableError(DeploymentID("Vocoder")))
    with pytest.raises(StageUnavailable):
        await call(handle)
    assert len(calls) == 1


async def test_a_full_queue_turns_the_call_away() -> None:
    handle, calls = failing(BackPressureError(5, 5, 429, 7))
    with pytest.raises(Overloaded) as caught:
        await call(handle)
    assert caught.value.retry_after_s == 7
    assert len(calls) == 1


async def test_a_full_queue_is_waited_for_when_asked_to() -> None:
    handle, calls = failing(*(BackPressureError(5, 5) for _ in range(5)))
    assert await call(handle, wait_while_overloaded=True) == "done"
    assert len(calls) == 6, "waiting is not counted as a lost try"


async def test_the_time_limit_includes_waiting() -> None:
    handle, _ = failing(*(BackPressureError(5, 5) for _ in range(10_000)))
    with pytest.raises(StageUnavailable, match=r"0\.05 s"):
        await call(handle, SETTINGS.model_copy(update={"segment_timeout_s": 0.05}), wait_while_overloaded=True)


async def test_a_timeout_inside_a_stage_is_not_taken_for_the_time_limit() -> None:
    handle, _ = failing(wrapped(TimeoutError("inside")))
    with pytest.raises(TimeoutError, match="inside"):
        await call(handle)


async def test_cancelling_the_call_cancels_every_response_of_the_chain() -> None:
    async def forever(*_: Any) -> None:
        await asyncio.sleep(60)

    first, second = FakeHandle(forever), FakeHandle(forever)

    def start() -> list[Any]:
        upstream = first.remote()
        return [upstream, second.remote(upstream)]

    task = asyncio.create_task(StageCaller(SETTINGS).call(start))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [response.cancelled for handle in (first, second) for response in handle.responses] == [True, True]


async def test_a_failure_cancels_what_is_left_of_the_chain() -> None:
    async def forever() -> None:
        await asyncio.sleep(60)

    slow = FakeHandle(forever)
    full, _ = failing(BackPressureError(1, 1))
    with pytest.raises(Overloaded):
        await StageCaller(SETTINGS).call(lambda: [slow.remote(), full.remote()])
    assert slow.responses[0].cancelled


def test_the_errors_survive_pickling() -> None:
    for error in (Overloaded("busy", 2.0), StageUnavailable("gone")):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert isinstance(again, TtsError)
        assert again.args == error.args


class ResultOfAReplica:
    """What a router makes of a call: knows how the call has ended, without its result."""

    def __init__(self, outcome: Any) -> None:
        self._outcome = outcome

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        Thread(target=callback, args=(self._outcome,)).start()  # as Ray does, in a thread of its own


async def test_an_argument_whose_replica_is_out_of_reach_is_made_again() -> None:
    """The router would give the call that waits for it to one replica after the other, for ever."""
    outcomes = [ActorUnavailableError("cut off", None), None]
    answers = iter((asyncio.Event().wait, partial(asyncio.sleep, 0.05, "done")))
    waits = FakeHandle(lambda: next(answers)())
    starts = []

    def start() -> list[Any]:
        result = ResultOfAReplica(outcomes[len(starts)])
        starts.append(result)

        async def fetched() -> ResultOfAReplica:
            return result

        return [SimpleNamespace(_fetch_future_result_async=fetched, cancel=lambda: None), waits.remote()]

    assert await StageCaller(SETTINGS).call(start) == "done"
    assert len(starts) == 2
    assert [response.cancelled for response in waits.responses] == [True, False]
