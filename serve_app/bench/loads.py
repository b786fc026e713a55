"""Closed and open loops of speech requests.

::

    closed   N clients, each asking again when answered:    how much a server can do
    open     requests at random (Poisson), whatever becomes of those before:    how long they take at a given load

        filling          window                     end
    |------------|---------------------------|- - - - - -|
      not counted   sent here: latency          the last answers are waited for
                    ended here: requests a second
"""

from __future__ import annotations

import asyncio
import random
import resource
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from serve_app.bench.client import Answer, SpeechClient
from serve_app.bench.texts import Line

_AFTER_ERROR_S = 0.2
"""So that a server which refuses at once is not asked a thousand times a second."""

Told = Callable[[Answer], None]


@dataclass(slots=True)
class Run:
    """What came of one load.

    Attributes:
        load: ``closed`` or ``open``.
        amount: Clients, or requests a second.
        begin_s: Where the window begins, by ``time.monotonic``.
        end_s: Where it ends.
        answers: All of them, those from the filling too, in the order of their ends.
        client_cpu: Processors that the measuring itself took in the window.
    """

    load: str
    amount: float
    begin_s: float
    end_s: float
    answers: list[Answer] = field(default_factory=list)
    client_cpu: float = 0.0

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return self.end_s - self.begin_s

    @property
    def sent(self) -> list[Answer]:
        """Answers to what was sent in the window."""
        return [answer for answer in self.answers if self.begin_s <= answer.sent_s < self.end_s]

    @property
    def done(self) -> list[Answer]:
        """Good answers that ended in the window."""
        return [answer for answer in self.answers if answer.is_good and self.begin_s <= answer.ended_s < self.end_s]

    @property
    def requests_per_s(self) -> float:
        """Good answers a second."""
        return len(self.done) / self.seconds


async def closed_loop(
    client: SpeechClient,
    lines: Iterator[Line],
    clients: int,
    seconds: float,
    filling_s: float = 0.0,
    told: Told = lambda answer: None,
) -> Run:
    """As many clients ask, and ask again when they have been answered.

    Args:
        client: Asks the server.
        lines: What is asked for, for ever.
        clients: How many.
        seconds: Length of the window.
        filling_s: Of load before it.
        told: Called with every answer.
    """
    begin_s = time.monotonic() + filling_s
    run = Run("closed", clients, begin_s, begin_s + seconds)

    async def ask_again(number: int) -> None:
        while time.monotonic() < run.end_s:
            answer = await client.speak(next(lines), number)
            run.answers.append(answer)
            told(answer)
            if not answer.is_good:
                await asyncio.sleep(_AFTER_ERROR_S)

    await _measured(run, *(ask_again(number) for number in range(clients)))
    return run


async def open_loop(
    client: SpeechClient,
    lines: Iterator[Line],
    rate_per_s: float,
    seconds: float,
    filling_s: float = 0.0,
    told: Told = lambda answer: None,
    seed: int = 0,
) -> Run:
    """Requests come at random, ``rate_per_s`` of them, whatever becomes of the others.

    Args:
        client: Asks the server.
        lines: What is asked for, for ever.
        rate_per_s: How many a second, on average.
        seconds: Length of the window.
        filling_s: Of load before it.
        told: Called with every answer.
        seed: Of the times; the same seed gives the same ones.
    """
    dice = random.Random(seed)
    began_s = time.monotonic()
    run = Run("open", rate_per_s, began_s + filling_s, began_s + filling_s + seconds)

    async def ask(number: int) -> None:
        answer = await client.speak(next(lines), number)
        run.answers.append(answer)
        told(answer)

    async def arrivals() -> None:
        next_s, number = began_s, 0
        async with asyncio.TaskGroup() as group:
            while next_s < run.end_s:
                await asyncio.sleep(max(0.0, next_s - time.monotonic()))
                group.create_task(ask(number))
                number += 1
                next_s += dice.expovariate(rate_per_s)

    await _measured(run, arrivals())
    return run


async def _measured(run: Run, *work: Awaitable[None]) -> None:
    """Does the ``work`` and notes what processor time the window took."""

    async def measure() -> None:
        await asyncio.sleep(max(0.0, run.begin_s - time.monotonic()))
        before_s = _cpu_s()
        await asyncio.sleep(max(0.0, run.end_s - time.monotonic()))
        run.client_cpu = (_cpu_s() - before_s) / run.seconds

    await asyncio.gather(measure(), *work)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
