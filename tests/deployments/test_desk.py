"""Exact limits, fair order, estimates that come true, and places that always come back."""

from __future__ import annotations

import asyncio
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.desk import FIXED_WORK, MAX_RETRY_AFTER_S, Ask, Desk
from deployments.errors import DeadlineExceeded, Overloaded, ServerFull, ShuttingDown
from deployments.fair_queue import Flow
from deployments.settings import AdmissionSettings


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def desk(running: int, waiting: int, clock: Clock | None = None) -> Desk:
    return Desk(AdmissionSettings(max_running=running, max_waiting=waiting), clock or Clock())


def ask(name: str, key: str = "", *, work: int = 60, within_s: float = math.inf, weight: float = 1.0, **kw: int) -> Ask:
    return Ask(name, Flow(name, key, weight), work, work, time.time() + within_s, **kw)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def enter_all(places: Desk, asks: list[Ask]) -> dict[str, asyncio.Task[None]]:
    tasks = {one.id: asyncio.create_task(places.enter(one)) for one in asks}
    await settle()
    return tasks


async def stop(tasks: dict[str, asyncio.Task[None]]) -> None:
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize(("running", "waiting"), [(1, 0), (3, 2), (10, 40)])
async def test_a_burst_as_large_as_the_room_is_admitted_to_the_last(running: int, waiting: int) -> None:
    places = desk(running, waiting)
    tasks = await enter_all(places, [ask(str(n)) for n in range(running + waiting)])
    assert not any(task.done() and task.exception() for task in tasks.values())
    assert (places.load().running, places.load().waiting) == (running, waiting)
    with pytest.raises(Overloaded):
        await places.enter(ask("one too many"))
    assert (places.load().running, places.load().waiting) == (running, waiting)
    for n in range(running + waiting):
        places.leave(str(n), completed=True)
        await settle()
    assert all(task.done() for task in tasks.values())
    assert (places.load().running, places.load().waiting) == (0, 0)


async def test_keys_take_turns_and_waiters_of_a_key_too() -> None:
    places = desk(1, 10)
    tasks = await enter_all(places, [ask("0", "many"), *(ask(f"m{n}", "many") for n in range(3)), ask("o0", "one")])
    order = []
    for _ in range(5):
        (name,) = (name for name in tasks if name in places)
        order.append(name)
        places.leave(name, completed=True)
        await settle()
    assert order == ["0", "o0", "m0", "m1", "m2"]


async def test_a_key_has_limits_of_its_own_which_hold_up_nobody_else() -> None:
    places = desk(3, 10)
    limits = {"max_running": 1, "max_waiting": 1}
    mine = [ask(f"mine {n}", "mine", **limits) for n in range(3)]
    tasks = await enter_all(places, [*mine, ask("other", "other")])
    assert "mine 0" in places
    assert "other" in places
    assert not tasks["mine 1"].done()
    with pytest.raises(Overloaded, match="its limit"):
        await tasks["mine 2"]
    places.leave("mine 0", completed=True)
    await settle()
    assert "mine 1" in places


async def test_whoever_stops_waiting_has_left_at_once() -> None:
    places = desk(1, 1)
    tasks = await enter_all(places, [ask("runs"), ask("waits")])
    with pytest.raises(Overloaded):
        await places.enter(ask("third"))
    await stop({"waits": tasks["waits"]})
    assert places.load().waiting == 0
    waits = await enter_all(places, [ask("next")])
    places.leave("runs", completed=True)
    await settle()
    assert waits["next"].done()


async def test_whoever_stops_waiting_at_the_moment_of_being_let_in_keeps_nothing() -> None:
    places = desk(1, 1)
    tasks = await enter_all(places, [ask("runs"), ask("waits")])
    places.leave("runs", completed=True)
    await stop({"waits": tasks["waits"]})
    assert places.load().running == 0


async def measured(clock: Clock, places: Desk, took_s: float, work: int = 60) -> None:
    """The desk has seen ten utterances, one after the other."""
    for n in range(10):
        await places.enter(ask(f"before {n}", work=work))
        clock.now_s += took_s
        places.leave(f"before {n}", completed=True)


async def test_retry_after_is_the_time_to_work_the_queue_off() -> None:
    clock = Clock()
    places = desk(2, 4, clock)
    await measured(clock, places, took_s=0.5)
    tasks = await enter_all(places, [ask(str(n)) for n in range(6)])
    with pytest.raises(Overloaded) as caught:
        await places.enter(ask("more"))
    # They took 0.5 s each, one after the other. Four wait with the one refused, and a place must come free.
    assert caught.value.retry_after_s == pytest.approx(6 * 0.5)
    assert places.load().wait_s == pytest.approx(5 * 0.5)
    await stop(tasks)


async def test_retry_after_has_a_most_and_a_first_guess() -> None:
    clock = Clock()
    places = desk(1, 0, clock)
    await places.enter(ask("runs"))
    with pytest.raises(Overloaded) as caught:
        await places.enter(ask("refused"))
    assert caught.value.retry_after_s == 1
    clock.now_s += 10_000
    places.leave("runs", completed=True)
    await places.enter(ask("runs again"))
    with pytest.raises(Overloaded) as caught:
        await places.enter(ask("refused"))
    assert caught.value.retry_after_s == MAX_RETRY_AFTER_S


async def test_what_cannot_be_done_in_time_is_refused_before_it_waits() -> None:
    clock = Clock()
    places = desk(1, 50, clock)
    await measured(clock, places, took_s=1.0)
    tasks = await enter_all(places, [ask(str(n)) for n in range(5)])
    with pytest.raises(DeadlineExceeded) as caught:
        await places.enter(ask("hurried", within_s=3))
    assert caught.value.retry_after_s == pytest.approx(5, abs=0.5)
    assert places.load().waiting == 4
    patient = await enter_all(places, [ask("patient", within_s=60)])
    assert not patient["patient"].done()
    await stop(tasks | patient)


async def test_what_is_too_long_for_its_deadline_is_told_that_waiting_does_not_help() -> None:
    clock = Clock()
    places = desk(1, 50, clock)
    await measured(clock, places, took_s=1.0, work=100 - FIXED_WORK)
    with pytest.raises(DeadlineExceeded, match=r"10\.0 s") as caught:
        await places.enter(ask("a book", work=1000 - FIXED_WORK, within_s=5))
    assert caught.value.retry_after_s == 0
    assert places.load().running == 0
    await places.enter(ask("a page", work=400 - FIXED_WORK, within_s=5))


async def test_a_slow_listener_does_not_make_the_server_look_slow() -> None:
    clock = Clock()
    places = desk(5, 0, clock)
    await places.enter(ask("listens"))
    clock.now_s += 600
    places.leave("listens", completed=True, idle_s=599.5)
    await places.enter(ask("hurried", within_s=2))


async def test_what_was_slow_beside_many_is_not_taken_to_be_slow_alone() -> None:
    """Or a server that was full once would refuse everybody with a time limit for ever."""
    clock = Clock()
    places = desk(10, 0, clock)
    for n in range(10):
        await places.enter(ask(str(n)))
    clock.now_s += 10
    for n in range(10):
        places.leave(str(n), completed=True)
    await places.enter(ask("alone", within_s=3))


async def test_whoever_waits_past_the_deadline_leaves() -> None:
    places = desk(1, 5)
    await places.enter(ask("runs"))
    with pytest.raises(DeadlineExceeded, match="while it waited"):
        await places.enter(ask("waits", within_s=0.02))
    assert places.load().waiting == 0


async def test_a_key_that_has_nothing_waiting_is_not_told_to_wait_for_the_others() -> None:
    clock = Clock()
    places = desk(1, 50, clock)
    await measured(clock, places, took_s=1.0)
    tasks = await enter_all(places, [ask(f"many {n}", "many") for n in range(20)])
    hurried = await enter_all(places, [ask("hurried", "one", within_s=6)])
    assert not hurried["hurried"].done()
    with pytest.raises(DeadlineExceeded):
        await places.enter(ask("also many", "many", within_s=6))
    await stop(tasks | hurried)


async def test_averages() -> None:
    clock = Clock()
    places = desk(1, 1, clock)
    assert places.load().average_run_s is None
    tasks = await enter_all(places, [ask("a"), ask("b")])
    clock.now_s += 2
    places.leave("a", completed=True)
    await settle()
    clock.now_s += 4
    places.leave("b", completed=True)
    await asyncio.gather(*tasks.values())
    assert places.load().average_run_s == 3
    assert places.load().average_wait_s == 1


_HISTORIES = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.sampled_from("abc"), st.sampled_from([None, 1, 2])),
        st.tuples(st.sampled_from(["leave", "cancel"]), st.floats(0, 0.999), st.none()),
    ),
    max_size=60,
)


@given(st.integers(1, 4), st.integers(0, 4), _HISTORIES)
def test_limits_hold_and_nobody_is_left_behind(
    running: int, waiting: int, history: list[tuple[str, str | float, int | None]]
) -> None:
    async def play() -> None:
        places = desk(running, waiting)
        tasks: dict[str, asyncio.Task[None]] = {}
        for number, (action, who, limit) in enumerate(history):
            if action == "enter":
                room = sum(name in places or not tasks[name].done() for name in tasks) < running + waiting
                one = ask(str(number), str(who), max_running=limit)
                tasks |= await enter_all(places, [one])
                refused = tasks[one.id].done() and tasks[one.id].exception() is not None
                if limit is None and room:
                    assert not refused, "there was room"
                if refused:
                    del tasks[one.id]
            elif tasks:
                name = list(tasks)[int(float(who) * len(tasks))]
                task = tasks.pop(name)
                if action == "leave" and name in places:
                    places.leave(name, completed=True)
                await stop({name: task})
                places.leave(name, completed=False)
                await settle()
            load = places.load()
            assert load.running <= running
            assert load.waiting <= waiting
            inside = [name for name in tasks if name in places]
            assert len(inside) == load.running
            assert load.running + load.waiting == len(tasks)
        while tasks:
            inside = [name for name in tasks if name in places]
            assert inside, "whoever waits gets in when others leave"
            for name in inside:
                await tasks.pop(name)
                places.leave(name, completed=True)
            await settle()
        assert (places.load().running, places.load().waiting) == (0, 0)
        assert not places._running_of
        assert not places._waiting_of

    asyncio.run(play())


async def test_a_closed_desk_lets_in_only_who_waits_already() -> None:
    places = desk(1, 1)
    tasks = await enter_all(places, [ask("runs"), ask("waits")])
    places.close()
    with pytest.raises(ShuttingDown):
        await places.enter(ask("late"))
    places.leave("runs", completed=True)
    await tasks["waits"]
    places.leave("waits", completed=True)
    assert (places.load().running, places.load().waiting) == (0, 0)


async def test_whoever_was_told_that_there_is_no_room_hears_when_there_is() -> None:
    places = desk(1, 1)
    await places.enter(ask("a"))
    waiting = asyncio.create_task(places.enter(ask("b")))
    await asyncio.sleep(0)
    with pytest.raises(ServerFull):
        await places.enter(ask("c"))
    room = asyncio.create_task(places.room())
    await asyncio.sleep(0.01)
    assert not room.done()
    places.leave("a", completed=True)
    await asyncio.wait_for(room, 1)
    await waiting


async def test_a_desk_whose_places_are_free_is_not_full_for_everybody() -> None:
    places = desk(2, 1)
    await places.enter(ask("a", key="k", max_running=1))
    waiting = asyncio.create_task(places.enter(ask("b", key="k", max_running=1)))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as refused:
        await places.enter(ask("c", key="k", max_running=1))
    assert not isinstance(refused.value, ServerFull)
    await places.enter(ask("d"))
    waiting.cancel()


async def test_a_closed_desk_ends_the_wait_for_room() -> None:
    places = desk(1, 0)
    await places.enter(ask("a"))
    room = asyncio.create_task(places.room())
    await asyncio.sleep(0)
    places.close()
    await asyncio.wait_for(room, 1)
