"""How much: requests a second and characters a minute, of a key or of an address.

::

    who                       requests a second             characters a minute
    key with a limit          its own                       its own
    other keys                limits.key_..., or else       limits.key_..., or else
    no key                    limits.address_...            limits.address_...

A caller with a key that has no limit of its own, nor one from ``limits.key_...``, counts with its address like everyone
there. Addresses of the server's own machine are not limited unless ``limits.loopback`` says so, ``/health`` never is.

Jobs are not refused for their length but made at that pace: the characters a minute hold for a caller's jobs together,
apart from what else it has spoken.

Counted by a sliding window over ``limits.burst_s`` or a minute, in Redis where records are kept there, so that it is
one count for all; else every ingress replica counts what reaches it. While Redis is away, each does, too: a server that
cannot count goes on speaking.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from deployments.settings import LimitSettings
from deployments.storage.api_keys import KeyLimits
from serve_app.http.caller import Caller
from serve_app.http.client_address import client_of, is_loopback
from serve_app.http.errors import LimitExceeded

logger = logging.getLogger(__name__)

EXPOSED_HEADERS = (
    "RateLimit",
    "RateLimit-Policy",
    *(f"x-ratelimit-{what}-{of}" for of in ("requests", "tokens") for what in ("limit", "remaining", "reset")),
)
KEY_PREFIX = "voicegraph:limits"
"""What every key in Redis begins with."""
_AWAY_S = 5.0
_REDIS_TIMEOUT_S = 1.0

# Names of the same two things: in the standard's headers, in OpenAI's, in words.
_NAMES: Mapping[str, tuple[str, str]] = {"requests": ("requests", "requests"), "characters": ("tokens", "characters")}


@dataclass(frozen=True, slots=True)
class Window:
    """What is left of a limit.

    Attributes:
        limit: Most in a period.
        period_s: How long that is, seconds.
        remaining: Accepted now.
        reset_s: Until more is, seconds.
        retry_s: Until what was asked for is; infinite if it never will be.
        is_hit: Whether it was accepted, and counted.
    """

    limit: int
    period_s: int
    remaining: int
    reset_s: float
    retry_s: float
    is_hit: bool


class Counters:
    """Sliding windows, in Redis or in memory.

    Args:
        redis_url: The Redis server; None counts in this process.
    """

    def __init__(self, redis_url: str | None = None) -> None:
        self._here = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared: SlidingWindowCounterRateLimiter | None = None
        self._away_until_s = 0.0
        if redis_url is not None:
            storage = RedisStorage(
                f"async+{storage_url(redis_url)}",
                implementation="redispy",
                key_prefix=KEY_PREFIX,
                socket_timeout=_REDIS_TIMEOUT_S,
                socket_connect_timeout=_REDIS_TIMEOUT_S,
            )
            self._shared = SlidingWindowCounterRateLimiter(storage)

    async def take(self, item: RateLimitItem, who: str, cost: int) -> Window:
        """Counts ``cost`` of ``who``, if there is as much left."""
        if self._shared is not None and time.monotonic() >= self._away_until_s:
            try:
                return await _take(self._shared, item, who, cost)
            except Exception:
                self._away_until_s = time.monotonic() + _AWAY_S
                logger.exception("Redis does not count; this replica does by itself for %g s.", _AWAY_S)
        return await _take(self._here, item, who, cost)


class Limiter:
    """Holds callers to their limits.

    Args:
        settings: The limits of addresses and of keys without their own.
        counters: Where is counted.
    """

    def __init__(self, settings: LimitSettings, counters: Counters) -> None:
        self._settings = settings
        self._counters = counters

    def begin(self, caller: Caller, own: KeyLimits | None) -> RequestLimits:
        """The limits of one request.

        Args:
            caller: Whose it is.
            own: The limits of the key, if it came with one.
        """
        settings = self._settings
        by_key = (own.requests_per_s or settings.key_requests_per_s) if own else None
        characters_by_key = (own.characters_per_min or settings.key_characters_per_min) if own else None
        by_address: float | None = settings.address_requests_per_s
        characters_by_address = settings.address_characters_per_min
        if not settings.loopback and (not caller.address or is_loopback(caller.address)):
            by_address = characters_by_address = None
        key, address = f"key {caller.key_id}", f"address {client_of(caller.address)}"
        limits: dict[str, tuple[RateLimitItem, str]] = {}
        if rate := by_key or by_address:
            limits["requests"] = (_per_second(rate, settings.burst_s), key if by_key else address)
        if per_min := characters_by_key or characters_by_address:
            limits["characters"] = (RateLimitItemPerMinute(per_min), key if characters_by_key else address)
        return RequestLimits(self._counters, limits)


@dataclass(frozen=True, slots=True)
class Pace:
    """Characters a minute of somebody's jobs.

    Attributes:
        who: Whose, as the counters tell them apart.
        characters_per_min: How many.
    """

    who: str
    characters_per_min: int


@dataclass(slots=True)
class RequestLimits:
    """The limits of one request, and what it has found out about them."""

    _counters: Counters
    _limits: Mapping[str, tuple[RateLimitItem, str]]
    _windows: dict[str, Window] = field(default_factory=dict)

    async def take(self, what: str, cost: int = 1) -> None:
        """Counts ``cost`` requests or characters.

        Raises:
            LimitExceeded: There is not as much left.
        """
        if what not in self._limits or cost <= 0:
            return
        item, who = self._limits[what]
        window = self._windows[what] = await self._counters.take(item, who, cost)
        if window.is_hit:
            return
        of = f"{window.limit:,} {_NAMES[what][1]} in {window.period_s} s"
        whose = "this API key" if who.startswith("key ") else "this address"
        if math.isinf(window.retry_s):
            message = f"The text has {cost:,} characters; {whose} may have {of}. Send it in parts."
            raise LimitExceeded(message, None, self.headers())
        message = f"There were too many {_NAMES[what][1]}: {whose} may have {of}."
        raise LimitExceeded(message, window.retry_s, self.headers())

    @property
    def pace(self) -> Pace | None:
        """At which jobs that are submitted now are made."""
        if "characters" not in self._limits:
            return None
        item, who = self._limits["characters"]
        return Pace(f"jobs of {who}", item.amount)

    def headers(self) -> dict[str, str]:
        """What the response says of the limits: in the words of the IETF's draft, and in OpenAI's."""
        if not self._windows:
            return {}
        known = self._windows.items()
        headers = {
            "RateLimit-Policy": ", ".join(f'"{what}";q={w.limit};w={w.period_s}' for what, w in known),
            "RateLimit": ", ".join(f'"{what}";r={w.remaining};t={math.ceil(w.reset_s)}' for what, w in known),
        }
        for what, window in known:
            openai = _NAMES[what][0]
            headers[f"x-ratelimit-limit-{openai}"] = str(window.limit)
            headers[f"x-ratelimit-remaining-{openai}"] = str(window.remaining)
            headers[f"x-ratelimit-reset-{openai}"] = f"{math.ceil(1000 * window.reset_s)}ms"
        return headers


_CURRENT: ContextVar[RequestLimits | None] = ContextVar("limits_of_the_request", default=None)


def enter(limits: RequestLimits) -> None:
    """Makes ``limits`` those of whatever the current task does from here on."""
    _CURRENT.set(limits)


def pace_of_jobs() -> Pace | None:
    """At which jobs are made that the current request submits; None is as fast as they come."""
    limits = _CURRENT.get()
    return limits.pace if limits else None


async def charge(characters: int) -> None:
    """Counts characters that the current request wants spoken; every route calls it before it has anything made.

    Raises:
        LimitExceeded: The caller may not have as many now.
    """
    if (limits := _CURRENT.get()) is not None:
        await limits.take("characters", characters)


def storage_url(redis_url: str) -> str:
    """The URL of a Redis server as ``limits`` writes it."""
    return redis_url.replace("unix://", "redis+unix://", 1) if redis_url.startswith("unix://") else redis_url


def _per_second(rate: float, burst_s: int) -> RateLimitItem:
    """So many over ``burst_s`` that it is ``rate`` a second; over longer for a rate below one in that time."""
    period_s = max(burst_s, math.ceil(1 / rate))
    return RateLimitItemPerSecond(max(1, round(rate * period_s)), period_s)


async def _take(limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem, who: str, cost: int) -> Window:
    storage: Any = limiter.storage
    period_s = item.get_expiry()
    is_hit = await limiter.hit(item, who, cost=cost)
    before, before_ends_s, now, now_ends_s = await storage.get_sliding_window(item.key_for(who), period_s)
    shift_s = max(0.0, now_ends_s - period_s)  # until what counts whole begins to fade as what was before does now
    used = math.floor(before * before_ends_s / period_s + now)
    reset_s = _until(used - 1, before, before_ends_s, now, shift_s, period_s) if used else 0.0
    retry_s = 0.0 if is_hit else _until(item.amount - cost, before, before_ends_s, now, shift_s, period_s)
    return Window(item.amount, period_s, max(0, item.amount - used), reset_s, retry_s, is_hit)


def _until(room: float, before: int, before_ends_s: float, now: int, shift_s: float, period_s: int) -> float:
    """Seconds until no more than ``room`` is counted, if nothing is added: the older part fades, then the newer."""
    if room < 0:
        return math.inf
    if now <= room:
        return max(0.0, before_ends_s - (room - now) * period_s / before) if before else 0.0
    return shift_s + period_s * (1 - room / now)
