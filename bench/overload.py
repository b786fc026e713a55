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
import itertools
import json
from collections import Counter

from rich.console import Console
from rich.progress import Progress

from bench.prose import SHORT
from serve_app.bench.client import SpeechClient, Target
from serve_app.bench.loads import Run, closed_loop, open_loop
from serve_app.bench.report import percentiles
from serve_app.bench.texts import Line


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
    lines = itertools.repeat(Line(SHORT))
    async with SpeechClient(Target(options.url)) as client:
        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("warming up", total=1 + len(options.multiples))
            for _ in range(3):
                await client.speak(SHORT)
            progress.update(bar, description="capacity")
            busy = await closed_loop(client, lines, options.callers, options.seconds, options.filling)
            capacity = busy.requests_per_s
            if not capacity:
                raise SystemExit(f"{options.url} answered nothing well: {busy.answers[-1].message}")
            progress.advance(bar)
            loads = []
            for multiple in options.multiples:
                progress.update(bar, description=f"{multiple:g} x capacity")
                run = await open_loop(client, lines, multiple * capacity, options.seconds, options.filling)
                loads.append(_summary(multiple, run))
                progress.advance(bar)
    peak = max([capacity, *(float(str(load["goodput_per_s"])) for load in loads)])
    for load in loads:
        load["goodput_of_peak"] = round(float(str(load["goodput_per_s"])) / peak, 3)
    return {"benchmark": "overload", "capacity_per_s": round(capacity, 2), "loads": loads}


def _summary(multiple: float, run: Run) -> dict[str, object]:
    admitted = [answer for answer in run.answers if answer.is_good]
    refused = [answer for answer in run.answers if answer.status == 429]
    return {
        "multiple": multiple,
        "offered_per_s": round(run.amount, 2),
        "goodput_per_s": round(run.requests_per_s, 3),
        "goodput_x_real_time": round(sum(answer.audio_s for answer in run.done) / run.seconds, 2),
        "statuses": dict(Counter(str(answer.status) for answer in run.answers)),
        "admitted_first_audio_s": percentiles(answer.first_s for answer in admitted),
        "admitted_whole_s": percentiles(answer.whole_s for answer in admitted),
        "refused_s": percentiles(answer.whole_s for answer in refused),
    }


if __name__ == "__main__":
    main()
