"""What runs come to, in numbers."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from serve_app.bench.client import Answer
from serve_app.bench.loads import Run

Summary = dict[str, object]
_PERCENTS = (50, 95, 99)


def percentiles(values: Iterable[float]) -> dict[str, float | None]:
    """Of 50, 95, 99 and all in 100 of ``values`` none is greater, rounded to milliseconds; None without any."""
    ordered = sorted(values)
    at = {f"p{percent}": _rank(ordered, percent) for percent in _PERCENTS}
    return {**at, "max": _rank(ordered, 100)}


def _rank(ordered: Sequence[float], percent: int) -> float | None:
    return round(ordered[math.ceil(percent * len(ordered) / 100) - 1], 3) if ordered else None


def jain(shares: Sequence[float]) -> float | None:
    """Jain's index of fairness: 1 where all got the same, 1/n where one got everything; None without any.

    Source: Jain, Chiu and Hawe 1984.
    """
    squares = sum(share * share for share in shares)
    return round(sum(shares) ** 2 / (len(shares) * squares), 4) if squares else None


def summary(run: Run) -> Summary:
    """A run in numbers: rates of what ended in its window, times of what was sent in it."""
    good = [answer for answer in run.sent if answer.is_good]
    kinds = sorted({(answer.line.kind, answer.line.language) for answer in good})
    result: Summary = {
        "load": run.load,
        ("clients" if run.load == "closed" else "rate_per_s"): run.amount,
        "seconds": round(run.seconds, 3),
        "sent": len(run.sent),
        "requests_per_s": round(run.requests_per_s, 3),
        "audio_s_per_s": round(sum(answer.audio_s for answer in run.done) / run.seconds, 3),
        "errors": errors(run.sent),
        **times(good),
        "fairness": fairness(run),
        "client_cpu": round(run.client_cpu, 3),
    }
    if len(kinds) > 1:
        result["by_text"] = {
            "-".join(filter(None, kind)): times(
                [answer for answer in good if (answer.line.kind, answer.line.language) == kind]
            )
            for kind in kinds
        }
    return result


def times(good: Sequence[Answer]) -> Summary:
    """How long good answers took."""

    def of(value: Callable[[Answer], float]) -> dict[str, float | None]:
        return percentiles(map(value, good))

    return {
        "first_audio_s": of(lambda answer: answer.first_s),
        "between_chunks_s": percentiles(gap for answer in good for gap in answer.gaps_s),
        "whole_s": of(lambda answer: answer.whole_s),
        "stall_s": of(lambda answer: answer.stall_s),
    }


def errors(answers: Iterable[Answer]) -> dict[str, int]:
    """How many there were of each kind: status and code."""
    kinds = (f"{answer.status or '-'} {answer.error}" for answer in answers if answer.error)
    return dict(sorted(Counter(kinds).items()))


def fairness(run: Run) -> Summary:
    """How evenly clients were served, by the seconds of audio each got; in an open loop, by the wait for the first."""
    if run.load != "closed":
        return {"over": "waits", "jain": jain([answer.first_s for answer in run.sent if answer.is_good])}
    got: dict[int, float] = defaultdict(float, dict.fromkeys(range(int(run.amount)), 0.0))
    for answer in run.done:
        got[answer.client] += answer.audio_s
    least, most = min(got.values()), max(got.values())
    return {
        "over": "clients",
        "jain": jain(list(got.values())),
        "least_audio_s": round(least, 2),
        "most_audio_s": round(most, 2),
    }
