"""Who may run, who waits and who is sent away: exact, in fair order, with estimates from what was measured.

::

    enter(ask) --> wait in a FairQueue --> run --> leave(id)
        |              max_waiting        max_running
        +--> Overloaded: no room to wait       Retry-After: until the queue has drained
        |     + ServerFull: for nobody; room() returns when that is over
        +--> DeadlineExceeded: it would not be done in time

Work is counted in bytes of text. What an utterance costs besides them counts as ``FIXED_WORK`` of them.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from deployments.errors import DeadlineExceeded, Overloaded, ServerFull, ShuttingDown
from deployments.fair_queue import Entry, FairQueue, Flow
from deployments.past_calls import PastCall, PastCalls
from deployments.settings import AdmissionSettings

FIXED_WORK = 40
"""What the shortest utterance takes, in bytes of text: 0.3 s against 7 ms a byte of English on two cores."""
MAX_RETRY_AFTER_S = 120.0
"""OpenAI's clients wait no longer than this."""
FIRST_RETRY_AFTER_S = 1.0
"""Said before anything has been measured."""

_RECENT = 50
_MEMORY = 0.9
"""Weight of what was known of the server's speed when an utterance has been measured."""


@dataclass(frozen=True, slots=True)
class Ask:
    """An utterance that wants to run.

    Attributes:
        id: Of this place; no two have the same.
        flow: Whose it is.
        work: Bytes of its text.
        needed: Bytes that must have been said by the deadline; fewer than ``work`` where the caller is content
            with a beginning.
        deadline_s: By when, Unix time.
        max_running: Most utterances of the key that run at once; None leaves it to the application's limit.
        max_waiting: Most utterances of the key that wait; None leaves it to the application's limit.
    """

    id: str
    flow: Flow
    work: int
    needed: int
    deadline_s: float = math.inf
    max_running: int | None = None
    max_waiting: int | None = None


@dataclass(frozen=True, slots=True)
class AdmissionLoad:
    """What the admission knows.

    Attributes:
        running: Utterances that run.
        waiting: Utterances that wait.
        max_running: Most that run.
        max_waiting: Most that wait.
        wait_s: About how long one that comes now would wait, seconds.
        average_wait_s: How long the last 50 completed utterances waited, seconds; None without any.
        average_run_s: How long they ran, seconds.
        outcomes: How many requests ended how, since the application started.
        recent: The utterances that gave their places back in the last minute, 256 at most.
    """

    running: int
    waiting: int
    max_running: int
    max_waiting: int
    wait_s: float
    average_wait_s: float | None = None
    average_run_s: float | None = None
    outcomes: Mapping[str, int] = field(default_factory=dict)
    recent: tuple[PastCall, ...] = ()


class _Done(NamedTuple):
    waited_s: float
    ran_s: float


@dataclass(slots=True)
class _Waiting:
    ask: Ask
    turn: asyncio.Future[None]


@dataclass(slots=True)
class _Running:
    ask: Ask
    since_s: float
    waited_s: float


class Desk:
    """The places of one application. Belongs to one event loop; every decision is made between two awaits.

    Args:
        settings: The application's limits.
        clock: Seconds; only differences matter.
    """

    def __init__(self, settings: AdmissionSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._queue: FairQueue[_Waiting] = FairQueue(clock)
        self._running: dict[str, _Running] = {}
        self._running_of: Counter[str] = Counter()
        self._waiting_of: Counter[str] = Counter()
        self._max_running_of: dict[str, int] = {}
        self._recent: deque[_Done] = deque(maxlen=_RECENT)
        self._past = PastCalls()
        self._speed = _Speed()
        self._mark_s = clock()
        self._is_closed = False
        self._room = asyncio.Event()

    def __contains__(self, place: str) -> bool:
        return place in self._running

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    async def enter(self, ask: Ask) -> None:
        """Wait until ``ask`` may run; whoever is cancelled while waiting has left.

        Raises:
            Overloaded: There is no room to wait; :class:`~deployments.errors.ServerFull` if for nobody.
            DeadlineExceeded: It would not be done in time, or has waited past its deadline.
            ShuttingDown: The desk is closed.
        """
        if self._is_closed:
            raise ShuttingDown("The server is shutting down; please try again shortly.")
        since_s = self._clock()
        key = ask.flow.key
        if ask.max_running is not None:
            self._max_running_of[key] = ask.max_running
        else:
            self._max_running_of.pop(key, None)
        waiting = _Waiting(ask, asyncio.get_running_loop().create_future())
        entry = self._queue.put(waiting, ask.flow, ask.work + FIXED_WORK)
        self._waiting_of[key] += 1
        self._admit()
        try:
            self._refuse(ask, entry)
            self._note_room()
            if entry.is_queued:
                async with asyncio.timeout(ask.deadline_s - time.time()):
                    await waiting.turn
        except BaseException as error:
            self._forget(entry)
            self.leave(ask.id, completed=False)  # it may have been let in at the same moment
            if isinstance(error, TimeoutError):
                raise DeadlineExceeded(
                    "The time limit of the request passed while it waited.", self._retry_after_s()
                ) from None
            raise
        self._running[ask.id].waited_s = self._clock() - since_s

    def close(self) -> None:
        """Let nobody in any more but those who wait already."""
        self._is_closed = True
        self._room.set()

    async def room(self) -> int:
        """Return when it is worth asking again: there is room for so many, or the desk is closed."""
        self._note_room()
        await self._room.wait()
        settings = self._settings
        free = settings.max_running - len(self._running) + settings.max_waiting - len(self._queue)
        return max(1, free)

    def hold(self, ask: Ask) -> None:
        """Note an utterance that runs already; it was let in elsewhere."""
        if ask.id not in self._running:
            self._start(ask)

    def leave(self, place: str, *, completed: bool, idle_s: float = 0.0) -> None:
        """Give a place back; nothing if it is not taken.

        Args:
            place: Its id.
            completed: It is measured if so.
            idle_s: How long it waited for its listener, seconds.
        """
        held = self._running.pop(place, None)
        if held is None:
            return
        key = held.ask.flow.key
        self._running_of[key] -= 1
        if not self._running_of[key]:
            del self._running_of[key]
            if key not in self._waiting_of:
                self._max_running_of.pop(key, None)
        now = self._clock()
        ran_s = now - held.since_s
        self._past.add(held.ask.flow, held.waited_s, ran_s)
        if completed:
            made_s = max(0.0, ran_s - idle_s)
            self._speed.measure(held.ask.work + FIXED_WORK, made_s, now - self._mark_s, len(self._running) + 1)
            self._recent.append(_Done(held.waited_s, ran_s))
            self._mark_s = now
        self._admit()

    def held(self) -> dict[str, int]:
        """How many run, and how many wait."""
        return {"running": len(self._running), "waiting": len(self._queue)}

    def load(self) -> AdmissionLoad:
        """What there is to do, and what was measured."""
        is_full = len(self._running) >= self._settings.max_running
        return AdmissionLoad(
            running=len(self._running),
            waiting=len(self._queue),
            max_running=self._settings.max_running,
            max_waiting=self._settings.max_waiting,
            wait_s=self._speed.wait_s(self._queue.cost) if is_full else 0.0,
            average_wait_s=_mean([done.waited_s for done in self._recent]),
            average_run_s=_mean([done.ran_s for done in self._recent]),
            recent=self._past.recent(),
        )

    def _admit(self) -> None:
        """Let in whoever is next, as long as there are places."""
        while len(self._running) < self._settings.max_running and (entry := self._queue.first(self._may_run)):
            self._queue.take(entry)
            self._left_queue(entry.flow.key)
            self._start(entry.item.ask)
            if not entry.item.turn.done():
                entry.item.turn.set_result(None)
        self._note_room()

    def _note_room(self) -> None:
        if (
            not self._is_closed
            and len(self._running) >= self._settings.max_running
            and (len(self._queue) >= self._settings.max_waiting)
        ):
            self._room.clear()
        else:
            self._room.set()

    def _may_run(self, key: str) -> bool:
        limit = self._max_running_of.get(key)
        return limit is None or self._running_of[key] < limit

    def _start(self, ask: Ask) -> None:
        now = self._clock()
        if not self._running:
            self._mark_s = now
        self._running[ask.id] = _Running(ask, now, 0.0)
        self._running_of[ask.flow.key] += 1

    def _forget(self, entry: Entry[_Waiting]) -> None:
        if entry.is_queued:
            self._queue.remove(entry)
            self._left_queue(entry.flow.key)
            self._note_room()

    def _left_queue(self, key: str) -> None:
        self._waiting_of[key] -= 1
        if not self._waiting_of[key]:
            del self._waiting_of[key]
            if key not in self._running_of:
                self._max_running_of.pop(key, None)

    def _refuse(self, ask: Ask, entry: Entry[_Waiting]) -> None:
        """Raises if ``ask`` should not wait, or should not run."""
        if entry.is_queued:
            self._require_room(ask)
        if ask.deadline_s == math.inf:
            return
        allowed_s = ask.deadline_s - time.time()
        wait_s = self._speed.wait_s(self._ahead_of(ask)) if entry.is_queued else 0.0
        n_running = len(self._running) + entry.is_queued
        run_s = self._speed.run_s(ask.needed + FIXED_WORK, n_running)
        if wait_s + run_s > allowed_s:
            raise DeadlineExceeded(
                f"The server needs about {wait_s + run_s:.1f} s for this, and the request allows"
                f" {max(0.0, allowed_s):.1f} s. Allow more{', or try again later' * (run_s < allowed_s)}.",
                min(wait_s, MAX_RETRY_AFTER_S) if run_s < allowed_s else 0.0,
            )

    def _require_room(self, ask: Ask) -> None:
        if ask.max_waiting is not None and self._waiting_of[ask.flow.key] > ask.max_waiting:
            raise Overloaded(
                f"This key has {self._running_of[ask.flow.key]} utterances running and {ask.max_waiting} waiting, which"
                " is its limit; please try again shortly.",
                self._retry_after_s(),
            )
        if len(self._queue) > self._settings.max_waiting:
            refusal = Overloaded if len(self._running) < self._settings.max_running else ServerFull
            raise refusal("The server is busy; please try again shortly.", self._retry_after_s())

    def _ahead_of(self, ask: Ask) -> float:
        """Work that is served before ``ask``, which is in the queue, at most; a bound of fair queueing."""
        mine = ask.work + FIXED_WORK
        weights = {entry.flow.key: entry.flow.weight for entry in self._queue}
        of_key = sum(entry.cost for entry in self._queue if entry.flow.key == ask.flow.key)
        share = weights[ask.flow.key] / sum(weights.values())
        return min(self._queue.cost, of_key / share) - mine

    def _retry_after_s(self) -> float:
        """When the queue of now has drained."""
        if not self._speed.is_known:
            return FIRST_RETRY_AFTER_S
        return min(self._speed.wait_s(self._queue.cost), MAX_RETRY_AFTER_S)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


class _Speed:
    """How fast the server works, over the last ten or so completed utterances; guesses nothing before the first."""

    def __init__(self) -> None:
        self._work = 0.0
        self._made_s = 0.0
        self._busy_s = 0.0
        self._running = 0.0
        self._count = 0.0

    @property
    def is_known(self) -> bool:
        return self._count > 0

    def measure(self, work: float, made_s: float, busy_s: float, n_running: int) -> None:
        """An utterance of ``work`` was made in ``made_s`` as one of ``n_running``, ``busy_s`` after the one before."""
        self._work = _MEMORY * self._work + work
        self._made_s = _MEMORY * self._made_s + made_s
        self._running = _MEMORY * self._running + n_running
        self._busy_s = _MEMORY * self._busy_s + busy_s
        self._count = _MEMORY * self._count + 1

    def wait_s(self, ahead: float) -> float:
        """Until ``ahead`` and one more utterance have been worked off by all places together."""
        if not self.is_known:
            return 0.0
        return (ahead + self._work / self._count) * self._busy_s / self._work

    def run_s(self, work: float, n_running: int) -> float:
        """How long ``work`` takes beside ``n_running`` utterances, itself included.

        Where fewer run than when it was measured, each is taken to be as much faster: an estimate that is too low lets
        somebody in who is late, one that is too high could keep everybody out for ever.
        """
        if not self.is_known:
            return 0.0
        return work * self._made_s / self._work * min(1.0, n_running * self._count / self._running)
