"""Devices share evenly; everything else takes its own time."""

from __future__ import annotations

import pytest
import simpy

from serve_app.planning.devices import Device


def ends(capacity: float, jobs: list[tuple[float, float, float]]) -> tuple[list[float], Device]:
    """When jobs ``(came, seconds, demand)`` are done."""
    env = simpy.Environment()
    device = Device(env, capacity)
    done = [0.0] * len(jobs)

    def job(index: int, came_s: float, seconds: float, demand: float) -> object:
        yield env.timeout(came_s)
        yield device.run(seconds, demand)
        done[index] = env.now

    for index, one in enumerate(jobs):
        env.process(job(index, *one))  # type: ignore[arg-type]
    env.run()
    return done, device


def test_alone_work_takes_its_time() -> None:
    done, device = ends(2, [(1, 3, 1)])
    assert done == pytest.approx([4])
    assert device.busy_s() == pytest.approx(3)


def test_within_the_capacity_nobody_waits() -> None:
    assert ends(2, [(0, 3, 1), (0, 5, 1)])[0] == pytest.approx([3, 5])


def test_beyond_it_all_slow_down_evenly() -> None:
    done, device = ends(1, [(0, 2, 1), (0, 2, 1)])
    assert done == pytest.approx([4, 4])
    assert device.busy_s() == pytest.approx(4)


def test_who_comes_later_slows_down_who_is_there() -> None:
    # 2 s alone, then three share: the first has 1 s left, which takes 3.
    assert ends(1, [(0, 3, 1), (2, 3, 1), (2, 3, 1)])[0] == pytest.approx([5, 9, 9])


def test_small_demands_fit_beside_others() -> None:
    assert ends(1, [(0, 4, 0.1), (0, 4, 0.9)])[0] == pytest.approx([4, 4])
    assert ends(2, [(0, 1, 2), (0, 1, 2)])[0] == pytest.approx([2, 2])
