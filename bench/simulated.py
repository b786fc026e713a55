"""Whether the simulation behind ``voicegraph plan`` is right: one load, on a real server of two cores and simulated.

    python -m bench.simulated --curves serve_app/planning/cpu_curves.json --plot docs/images/simulated.svg

Starts ``config/local.yaml`` with a vocoder that may have two replicas of one thread each, lets requests come (few at
first, then more than one vocoder can do, then few again), and writes down replicas, queues and waits. Then the same
requests, at the same times and of the same lengths, are simulated, with times that were measured before
(``bench.service_times``) and Ray Serve's own autoscaling code. An overloaded queue is chaotic, and who waits longest
depends on who happened to come: several runs are made and compared together.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import yaml
from rich.console import Console

from bench.drawing import Line, Panel, draw
from bench.handling import measure_handling, newest_cpu_s
from bench.prose import long_text
from bench.servers import dashboard_headers
from deployments.settings import BatchLimits, SynthesisSettings, TextSettings
from serve_app.bench.client import SpeechClient, Target
from serve_app.bench.report import percentiles
from serve_app.planning.curves import EstimatedCurve, Speech, read_curves
from serve_app.planning.placement import Machines
from serve_app.planning.simulation import Outcome, Simulation, System
from serve_app.planning.stages import StageSpec
from serve_app.planning.workload import poisson
from tests.cluster.doubles import SECONDS_PER_FRAME
from tts_models.assets import default_root

SCALING = {
    "min_replicas": 1,
    "max_replicas": 2,
    "target_ongoing_requests": 2,
    "metrics_interval_s": 1,
    "look_back_period_s": 5,
    "upscale_delay_s": 5,
    "downscale_delay_s": 15,
}
SLEEPING = Speech(1.0, 2.5)
"""What text is for the models that sleep."""
_SERVE = "from serve_app.cli import main; main()"
_START_LIMIT_S = 240
_QUIET_LIMIT_S = 120
_CONSOLE = Console(stderr=True)


Arrivals = Sequence[tuple[float, int]]
"""When requests come, seconds, and how many characters their texts have."""


@dataclass(frozen=True)
class Heard:
    """How a request ended: status, seconds to the first audio and to the end, seconds of audio."""

    status: int
    first_s: float
    whole_s: float
    audio_s: float


@dataclass(frozen=True)
class Seen:
    """What a real run showed.

    Attributes:
        answers: Of the requests, in their order.
        timeline: ``(seconds, replicas of the vocoder, calls at it)``.
        start_s: Processor seconds that the second replica took to start; None without one.
    """

    answers: Sequence[Heard]
    timeline: Sequence[tuple[float, int, int]]
    start_s: float | None

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Seen:
        """What was kept by ``asdict``."""
        timeline = [(at_s, replicas, calls) for at_s, replicas, calls in kept["timeline"]]
        return cls([Heard(**answer) for answer in kept["answers"]], timeline, kept["start_s"])


def main() -> None:
    """Run, simulate, compare, draw, print."""
    options = _options()
    seeds = range(options.seed, options.seed + options.runs)
    arrivals = [list(poisson(_rate(options), options.characters, sum(options.seconds), seed)) for seed in seeds]
    config = _config(options.port, sleeping=options.sleeping)
    if options.seen and options.seen.exists():
        seen = [Seen.of(kept) for kept in json.loads(options.seen.read_text())]
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "two_vocoders.yaml"
            if options.sleeping:
                config["applications"][0]["args"]["assets"] = {"root": folder}
                for asset in default_root().iterdir():  # the command wants them there, though nothing loads them
                    (Path(folder) / asset.name).symlink_to(asset)
            path.write_text(yaml.safe_dump(config))
            seen = _really(options, path, arrivals)
    if options.seen:
        options.seen.write_text(json.dumps([asdict(run) for run in seen]))
    started_s = [run.start_s for run in seen if run.start_s]
    start_s = options.start or (sum(started_s) / len(started_s) if started_s else 20.0)
    outcomes = [_simulated(options, config, run, start_s) for run in arrivals]
    result = _compared(seen, outcomes)
    if options.plot:
        options.plot.write_text(_drawing(seen[0], outcomes[0], arrivals[0]))
    print(json.dumps(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.simulated", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--curves", type=Path, required=True, help="what bench.service_times printed, with --url")
    parser.add_argument("--rates", type=float, nargs=3, default=[0.3, 1.1, 0.3], help="requests a second")
    parser.add_argument("--seconds", type=float, nargs=3, default=[20, 60, 50], help="of each of them")
    parser.add_argument("--characters", type=int, default=80, help="of a text in the mean (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the requests of the first run (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=4, help="each with other requests (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8123, help="for the server (default: %(default)s)")
    parser.add_argument(
        "--start", type=float, help="processor seconds that a replica takes to start; else as seen in the runs"
    )
    parser.add_argument(
        "--sleeping",
        action="store_true",
        help="models that sleep a millisecond a frame instead of computing: what else the machine does matters less",
    )
    parser.add_argument("--seen", type=Path, help="where the real run is kept; if it is there, it is not made again")
    parser.add_argument(
        "--handling", type=Path, help="where to write the curves with the server's own handling in them"
    )
    parser.add_argument("--plot", type=Path, help="where to draw both")
    return parser.parse_args()


def _rate(options: argparse.Namespace) -> Any:
    def rate(at_s: float) -> float:
        first, second, _ = options.seconds
        return float(options.rates[0 if at_s < first else 1 if at_s < first + second else 2])

    return rate


def _config(port: int, *, sleeping: bool = False) -> dict[str, Any]:
    """``config/local.yaml`` with one thread for each model, and a vocoder that scales."""
    config: dict[str, Any] = yaml.safe_load(Path("config/local.yaml").read_text())
    config["http_options"] = {"host": "127.0.0.1", "port": port}
    (app,) = config["applications"]
    app["args"] = {
        **app["args"],
        "acoustic": {"threads": 1},
        "vocoder": {"threads": 1},
        "speaker": {"threads": 1},
        "fitting": {"enabled": False},
    }
    if sleeping:
        app["import_path"] = "tests.cluster.doubles:build"
    for deployment in app["deployments"]:
        if deployment["name"] == "Vocoder":
            deployment["autoscaling_config"] = SCALING
    return config


def _really(options: argparse.Namespace, config: Path, arrivals: Sequence[Arrivals]) -> list[Seen]:
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVE, "serve", "-c", str(config), "--dashboard-port", str(options.port + 1)],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "RAY_worker_niceness": "0", "PYTHONPATH": str(Path.cwd())},
    )
    try:
        return asyncio.run(_watched(options, server, arrivals))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(120)


async def _watched(
    options: argparse.Namespace, server: subprocess.Popen[bytes], arrivals: Sequence[Arrivals]
) -> list[Seen]:
    url = f"http://127.0.0.1:{options.port}"
    voice = "af_test" if options.sleeping else "af_heart"
    async with httpx.AsyncClient(base_url=url, timeout=30) as http, SpeechClient(Target(url, voice=voice)) as speaker:
        deadline = time.monotonic() + _START_LIMIT_S
        while True:
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the server does not start")
            try:
                if (await http.get("/health")).status_code == 200:
                    break
            except httpx.HTTPError:
                pass
            await asyncio.sleep(1)
        for characters in (20, 80, 150):
            await speaker.speak(_text(options, characters))
        if options.handling:
            curves = json.loads(options.curves.read_text())
            watching = asyncio.create_task(_watch(http, options.port + 1, time.monotonic(), [], []))
            await measure_handling(url, curves)  # while it is watched, which is work, too
            watching.cancel()
            options.handling.write_text(json.dumps(curves) + "\n")
        return [await _one_run(options, http, speaker, number, run) for number, run in enumerate(arrivals, 1)]


async def _one_run(
    options: argparse.Namespace, http: httpx.AsyncClient, speaker: SpeechClient, number: int, arrivals: Arrivals
) -> Seen:
    async with asyncio.timeout(_QUIET_LIMIT_S):
        while sum((await _replicas(http, options.port + 1)).values()) > 1:
            await asyncio.sleep(1)
    await asyncio.sleep(10)  # the look-back window has forgotten what was before
    _CONSOLE.print(f"run {number} of {options.runs}: {len(arrivals)} requests over {sum(options.seconds):.0f} s")
    start_s = time.monotonic()
    timeline: list[tuple[float, int, int]] = []
    started_s: list[float] = []
    watching = asyncio.create_task(_watch(http, options.port + 1, start_s, timeline, started_s))
    asking = []
    for at_s, characters in arrivals:
        await asyncio.sleep(max(0.0, start_s + at_s - time.monotonic()))
        asking.append(asyncio.create_task(speaker.speak(_text(options, characters))))
    ended = await asyncio.gather(*asking)
    answers = [Heard(one.status, one.first_s, one.whole_s, one.audio_s) for one in ended]
    await asyncio.sleep(max(0.0, start_s + sum(options.seconds) - time.monotonic()))
    if watching.done():
        watching.result()  # says why
    watching.cancel()
    return Seen(answers, timeline, started_s[0] if started_s else None)


async def _watch(
    http: httpx.AsyncClient,
    dashboard_port: int,
    start_s: float,
    timeline: list[tuple[float, int, int]],
    started_s: list[float],
) -> None:
    """Note replicas and calls, and what replicas beside the first have taken to start, until cancelled."""
    last = 1
    while True:
        load = (await http.get("/v1/load")).json()
        stage = next(one for one in load["stages"] if one["name"] == "Vocoder")
        running = (await _replicas(http, dashboard_port))["RUNNING"]
        timeline.append((time.monotonic() - start_s, running, stage["running"] + stage["waiting"]))
        if running > last:
            started_s.append(newest_cpu_s("vocoder"))
        last = running
        await asyncio.sleep(0.5)


async def _replicas(http: httpx.AsyncClient, dashboard_port: int) -> dict[str, int]:
    """The vocoder's, by state."""
    address = f"http://127.0.0.1:{dashboard_port}/api/serve/applications/"
    details = (await http.get(address, headers=dashboard_headers())).json()
    replicas = details["applications"]["voicegraph"]["deployments"]["Vocoder"]["replicas"]
    return {state: sum(one["state"] == state for one in replicas) for state in ("STARTING", "RUNNING")}


def _text(options: argparse.Namespace, characters: int) -> str:
    """A text of that length; for models that sleep, the number of frames in it."""
    if not options.sleeping:
        return long_text(2000)[:characters]
    return str(max(1, round(characters * SLEEPING.frames_per_token)))


def _simulated(options: argparse.Namespace, config: Mapping[str, Any], arrivals: Arrivals, start_s: float) -> Outcome:
    curves = read_curves(options.handling or options.curves)
    if options.sleeping:
        curves = replace(
            curves,
            text=EstimatedCurve(0, 1, 0),
            acoustic=EstimatedCurve(0, 1, 0.02),
            vocoder=EstimatedCurve(SECONDS_PER_FRAME, 1, 0),
            speech=SLEEPING,
        )
    (app,) = config["applications"]
    limits = {
        one["name"]: BatchLimits.model_validate(one["user_config"])
        for one in app["deployments"]
        if "user_config" in one
    }
    threads = 0.0 if options.sleeping else 1.0
    text = TextSettings.model_validate(app["args"]["text"])
    system = System(
        stages=(
            StageSpec("Ingress", None),
            StageSpec("TextFrontend", curves.text),
            StageSpec("AcousticModel", curves.acoustic, limits["AcousticModel"], threads=threads),
            StageSpec(
                "Vocoder", curves.vocoder, limits["Vocoder"], autoscaling=SCALING, threads=threads, start_s=start_s
            ),
        ),
        curves=curves,
        machines=Machines(cores=2 - curves.handling.idle_s),
        synthesis=SynthesisSettings.model_validate(app["args"]["synthesis"]),
        text=TextSettings(first_segment_tokens=510, max_segment_tokens=510) if options.sleeping else text,
        tick_s=0.5,  # as `voicegraph serve` sets it
    )
    return Simulation(system).run(arrivals, sum(options.seconds) + 60)


def _compared(seen: Sequence[Seen], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    answers = [answer for run in seen for answer in run.answers]
    spoken = [one for outcome in outcomes for one in outcome.spoken]
    result: dict[str, Any] = {"benchmark": "simulated", "runs": len(seen), "requests": len(answers)}
    result["start_s"] = [run.start_s for run in seen]
    result["failed"] = sum(answer.status != 200 for answer in answers)
    for what in ("first_s", "whole_s"):
        real_s = [getattr(answer, what) for answer in answers]
        simulated_s = [getattr(one, what) for one in spoken]
        result[what] = {"real": percentiles(real_s), "simulated": percentiles(simulated_s)}
        for name, value in result[what]["real"].items():
            result[what].setdefault("off", {})[name] = round(result[what]["simulated"][name] / value - 1, 3)
    real, simulated = [], []
    for run, outcome in zip(seen, outcomes, strict=True):
        until_s = run.timeline[-1][0]
        real.append([(at_s, replicas) for at_s, replicas, _ in run.timeline])
        simulated.append([(one.at_s, one.replicas["Vocoder"]) for one in outcome.timeline if one.at_s <= until_s])
    result["replicas"] = {
        name: {"steps": [_steps(one) for one in runs], "mean": round(sum(_mean(one) for one in runs) / len(runs), 3)}
        for name, runs in (("real", real), ("simulated", simulated))
    }
    result["audio_s"] = {
        "real": round(sum(answer.audio_s for answer in answers), 1),
        "simulated": round(sum(one.audio_s for one in spoken), 1),
    }
    return result


def _steps(timeline: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    """When the number of replicas changed, and to what."""
    return [(round(at_s, 1), n) for (_, last), (at_s, n) in pairwise(timeline) if n != last]


def _mean(timeline: Sequence[tuple[float, int]]) -> float:
    """From the first look to the last."""
    held = sum(n * (end_s - at_s) for (at_s, n), (end_s, _) in pairwise(timeline))
    return held / (timeline[-1][0] - timeline[0][0])


def _drawing(seen: Seen, outcome: Outcome, arrivals: Arrivals) -> str:
    until_s = seen.timeline[-1][0]
    moments = [one for one in outcome.timeline if one.at_s <= until_s]
    replicas = Panel(
        "replicas of the vocoder",
        (
            Line("real", [(at_s, n) for at_s, n, _ in seen.timeline], steps=True),
            Line("simulated", [(one.at_s, one.replicas["Vocoder"]) for one in moments], steps=True),
        ),
    )
    calls = Panel(
        "calls at the vocoder",
        (
            Line("real", [(at_s, calls) for at_s, _, calls in seen.timeline]),
            Line("simulated", [(one.at_s, one.ongoing["Vocoder"]) for one in moments]),
        ),
    )
    first = Panel(
        "seconds to the first audio",
        (
            Line("real", [(at_s, one.first_s) for (at_s, _), one in zip(arrivals, seen.answers, strict=True)]),
            Line("simulated", [(one.came_s, one.first_s) for one in outcome.spoken]),
        ),
    )
    return draw([replicas, calls, first], "seconds")


if __name__ == "__main__":
    main()
