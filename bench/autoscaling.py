"""How every stage follows its own queue: a load that changes, and a picture of what the stages did.

    python -m bench.autoscaling --plot docs/images/autoscaling.png

Starts a server of its own, ``config/local.yaml`` with small replicas and short delays so that minutes show what an
afternoon would, and sends it two kinds of work: speech, nearly all of which is the vocoder's, and captions, which the
vocoder has no part in. Queues come from ``/v1/load``, replicas wanted and running from Ray Serve's status.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from rich.console import Console
from rich.progress import Progress

from bench.servers import ROOT, dashboard_headers, running, voicegraph
from serve_app.bench.client import SpeechClient, Target, refusal
from serve_app.bench.plots import canvas
from serve_app.bench.report import percentiles
from serve_app.bench.texts import Line, lines

STAGES = ("TextFrontend", "AcousticModel", "Vocoder")
KINDS = ("speech", "captions")
_EVERY_S = 0.5
_STEP_S = 2.0
"""Width of the steps that offered load is drawn in."""
_SMALL = {
    "min_replicas": 1,
    "max_replicas": 3,
    "metrics_interval_s": 1,
    "look_back_period_s": 4,
    "upscale_delay_s": 4,
    "downscale_delay_s": 15,
}


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the profile.

    Attributes:
        name: In the picture.
        share: Of the time.
        speech_per_s: Requests for a short sentence.
        captions_per_s: Requests for the captions of a text of three.
    """

    name: str
    share: float
    speech_per_s: float
    captions_per_s: float


PROFILE = (
    Phase("quiet", 0.10, 0.3, 0.2),
    Phase("step: speech", 0.30, 3.0, 0.2),
    Phase("burst: captions", 0.20, 0.3, 4.0),
    Phase("quiet", 0.40, 0.3, 0.2),
)


@dataclass(slots=True)
class Record:
    """What was seen, in seconds from the beginning.

    Attributes:
        sent: Kind and time of every request.
        answers: Kind, time sent, and duration of those that were answered; for speech until the first audio.
        errors: How many were not, by code.
        queues: Time, and for every stage what ran and waited.
        replicas: Time, and for every stage the replicas wanted and running.
    """

    sent: list[tuple[str, float]] = field(default_factory=list)
    answers: list[tuple[str, float, float]] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    queues: list[tuple[float, dict[str, int]]] = field(default_factory=list)
    replicas: list[tuple[float, dict[str, tuple[int, int]]]] = field(default_factory=list)


def main() -> None:
    """Start, load, watch, draw."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "small.yaml"
        config.write_text(yaml.safe_dump(small_replicas(yaml.safe_load((ROOT / "config/local.yaml").read_text()))))
        server = voicegraph(config, options.port, "--dashboard-port", str(options.dashboard_port))
        with running(server, options.port, Path(folder) / "log") as url:
            record = asyncio.run(_observed(url, f"http://127.0.0.1:{options.dashboard_port}", options))
    if options.plot:
        draw(record, options.seconds, options.plot)
    print(json.dumps(_summary(record, options.seconds)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.autoscaling", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=200, help="of the whole profile (default: %(default)s)")
    parser.add_argument("--load", type=float, default=1, help="factor on all of it (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8878, help="of the server (default: %(default)s)")
    parser.add_argument("--dashboard-port", type=int, default=8279, help="of its dashboard (default: %(default)s)")
    parser.add_argument("--plot", type=Path, help="picture to write, .png, .svg or .pdf")
    return parser.parse_args()


def small_replicas(config: dict[str, Any]) -> dict[str, Any]:
    """``config/local.yaml`` with up to three replicas of one thread for each stage that text goes through."""
    (application,) = config["applications"]
    for stage in ("acoustic", "vocoder"):
        application["args"][stage]["threads"] = 1
    for deployment in application["deployments"]:
        if deployment["name"] in STAGES:
            deployment["autoscaling_config"] = {**_SMALL, "target_ongoing_requests": 4}
            deployment["ray_actor_options"]["num_cpus"] = 0.1
        if deployment["name"] == "AcousticModel":
            deployment["user_config"]["max_items"] = 2
    return config


async def _observed(url: str, dashboard: str, options: argparse.Namespace) -> Record:
    """Sends the profile and watches; the beginning is when the first request may come."""
    record = Record()
    async with SpeechClient(Target(url)) as client, aiohttp.ClientSession() as session:
        for _ in range(3):
            await client.speak("Is anybody there?")
        began_s = time.monotonic()
        end_s = began_s + options.seconds
        watching = [
            asyncio.create_task(_watch_queues(session, url, record, began_s)),
            asyncio.create_task(_watch_replicas(session, dashboard, record, began_s)),
        ]
        with Progress(console=Console(stderr=True), refresh_per_second=1) as progress:
            bar = progress.add_task("", total=options.seconds)
            sending = [asyncio.create_task(_send(kind, client, session, record, began_s, options)) for kind in KINDS]
            while time.monotonic() < end_s:
                at_s = time.monotonic() - began_s
                progress.update(bar, completed=at_s, description=_phase(at_s / options.seconds).name)
                await asyncio.sleep(1)
            await asyncio.gather(*sending)
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    return record


async def _send(
    kind: str,
    client: SpeechClient,
    session: aiohttp.ClientSession,
    record: Record,
    began_s: float,
    options: argparse.Namespace,
) -> None:
    """Requests of a kind at random times, as many a second as the profile has at that moment."""
    dice = random.Random(kind)
    texts = lines(["short" if kind == "speech" else "medium"], seed=len(kind))
    async with asyncio.TaskGroup() as group:
        at_s = 0.0
        while True:
            phase = _phase(at_s / options.seconds)
            rate = phase.speech_per_s if kind == "speech" else phase.captions_per_s
            # Never farther than a step, so that a new phase begins in time; leaving the rest out changes nothing.
            wait_s = dice.expovariate(rate * options.load)
            at_s += min(wait_s, _STEP_S)
            if at_s >= options.seconds:
                return
            if wait_s > _STEP_S:
                continue
            await asyncio.sleep(max(0.0, began_s + at_s - time.monotonic()))
            record.sent.append((kind, at_s))
            ask = _speech(client, next(texts)) if kind == "speech" else _captions(session, client.target, next(texts))
            group.create_task(_note(kind, ask, record, at_s))


async def _note(kind: str, ask: Any, record: Record, at_s: float) -> None:
    took_s = await ask
    if isinstance(took_s, str):
        record.errors[took_s] += 1
    else:
        record.answers.append((kind, at_s, took_s))


async def _speech(client: SpeechClient, line: Line) -> float | str:
    """Seconds until the first audio, or the code of the error."""
    answer = await client.speak(line)
    return f"{answer.status} {answer.error}" if answer.error else answer.first_s


async def _captions(session: aiohttp.ClientSession, target: Target, line: Line) -> float | str:
    began_s = time.monotonic()
    with suppress(aiohttp.ClientError, OSError, TimeoutError):
        address = f"{target.url}/v1/audio/captions"
        async with session.post(address, json={"model": "tts-1", "voice": line.voice, "input": line.text}) as response:
            answer = await response.text(errors="replace")
            if response.status == 200:
                return time.monotonic() - began_s
            return f"{response.status} {refusal(answer, response.content_type)[0]}"
    return "no answer"


async def _watch_queues(session: aiohttp.ClientSession, url: str, record: Record, began_s: float) -> None:
    while True:
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with session.get(f"{url}/v1/load") as response:
                load = await response.json()
            stages = {stage["name"]: stage["running"] + stage["waiting"] for stage in load["stages"]}
            record.queues.append((time.monotonic() - began_s, stages))
        await asyncio.sleep(_EVERY_S)


async def _watch_replicas(session: aiohttp.ClientSession, dashboard: str, record: Record, began_s: float) -> None:
    headers = dashboard_headers()
    while True:
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with session.get(f"{dashboard}/api/serve/applications/", headers=headers) as response:
                response.raise_for_status()
                told = await response.json()
            (application,) = told["applications"].values()
            stages = {name: _counted(application["deployments"][name]) for name in STAGES}
            record.replicas.append((time.monotonic() - began_s, stages))
        await asyncio.sleep(_EVERY_S)


def _counted(deployment: dict[str, Any]) -> tuple[int, int]:
    return deployment["target_num_replicas"], sum(one["state"] == "RUNNING" for one in deployment["replicas"])


def _phases(seconds: float) -> Iterator[tuple[Phase, float, float]]:
    """Each phase of the profile with its begin and end."""
    begin = 0.0
    for phase in PROFILE:
        yield phase, begin * seconds, (begin + phase.share) * seconds
        begin += phase.share


def _phase(share: float) -> Phase:
    return next((phase for phase, _, end in _phases(1.0) if share < end), PROFILE[-1])


def _summary(record: Record, seconds: float) -> dict[str, object]:
    """For every phase the longest queue of each stage and the replicas wanted and running at most."""
    phases = []
    for phase, begin_s, end_s in _phases(seconds):
        queues = [stages for at_s, stages in record.queues if begin_s <= at_s < end_s]
        replicas = [stages for at_s, stages in record.replicas if begin_s <= at_s < end_s]
        phases.append(
            {
                "phase": phase.name,
                "seconds": round(end_s - begin_s, 1),
                **{
                    f"{kind}_sent": sum(begin_s <= at_s < end_s for sent, at_s in record.sent if sent == kind)
                    for kind in KINDS
                },
                **{
                    f"{kind}_s": percentiles(
                        s for k, at_s, s in record.answers if k == kind and begin_s <= at_s < end_s
                    )
                    for kind in KINDS
                },
                "stages": {
                    name: {
                        "queue_max": max((stages.get(name, 0) for stages in queues), default=None),
                        "wanted_max": max((stages[name][0] for stages in replicas), default=None),
                        "running_max": max((stages[name][1] for stages in replicas), default=None),
                    }
                    for name in STAGES
                },
            }
        )
    return {"benchmark": "autoscaling", "seconds": seconds, "errors": dict(record.errors), "phases": phases}


def draw(record: Record, seconds: float, path: Path) -> None:
    """Offered load, a panel for each stage, and how long answers took, one below the other."""
    pyplot = canvas()
    figure, axes = pyplot.subplots(5, 1, figsize=(9, 9), sharex=True, layout="constrained")
    load, *stages, latency = axes
    edges = [_STEP_S * number for number in range(int(seconds / _STEP_S) + 1)]
    for kind, colour in zip(KINDS, ("C0", "C1"), strict=True):
        times = [at_s for sent, at_s in record.sent if sent == kind]
        counts = [sum(edge <= at_s < edge + _STEP_S for at_s in times) / _STEP_S for edge in edges]
        load.step(edges, counts, where="post", color=colour, label=kind)
        answers = [(at_s, took_s) for answered, at_s, took_s in record.answers if answered == kind]
        latency.plot(*zip(*answers, strict=True), ".", ms=3, color=colour, label=kind)
    load.set(ylabel="requests/s", title="Offered load")
    codes = ", ".join(f"{count} x {code}" for code, count in record.errors.most_common())
    failed = f"; of {len(record.sent)} requests {codes}" if codes else ""
    title = f"Until the first audio, and until the captions{failed}"
    latency.set(ylabel="seconds", title=title, yscale="log", xlabel="seconds")
    for axis, name in zip(stages, STAGES, strict=True):
        times = [at_s for at_s, _ in record.queues]
        axis.fill_between(times, [queues.get(name, 0) for _, queues in record.queues], color="0.75", label="queue")
        axis.set(ylabel="segments", title=name, ylim=(0, None))
        beside = axis.twinx()
        changes = [at_s for at_s, _ in record.replicas]
        for number, (label, style) in enumerate((("replicas wanted", "C3--"), ("running", "C2-"))):
            values = [replicas[name][number] for _, replicas in record.replicas]
            beside.step(changes, values, style, where="post", label=label)
        beside.set(ylabel="replicas", ylim=(0, 3.4), yticks=range(4))
        beside.grid(visible=False)
        handles = [pair for each in (axis, beside) for pair in zip(*each.get_legend_handles_labels(), strict=True)]
        axis.legend(*zip(*handles, strict=True), loc="upper left", fontsize=7)
    for axis in axes:
        for phase, begin_s, _ in _phases(seconds):
            axis.axvline(begin_s, color="0.6", lw=0.8)
            if axis is load:
                axis.annotate(phase.name, (begin_s, 0.98), (4, -9), ("data", "axes fraction"), "offset points")
    load.legend(loc="upper right", fontsize=7)
    latency.legend(loc="upper right", fontsize=7)
    load.set_xlim(0, seconds)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


if __name__ == "__main__":
    main()
