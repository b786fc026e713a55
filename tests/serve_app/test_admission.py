"""An ingress before the desk that all share: waiting, leaving, and going on when the desk is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from contextvars import ContextVar
from typing import Any

import pytest
from ray.exceptions import ActorDiedError

from deployments.admission import Admission
from deployments.desk import Ask
from deployments.errors import Overloaded, ServerFull
from deployments.fair_queue import Flow
from deployments.settings import AdmissionSettings
from serve_app import admission
from serve_app.admission import Place, SharedAdmission
from tests.serve_app.fake_handles import FakeHandle

LIMITS = AdmissionSettings(max_running=2, max_waiting=1)


class Desk:
    """The deployment, which a test can take away."""

    app_name = "voices"

    def __init__(self) -> None:
        self.admission = Admission(LIMITS)
        self.is_away = False
        self.died = asyncio.Event()

    def options(self, *, method_name: str) -> FakeHandle:
        async def call(*args: Any) -> Any:
            if self.is_away:
                raise ActorDiedError()
            work = asyncio.ensure_future(getattr(self.admission, method_name)(*args))
            died = asyncio.ensure_future(self.died.wait())
            try:
                await asyncio.wait((work, died), return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    raise ActorDiedError()
                return work.result()
            finally:
                work.cancel()
                died.cancel()

        return FakeHandle(call)

    def dies(self) -> None:
        self.is_away = True
        self.died.set()

    def comes_back(self) -> None:
        self.admission = Admission(LIMITS)
        self.is_away = False
        self.died = asyncio.Event()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture(autouse=True)
async def often(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr(admission, "SYNC_S", 0.01)
    yield
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


def ingress(desk: Desk) -> SharedAdmission:
    return SharedAdmission(desk, LIMITS)  # type: ignore[arg-type]


def ask(name: str) -> Ask:
    return Ask(name, Flow(name), 10, 10)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await true():
            await asyncio.sleep(0.005)


def taking(places: SharedAdmission, name: str) -> tuple[AbstractAsyncContextManager[Place], asyncio.Task[Place]]:
    """Somebody who waits for a place; it is held as long as the first of the two lives."""
    place = places.place(ask(name))
    return place, asyncio.create_task(place.__aenter__())


def running(desk: Desk, count: int) -> Callable[[], Awaitable[bool]]:
    async def true() -> bool:
        return (await desk.admission.load()).running == count

    return true


async def test_two_ingress_replicas_share_the_places(desk: Desk) -> None:
    one, two = ingress(desk), ingress(desk)
    async with one.place(ask("a")), two.place(ask("b")):
        place, waiting = taking(two, "c")
        await asyncio.sleep(0.02)
        assert not waiting.done()
        with pytest.raises(Overloaded):
            await one.place(ask("d")).__aenter__()
    await waiting
    assert (await one.load()).running == 1
    await place.__aexit__(None, None, None)
    await until(running(desk, 0))


async def test_whoever_is_cancelled_leaves_the_desk(desk: Desk) -> None:
    one = ingress(desk)
    async with one.place(ask("a")), one.place(ask("b")):
        _, waiting = taking(one, "c")
        await asyncio.sleep(0.02)
        waiting.cancel()
        await asyncio.wait([waiting])
        await asyncio.sleep(0.02)
        assert (await one.load()).waiting == 0
    await until(running(desk, 0))


async def test_when_the_desk_dies_those_who_run_and_wait_go_on_and_limits_still_hold(desk: Desk) -> None:
    one = ingress(desk)
    async with AsyncExitStack() as held:
        for name in "ab":
            await held.enter_async_context(one.place(ask(name)))
        place, waiting = taking(one, "c")
        await asyncio.sleep(0.02)
        desk.dies()
        await asyncio.sleep(0.05)
        assert not waiting.done(), "it waits at the desk of its own replica"
        with pytest.raises(Overloaded):
            await one.place(ask("d")).__aenter__()
        assert (await one.load()).running == 2
    await asyncio.wait_for(waiting, 10)
    await place.__aexit__(None, None, None)


async def test_a_full_desk_is_asked_again_when_it_has_room(desk: Desk) -> None:
    one = ingress(desk)
    asked: list[object] = one._enter.responses  # type: ignore[attr-defined]
    async with AsyncExitStack() as held:
        await held.enter_async_context(one.place(ask("a")))
        await held.enter_async_context(one.place(ask("b")))
        place, waiting = taking(one, "c")
        await asyncio.sleep(0.02)
        for name in "defgh":
            with pytest.raises(ServerFull) as refused:
                await one.place(ask(name)).__aenter__()
            assert refused.value.retry_after_s > 0
            assert refused.value.application == "voices"
        assert len(asked) == 4, "three were let in or wait, one was told that the desk is full"
    await waiting
    await asyncio.sleep(0.02)
    async with one.place(ask("i")):
        assert len(asked) == 5
    await place.__aexit__(None, None, None)


async def test_a_desk_that_dies_while_it_is_full_is_not_taken_to_be_full(desk: Desk) -> None:
    one = ingress(desk)
    held = [taking(one, name) for name in "abc"]
    await asyncio.sleep(0.02)
    with pytest.raises(ServerFull):
        await one.place(ask("d")).__aenter__()
    desk.dies()
    await asyncio.sleep(0.02)
    desk.comes_back()
    for place, taken in held[:2]:
        await taken
        await place.__aexit__(None, None, None)
    place, taken = held[2]
    await taken
    async with one.place(ask("e")):
        pass
    await place.__aexit__(None, None, None)


async def test_when_the_desk_is_back_it_knows_who_runs(desk: Desk) -> None:
    one, two = ingress(desk), ingress(desk)
    async with one.place(ask("a")):
        desk.dies()
        async with one.place(ask("b")):
            desk.comes_back()
            await until(running(desk, 2))
            async with asyncio.timeout(10):
                place, waiting = taking(two, "c")
                await asyncio.sleep(0.02)
                assert not waiting.done()
                with pytest.raises(Overloaded):
                    await one.place(ask("d")).__aenter__()
    await waiting
    await place.__aexit__(None, None, None)


async def test_outcomes_are_told(desk: Desk) -> None:
    one = ingress(desk)
    one.count("completed")
    one.count("completed")
    one.count("rejected")
    assert (await one.load()).outcomes == {"completed": 2, "rejected": 1}


async def test_an_error_of_the_holder_is_his_own_and_frees_the_place(desk: Desk) -> None:
    one = ingress(desk)
    with pytest.raises(Overloaded, match="a stage"):
        async with one.place(ask("a")):
            raise Overloaded("a stage", 1.0)
    await until(running(desk, 0))


async def test_what_goes_on_for_all_is_in_no_requests_context(desk: Desk) -> None:
    """Or the trace of the first request would have every sync in it, for ever."""
    of_a_request: ContextVar[str] = ContextVar("of_a_request", default="nobody's")
    seen: list[str] = []
    sync = desk.admission.sync

    async def noted(*args: Any) -> None:
        seen.append(of_a_request.get())
        await sync(*args)

    desk.admission.sync = noted  # type: ignore[method-assign]
    of_a_request.set("mine")
    shared = ingress(desk)
    async with shared.place(ask("a")):
        async with asyncio.timeout(60):
            while len(seen) < 3:
                await asyncio.sleep(0.01)
    # The first word is sent when the desk is met, in the name of whoever met it.
    assert seen[-1] == "nobody's"
