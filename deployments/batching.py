"""``@serve.batch`` over a blocking model function: sized by padded work, and never formed too early.

::

    call --> door --> @serve.batch --> one worker thread --> model
             |           padded to the longest item
             closed while a batch runs

Two things ``@serve.batch`` alone does not do:

* It goes on collecting while a batch runs, with the same short window. Requests that come one by one to a busy model
  are then cut into batches of one, which wait in line: 30 requests 20 ms apart before a model that takes 200 ms were
  seen to run as 29 batches. The door holds them back instead, and they enter together when the model is free.
* Its ``batch_size_fn`` must not raise (that ends the batch loop, ray issue 66140) and must not find one item alone too
  large (that fails the request). Here it only adds integers that were measured before, and one item always fits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ray import serve

from deployments.settings import BatchLimits

logger = logging.getLogger("ray.serve")

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Sized(Generic[Item]):
    item: Item
    length: int


class Batcher(Generic[Item, Result]):
    """Calls ``run`` with batches of the items that callers bring one at a time.

    Args:
        run: The model: a list of items -> as many results, in order, an exception instance in the place of an item that
            failed. Called in ``thread`` only. If it raises, every item of the batch is tried alone, so that the others
            do not fail with one.
        length: Length of an item in the unit of ``BatchLimits.max_padded_work``.
        thread: A pool of one thread; the model was loaded and warmed up in it.
        limits: Until :meth:`set_limits`.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        length: Callable[[Item], int],
        thread: ThreadPoolExecutor,
        limits: BatchLimits,
    ) -> None:
        self._run = run
        self._length = length
        self._thread = thread
        self._limits = limits
        self._door = asyncio.Event()
        self._door.set()
        self._waiting = 0
        self._inside = 0

        @serve.batch(batch_size_fn=self._size)
        async def batch(items: list[_Sized[Item]]) -> list[Result | Exception]:
            self._door.clear()
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._run_each_safely, [sized.item for sized in items])

        self._batch: Any = batch  # the decorator's setters are not in its type
        self.set_limits(limits)

    async def __call__(self, item: Item) -> Result:
        """The result for ``item``, computed in some batch.

        Raises:
            Exception: Whatever the model put in the item's place.
        """
        sized = _Sized(item, max(1, self._length(item)))
        self._waiting += 1
        try:
            await self._door.wait()
        finally:
            self._waiting -= 1
        self._inside += 1
        try:
            result: Result | Exception = await self._batch(sized)
        finally:
            self._inside -= 1
            if self._inside == 0:
                # Whoever waited at the door has given others the time to come.
                self._batch.set_batch_wait_timeout_s(0 if self._waiting else self._limits.wait_s)
                self._door.set()
        if isinstance(result, Exception):
            raise result
        return result

    def set_limits(self, limits: BatchLimits) -> None:
        """Change the limits, from the next batch on."""
        self._limits = limits
        self._batch.set_max_batch_size(limits.max_items)
        self._batch.set_batch_wait_timeout_s(limits.wait_s)

    async def check_health(self) -> None:
        """Raise if the loop that forms batches has ended; Ray then replaces the replica.

        Raises:
            RuntimeError: It has.
        """
        if not await self._batch._is_batching_task_alive():
            raise RuntimeError("the loop that forms batches has ended")

    def _size(self, items: list[_Sized[Item]]) -> int:
        """Size of a batch in items, an item counting for more if the padded work is spent before ``max_items`` are."""
        if len(items) == 1:
            return 1
        padded_work = len(items) * max(sized.length for sized in items)
        by_work = -(-padded_work * self._limits.max_items // self._limits.max_padded_work)
        return max(len(items), by_work)

    def _run_each_safely(self, items: Sequence[Item]) -> list[Result | Exception]:
        try:
            results = list(self._run(items))
            if len(results) != len(items):
                raise RuntimeError(f"{len(items)} items in, {len(results)} results out")
        except Exception as error:
            if len(items) == 1:
                return [error]
            logger.warning("A batch of %d failed as a whole; trying its items one by one.", len(items), exc_info=True)
            return [result for item in items for result in self._run_each_safely([item])]
        return results
