"""Whether the server stays as it is for a long time at a load that it can bear.

    python -m bench.soak --url http://127.0.0.1:8000

First its capacity: as many callers as keep it busy. Then, for twenty minutes, callers who do not wait for one another,
at 70 % of that, with texts of three lengths. Latency and the memory of each deployment (of replicas on this machine;
what is shared between processes is not counted) are reported for each tenth of the time: they must stay flat.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator

import psutil
from rich.console import Console
from rich.progress import Progress

from bench.prose import SHORT, long_text
from serve_app.bench.client import Answer, SpeechClient, Target
from serve_app.bench.loads import closed_loop, open_loop
from serve_app.bench.report import percentiles
from serve_app.bench.texts import Line

TEXTS = ("Yes, of course.", SHORT, long_text(300))
_TITLE = "ray::ServeReplica:"
_PARTS = 10


def main() -> None:
    """Measure and print."""
    print(json.dumps(asyncio.run(_measure(_options()))))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=20, help="of load (default: %(default)s)")
    parser.add_argument("--share", type=float, default=0.7, help="of the server's capacity (default: %(default)s)")
    parser.add_argument("--callers", type=int, default=8, help="that keep the server busy (default: %(default)s)")
    parser.add_argument("--capacity-seconds", type=float, default=60, help="to measure it (default: %(default)s)")
    return parser.parse_args()


async def _measure(options: argparse.Namespace) -> dict[str, object]:
    async with SpeechClient(Target(options.url)) as client:
        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("capacity", total=options.capacity_seconds / 60 + options.minutes)
            busy = await closed_loop(client, _lines(0), options.callers, options.capacity_seconds)
            capacity = busy.requests_per_s
            if not capacity:
                raise SystemExit(f"{options.url} answered nothing well: {busy.answers[-1].message}")
            progress.update(bar, advance=options.capacity_seconds / 60)
            part_s = 60 * options.minutes / _PARTS
            parts = []
            for number in range(_PARTS):
                progress.update(bar, description=f"{options.share:.0%} of {capacity:.2f}/s, part {number + 1}/{_PARTS}")
                run = await open_loop(client, _lines(number), options.share * capacity, part_s, seed=number)
                parts.append(_summary(run.answers))
                progress.update(bar, advance=part_s / 60)
    first, last = parts[1], parts[-1]  # the first part still fills caches
    return {
        "benchmark": "soak",
        "minutes": options.minutes,
        "capacity_per_s": round(capacity, 2),
        "offered_per_s": round(options.share * capacity, 2),
        "parts": parts,
        "p95_last_of_second": _ratio(last["whole_s"]["p95"], first["whole_s"]["p95"]),
        "memory_last_of_second": {
            name: _ratio(memory_mb, first["memory_mb"].get(name)) for name, memory_mb in last["memory_mb"].items()
        },
    }


def _lines(seed: int) -> Iterator[Line]:
    dice = random.Random(seed)
    while True:
        yield Line(dice.choice(TEXTS))


def _summary(answers: list[Answer]) -> dict[str, dict[str, float]]:
    done = [answer for answer in answers if answer.is_good]
    return {
        "statuses": dict(Counter(str(answer.status) for answer in answers)),
        "first_audio_s": percentiles([answer.first_s for answer in done]),
        "whole_s": percentiles([answer.whole_s for answer in done]),
        "memory_mb": _memory_mb(),
    }


def _memory_mb() -> dict[str, float]:
    """Memory of each deployment's replicas on this machine that is theirs alone, MB."""
    memory: dict[str, float] = defaultdict(float)
    for process in psutil.process_iter():
        try:
            title = "".join(process.cmdline()[:1])
            if title.startswith(_TITLE):
                memory[title.removeprefix(_TITLE).split(":")[1].split(".")[0]] += process.memory_full_info().uss / 1e6
        except psutil.Error:
            continue
    return {name: round(size) for name, size in sorted(memory.items())}


def _ratio(value: float | None, base: float | None) -> float | None:
    return round(value / base, 3) if value and base else None


if __name__ == "__main__":
    main()
