"""Where the bottleneck moves: a hundred, ten thousand, a million people who listen at once, simulated and reckoned.

    python -m bench.scale --plot docs/images/scale.svg

Everybody listens to one text after the other, in real time; so so many requests come a second. What one application
(one admission, one Serve controller) has to do for them is set beside what each of its parts can do. The parts' own
times were measured: in the processes of a server (``bench.service_times --url``), and here, where Ray's controller
code is given the reports of more and more handles and replicas. GPUs are estimated unless ``--curves`` says otherwise.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.drawing import Line, Panel, draw
from serve_app.planning.autoscaler import Autoscaler, simulated_clock
from serve_app.planning.curves import estimated_curves, read_curves
from serve_app.planning.hardware import GPUS
from serve_app.planning.plan import Demand, Plan, build_plan, one_gpu

LISTENERS = (100, 1_000, 10_000, 100_000, 1_000_000)
FEATURES_BYTES_PER_S = 31_000
"""Of a second of audio, from the acoustic model to the vocoder."""
AUDIO_BYTES_PER_S = 96_000
"""From the vocoder to the ingress: float32 at 24 kHz."""
NETWORK_BYTES_PER_S = 10e9 / 8 * 0.7
"""Of a machine with 10 Gbit/s, of which seven tenths are to be used."""
STORE_BYTES = 0.3 * 64 * 2**30
"""Ray's object store of a machine with 64 GB, as Ray sizes it."""
_CROWDS = ((1, 1), (1, 100), (20, 100), (100, 400))
_DECISIONS = 5
_SCALING = {
    "max_replicas": 10_000,
    "target_ongoing_requests": 1e6,
    "metrics_interval_s": 2,
    "look_back_period_s": 10,
}
_CONSOLE = Console(stderr=True)


def main() -> None:
    """Reckon, draw, print."""
    options = _options()
    gpu = GPUS[options.gpu]
    curves = read_curves(options.curves) if options.curves else estimated_curves(gpu)
    audio_s = options.characters * curves.speech.audio_s_per_character
    controller = controller_times()
    found = one_gpu(Demand(1, options.characters, options.p95), gpu, curves)
    rows = []
    for listeners in LISTENERS:
        demand = Demand(listeners / audio_s, options.characters, options.p95)
        plan = build_plan(demand, gpu, curves, found)
        rows.append(_row(listeners, plan, controller))
        _CONSOLE.print(f"{listeners}: {plan.gpus} GPUs")
    if options.plot:
        options.plot.write_text(_drawing(rows))
    print(json.dumps({"benchmark": "scale", "times": curves.source, "controller": controller, "rows": rows}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gpu", choices=sorted(GPUS), default="l4", help="kind of GPU (default: %(default)s)")
    parser.add_argument("--characters", type=int, default=80, help="of a text in the mean (default: %(default)s)")
    parser.add_argument("--p95", type=float, default=1.2, help="seconds to the first audio (default: %(default)s)")
    parser.add_argument("--curves", type=Path, help="measured times instead of estimated ones")
    parser.add_argument("--plot", type=Path, help="where to draw it")
    return parser.parse_args()


def controller_times() -> dict[str, float]:
    """Seconds that Ray's controller code takes for one decision, by handles x replicas that it hears of."""
    return {f"{handles} x {replicas}": _decision_s(handles, replicas) for handles, replicas in _CROWDS}


def _decision_s(handles: int, replicas: int) -> float:
    now_s = 0.0
    with simulated_clock(lambda: now_s):
        autoscaler = Autoscaler({"Vocoder": _SCALING})
        names = [str(number) for number in range(replicas)]
        autoscaler.running("Vocoder", names)
        for _ in range(6):  # a look-back window of reports
            now_s += 2
            for handle in range(handles):
                autoscaler.observe("Vocoder", now_s, dict.fromkeys(names, 1.0), handle=str(handle))
        start_s = time.process_time()
        for _ in range(_DECISIONS):
            now_s += 0.1
            autoscaler.decide()
        return round((time.process_time() - start_s) / _DECISIONS, 6)


def _row(listeners: int, plan: Plan, controller: dict[str, float]) -> dict[str, Any]:
    handling = plan.curves.handling
    rps = plan.demand.rps
    audio_per_s = rps * plan.demand.characters * plan.curves.speech.audio_s_per_character
    cells = plan.cells
    ingress, vocoders = plan.replicas["Ingress"], plan.replicas["Vocoder"]
    # Seconds for each pair of a handle and a replica, from the largest that was measured.
    pair_s = controller["100 x 400"] / (100 * 400)
    replicas = {name: plan.replicas[name] for name in ("TextFrontend", "AcousticModel", "Vocoder")}

    def decide_s(parts: int) -> float:
        return sum(ingress / parts * count / parts for count in replicas.values()) * pair_s

    return {
        "listeners": listeners,
        "rps": round(rps, 1),
        "gpus": plan.gpus,
        "ingress": ingress,
        "text": plan.replicas["TextFrontend"],
        "proxy_cores": plan.proxy_cores,
        "cells": cells,
        "usd_per_h": round(plan.usd_per_h, 2),
        "usd_per_million_characters": round(plan.usd_per_million_characters, 3),
        "usd_per_audio_h": round(plan.usd_per_audio_h, 5),
        # What one application would have to do alone, as a share of what its part can do.
        "alone": {
            "admission desk, of one core": round(rps * handling.desk_request_s, 4),
            "controller, of its 0.1 s round": round(decide_s(1) / 0.1, 4),
            "one proxy, of one core": round(rps * handling.proxy_request_s + audio_per_s * handling.proxy_audio_s, 4),
            "one ingress, of one core": round(
                rps * handling.ingress_request_s + audio_per_s * handling.ingress_audio_s, 4
            ),
            "network of one GPU machine": round(
                audio_per_s / plan.gpus * (AUDIO_BYTES_PER_S + FEATURES_BYTES_PER_S) / NETWORK_BYTES_PER_S, 4
            ),
            "object store of one GPU machine": round(
                audio_per_s / plan.gpus * (AUDIO_BYTES_PER_S + FEATURES_BYTES_PER_S) * plan.p95_s / STORE_BYTES, 5
            ),
        },
        "in_cells": {
            "controller, of its 0.1 s round": round(decide_s(cells) / 0.1, 4),
            "admission desk, of one core": round(rps * handling.desk_request_s / cells, 4),
            "vocoders": math.ceil(vocoders / cells),
        },
    }


def _drawing(rows: list[dict[str, Any]]) -> str:
    def line(name: str, value: Any) -> Line:
        return Line(name, [(row["listeners"], value(row)) for row in rows])

    parts = list(rows[0]["alone"])
    return draw(
        [
            Panel(
                "GPUs, ingress replicas, applications",
                [
                    line("GPUs", lambda row: row["gpus"]),
                    line("ingress", lambda row: row["ingress"]),
                    line("applications", lambda row: row["cells"]),
                ],
                log=True,
            ),
            Panel(
                "load of what there is once in an application (1 is full)",
                [line(part.split(",")[0], lambda row, part=part: row["alone"][part]) for part in parts[:2]],
                log=True,
            ),
            Panel(
                "load of one machine's part (1 is full)",
                [line(part.split(" of ")[0], lambda row, part=part: row["alone"][part]) for part in parts[4:]],
                log=True,
            ),
            Panel("$ per million characters", [line("all machines", lambda row: row["usd_per_million_characters"])]),
        ],
        "people who listen at once",
        log_x=True,
    )


if __name__ == "__main__":
    main()
