"""Stages that share a budget of GPUs: cut where it is tight, left alone where it is not."""

from __future__ import annotations

import math
from typing import Any

import pytest
from ray.serve._private.common import DeploymentID, ReplicaID
from ray.serve.autoscaling_policy import replica_queue_length_autoscaling_policy
from ray.serve.config import AutoscalingConfig, AutoscalingContext

from deployments.autoscaling import CALL_S, SharedGpus

SHARES = {"AcousticModel": 0.25, "Vocoder": 0.25}


def context(
    name: str,
    calls: float,
    call_s: float | None = None,
    *,
    running: int = 1,
    least: int = 1,
    most: int = 16,
    **config: Any,
) -> AutoscalingContext:
    deployment = DeploymentID(name, "app")
    metrics = {CALL_S: {ReplicaID("r", deployment): call_s}} if call_s is not None else {}
    return AutoscalingContext(
        deployment_id=deployment,
        deployment_name=name,
        app_name="app",
        current_num_replicas=running,
        target_num_replicas=running,
        running_replicas=[],
        total_num_requests=calls,
        total_queued_requests=0.0,
        aggregated_metrics=metrics,
        raw_metrics={},
        capacity_adjusted_min_replicas=least,
        capacity_adjusted_max_replicas=most,
        policy_state={},
        last_scale_up_time=None,
        last_scale_down_time=None,
        current_time=0.0,
        config=AutoscalingConfig(min_replicas=least, max_replicas=most, target_ongoing_requests=16, **config),
    )


def decided(policy: SharedGpus, *contexts: AutoscalingContext) -> dict[str, float]:
    decisions, states = policy({one.deployment_id: one for one in contexts})
    assert set(states) == set(decisions)
    return {deployment.name: wanted for deployment, wanted in decisions.items()}


def bounded(policy: SharedGpus, *contexts: AutoscalingContext) -> dict[str, int]:
    """As Ray bounds it."""
    least = {one.deployment_name: one.capacity_adjusted_min_replicas for one in contexts}
    return {name: max(least[name], math.ceil(wanted)) for name, wanted in decided(policy, *contexts).items()}


def test_an_ample_budget_leaves_everything_to_rays_policy() -> None:
    stages = [context("AcousticModel", 30, 0.02), context("Vocoder", 90, 0.4), context("TextFrontend", 50)]
    alone = {one.deployment_name: replica_queue_length_autoscaling_policy(one)[0] for one in stages}
    assert decided(SharedGpus(4, SHARES), *stages) == alone


def test_a_tight_budget_goes_to_whose_queue_takes_longest() -> None:
    wanted = decided(SharedGpus(2, SHARES), context("AcousticModel", 400, 0.02), context("Vocoder", 400, 0.38))
    assert wanted == {"AcousticModel": 1, "Vocoder": 7}


def test_the_budget_is_never_exceeded() -> None:
    for calls in range(0, 600, 37):
        for gpus in (0.5, 1, 1.75, 3):
            wanted = bounded(
                SharedGpus(gpus, SHARES), context("AcousticModel", calls, 0.1), context("Vocoder", 600 - calls, 0.1)
            )
            assert sum(n * SHARES[name] for name, n in wanted.items()) <= gpus + 1e-9


def test_calls_count_for_the_stage_behind_too() -> None:
    wanted = decided(SharedGpus(2, SHARES), context("AcousticModel", 300, 0.1), context("Vocoder", 300, 0.1))
    assert wanted == {"AcousticModel": 3, "Vocoder": 5}, "the vocoder's queue is 600 in a moment"


def test_what_waits_before_a_stage_is_on_its_way_to_it() -> None:
    """At the beginning of a burst nothing waits for the vocoder yet; its GPUs are not given away all the same."""
    wanted = decided(SharedGpus(2, SHARES), context("AcousticModel", 120, 0.02), context("Vocoder", 4, 0.38))
    assert wanted["AcousticModel"] == 1
    assert wanted["Vocoder"] < 1


def test_least_replicas_are_kept_even_without_work() -> None:
    wanted = bounded(SharedGpus(1, SHARES), context("AcousticModel", 0, 0.02, least=2), context("Vocoder", 900, 0.4))
    assert wanted["AcousticModel"] == 2
    assert wanted["Vocoder"] == 2


def test_before_anything_is_measured_queues_decide() -> None:
    wanted = decided(SharedGpus(2, SHARES), context("AcousticModel", 100), context("Vocoder", 300))
    assert wanted == {"AcousticModel": 2, "Vocoder": 6}


def test_nobody_is_given_more_than_it_would_have_alone() -> None:
    wanted = decided(SharedGpus(2, SHARES), context("AcousticModel", 320, 0.01), context("Vocoder", 48, 5.0))
    assert wanted == {"AcousticModel": 1, "Vocoder": 3}


def test_deployments_with_a_policy_of_their_own_keep_it() -> None:
    policy = {"policy_function": "tests.deployments.test_autoscaling:always_five"}
    wanted = decided(SharedGpus(2, SHARES), context("JobWorker", 0, policy=policy), context("Vocoder", 10, 0.1))
    assert wanted["JobWorker"] == 5


def always_five(_: AutoscalingContext) -> tuple[float, dict[str, Any]]:
    return 5, {}


@pytest.mark.parametrize(("gpus", "shares"), [(0, SHARES), (1, {}), (1, {"Vocoder": 0.0})])
def test_a_budget_of_nothing_is_refused(gpus: float, shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        SharedGpus(gpus, shares)
