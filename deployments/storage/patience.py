"""Asking a store that may not answer, from an event loop that cannot wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")

_THREADS = 4


class Patience:
    """Asks in threads of its own, for a limited time.

    Args:
        name: Of the threads.
    """

    def __init__(self, name: str) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, name)
        self._late: asyncio.Future[Any] | None = None

    @property
    def is_over(self) -> bool:
        """Whether something that was asked too long ago has not been answered yet."""
        return self._late is not None and not self._late.done()

    async def within(self, limit_s: float, ask: Callable[..., Result], *args: Any) -> Result:
        """What ``ask`` returns, asked in a thread.

        Raises:
            TimeoutError: It takes longer; until it is done :attr:`is_over`, and the store is best not asked again.
        """
        asked = asyncio.get_running_loop().run_in_executor(self._threads, ask, *args)
        done, _ = await asyncio.wait((asked,), timeout=limit_s)
        if not done:
            self._late = asked
            asked.add_done_callback(_ended)
            raise TimeoutError(f"no answer within {limit_s:g} s")
        return asked.result()


def _ended(asked: asyncio.Future[Any]) -> None:
    if not asked.cancelled():
        asked.exception()  # has been told of; asyncio would tell of it again
