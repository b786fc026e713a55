"""What is counted, with Ray's metrics: they reach Prometheus from every replica without more code."""

from __future__ import annotations

from collections.abc import Callable

from ray.util.metrics import Counter

from serve_app.http.context import Outcome


def outcome_counter() -> Callable[[Outcome], None]:
    """A function that counts the outcome of a speech request; without a running Ray it counts for nobody."""
    counter = Counter(
        "voicegraph_speech_responses",
        description="Valid speech requests by how they ended: completed, rejected or failed before any audio, broken"
        " after some audio, disconnected by the client.",
        tag_keys=("outcome",),
    )

    def count(outcome: Outcome) -> None:
        counter.inc(tags={"outcome": outcome})

    return count
