"""Ray Serve's own decisions, in simulated time."""

from __future__ import annotations

import time

import pytest
from ray.serve import autoscaling_policy
from ray.serve._private import autoscaling_state

from serve_app.planning.autoscaler import Autoscaler, simulated_clock

SCALING = {
    "min_replicas": 1,
    "max_replicas": 8,
    "target_ongoing_requests": 16,
    "metrics_interval_s": 2,
    "look_back_period_s": 10,
    "upscale_delay_s": 10,
    "downscale_delay_s": 30,
}


def changes(calls: dict[float, float], until_s: float, **settings: object) -> list[tuple[float, int]]:
    """When the target changes, and to what, while so many calls are there from each time on."""
    now_s = 0.0
    found: list[tuple[float, int]] = []
    with simulated_clock(lambda: now_s):
        autoscaler = Autoscaler({"V": {**SCALING, **settings}})
        for step in range(round(until_s * 10)):
            now_s = step / 10
            running = [str(number) for number in range(autoscaler.targets["V"])]
            autoscaler.running("V", running)
            there = [count for since_s, count in calls.items() if since_s <= now_s][-1]
            autoscaler.observe("V", now_s, {one: there / len(running) for one in running})
            before = autoscaler.targets["V"]
            if autoscaler.decide()["V"] != before:
                found.append((round(now_s, 1), autoscaler.targets["V"]))
    return found


def test_a_burst_scales_up_after_the_delay_and_down_after_the_other() -> None:
    (up_s, up), *_, (down_s, down) = changes({0: 0, 20: 60, 80: 0}, 200)
    assert up > 1
    assert 30 <= up_s <= 36  # 10 s of delay from when the mean of the window asks for a second one
    assert down == 1
    assert down_s >= 110


def test_a_target_that_is_met_changes_nothing() -> None:
    assert changes({0: 14}, 60) == []


def test_bounds_hold() -> None:
    assert max(target for _, target in changes({0: 1000}, 100)) == 8


def test_factors_are_rays() -> None:
    gentle = changes({0: 64}, 25, upscaling_factor=0.3)
    assert gentle[0][1] == 2  # 1 + 0.3 x 3, rounded up
    assert changes({0: 64}, 25)[0][1] == 4


def test_the_clock_is_rays_again_afterwards() -> None:
    with simulated_clock(lambda: 5.0):
        assert autoscaling_policy.time.time() == autoscaling_state.time.monotonic() != time.time()
    assert autoscaling_policy.time is time
    assert autoscaling_state.time is time


def test_a_policy_of_the_application_is_asked() -> None:
    shared = {
        "policy_function": "deployments.autoscaling:SharedGpus",
        "policy_kwargs": {"gpus": 1, "shares": {"V": 0.5}},
    }
    now_s = 0.0
    with simulated_clock(lambda: now_s):
        autoscaler = Autoscaler({"V": {**SCALING, "upscale_delay_s": 0}}, shared)
        autoscaler.running("V", ["0"])
        for step in range(200):
            now_s = step / 10
            autoscaler.observe("V", now_s, {"0": 500.0})
            autoscaler.decide()
        assert autoscaler.targets["V"] == 2  # all that one GPU holds


@pytest.mark.parametrize("queued", [0.0, 40.0])
def test_calls_that_no_replica_took_count_too(queued: float) -> None:
    now_s = 0.0
    with simulated_clock(lambda: now_s):
        autoscaler = Autoscaler({"V": {**SCALING, "upscale_delay_s": 0}})
        autoscaler.running("V", ["0"])
        for step in range(200):
            now_s = step / 10
            autoscaler.observe("V", now_s, {"0": 4.0}, queued)
            autoscaler.decide()
        assert (autoscaler.targets["V"] > 1) == (queued > 0)
