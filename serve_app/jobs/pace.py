"""Jobs of callers with a limit of characters a minute: made no faster than that, refused never."""

from __future__ import annotations

import asyncio
import logging

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from serve_app.http.limits import KEY_PREFIX, storage_url

logger = logging.getLogger(__name__)

_POLL_S = 1.0


class Paces:
    """How many characters of whom were spoken in the last minute, in Redis or in this worker.

    Args:
        redis_url: The Redis server that counts for all workers; None counts here.
    """

    def __init__(self, redis_url: str | None = None) -> None:
        storage = RedisStorage(storage_url(redis_url), key_prefix=KEY_PREFIX) if redis_url else MemoryStorage()
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    async def keep(self, who: str, characters_per_min: int, characters: int) -> None:
        """Waits until ``who`` may have so many more spoken, and counts them."""
        item = RateLimitItemPerMinute(characters_per_min)
        while characters > 0:
            part = min(characters, characters_per_min)
            if await asyncio.to_thread(self._counts, item, who, part):
                characters -= part
            else:
                await asyncio.sleep(_POLL_S)

    def _counts(self, item: RateLimitItemPerMinute, who: str, part: int) -> bool:
        try:
            return self._limiter.hit(item, who, cost=part)
        except Exception:  # of Redis: the job waits until it is back, as it does for everything else
            logger.warning("Redis does not count; trying again.", exc_info=True)
            return False
