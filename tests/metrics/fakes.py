"""Metrics of Ray's that remember what they were told."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from deployments.metrics import METRICS, Metric

Series = dict[tuple[tuple[str, str], ...], list[float]]


class Recorded:
    """What each metric was told, by its name and labels; a counter its steps, a gauge and a histogram their values."""

    def __init__(self) -> None:
        self.told: dict[str, Series] = defaultdict(lambda: defaultdict(list))

    def of(self, metric: Metric, **labels: str) -> list[float]:
        """All values of one series, in order."""
        return self.told[metric.name][tuple(sorted(labels.items()))]

    def make(self, metric: Metric) -> Any:
        """In the place of :meth:`Metric.make`; refuses labels that the metric does not have."""

        def note(value: float = 1.0, tags: dict[str, str] | None = None) -> None:
            assert metric in METRICS
            assert set(tags or {}) == set(metric.labels)
            assert metric.kind != "counter" or value > 0, "Ray refuses it"
            self.told[metric.name][tuple(sorted((tags or {}).items()))].append(value)

        return type("Fake", (), {"inc": staticmethod(note), "set": staticmethod(note), "observe": staticmethod(note)})()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """What was told to metrics that are made from here on."""
    recorded = Recorded()
    monkeypatch.setattr(Metric, "make", lambda self: recorded.make(self))
    return recorded
