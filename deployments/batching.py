"""``@serve.batch`` behind a fair queue, over a blocking model function.

::

    call --> FairQueue --> @serve.batch --> one worker thread --> model
                 |             padded to the longest item
                 picks a batch when the model is free; what is past its deadline leaves

What ``@serve.batch`` alone does not do:

* It goes on collecting while a batch runs, with the same short window. Requests that come one by one to a busy model
  are then cut into batches of one, which wait in line: 30 requests 20 ms apart before a model that takes 200 ms were
  seen to run as 29 batches. Here they wait in the queue, and enter together when the model is free.
* It serves first come, first served: a caller of many segments holds up a caller of one.
* Its ``batch_size_fn`` must not raise (that ends the batch loop, ray issue 66140). There is none here: the queue knows
  the padded work of what it hands on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ray import serve

from deployments.fair_worker import FairWorker, Item, Result
from deployments.settings import BatchLimits


class Batcher(FairWorker[Item, Result]):
    """A :class:`FairWorker` whose batches are run, measured and traced by Ray's ``@serve.batch``.

    Args:
        run: See :class:`FairWorker`, as for the others.
        length: Length of an item.
        thread: A pool of one thread.
        limits: Until :meth:`set_limits`.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        length: Callable[[Item], int],
        thread: ThreadPoolExecutor,
        limits: BatchLimits,
    ) -> None:
        super().__init__(run, length, thread, limits)
        together = super().run_batch

        @serve.batch(batch_wait_timeout_s=0)
        async def batch(items: list[Item]) -> Any:
            return await together(items)

        self._batch: Any = batch  # the decorator's setters are not in its type
        self.set_limits(limits)

    async def run_batch(self, items: list[Item]) -> Sequence[Result | BaseException]:
        """Run the model in its thread; items that come at the same moment share a batch of Ray's."""
        results: list[Any] = await asyncio.gather(*map(self._batch, items), return_exceptions=True)
        return results

    def set_limits(self, limits: BatchLimits) -> None:
        """Change the limits, from the next batch on."""
        super().set_limits(limits)
        self._batch.set_max_batch_size(limits.max_items)

    async def check_health(self) -> None:
        """Raise if the model hangs or the loop that forms batches has ended; Ray then replaces the replica.

        Raises:
            RuntimeError: One of them is so.
        """
        await super().check_health()
        if not await self._batch._is_batching_task_alive():
            raise RuntimeError("the loop that forms batches has ended")
