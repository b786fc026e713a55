"""Plans: more load, more machines; what is estimated says so; the YAML is what Ray takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from ray.serve.schema import ServeApplicationSchema

from deployments.settings import AppSettings
from serve_app.planning.curves import estimated_curves
from serve_app.planning.hardware import GPUS
from serve_app.planning.plan import Demand, OneGpu, Plan, UnreachableError, build_plan, make_plan, one_gpu
from serve_app.planning.values import as_yaml, values

ROOT = Path(__file__).resolve().parents[2]


DEMAND = Demand(100, 80, 1.2)
T4 = GPUS["t4"]


@pytest.fixture(scope="module")
def found() -> OneGpu:
    return one_gpu(DEMAND, T4, estimated_curves(T4))


@pytest.fixture(scope="module")
def plan(found: OneGpu) -> Plan:
    return build_plan(DEMAND, T4, estimated_curves(T4), found)


def test_the_target_is_met_in_the_simulation(plan: Plan) -> None:
    assert plan.p95_s <= 1.2
    assert plan.gpus * plan.rate_per_gpu >= 100 * 1.2 * 0.99
    assert plan.replicas["Vocoder"] > plan.replicas["AcousticModel"] >= 1


def test_arithmetic_bounds_it(plan: Plan) -> None:
    """A request is 52 GFLOP for each second of audio, of 6.5 TFLOP/s; nothing can be faster."""
    audio_s = 80 * plan.curves.speech.audio_s_per_character
    assert plan.rate_per_gpu < 6.5e12 / (52e9 * audio_s)
    assert plan.rate_per_gpu > 0.3 * 6.5e12 / (52e9 * audio_s)


def test_cost_adds_up(plan: Plan) -> None:
    assert plan.usd_per_h == pytest.approx(plan.gpus * 0.526 + plan.cores * 0.0446)
    assert plan.usd_per_million_characters == pytest.approx(plan.usd_per_h / (100 * 80 * 3600) * 1e6)


def test_twice_the_load_takes_twice_the_gpus(plan: Plan, found: OneGpu) -> None:
    double = build_plan(replace(DEMAND, rps=200), T4, plan.curves, found)
    assert abs(double.gpus - 2 * plan.gpus) <= 1


def test_what_the_cache_answers_needs_no_gpu(plan: Plan, found: OneGpu) -> None:
    cached = build_plan(replace(DEMAND, cache_hits=0.5), T4, plan.curves, found)
    assert abs(cached.gpus - plan.gpus / 2) <= 1
    assert cached.replicas["Ingress"] == plan.replicas["Ingress"]
    assert any("50%" in remark for remark in cached.remarks)


def test_thousands_of_requests_a_second_are_several_applications(plan: Plan, found: OneGpu) -> None:
    large = build_plan(replace(DEMAND, rps=5000), T4, plan.curves, found)
    assert plan.cells == 1 < large.cells
    assert large.replicas["Admission"] == large.cells
    assert any("load balancer" in remark for remark in large.remarks)


def test_a_small_gpu_keeps_the_vocoder_and_says_so() -> None:
    small = replace(GPUS["t4"], memory_bytes=4 * 2**30)
    plan = make_plan(Demand(2, 80, 3), small, estimated_curves(small))
    assert set(plan.shares) == {"Vocoder"}
    assert plan.limits["Vocoder"].max_padded_work < 8000
    assert any("small GPU" in remark for remark in plan.remarks)


def test_what_cannot_be_done_says_why() -> None:
    with pytest.raises(UnreachableError, match="alone takes"):
        make_plan(Demand(1, 80, 0.02), GPUS["t4"], estimated_curves(GPUS["t4"]))
    tiny = replace(GPUS["t4"], memory_bytes=2**30)
    with pytest.raises(UnreachableError, match="memory"):
        make_plan(Demand(1, 80, 1), tiny, estimated_curves(tiny))


def test_estimates_are_labelled(plan: Plan) -> None:
    assert "estimated, not measured" in plan.curves.source
    assert "estimated, not measured" in as_yaml(plan)
    assert any("estimated, not measured" in remark for remark in plan.remarks)


def test_the_yaml_fits_into_serve_yaml(plan: Plan) -> None:
    pasted = yaml.safe_load(as_yaml(plan))
    assert pasted == values(plan)
    config = yaml.safe_load((ROOT / "config/serve.yaml").read_text())["applications"][0]
    known = {one["name"] for one in config["deployments"]}
    assert {one["name"] for one in pasted["deployments"]} <= known
    merged = {**config, "deployments": pasted["deployments"], "args": {**config["args"], **pasted["args"]}}
    ServeApplicationSchema.model_validate(merged)
    AppSettings.model_validate(merged["args"])
