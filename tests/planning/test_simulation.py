"""The graph, simulated: queueing theory where it has an answer, and what the real stages are tested for."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from deployments.settings import AdmissionSettings, BatchLimits
from serve_app.planning.curves import Curves, EstimatedCurve, Handling, Speech
from serve_app.planning.placement import Machines
from serve_app.planning.simulation import Outcome, Simulation, System
from serve_app.planning.stages import StageSpec
from serve_app.planning.workload import poisson

NOTHING = Handling(0, 0, 0, 0, 0, 0, 0)
FREE = EstimatedCurve(0, 1, 0)
PLENTY = AdmissionSettings(max_running=100_000)
ALONE = BatchLimits(max_items=1, max_padded_work=1, wait_s=0, max_run_s=60)


def system(s_per_frame: float, limits: BatchLimits = ALONE, **changes: Any) -> System:
    """All but the vocoder takes no time; a character is a token, a token a frame."""
    vocoder = EstimatedCurve(s_per_frame, 1, changes.pop("launch_s", 0.0))
    curves = Curves("test", FREE, FREE, vocoder, Speech(1, 1), NOTHING)
    spec = StageSpec("Vocoder", vocoder, limits, **changes.pop("vocoder", {}))
    return System(
        stages=(StageSpec("Ingress", None), StageSpec("TextFrontend", FREE), StageSpec("AcousticModel", FREE), spec),
        curves=curves,
        machines=changes.pop("machines", Machines()),
        admission=changes.pop("admission", PLENTY),
        **changes,
    )


def run(what: System, arrivals: list[tuple[float, int]], until_s: float = 1000) -> Outcome:
    return Simulation(what, seed=1).run(arrivals, until_s)


def test_one_utterance_takes_what_its_stages_take() -> None:
    handling = replace(NOTHING, proxy_request_s=0.1, ingress_request_s=0.2, desk_request_s=0.05, hop_s=0.01)
    what = system(0.01)
    what = replace(what, curves=replace(what.curves, handling=handling))
    (spoken,) = run(what, [(1.0, 40)]).spoken
    assert spoken.first_s == pytest.approx(0.1 + 0.2 + 0.05 + 5 * 0.01 + 0.4)
    assert spoken.audio_s == pytest.approx(1.0)


def test_a_queue_waits_as_long_as_theory_says() -> None:
    """M/D/1: mean wait is rho / (2 mu (1 - rho))."""
    rate, service_s = 0.7, 1.0
    arrivals = [(at_s, 40) for at_s, _ in poisson(rate, 40, 20_000, seed=2)]
    outcome = run(replace(system(service_s / 40), tick_s=50), arrivals, 21_000)
    mean_s = sum(one.whole_s for one in outcome.spoken) / len(outcome.spoken)
    assert mean_s == pytest.approx(service_s + rate * service_s**2 / (2 * (1 - rate * service_s)), rel=0.05)


def test_batches_are_those_of_the_deployment() -> None:
    """Sixteen come while the first is made; they share two batches of eight, and padded work is bounded."""
    limits = BatchLimits(max_items=8, max_padded_work=10_000, wait_s=0, max_run_s=60)
    outcome = run(system(0.0, limits, launch_s=1.0), [(0.0, 40), *[(0.5, 40)] * 16])
    assert sorted({round(one.whole_s + one.came_s, 3) for one in outcome.spoken}) == [1.0, 2.0, 3.0]
    bounded = limits.model_copy(update={"max_padded_work": 120})
    outcome = run(system(0.0, bounded, launch_s=1.0), [(0.0, 40), *[(0.5, 40)] * 6])
    assert sorted({round(one.whole_s + one.came_s, 3) for one in outcome.spoken}) == [1.0, 2.0, 3.0]
    assert outcome.batches["Vocoder"] == pytest.approx(7 / 3)


def test_an_incomplete_batch_waits_for_company() -> None:
    limits = BatchLimits(max_items=2, max_padded_work=10_000, wait_s=0.2, max_run_s=60)
    outcome = run(system(0.0, limits, launch_s=1.0), [(0.0, 40), (0.1, 40)])
    assert [round(one.came_s + one.whole_s, 3) for one in outcome.spoken] == [1.1, 1.1]
    (alone,) = run(system(0.0, limits, launch_s=1.0), [(0.0, 40)]).spoken
    assert alone.whole_s == pytest.approx(1.2)


def test_a_long_text_delays_a_short_one_by_a_segment_only() -> None:
    outcome = run(system(0.01), [(0.0, 3000), (0.1, 40)])
    long, short = outcome.spoken
    assert short.whole_s < 4
    assert long.whole_s > 30


def test_utterances_beyond_the_admission_wait_outside() -> None:
    outcome = run(system(0.025, admission=AdmissionSettings(max_running=2)), [(0.0, 40)] * 5, 20)
    assert max(moment.listening for moment in outcome.timeline) <= 2
    assert all(one.whole_s < math.inf for one in outcome.spoken)


SCALING = {
    "min_replicas": 1,
    "max_replicas": 4,
    "target_ongoing_requests": 2,
    "metrics_interval_s": 1,
    "look_back_period_s": 5,
    "upscale_delay_s": 5,
    "downscale_delay_s": 10,
}


def test_a_burst_brings_replicas_that_bring_gpus_and_both_go() -> None:
    what = system(
        0.025,
        vocoder={"autoscaling": SCALING, "num_gpus": 0.5, "start_s": 5},
        machines=Machines(gpus=1, max_gpus=3, node_start_s=20, idle_s=15),
    )
    arrivals = list(poisson(lambda at_s: 2.2 if 20 <= at_s < 120 else 0.2, 40, 200, seed=3))
    timeline = run(what, arrivals, 260).timeline
    most = max(timeline, key=lambda moment: moment.gpus)
    assert most.gpus == 2
    assert max(moment.replicas["Vocoder"] for moment in timeline) == 4
    assert timeline[0].gpus == timeline[-1].gpus == 1
    assert timeline[-1].replicas["Vocoder"] == 1
    asked = next(moment.at_s for moment in timeline if moment.targets["Vocoder"] > 2)
    came = next(moment.at_s for moment in timeline if moment.gpus == 2)
    assert 19 <= came - asked <= 23


def test_replicas_of_one_gpu_share_it() -> None:
    two = {"replicas": 2, "num_gpus": 0.5}
    outcome = run(system(0.025, vocoder=two, machines=Machines(gpus=1)), [(0.0, 40), (0.0, 40)])
    assert [one.whole_s for one in outcome.spoken] == pytest.approx([2.0, 2.0], abs=0.01)
    outcome = run(system(0.025, vocoder={**two, "num_gpus": 1.0}, machines=Machines(gpus=2)), [(0.0, 40), (0.0, 40)])
    assert [one.whole_s for one in outcome.spoken] == pytest.approx([1.0, 1.0], abs=0.01)


def test_equal_seeds_give_equal_runs() -> None:
    arrivals = list(poisson(1.0, 60, 60, seed=5))
    assert run(system(0.01), arrivals).spoken == run(system(0.01), arrivals).spoken
    assert arrivals == list(poisson(1.0, 60, 60, seed=5))
    lengths = [characters for _, characters in poisson(50, 60, 200, seed=6)]
    assert sum(lengths) / len(lengths) == pytest.approx(60, rel=0.05)
