"""Deployment handles whose replicas are coroutines of the test, with Ray's own ways of failing and cancelling."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from deployments.fair_queue import Flow


class FakeResponse:
    """Like a ``DeploymentResponse``: can be awaited more than once, passed on, and cancelled."""

    def __init__(self, work: Awaitable[Any]) -> None:
        self._task = asyncio.ensure_future(work)
        self.cancelled = False

    def __await__(self) -> Generator[Any, None, Any]:
        return asyncio.shield(self._task).__await__()

    def cancel(self) -> None:
        if self._task.done() and self._task.exception():
            raise self._task.exception() or RuntimeError
        self.cancelled = True
        self._task.cancel()


class FakeHandle:
    """A handle whose calls run ``work``, which is not told of the flow they belong to."""

    def __init__(self, work: Callable[..., Awaitable[Any]]) -> None:
        self._work = work
        self.flows: list[Flow] = []
        self.responses: list[FakeResponse] = []

    def options(self, *, method_name: str) -> FakeHandle:
        return self

    def remote(self, *args: Any) -> FakeResponse:
        self.flows.extend(arg for arg in args if isinstance(arg, Flow))
        args = tuple(arg for arg in args if not isinstance(arg, Flow))

        async def resolve_then_work() -> Any:
            resolved = [await arg if isinstance(arg, FakeResponse) else arg for arg in args]
            return await self._work(*resolved)

        response = FakeResponse(resolve_then_work())
        self.responses.append(response)
        return response
