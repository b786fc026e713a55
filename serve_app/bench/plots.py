"""Runs as a picture; needs matplotlib, which is not among the things that serving needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from serve_app.bench.loads import Run
from serve_app.bench.report import percentiles

_DPI = 120


def canvas() -> Any:
    """``matplotlib.pyplot`` that draws into files.

    Raises:
        ImportError: matplotlib is not installed.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update(
        {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25}
    )
    return pyplot


def draw(runs: Sequence[Run], title: str, path: Path) -> None:
    """Three panels: how long answers took (share of answers by then), the same over time, and rate over load.

    Args:
        runs: At least one.
        title: Above it all.
        path: File to write, ``.png``, ``.svg`` or ``.pdf``.
    """
    pyplot = canvas()
    figure, (spread, course, load) = pyplot.subplots(1, 3, figsize=(14, 4.2), layout="constrained")
    for number, run in enumerate(runs):
        good = [answer for answer in run.sent if answer.is_good]
        colour, name = f"C{number}", _name(run)
        for values, style, what in (
            (sorted(answer.first_s for answer in good), "-", "first audio"),
            (sorted(answer.whole_s for answer in good), "--", "whole"),
        ):
            shares = [(rank + 1) / len(values) for rank in range(len(values))]
            spread.step(values, shares, style, where="post", color=colour, label=f"{name}, {what}")
        course.plot(
            [answer.sent_s - run.begin_s for answer in good],
            [answer.whole_s for answer in good],
            ".",
            color=colour,
            label=name,
        )
        failed = [answer for answer in run.sent if not answer.is_good]
        course.plot(
            [answer.sent_s - run.begin_s for answer in failed],
            [answer.whole_s for answer in failed],
            "x",
            color="black",
            label="errors" if failed and number == len(runs) - 1 else None,
        )
    spread.set(xlabel="seconds", ylabel="share of answers", title="How long answers took", xlim=(0, None))
    course.set(xlabel="sent after, seconds", ylabel="whole answer, seconds", title="As time went on", ylim=(0, None))
    spread.legend(fontsize=7)
    course.legend(fontsize=7)
    rates = [run.requests_per_s for run in runs]
    tails = [percentiles(answer.whole_s for answer in run.sent if answer.is_good)["p95"] or 0.0 for run in runs]
    places = range(len(runs))
    load.bar(places, rates, 0.5, color=[f"C{number}" for number in places])
    load.set(xticks=list(places), ylabel="requests a second (bars)", title="Rate, and p95 of the whole answer")
    load.set_xticklabels([_name(run) for run in runs], rotation=20)
    beside = load.twinx()
    beside.plot(places, tails, "ko-")
    beside.set(ylabel="p95, seconds (dots)", ylim=(0, None))
    beside.grid(visible=False)
    figure.suptitle(title)
    figure.savefig(path, dpi=_DPI)
    pyplot.close(figure)


def _name(run: Run) -> str:
    return f"{run.amount:g} clients" if run.load == "closed" else f"{run.amount:g} a second"
