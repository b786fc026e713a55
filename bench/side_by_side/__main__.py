"""Voicegraph beside Kokoro-FastAPI, the ``kokoro`` package and ``kokoro-onnx``: same machine, weights, texts, client.

    python -m bench.side_by_side --clients 8 --rounds 2

Sets the others up in environments of their own (``--home``, about 7 GB), then starts one server at a time, in turn, and
measures each: time to first audio with one client, short texts and long ones, then as many clients as keep it busy.
Every turn gets the same texts; a server whose audio of a text is much shorter than that of most others has cut it.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import platform
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.servers import running
from bench.side_by_side.contestants import OURS, Contestant, contestants
from bench.side_by_side.environments import KOKORO_FASTAPI, Environments
from serve_app.bench.client import Answer, SpeechClient, Target
from serve_app.bench.loads import Run, closed_loop
from serve_app.bench.report import errors, percentiles
from serve_app.bench.texts import lines
from tts_models.assets import AssetStore, default_root

_CUT = 0.6
"""Audio shorter than this part of what most others make of the text has lost something; silence at its ends is less."""
_VOICE = "af_heart"
_console = Console(stderr=True)


def main() -> None:
    """Set up, measure, print."""
    options = _options()
    environments = Environments(options.home.expanduser().absolute())
    store = AssetStore(Path(os.environ.get("VOICEGRAPH_HOME") or default_root()))
    with _console.status(f"setting up {environments.home}"):
        environments.set_up(store, options.kokoro_fastapi)
    if options.setup_only:
        return
    everybody = contestants(environments, options.config.absolute(), options.port, options.cores)
    chosen = [one for one in everybody if not options.only or one.name.startswith(tuple(options.only))]
    turns: dict[str, list[list[Run]]] = defaultdict(list)
    for number in range(options.rounds):
        for contestant in chosen:
            with _alone(options.lock):
                _console.print(f"round {number + 1}/{options.rounds}: {contestant.name}")
                runs = _turn(contestant, options, environments.home / "logs")
            turns[contestant.name].append(runs)
            _console.print(json.dumps(_row([runs], {})))  # so that an accident later loses no turn
    result = _result(options, chosen, turns)
    _print(result)
    print(json.dumps(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.side_by_side", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cores = len(os.sched_getaffinity(0))
    home = Path("~/.cache/voicegraph-side-by-side")
    parser.add_argument("--home", type=Path, default=home, help="where the others are installed (default: %(default)s)")
    parser.add_argument(
        "--kokoro-fastapi", default=KOKORO_FASTAPI, help="its repository or a clone of it (default: %(default)s)"
    )
    parser.add_argument("--config", type=Path, default=Path("config/local.yaml"), help="ours (default: %(default)s)")
    parser.add_argument("--only", nargs="+", help="beginnings of the names of those who are measured")
    parser.add_argument("--port", type=int, default=8877, help="for all of them in turn (default: %(default)s)")
    parser.add_argument("--cores", type=int, default=cores, help="for the others' workers (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=8, help="that keep a server busy (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=40, help="of that load (default: %(default)s)")
    parser.add_argument("--one-client-seconds", type=float, default=15, help="of one client (default: %(default)s)")
    parser.add_argument("--filling", type=float, default=6, help="seconds of load before each (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="turns of everybody (default: %(default)s)")
    parser.add_argument("--setup-only", action="store_true", help="install and end")
    parser.add_argument(
        "--lock", type=Path, nargs="+", default=[], help="files to lock for each turn, where others measure too"
    )
    return parser.parse_args()


@contextmanager
def _alone(locks: Sequence[Path]) -> Iterator[None]:
    with ExitStack() as held:
        for lock in locks:
            fcntl.flock(held.enter_context(lock.open("a")), fcntl.LOCK_EX)
        yield


def _turn(contestant: Contestant, options: argparse.Namespace, logs: Path) -> list[Run]:
    """Short texts and long ones from one client, then short ones from many."""
    logs.mkdir(exist_ok=True)
    log = logs / f"{contestant.name.replace(' ', '')}.log"
    with running(contestant.server, options.port, log) as url:
        return asyncio.run(_measured(url, options))


async def _measured(url: str, options: argparse.Namespace) -> list[Run]:
    async with SpeechClient(Target(url, voice=_VOICE)) as client:
        first = await client.speak("Is anybody there?")
        if not first.is_good:
            raise SystemExit(f"{url} answered {first.status}: {first.message}")
        loads = (
            ("short", 1, options.one_client_seconds, 2.0),
            ("long", 1, options.one_client_seconds, 0.0),
            ("short", options.clients, options.seconds, options.filling),
        )
        return [
            await closed_loop(client, lines([kind]), clients, seconds, filling)
            for kind, clients, seconds, filling in loads
        ]


def _result(
    options: argparse.Namespace, chosen: Sequence[Contestant], turns: dict[str, list[list[Run]]]
) -> dict[str, object]:
    lengths: dict[str, list[float]] = defaultdict(list)
    for rounds in turns.values():
        own: dict[str, float] = {a.line.text: a.audio_s for runs in rounds for run in runs for a in _good(run.answers)}
        for text, audio_s in own.items():
            lengths[text].append(audio_s)
    usual = {text: statistics.median(seconds) for text, seconds in lengths.items() if len(seconds) > 2}
    rows = {one.name: _row(turns[one.name], usual) | {"note": one.note} for one in chosen}
    result: dict[str, object] = {
        "benchmark": "side_by_side",
        "machine": {"processor": _processor(), "cores": options.cores, "python": platform.python_version()},
        "clients": options.clients,
        "seconds": options.seconds,
        "rounds": options.rounds,
        "servers": rows,
    }
    others = [row for name, row in rows.items() if name != OURS]
    if OURS in rows and others:
        ours = rows[OURS]
        best = max(others, key=lambda row: row["requests_per_s"])
        result["ratios"] = {
            "requests_per_s_of_best": round(ours["requests_per_s"] / best["requests_per_s"], 2),
            "p95_of_best": round(ours["whole_p95_s"] / best["whole_p95_s"], 2),
            **{
                f"{name}_of_best": round(ours[name] / min(row[name] for row in others), 2)
                for name in ("first_audio_short_s", "first_audio_long_s")
            },
        }
    return result


def _row(rounds: Sequence[list[Run]], usual: dict[str, float]) -> dict[str, float]:
    """Medians over the rounds."""
    short, long, busy = ([runs[number] for runs in rounds] for number in range(3))

    def first_s(runs: Sequence[Run]) -> float:
        return round(statistics.median(a.first_s for run in runs for a in _good(run.sent)), 3)

    answers = [answer for runs in rounds for run in runs for answer in run.answers]
    waits = [percentiles(answer.whole_s for answer in _good(run.sent)) for run in busy]
    return {
        "requests_per_s": round(statistics.median(run.requests_per_s for run in busy), 3),
        "requests_per_s_by_round": [round(run.requests_per_s, 3) for run in busy],
        "audio_s_per_s": round(statistics.median(sum(a.audio_s for a in run.done) / run.seconds for run in busy), 2),
        "whole_p50_s": statistics.median(each["p50"] or 0.0 for each in waits),
        "whole_p95_s": statistics.median(each["p95"] or 0.0 for each in waits),
        "first_audio_busy_p95_s": statistics.median(
            percentiles(a.first_s for a in _good(run.sent))["p95"] or 0.0 for run in busy
        ),
        "first_audio_short_s": first_s(short),
        "first_audio_long_s": first_s(long),
        "stall_long_p95_s": percentiles(a.stall_s for run in long for a in _good(run.answers))["p95"],
        "errors": errors(answers),
        "cut": sum(a.audio_s < _CUT * usual[a.line.text] for a in _good(answers) if a.line.text in usual),
        "answers": len(answers),
        "client_cpu": round(max(run.client_cpu for run in busy), 3),
    }


def _good(answers: Sequence[Answer]) -> list[Answer]:
    return [answer for answer in answers if answer.is_good]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _print(result: dict[str, object]) -> None:
    columns = {
        "requests_per_s": "requests/s",
        "audio_s_per_s": "audio s/s",
        "whole_p95_s": "p95 s",
        "first_audio_short_s": "first audio, short",
        "first_audio_long_s": "long",
        "errors": "errors",
        "cut": "cut",
    }
    table = Table()
    table.add_column("", no_wrap=True)
    for title in columns.values():
        table.add_column(title)
    servers = result["servers"]
    assert isinstance(servers, dict)
    for name, row in servers.items():
        cells = (sum(row[key].values()) if key == "errors" else row[key] for key in columns)
        table.add_row(name, *map(str, cells))
    _console.print(table)
    _console.print(result.get("ratios", ""))


if __name__ == "__main__":
    sys.exit(main())
