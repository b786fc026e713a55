"""``voicegraph bench``: how fast a server of OpenAI's speech API is, this one or another."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from serve_app.bench.texts import SENTENCES, VOICES, Line, lines
from serve_app.cli.context import CommandFailed, messages, table_of

if TYPE_CHECKING:
    from serve_app.bench.client import Answer, Target
    from serve_app.bench.loads import Run

_FORMATS = ("pcm", "wav", "mp3", "opus", "aac", "flac")
_CLIENTS = 8
_TICK_S = 0.25
_PICTURES = (".png", ".svg", ".pdf")
_WHAT_WOULD_WORK = {
    401: "; give a key with --api-key or VOICEGRAPH_API_KEY",
    403: "; give another key with --api-key or VOICEGRAPH_API_KEY",
    404: "; --voice, --model and --url say what is asked for",
    405: "; does --url name a server of OpenAI's speech API?",
    400: "; --voice, --model and --format say what is asked for",
    422: "; --voice, --model and --format say what is asked for",
    429: "; it is busy or limits its callers, see --clients and --rate",
}


def bench(
    url: Annotated[str, typer.Option(help="The server, with or without /v1.")] = "http://127.0.0.1:8000",
    model: Annotated[str, typer.Option(help="Name of its model.")] = "tts-1",
    voice: Annotated[
        list[str] | None,
        typer.Option(
            "--voice", "-v", show_default="Kokoro's, by language", help="Who speaks; ja=NAME for one language only."
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--api-key", envvar="VOICEGRAPH_API_KEY", show_default="none", help="API key.")
    ] = None,
    format: Annotated[str, typer.Option("--format", "-f", help=", ".join(_FORMATS))] = "pcm",
    stream: Annotated[bool, typer.Option("--stream/--no-stream", help="Audio while it is made.")] = True,
    clients: Annotated[
        list[int] | None,
        typer.Option(
            "--clients",
            "-n",
            min=1,
            max=10_000,
            show_default=f"{_CLIENTS} if there is no --rate",
            help="Closed loop: clients that ask again when answered. Several: one run each.",
        ),
    ] = None,
    rate: Annotated[
        list[float] | None,
        typer.Option(
            "--rate",
            "-r",
            min=0.001,
            max=100_000,
            show_default="none",
            help="Open loop: requests a second, at random times. Several: one run each.",
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long each run is measured.")] = 30.0,
    warm_up: Annotated[float, typer.Option(min=0, help="Seconds of load before that.")] = 5.0,
    texts: Annotated[
        list[str] | None, typer.Option("--texts", "-t", show_default="short", help=f"{', '.join(SENTENCES)}, in turn.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option("--language", "-l", show_default="en", help=f"{', '.join(VOICES)}, in turn.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of texts and times; the same seed, the same requests.")] = 0,
    plot: Annotated[
        Path | None, typer.Option(show_default="none", help="Picture to write: .png, .svg or .pdf (needs matplotlib).")
    ] = None,
) -> None:
    """Measure a server of OpenAI's speech API: rates, times to first audio and to the end, errors, fairness.

    The last line is one JSON object.
    """
    from serve_app.bench.client import Target
    from serve_app.bench.report import summary

    kinds = _known("--texts", texts or ["short"], SENTENCES)
    languages = _known("--language", language or ["en"], VOICES)
    _known("--format", [format], _FORMATS)
    speakers = _speakers(voice or [], languages)
    _check_plot(plot)
    if not url.startswith(("http://", "https://")):
        raise CommandFailed(f"--url: {url} does not begin with http:// or https://")
    loads = [("closed", float(count)) for count in clients or ([] if rate else [_CLIENTS])]
    loads += [("open", each) for each in rate or []]
    target = Target(url, model, speakers[languages[0]], key, format, stream)
    runs = asyncio.run(
        _runs(target, loads, lines(kinds, languages, speakers, seed), kinds, languages, seconds, warm_up)
    )
    messages().print(_table(runs))
    if plot:
        from serve_app.bench.plots import draw

        title = f"{url}: {', '.join(kinds)} texts in {', '.join(languages)}, {format}{' stream' if stream else ''}"
        draw(runs, title, plot)
        messages().print(f"{plot} is drawn", soft_wrap=True)
    result = {
        "benchmark": "speech",
        "url": url,
        "model": model,
        "voices": {name: speakers[name] for name in languages},
        "format": format,
        "stream": stream,
        "texts": kinds,
        "languages": languages,
        "seed": seed,
        "runs": [summary(run) for run in runs],
    }
    typer.echo(json.dumps(result, ensure_ascii=False))
    if not any(answer.is_good for run in runs for answer in run.answers):
        raise CommandFailed(f"{url} answered nothing well: {_most_frequent(runs)}")


def _known(option: str, given: Sequence[str], known: Sequence[str] | dict[str, Any]) -> list[str]:
    for name in given:
        if name not in known:
            raise CommandFailed(f"{option}: there is no {name!r}; there are {', '.join(known)}")
    return list(dict.fromkeys(given))


def _speakers(given: Sequence[str], languages: Sequence[str]) -> dict[str, str]:
    speakers = dict(VOICES)
    for each in given:
        language, equals, name = each.partition("=")
        if not equals:
            speakers.update(dict.fromkeys(languages, each))
        elif language in VOICES and name:
            speakers[language] = name
        else:
            raise CommandFailed(
                f"--voice: {each!r} is neither a voice nor LANGUAGE=VOICE with one of {', '.join(VOICES)}"
            )
    return speakers


def _check_plot(plot: Path | None) -> None:
    """Raise now, not after minutes of measuring."""
    if plot is None:
        return
    if plot.suffix.lower() not in _PICTURES:
        raise CommandFailed(f"--plot: {plot} ends in none of {', '.join(_PICTURES)}")
    if not plot.absolute().parent.is_dir():
        raise CommandFailed(f"--plot: there is no folder {plot.absolute().parent}")
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise CommandFailed("--plot needs matplotlib, which is not installed; `pip install matplotlib`")


async def _runs(
    target: Target,
    loads: Sequence[tuple[str, float]],
    texts: Iterator[Line],
    kinds: Sequence[str],
    languages: Sequence[str],
    seconds: float,
    warm_up_s: float,
) -> list[Run]:
    from serve_app.bench.client import SpeechClient, first_answers
    from serve_app.bench.loads import closed_loop, open_loop

    async with SpeechClient(target) as client:
        firsts = [next(texts) for _ in range(len(kinds) * len(languages))]
        for answer in await first_answers(client, firsts):
            if not answer.is_good:
                raise CommandFailed(_problem(target, answer))
        runs = []
        for number, (load, amount) in enumerate(loads):
            async with _watched(load, amount, seconds + warm_up_s, f"{number + 1}/{len(loads)}") as told:
                if load == "closed":
                    run = await closed_loop(client, texts, int(amount), seconds, warm_up_s, told)
                else:
                    run = await open_loop(client, texts, amount, seconds, warm_up_s, told, seed=number)
            runs.append(run)
        return runs


def _problem(target: Target, answer: Answer) -> str:
    """Why nothing can be measured, and what would work."""
    if answer.error == "no_connection":
        return f"no answer from {target.url}; start a server with `voicegraph serve`, or name it with --url"
    if answer.status == 200:
        return f"{target.route} answered without audio ({answer.message}); does --url name a server of OpenAI's API?"
    if not answer.status:
        return f"{target.route}: {answer.message}"
    hint = _WHAT_WOULD_WORK.get(answer.status, "")
    return f"{target.route} answered {answer.status}: {answer.message.rstrip('.')}{hint}"


@asynccontextmanager
async def _watched(load: str, amount: float, seconds: float, which: str) -> AsyncIterator[Callable[[Answer], None]]:
    """A bar that fills with time and says what came of it so far; yields what is to be told of every answer."""
    columns = (
        SpinnerColumn(),
        TextColumn(f"run {which}: {_name(load, amount)}"),
        BarColumn(bar_width=30),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    counts = {"good": 0, "bad": 0}
    began_s = time.monotonic()
    # Drawn seldom: what is measured may be on the same processors.
    with Progress(*columns, console=messages(), refresh_per_second=2, disable=not messages().is_terminal) as bars:
        task = bars.add_task("", total=seconds)

        def show() -> None:
            passed_s = time.monotonic() - began_s
            words = f"{counts['good'] / max(passed_s, 0.1):.2f}/s" + (
                f", [red]{counts['bad']} errors" if counts["bad"] else ""
            )
            bars.update(task, completed=min(passed_s, seconds), description=words)

        def told(answer: Answer) -> None:
            counts["good" if answer.is_good else "bad"] += 1

        async def follow() -> None:
            while True:
                show()
                await asyncio.sleep(_TICK_S)

        following = asyncio.create_task(follow())
        try:
            yield told
        finally:
            following.cancel()
            show()


def _table(runs: Sequence[Run]) -> Table:
    from serve_app.bench.report import errors, fairness, percentiles

    table = table_of("", *(_name(run.load, run.amount) for run in runs))
    good = [[answer for answer in run.sent if answer.is_good] for run in runs]

    def seconds(values: Iterable[float]) -> str:
        times = percentiles(values)
        return "  ".join("–" if times[name] is None else f"{times[name]:.3f}" for name in ("p50", "p95", "p99"))

    table.add_row("requests/s", *(f"{run.requests_per_s:.2f}" for run in runs))
    table.add_row("audio s/s", *(f"{sum(answer.audio_s for answer in run.done) / run.seconds:.1f}" for run in runs))
    table.add_row("first audio, s: p50 p95 p99", *(seconds(answer.first_s for answer in each) for each in good))
    table.add_row("between chunks", *(seconds(gap for answer in each for gap in answer.gaps_s) for each in good))
    table.add_row("whole answer", *(seconds(answer.whole_s for answer in each) for each in good))
    table.add_row("fairness (Jain)", *(f"{fairness(run)['jain'] or '–'}" for run in runs))
    table.add_row("errors", *(_listed(errors(run.sent)) for run in runs))
    return table


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} x {name}" for name, count in counts.items()) or "none"


def _name(load: str, amount: float) -> str:
    if load == "open":
        return f"{amount:g} a second"
    return "1 client" if amount == 1 else f"{amount:g} clients"


def _most_frequent(runs: Sequence[Run]) -> str:
    messages_of = Counter(f"{answer.status or '-'} {answer.message}" for run in runs for answer in run.answers)
    return messages_of.most_common(1)[0][0] if messages_of else "it was not asked"
