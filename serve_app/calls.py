"""Calls to the stages: retried when a replica is lost, cancelled as a whole, and failing with errors of our own tree.

Ray wraps what a replica raises: ``isinstance`` holds, ``type`` does not and the message is a traceback. Replicas that
die, full queues and deployments that failed each have their own classes, some raised here, some there. All of it ends
in this file; nothing above it knows Ray's errors.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from ray.exceptions import (
    ActorDiedError,
    ActorUnavailableError,
    ObjectLostError,
    RayActorError,
    RayTaskError,
    WorkerCrashedError,
)
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    RayServeException,
    ReplicaUnavailableError,
)

from deployments.errors import DeadlineExceeded, Overloaded
from deployments.metrics import RETRIES
from deployments.settings import SynthesisSettings
from tts_models.errors import OutOfMemory, TtsError

_DEFAULT_RETRY_AFTER_S = 1.0
_LOST = (RayActorError, ObjectLostError, OutOfMemory, ReplicaUnavailableError, WorkerCrashedError)

Start = Callable[[], Sequence[Any]]
"""Makes ``DeploymentResponse``s, each of them an argument of the next (Ray types ``remote()`` as a union)."""


class StageUnavailable(TtsError):
    """No replica of a stage did the work, tried often and waited for long enough; args: message."""


class StageCaller:
    """Makes calls to deployments.

    Args:
        settings: Tries, delays and the time limit.
    """

    def __init__(self, settings: SynthesisSettings) -> None:
        self._settings = settings
        self._retries = RETRIES.make()

    async def call(self, start: Start, *, wait_while_overloaded: bool = False, deadline_s: float = math.inf) -> Any:
        """The result of the last response that ``start`` makes.

        Models are functions of their input, so whatever is lost with a replica is simply made again.

        Args:
            start: Makes the call, or a chain of calls each taking the response before it. Every try starts it anew, and
                whatever ends this call cancels all of its responses.
            wait_while_overloaded: Wait for room in a full queue rather than raise.
            deadline_s: When nobody wants the result any more, Unix time.

        Raises:
            TtsError: What a stage raised.
            Overloaded: A stage turned the call away.
            DeadlineExceeded: The deadline has passed.
            StageUnavailable: Replicas were lost at every try, the deployment has failed, or time ran out.
        """
        left_s = deadline_s - time.time()
        limit = asyncio.timeout(min(self._settings.segment_timeout_s, left_s))
        try:
            async with limit:
                return await self._until_done(start, wait_while_overloaded)
        except TimeoutError:
            if not limit.expired():
                raise
            if left_s < self._settings.segment_timeout_s:
                raise DeadlineExceeded("The time limit of the request passed before the speech was made.") from None
            raise StageUnavailable(f"No result within {self._settings.segment_timeout_s:g} s.") from None

    async def _until_done(self, start: Start, wait_while_overloaded: bool) -> Any:
        lost = 0
        delay_s = self._settings.retry_delay_s
        while True:
            reason = "lost"
            try:
                return await _last_of(start())
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                lost += 1  # the replica gave the call up, not our caller
            except Exception as error:
                cause = root_cause(error)
                if isinstance(cause, BackPressureError):
                    if not wait_while_overloaded:
                        retry_after_s = cause.retry_after_s or _DEFAULT_RETRY_AFTER_S
                        raise Overloaded("The server is busy; please try again shortly.", retry_after_s) from error
                    reason = "overloaded"
                elif isinstance(cause, DeploymentUnavailableError):
                    raise StageUnavailable("A part of the server failed to start.") from error
                elif _is_loss(cause):
                    lost += 1
                elif cause is error:
                    raise
                else:
                    raise cause from error
            if lost >= self._settings.attempts:
                raise StageUnavailable("A part of the server keeps failing; please try again later.")
            await asyncio.sleep(delay_s * random.uniform(0.5, 1.5))
            self._retries.inc(1, {"reason": reason})  # not where the caller, whose leaving looks alike, is gone by now
            delay_s *= 2


def root_cause(error: BaseException) -> BaseException:
    """What a replica raised, out of Ray's wrapping."""
    while isinstance(error, RayTaskError) and isinstance(error.cause, BaseException):
        error = error.cause
    return error


def _is_loss(error: BaseException) -> bool:
    """Whether the work was lost with a replica, or for want of memory; both may be better next time.

    An upstream replica's death comes as a plain ``RayServeException``.
    """
    upstream_died = type(error) is RayServeException and isinstance(error.__cause__, ActorDiedError)
    return upstream_died or isinstance(error, _LOST)


async def _last_of(responses: Sequence[Any]) -> Any:
    """The result of the last response, unless the replica of one before it cannot be reached any more.

    Ray Serve 2.60 takes that for a fault of the replica that waits for the argument, and gives it to one replica after
    the other, without end (``router.py``; an argument whose replica has died it knows better).
    """
    unreachable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    watching = [asyncio.create_task(_watch(response, unreachable)) for response in responses[:-1]]
    last = asyncio.ensure_future(responses[-1])
    try:
        await asyncio.wait([last, unreachable], return_when=asyncio.FIRST_COMPLETED)
        return await (last if last.done() else unreachable)
    except BaseException:
        for response in responses:
            # cancel() of a response that has failed raises its error again.
            with contextlib.suppress(Exception):
                response.cancel()
        raise
    finally:
        for task in (*watching, last, unreachable):
            task.cancel()


async def _watch(response: Any, unreachable: asyncio.Future[None]) -> None:
    """Fails ``unreachable`` when the replica that ``response`` comes from is.

    The result itself is not fetched: it is large, and goes from replica to replica.
    """
    loop = asyncio.get_running_loop()

    def ended(outcome: Any) -> None:
        if isinstance(outcome, ActorUnavailableError):
            with contextlib.suppress(RuntimeError):  # the loop of a job that has ended
                loop.call_soon_threadsafe(fail, outcome)

    def fail(error: ActorUnavailableError) -> None:
        if not unreachable.done():
            unreachable.set_exception(error)

    with contextlib.suppress(Exception):  # where there is no replica at all, the last response says why
        result = await response._fetch_future_result_async()  # there is no public way to wait without fetching
        result.add_done_callback(ended)
