"""The API keys as a request sees them: in memory, and a second old at most."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

from deployments.storage.api_keys import ApiKey, ApiKeys, find

logger = logging.getLogger(__name__)

MAX_AGE_S = 0.5
"""How old the keys in memory may be before a request has their version asked for."""
_PATIENCE_S = 1.0


class Keyring:
    """Keys that follow the records.

    A request that finds the copy older than ``max_age_s`` asks the records for the version of the keys, one integer,
    and reads them anew if it has changed. So a revoked key is refused everywhere within that time, and a server that
    nobody asks does not ask either. While the records cannot be reached, what was known last holds: requests wait for
    one second in all, not one each.

    Args:
        keys: Where they are kept.
        max_age_s: How old the copy may be, seconds.
    """

    def __init__(self, keys: ApiKeys, max_age_s: float = MAX_AGE_S) -> None:
        self._keys = keys
        self._max_age_s = max_age_s
        self._known: Mapping[str, ApiKey] | None = None
        self._version = -1
        self._asked_s = -max_age_s
        self._asking: asyncio.Task[None] | None = None

    async def find(self, presented: str) -> ApiKey | None:
        """The key that ``presented`` is, in any state; None if it is none.

        Raises:
            Exception: The records could not be read, and never were.
        """
        now_s = time.monotonic()
        if self._asking is None and now_s - self._asked_s >= self._max_age_s:
            self._asked_s = now_s
            self._asking = asyncio.create_task(self._refresh())
        if (asking := self._asking) is not None:
            if self._known is None:
                await asyncio.shield(asking)
            elif (patience_s := self._asked_s + _PATIENCE_S - now_s) > 0:
                await asyncio.wait((asking,), timeout=patience_s)
        return find(self._known or {}, presented)

    async def _refresh(self) -> None:
        try:
            version, known = await asyncio.to_thread(self._read)
        except Exception:
            if self._known is None:
                raise
            logger.exception("The API keys could not be read; those known hold until they can.")
        else:
            self._version, self._known = version, known
        finally:
            self._asking = None

    def _read(self) -> tuple[int, Mapping[str, ApiKey]]:
        # The version first: a change between the two readings is then found at the next look, not lost.
        version = self._keys.version()
        if version == self._version and self._known is not None:
            return version, self._known
        return version, self._keys.all()
