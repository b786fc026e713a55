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
import time
from collections import Counter, defaultdict

import httpx
import psutil
from rich.console import Console
from rich.progress import Progress

from bench.speech_client import SHORT, Answer, client, long_text, percentiles, speak

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
    async with client(options.url) as http:
        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("capacity", total=options.capacity_seconds / 60 + options.minutes)
            capacity = await _capacity(http, options)
            progress.update(bar, advance=options.capacity_seconds / 60)
            part_s = 60 * options.minutes / _PARTS
            parts = []
            for number in range(_PARTS):
                progress.update(bar, description=f"{options.share:.0%} of {capacity:.2f}/s, part {number + 1}/{_PARTS}")
                answers = await _open_loop(http, random.Random(number), options.share * capacity, part_s)
                parts.append(_summary(answers))
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


async def _capacity(http: httpx.AsyncClient, options: argparse.Namespace) -> float:
    """Requests a second with callers who ask again when answered."""
    end_s = time.monotonic() + options.capacity_seconds
    dice = random.Random(0)
    ended = 0

    async def caller() -> None:
        nonlocal ended
        while time.monotonic() < end_s:
            answer = await speak(http, dice.choice(TEXTS))
            ended += answer.status == 200 and time.monotonic() < end_s

    await asyncio.gather(*(caller() for _ in range(options.callers)))
    return ended / options.capacity_seconds


async def _open_loop(http: httpx.AsyncClient, dice: random.Random, rate_per_s: float, seconds: float) -> list[Answer]:
    """Callers who come at random, ``rate_per_s`` of them, whatever becomes of the others."""
    next_s = time.monotonic()
    end_s = next_s + seconds
    asking: list[asyncio.Task[Answer]] = []
    while next_s < end_s:
        await asyncio.sleep(max(0.0, next_s - time.monotonic()))
        asking.append(asyncio.create_task(speak(http, dice.choice(TEXTS))))
        next_s += dice.expovariate(rate_per_s)
    return list(await asyncio.gather(*asking))


def _summary(answers: list[Answer]) -> dict[str, dict[str, float]]:
    done = [answer for answer in answers if answer.status == 200]
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
