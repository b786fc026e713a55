"""One budget of GPUs for acoustic model and vocoder, or each by itself: simulated bursts, with Ray Serve's own code.

    python -m bench.gpu_budget --plot docs/images/gpu-budget.svg

The same requests come to the same GPUs twice: once each stage scales by Ray's default policy, once both by
``deployments.autoscaling:SharedGpus``. Each replica has a GPU of its own; with eight of them for work that wants twelve
the budget is tight, with 32 it is not.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import yaml

from bench.drawing import Line, Panel, draw
from deployments.settings import AdmissionSettings, BatchLimits
from serve_app.planning.curves import Curves, estimated_curves
from serve_app.planning.hardware import GPUS
from serve_app.planning.placement import Machines
from serve_app.planning.simulation import Outcome, Simulation, System
from serve_app.planning.stages import StageSpec
from serve_app.planning.workload import poisson

BUDGETS = {"tight": 8, "ample": 32}
BURST = (30.0, 90.0)
UNTIL_S = 120.0
LATE_S = 30.0
"""From when in the burst replicas are counted: Ray decides after a delay, replicas start."""
_PLENTY = AdmissionSettings(max_running=1_000_000, max_waiting=1_000_000)


def main() -> None:
    """Simulate, draw, print."""
    options = _options()
    gpu = GPUS[options.gpu]
    curves = estimated_curves(gpu)
    result: dict[str, Any] = {"benchmark": "gpu_budget", "gpu": gpu.title, "times": curves.source}
    panels = []
    for name, gpus in BUDGETS.items():
        outcomes = {
            policy: _simulated(options, curves, gpus, shared=policy == "shared") for policy in ("alone", "shared")
        }
        result[name] = {"gpus": gpus, **{policy: _summary(outcome) for policy, outcome in outcomes.items()}}
        panels.append(
            Panel(
                f"{gpus} GPUs: seconds until all was said",
                [
                    Line(policy, [(one.came_s, one.whole_s) for one in outcome.spoken], dots=True)
                    for policy, outcome in outcomes.items()
                ],
            )
        )
        panels.append(
            Panel(
                f"{gpus} GPUs: replicas of the vocoder",
                [
                    Line(policy, [(one.at_s, one.replicas["Vocoder"]) for one in outcome.timeline], steps=True)
                    for policy, outcome in outcomes.items()
                ],
            )
        )
    if options.plot:
        options.plot.write_text(draw(panels, "seconds"))
    print(json.dumps(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.gpu_budget", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gpu", choices=sorted(GPUS), default="l4", help="kind of GPU (default: %(default)s)")
    parser.add_argument("--rates", type=float, nargs=2, default=[5, 120], help="requests a second, quiet and burst")
    parser.add_argument("--characters", type=int, default=300, help="of a text in the mean (default: %(default)s)")
    parser.add_argument("--plot", type=Path, help="where to draw it")
    return parser.parse_args()


def _simulated(options: argparse.Namespace, curves: Curves, gpus: int, *, shared: bool) -> Outcome:
    config = yaml.safe_load(Path("config/serve.yaml").read_text())["applications"][0]
    deployments = {one["name"]: one for one in config["deployments"]}
    shares = {"AcousticModel": 1.0, "Vocoder": 1.0}

    def stage(name: str, curve: Any) -> StageSpec:
        scaling = {**deployments[name]["autoscaling_config"], "max_replicas": 16}
        limits = BatchLimits.model_validate(deployments[name]["user_config"])
        return StageSpec(name, curve, limits, autoscaling=scaling, num_gpus=shares[name], start_s=20)

    system = System(
        stages=(
            StageSpec("Ingress", None, replicas=40),
            StageSpec("TextFrontend", curves.text, replicas=8),
            stage("AcousticModel", curves.acoustic),
            stage("Vocoder", curves.vocoder),
        ),
        curves=curves,
        machines=Machines(gpus=gpus),
        admission=_PLENTY,
        policy={
            "policy_function": "deployments.autoscaling:SharedGpus",
            "policy_kwargs": {"gpus": gpus, "shares": shares},
        }
        if shared
        else None,
        tick_s=1.0,
    )

    def rate(at_s: float) -> float:
        return float(options.rates[1] if BURST[0] <= at_s < BURST[1] else options.rates[0])

    arrivals = poisson(rate, options.characters, UNTIL_S)
    return Simulation(system).run(arrivals, UNTIL_S + 180)


def _summary(outcome: Outcome) -> dict[str, Any]:
    burst = [one for one in outcome.timeline if BURST[0] + LATE_S <= one.at_s < BURST[1]]
    return {
        "said": sum(math.isfinite(one.whole_s) for one in outcome.spoken),
        "of": len(outcome.spoken),
        "first_audio_s": _percentiles(outcome, "first_s"),
        "whole_s": _percentiles(outcome, "whole_s"),
        "replicas_in_the_burst": {
            name: round(sum(one.replicas[name] for one in burst) / len(burst), 1)
            for name in ("AcousticModel", "Vocoder")
        },
    }


def _percentiles(outcome: Outcome, what: str) -> dict[str, float | None]:
    """None where more have not been answered at the end of the simulation."""
    values = {str(percent): outcome.percentile(percent, what) for percent in (50, 95)}
    return {percent: round(value, 2) if math.isfinite(value) else None for percent, value in values.items()}


if __name__ == "__main__":
    main()
