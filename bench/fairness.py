"""How long a short request takes beside a long one that is being spoken, and a long one beside many short ones.

    python -m bench.fairness --url http://127.0.0.1:8000

Short requests are sent one after the other, first to an idle server, then while it speaks a text of ten thousand
characters. Fair is: a short request takes no longer than alone, plus one segment of the long text on every stage.

Then a crowd of callers says short sentences without end, and beside them one text of a few segments is spoken. Fair is:
it gets its share of the server, so that it takes no longer than the segments that it has, each in its turn with one
sentence of each of the others. Its longest gap is how long it stood still.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json

from rich.console import Console
from rich.progress import Progress

from bench.prose import SHORT, long_text
from serve_app.bench.client import Answer, SpeechClient, Target
from serve_app.bench.report import percentiles

_IN_A_CROWD = 800
"""Characters of the text in a crowd: a few segments."""


def main() -> None:
    """Measure and print."""
    print(json.dumps(asyncio.run(_measure(_options()))))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.fairness", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=20, help="short requests of each kind (default: %(default)s)")
    parser.add_argument("--crowd", type=int, default=8, help="callers of short sentences (default: %(default)s)")
    parser.add_argument("--characters", type=int, default=10_000, help="of the long text (default: %(default)s)")
    return parser.parse_args()


async def _measure(options: argparse.Namespace) -> dict[str, object]:
    async with SpeechClient(Target(options.url)) as client:
        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("warming up", total=2 * options.rounds)
            for _ in range(3):
                await client.speak(SHORT)
            progress.update(bar, description="alone")
            alone = []
            for _ in range(options.rounds):
                alone.append(await client.speak(SHORT))
                progress.advance(bar)
            progress.update(bar, description="beside a long one")
            beside, long = await _beside(client, options, lambda: progress.advance(bar))
            progress.update(bar, description="a text in a crowd")
            crowd, text = await _in_a_crowd(client, options.crowd)
    return {
        "benchmark": "fairness",
        "alone": _times(alone),
        "beside_long": _times(beside),
        "added_s": _added(alone, beside),
        "long_text": {"characters": options.characters, "requests_beside_it": len(beside), "status": long},
        "in_a_crowd": {
            "callers": options.crowd,
            "characters": len(text.line.text),
            "whole_s": round(text.whole_s, 2),
            "longest_gap_s": round(max(text.gaps_s, default=0.0), 2),
            "crowd_whole_s": percentiles([answer.whole_s for answer in crowd]),
            "crowd_said_meanwhile": len(crowd),
        },
        "failed": sum(not answer.is_good for answer in [*alone, *beside, *crowd, text]),
    }


async def _beside(client: SpeechClient, options: argparse.Namespace, advance: object) -> tuple[list[Answer], str]:
    """Short requests while the long text is spoken; and whether it still was at the end."""
    assert callable(advance)
    long = asyncio.create_task(client.speak(long_text(options.characters)))
    await asyncio.sleep(2)  # well after its first segment
    answers = []
    for _ in range(options.rounds):
        if long.done():
            break
        answers.append(await client.speak(SHORT))
        advance()
    if long.done():
        return answers, f"ended with {long.result().status}"
    long.cancel()
    await asyncio.wait([long])
    return answers, "left by the client at the end"


async def _in_a_crowd(client: SpeechClient, callers: int) -> tuple[list[Answer], Answer]:
    """What the crowd was answered while the text was spoken, and how that went."""
    answers: list[Answer] = []

    async def say_without_end() -> None:
        while True:
            answers.append(await client.speak(SHORT))

    crowd = [asyncio.create_task(say_without_end()) for _ in range(callers)]
    await asyncio.sleep(5)  # until the server is full
    answers.clear()
    try:
        text = await client.speak(long_text(_IN_A_CROWD))
    finally:
        for caller in crowd:
            caller.cancel()
        await asyncio.wait(crowd)
    return answers, text


def _times(answers: list[Answer]) -> dict[str, object]:
    return {
        "first_audio_s": percentiles([answer.first_s for answer in answers]),
        "whole_s": percentiles([answer.whole_s for answer in answers]),
    }


def _added(alone: list[Answer], beside: list[Answer]) -> dict[str, float | None]:
    base = percentiles([answer.whole_s for answer in alone])["p50"] or 0.0
    return percentiles([answer.whole_s - base for answer in beside])


if __name__ == "__main__":
    main()
