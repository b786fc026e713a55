"""The desk's deployment: places of ingress replicas that die, and of a desk that died itself, are where they belong."""

from __future__ import annotations

import asyncio

import pytest

from deployments import admission
from deployments.admission import Admission
from deployments.desk import Ask
from deployments.errors import Overloaded
from deployments.fair_queue import Flow
from deployments.settings import AdmissionSettings


def ask(name: str) -> Ask:
    return Ask(name, Flow(name), 10, 10)


@pytest.fixture
def desk() -> Admission:
    return Admission(AdmissionSettings(max_running=2, max_waiting=0))


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(admission.time, "monotonic", lambda: now[0])
    return now


async def test_limits_hold_over_all_ingress_replicas(desk: Admission) -> None:
    await desk.enter("one", ask("a"))
    await desk.enter("two", ask("b"))
    for ingress in ("one", "two", "three"):
        with pytest.raises(Overloaded):
            await desk.enter(ingress, ask("c"))
    await desk.leave("one", "a", True, 0.0)
    await desk.enter("three", ask("c"))


async def test_the_places_of_a_dead_ingress_come_back(desk: Admission, now: list[float]) -> None:
    await desk.enter("dies", ask("a"))
    await desk.enter("lives", ask("b"))
    for _ in range(7):
        now[0] += 1
        await desk.sync("lives", [ask("b")], {"completed": 3})
    assert (await desk.load()).running == 1
    await desk.enter("lives", ask("c"))


async def test_places_come_back_where_no_ingress_is_left(desk: Admission, now: list[float]) -> None:
    await desk.enter("dies", ask("a"))
    now[0] += admission.LEASE_S + 1
    await desk.check_health()
    assert (await desk.load()).running == 0


async def test_a_desk_that_is_new_learns_who_runs(desk: Admission) -> None:
    await desk.sync("one", [ask("a"), ask("b")], {})
    assert (await desk.load()).running == 2
    with pytest.raises(Overloaded):
        await desk.enter("two", ask("c"))
    await desk.leave("one", "a", True, 0.0)
    await desk.enter("two", ask("c"))


async def test_a_lost_word_of_leaving_is_made_up_for(desk: Admission, now: list[float]) -> None:
    await desk.enter("one", ask("a"))
    await desk.sync("one", [], {})
    assert (await desk.load()).running == 1, "its answer may still be on its way"
    for _ in range(6):
        now[0] += 1
        await desk.sync("one", [], {})
    assert (await desk.load()).running == 0


async def test_old_news_does_not_bring_back_who_has_left(desk: Admission) -> None:
    await desk.enter("one", ask("a"))
    await desk.leave("one", "a", True, 0.0)
    await desk.sync("one", [ask("a")], {})
    assert (await desk.load()).running == 0


async def test_more_than_the_limit_may_run_after_a_death_and_nobody_is_let_in_until_it_is_less(desk: Admission) -> None:
    await desk.sync("one", [ask(name) for name in "abcd"], {})
    assert (await desk.load()).running == 4
    for name in "abc":
        with pytest.raises(Overloaded):
            await desk.enter("one", ask("x"))
        await desk.leave("one", name, True, 0.0)
    await desk.enter("one", ask("x"))


async def test_outcomes_are_summed_over_ingress_replicas_dead_ones_too(desk: Admission, now: list[float]) -> None:
    await desk.sync("dies", [], {"completed": 5, "failed": 1})
    for count in range(1, 8):
        now[0] += 1
        await desk.sync("lives", [], {"completed": count})
    assert (await desk.load()).outcomes == {"completed": 12, "failed": 1}


async def test_an_ingress_that_dies_while_it_waits_gets_no_place(now: list[float]) -> None:
    desk = Admission(AdmissionSettings(max_running=1, max_waiting=1))
    await desk.enter("lives", ask("a"))
    waiting = asyncio.create_task(desk.enter("dies", ask("b")))
    await asyncio.sleep(0)
    for _ in range(7):
        now[0] += 1
        await desk.sync("lives", [ask("a")], {})
    await desk.leave("lives", "a", True, 0.0)
    await waiting
    assert (await desk.load()).running == 0
