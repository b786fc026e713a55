from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from serve_app.jobs.deployment import UNFINISHED, scale_by_jobs


def context(*seen: tuple[float, float], target: float = 2.0, least: int = 1) -> Any:
    series = {f"replica {i}": [SimpleNamespace(timestamp=at, value=jobs)] for i, (at, jobs) in enumerate(seen)}
    config = SimpleNamespace(get_target_ongoing_requests=lambda: target)
    return SimpleNamespace(raw_metrics={UNFINISHED: series}, config=config, capacity_adjusted_min_replicas=least)


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [((), 1), (((1, 0),), 1), (((1, 2),), 1), (((1, 3),), 2), (((1, 9), (2, 4)), 2), (((2, 9), (1, 4)), 5)],
)
def test_as_many_replicas_as_the_jobs_fill(seen: tuple[tuple[float, float], ...], wanted: int) -> None:
    assert scale_by_jobs(context(*seen)) == (wanted, {})
