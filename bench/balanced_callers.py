"""Callers behind a load balancer, who ask again and again, and keep what became of each request.

The balancer asks every proxy for its health each second, as those of the clouds do: one that fails three times gets no
more requests, and what it has is broken off. A caller whose answer breaks off asks again, as OpenAI's client does.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

_ATTEMPTS = 20
_ANSWER_S = 180.0
_HEALTH_S = 1.0
_HEALTH_TIMEOUT_S = 2.0
_UNHEALTHY = 3
_PAUSE_S = 0.25


class Refused(Exception):
    """The server answered with another status; args: it, the body's beginning."""


@dataclass
class Request:
    """What became of one request.

    Attributes:
        begun_s: When, by ``time.monotonic``.
        ended_s: When it was answered or given up; ``None`` as long as it runs.
        attempts: How many times it was made.
        problems: Why it was made again, or lost.
        body: The answer; ``None`` if it was lost.
    """

    begun_s: float
    ended_s: float | None = None
    attempts: int = 0
    problems: list[str] = field(default_factory=list)
    body: bytes | None = None


@dataclass(frozen=True)
class Ask:
    """What callers ask for, how long the answer must be, bytes, and what else they send."""

    json: dict[str, Any]
    length: int
    headers: Mapping[str, str] = field(default_factory=dict)


class Balancer:
    """Chooses a proxy that is healthy, in turns.

    Args:
        urls: Of the proxies.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._failures = dict.fromkeys(urls, 0)
        self._down = {url: asyncio.Event() for url in urls}
        self._turns = itertools.count()

    def choose(self) -> str:
        """The next one; any of them when none is healthy."""
        healthy = [url for url in self._down if not self._down[url].is_set()] or list(self._down)
        return healthy[next(self._turns) % len(healthy)]

    async def gone(self, url: str) -> None:
        """Returns when a proxy is found unhealthy."""
        await self._down[url].wait()

    async def watch(self) -> None:
        """Asks for health until cancelled."""
        async with httpx.AsyncClient(timeout=_HEALTH_TIMEOUT_S) as http:
            while True:
                await asyncio.gather(*(self._check(http, url) for url in self._down))
                await asyncio.sleep(_HEALTH_S)

    async def _check(self, http: httpx.AsyncClient, url: str) -> None:
        try:
            healthy = (await http.get(f"{url}/-/healthz")).status_code == httpx.codes.OK
        except httpx.HTTPError:
            healthy = False
        self._failures[url] = 0 if healthy else self._failures[url] + 1
        if healthy:
            self._down[url].clear()
        elif self._failures[url] >= _UNHEALTHY:
            self._down[url].set()


class Callers:
    """Traffic for as long as the context lasts.

    Args:
        urls: Of the proxies.
        asks: What they ask for, in turns.
        count: How many callers; each asks again when it is answered.
    """

    def __init__(self, urls: Sequence[str], asks: Sequence[Ask], count: int) -> None:
        self.requests: list[Request] = []
        self._balancer = Balancer(urls)
        self._asks = itertools.cycle(asks)
        self._count = count
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Callers:
        self._watch = asyncio.create_task(self._balancer.watch())
        self._tasks = [asyncio.create_task(self._call()) for _ in range(self._count)]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Lets every request end."""
        self._stopping = True
        await asyncio.gather(*self._tasks)
        self._watch.cancel()

    async def more(self, count: int, limit_s: float = _ANSWER_S) -> None:
        """Waits until so many more requests were answered."""
        async with asyncio.timeout(limit_s):
            wanted = self.answered() + count
            while self.answered() < wanted:
                await asyncio.sleep(0.1)

    def answered(self) -> int:
        """How many were answered so far."""
        return sum(request.body is not None for request in self.requests)

    def in_flight(self) -> int:
        """How many run now."""
        return sum(request.ended_s is None for request in self.requests)

    async def _call(self) -> None:
        async with httpx.AsyncClient(timeout=httpx.Timeout(_ANSWER_S, connect=5)) as http:
            while not self._stopping:
                await self._one(http, next(self._asks))

    async def _one(self, http: httpx.AsyncClient, ask: Ask) -> None:
        request = Request(time.monotonic())
        self.requests.append(request)
        while request.body is None and request.attempts < _ATTEMPTS:
            url = self._balancer.choose()
            request.attempts += 1
            answer = asyncio.create_task(_answer(http, url, ask))
            gone = asyncio.create_task(self._balancer.gone(url))
            await asyncio.wait([answer, gone], return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if not answer.done():
                answer.cancel()
                request.problems.append("its proxy was found unhealthy")
            elif (error := answer.exception()) is not None:
                request.problems.append(f"{type(error).__name__}: {error}")
                await asyncio.sleep(_PAUSE_S)
            else:
                request.body = answer.result()
        request.ended_s = time.monotonic()


async def _answer(http: httpx.AsyncClient, url: str, ask: Ask) -> bytes:
    async with http.stream("POST", f"{url}/v1/audio/speech", json=ask.json, headers=ask.headers) as response:
        body = await response.aread()
        if response.status_code != httpx.codes.OK:
            raise Refused(response.status_code, body[:200].decode(errors="replace"))
    if len(body) != ask.length:
        raise Refused(response.status_code, f"{len(body)} of {ask.length} bytes")
    return body


def figures(requests: Sequence[Request], fault_s: float, in_flight: int) -> dict[str, Any]:
    """What a fault did to the requests.

    Args:
        requests: All of them, ended.
        fault_s: When it was, by ``time.monotonic``.
        in_flight: How many ran then.

    Returns:
        In flight, retried (by the caller), failed, p50 before it and the longest wait after it, and after how long the
        last request had ended that was late (three times the p50, and half a second) or retried.
    """
    before = [r.ended_s - r.begun_s for r in requests if r.ended_s is not None and r.ended_s < fault_s]
    after = [r for r in requests if r.ended_s is not None and r.ended_s >= fault_s]
    usual_s = statistics.median(before)
    waits = {id(r): (r.ended_s or 0) - r.begun_s for r in after}
    hit = [r for r in after if r.attempts > 1 or waits[id(r)] > 3 * usual_s + 0.5]
    return {
        "requests": len(requests),
        "in_flight": in_flight,
        "late": len(hit),
        "retried": sum(r.attempts > 1 for r in after),
        "failed": sum(r.body is None for r in requests),
        "p50_before_s": round(usual_s, 2),
        "longest_s": round(max(waits.values(), default=0), 2),
        "recovery_s": round(max(((r.ended_s or 0) - fault_s for r in hit), default=0), 1),
        "why": dict(Counter(problem[:70] for r in after for problem in r.problems).most_common(5)),
    }
