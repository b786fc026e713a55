"""Places for utterances, as the ingress asks for them.

::

    place(ask) --> Admission deployment (one desk for all ingress replicas)
                     |  no answer: it died, or is being replaced
                     +--> a desk of this replica's own, until it is back; it has known all along what runs here

So the limits are exact over all ingress replicas, and hold for each of them alone while the desk is away. A desk that
was full is not asked again until it says that there is room: refusing costs next to nothing, however many come.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ray.serve.handle import DeploymentHandle

from deployments.admission import SYNC_S
from deployments.desk import AdmissionLoad, Ask, Desk
from deployments.errors import ServerFull
from deployments.settings import AdmissionSettings
from serve_app.calls import root_cause
from tts_models.errors import TtsError

logger = logging.getLogger(__name__)

_ANSWER_TIMEOUT_S = 2.0
"""A desk that does not answer a :meth:`Admission.sync` for so long is taken to be away."""


@dataclass(slots=True)
class Place:
    """A place that is held.

    Attributes:
        idle_s: How long it has waited for its listener; added to by the holder, seconds.
    """

    idle_s: float = 0.0


class Admits(Protocol):
    """What the routes see of the admission."""

    def place(self, ask: Ask) -> AbstractAsyncContextManager[Place]:
        """Waits for a place, and holds it as long as the context lasts.

        Raises:
            Overloaded: There is no room to wait.
            DeadlineExceeded: It would not be done in time.
        """
        ...

    def count(self, outcome: str) -> None:
        """Note how a request ended."""
        ...

    async def load(self) -> AdmissionLoad:
        """Limits, who runs and waits, how requests ended."""
        ...


class LocalAdmission:
    """The desk of an application of one process.

    Args:
        settings: Limits.
    """

    def __init__(self, settings: AdmissionSettings) -> None:
        self._settings = settings
        self.desk = Desk(settings)
        self._outcomes: Counter[str] = Counter()

    @asynccontextmanager
    async def place(self, ask: Ask) -> AsyncIterator[Place]:
        """See :meth:`Admits.place`."""
        await self.desk.enter(ask)
        place = Place()
        completed = False
        try:
            yield place
            completed = True
        finally:
            self.desk.leave(ask.id, completed=completed, idle_s=place.idle_s)

    def count(self, outcome: str) -> None:
        """See :meth:`Admits.count`."""
        self._outcomes[outcome] += 1

    async def load(self) -> AdmissionLoad:
        """See :meth:`Admits.load`."""
        return replace(self.desk.load(), outcomes=dict(self._outcomes))


class AtOnce:
    """For what takes nobody's place: every one of it is let in."""

    @asynccontextmanager
    async def place(self, ask: Ask) -> AsyncIterator[Place]:
        """See :meth:`Admits.place`."""
        yield Place()

    def count(self, outcome: str) -> None:
        """See :meth:`Admits.count`."""

    async def load(self) -> AdmissionLoad:
        """See :meth:`Admits.load`."""
        return AdmissionLoad(running=0, waiting=0, max_running=0, max_waiting=0, wait_s=0.0)


class SharedAdmission:
    """The desk that all ingress replicas share.

    Args:
        desk: Handle of the ``Admission`` deployment.
        settings: Limits, for as long as it is away.
        proxy_may_refuse: Whether Ray's proxy may answer for a full desk (:mod:`serve_app.full`), which never hears of
            requests that need no place.
    """

    def __init__(
        self, desk: DeploymentHandle[Any], settings: AdmissionSettings, *, proxy_may_refuse: bool = True
    ) -> None:
        self._id = uuid.uuid4().hex
        self._told_to_proxy = desk.app_name if proxy_may_refuse else ""
        self._enter = desk.options(method_name="enter")
        self._leave = desk.options(method_name="leave")
        self._room = desk.options(method_name="room")
        self._sync = desk.options(method_name="sync")
        self._load = desk.options(method_name="load")
        self._own = Desk(settings)
        self._held: dict[str, Ask] = {}
        self._outcomes: Counter[str] = Counter()
        self._away = asyncio.Event()
        self._full: ServerFull | None = None
        self._syncing: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def place(self, ask: Ask) -> AsyncIterator[Place]:
        """See :meth:`Admits.place`."""
        if self._syncing is None or self._syncing.done():
            # Not in the context of this request: its trace would never end.
            self._syncing = asyncio.create_task(self._keep_in_sync(), context=contextvars.Context())
        place = Place()
        is_refused = completed = False
        try:
            if await self._is_let_in(ask):
                self._own.hold(ask)
            else:
                await self._own.enter(ask)
            self._held[ask.id] = ask
            yield place
            completed = True
        except TtsError:
            is_refused = ask.id not in self._held
            raise
        finally:
            self._held.pop(ask.id, None)
            self._own.leave(ask.id, completed=completed, idle_s=place.idle_s)
            if not is_refused:
                self._tell(self._answer(self._leave.remote(self._id, ask.id, completed, place.idle_s)))

    def count(self, outcome: str) -> None:
        """See :meth:`Admits.count`."""
        self._outcomes[outcome] += 1

    async def load(self) -> AdmissionLoad:
        """See :meth:`Admits.load`; of this replica alone while the desk is away."""
        try:
            await self._say_what_is_held()
            load: AdmissionLoad = await self._answer(self._load.remote())
            return load
        except Exception:
            logger.warning("The admission does not answer; its load is this replica's own.", exc_info=True)
            return replace(self._own.load(), outcomes=dict(self._outcomes))

    async def _is_let_in(self, ask: Ask) -> bool:
        """Whether the shared desk has let ``ask`` in; false if it is away."""
        if self._away.is_set():
            return False
        if self._full is not None:
            raise ServerFull(*self._full.args)
        response: Any = self._enter.remote(self._id, ask)
        answer = asyncio.ensure_future(_result(response))
        away = asyncio.ensure_future(self._away.wait())
        try:
            await asyncio.wait((answer, away), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                return False
            answer.result()
            return True
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return False  # the desk gave the call up, not our caller
        except Exception as error:
            cause = root_cause(error)
            if isinstance(cause, ServerFull) and self._full is None:
                self._full = cause = ServerFull(cause.message, cause.retry_after_s, self._told_to_proxy)
                self._tell(self._wait_for_room())
            if isinstance(cause, TtsError):
                raise cause from None  # its traceback is the desk's own, and says nothing
            logger.warning("The admission is away; this replica admits by itself.", exc_info=True)
            return False
        finally:
            away.cancel()
            if not answer.done():
                answer.cancel()
                with contextlib.suppress(Exception):
                    response.cancel()

    async def _wait_for_room(self) -> None:
        response: Any = self._room.remote()
        try:
            await response
        finally:  # also when the desk dies
            self._full = None

    async def _keep_in_sync(self) -> None:
        while True:
            try:
                await self._say_what_is_held()
                self._away.clear()
            except Exception:
                if not self._away.is_set():
                    logger.warning("The admission does not answer; this replica admits by itself.", exc_info=True)
                self._away.set()
            await asyncio.sleep(SYNC_S)

    async def _say_what_is_held(self) -> None:
        await self._answer(self._sync.remote(self._id, list(self._held.values()), dict(self._outcomes)))

    async def _answer(self, response: Any) -> Any:
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                return await response
        except TimeoutError:
            response.cancel()
            raise

    def _tell(self, message: Coroutine[Any, Any, Any]) -> None:
        async def told() -> None:
            with contextlib.suppress(Exception):  # what it missed it learns from the next sync
                await message

        task = asyncio.create_task(told())
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)


async def _result(response: Any) -> None:
    await response
