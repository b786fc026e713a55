"""What the server still does when it is asked for ten times what it can do.

    python -m bench.overload --url http://127.0.0.1:8000

First its capacity: as many callers as keep it busy, each asking again when answered. Then callers who do not wait for
one another, at multiples of that rate. Goodput is what was spoken to its end a second, once the queues are full; the
latency is that of the requests that were admitted.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections import Counter

import httpx
from rich.console import Console
from rich.progress import Progress

from bench.speech_client import SHORT, Answer, client, percentiles, speak


def main() -> None:
    """Measure and print."""
    print(json.dumps(asyncio.run(_measure(_options()))))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.overload", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server (default: %(default)s)")
    parser.add_argument("--callers", type=int, default=8, help="that keep the server busy (default: %(default)s)")
    parser.add_argument(
        "--multiples", type=float, nargs="+", default=[1, 2, 5, 10], help="of its capacity (default: 1 2 5 10)"
    )
    parser.add_argument(
        "--seconds", type=float, default=20, help="that each of them is measured (default: %(default)s)"
    )
    parser.add_argument(
        "--filling", type=float, default=5, help="seconds before that, not measured (default: %(default)s)"
    )
    return parser.parse_args()


async def _measure(options: argparse.Namespace) -> dict[str, object]:
    async with client(options.url) as http:
        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("warming up", total=1 + len(options.multiples))
            for _ in range(3):
                await speak(http, SHORT)
            progress.update(bar, description="capacity")
            capacity = await _closed_loop(http, options)
            progress.advance(bar)
            loads = []
            for multiple in options.multiples:
                progress.update(bar, description=f"{multiple:g} x capacity")
                loads.append(await _open_loop(http, options, multiple, multiple * capacity))
                progress.advance(bar)
    peak = max([capacity, *(float(str(load["goodput_per_s"])) for load in loads)])
    for load in loads:
        load["goodput_of_peak"] = round(float(str(load["goodput_per_s"])) / peak, 3)
    return {"benchmark": "overload", "capacity_per_s": round(capacity, 2), "loads": loads}


async def _closed_loop(http: httpx.AsyncClient, options: argparse.Namespace) -> float:
    """Requests a second with ``callers`` who ask again when answered."""
    begin_s = time.monotonic() + options.filling
    end_s = begin_s + options.seconds
    ended: list[float] = []

    async def caller() -> None:
        while time.monotonic() < end_s:
            answer = await speak(http, SHORT)
            if answer.status == 200:
                ended.append(time.monotonic())

    await asyncio.gather(*(caller() for _ in range(options.callers)))
    return sum(begin_s <= at_s < end_s for at_s in ended) / options.seconds


async def _open_loop(
    http: httpx.AsyncClient, options: argparse.Namespace, multiple: float, rate_per_s: float
) -> dict[str, object]:
    """Callers who come at random, ``rate_per_s`` of them, whatever becomes of the others."""
    dice = random.Random(0)
    begin_s = time.monotonic() + options.filling
    end_s = begin_s + options.seconds
    asking: list[asyncio.Task[Answer]] = []
    next_s = time.monotonic()
    while next_s < end_s:
        await asyncio.sleep(max(0.0, next_s - time.monotonic()))
        asking.append(asyncio.create_task(speak(http, SHORT)))
        next_s += dice.expovariate(rate_per_s)
    answers = await asyncio.gather(*asking)
    done = [answer for answer in answers if answer.status == 200]
    in_time = [answer for answer in done if begin_s <= answer.sent_s + answer.whole_s < end_s]
    refused = [answer for answer in answers if answer.status == 429]
    return {
        "multiple": multiple,
        "offered_per_s": round(rate_per_s, 2),
        "goodput_per_s": round(len(in_time) / options.seconds, 3),
        "goodput_x_real_time": round(sum(answer.audio_s for answer in in_time) / options.seconds, 2),
        "statuses": dict(Counter(str(answer.status) for answer in answers)),
        "admitted_first_audio_s": percentiles([answer.first_s for answer in done]),
        "admitted_whole_s": percentiles([answer.whole_s for answer in done]),
        "refused_s": percentiles([answer.whole_s for answer in refused]),
    }


if __name__ == "__main__":
    main()
