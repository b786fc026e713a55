"""docs/metrics.md is the code's table, and whatever a dashboard or an alert asks for exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import ray
import yaml

from deployments.metrics import METRICS, Metric

ROOT = Path(__file__).resolve().parents[2]
DOC = ROOT / "docs/metrics.md"
RULES = ROOT / "config/prometheus/rules.yml"
DASHBOARD = ROOT / "config/grafana/voicegraph.json"
STAGES = ["TextFrontend", "SpeakerEncoder", "AcousticModel", "Vocoder"]


def row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "-"
    return f"| `{metric.exported}` | {metric.kind} | {labels} | {metric.help} |"


def rows() -> list[str]:
    return [line for line in DOC.read_text().splitlines() if line.startswith("| `ray_")]


def test_the_table_is_the_codes() -> None:
    assert [line for line in rows() if line.startswith("| `ray_voicegraph_")] == [row(metric) for metric in METRICS]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_follow_prometheus_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"voicegraph(_[a-z]+)+", metric.name)
    assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket", "_ms", "_percent"))
    assert all(re.fullmatch(r"[a-z]+", label) for label in metric.labels)
    assert (metric.kind == "histogram") == bool(metric.bounds)
    assert list(metric.bounds) == sorted(set(metric.bounds))


@cache
def source_of_ray() -> str:
    root = Path(ray.__file__).parent
    files = [*(root / "serve").rglob("*.py"), *(root / "dashboard/modules/reporter").glob("*.py")]
    return "\n".join(file.read_text() for file in files).replace("{protocol_name}", "http")


def rays() -> list[str]:
    return [line.split("`")[1] for line in rows() if not line.startswith("| `ray_voicegraph_")]


@pytest.mark.parametrize("name", rays())
def test_what_the_table_says_of_rays_metrics_exists_in_the_installed_ray(name: str) -> None:
    assert f'"{name.removeprefix("ray_").removesuffix("_total")}"' in source_of_ray()


def series() -> set[str]:
    """Every name that can be asked for."""
    histograms = {metric.exported for metric in METRICS if metric.kind == "histogram"}
    histograms |= {name for name in rays() if name.endswith(("_ms", "_batch_size"))}
    plain = ({metric.exported for metric in METRICS} | set(rays())) - histograms
    return plain | {f"{name}{part}" for name in histograms for part in ("_bucket", "_sum", "_count")}


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return list(json.loads(DASHBOARD.read_text())["panels"])


def queries() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield rule.get("alert") or rule["record"], rule["expr"]
    for panel in panels():
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m")


def selectors(expression: Any) -> list[Any]:
    """Every vector selector in a parsed expression."""
    found: list[Any] = []

    def note(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(expression, note)
    return found


@pytest.mark.parametrize(("where", "query"), queries())
def test_every_query_parses_and_names_metrics_and_labels_that_exist(where: str, query: str) -> None:
    known = series() | {rule["record"] for rule in rules() if "record" in rule}
    named = selectors(promql_parser.parse(query))
    assert named or query in ("vector(2)", "vector(0.01)")
    for selector in named:
        assert selector.name in known, f"{where}: {selector.name}"
        ours = [metric for metric in METRICS if selector.name.startswith(metric.exported)]
        allowed = {"deployment", "replica", "application", *(label for metric in ours for label in metric.labels)}
        if ours:
            assert {matcher.name for matcher in selector.matchers.matchers} <= allowed, where


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    shown = " ".join(target["expr"] for panel in panels() for target in panel.get("targets", []))
    assert [metric.name for metric in METRICS if metric.exported not in shown] == []


def test_the_dashboard_has_a_row_for_each_stage_in_the_order_of_the_data() -> None:
    rows_of: dict[str, list[str]] = {}
    title = ""
    for panel in sorted(panels(), key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"])):
        if panel["type"] == "row":
            title = panel["title"]
            rows_of[title] = []
        rows_of[title] += [target["expr"] for target in panel.get("targets", [])]
    assert list(rows_of) == [
        "Requests",
        "Text frontend",
        "Speaker encoder",
        "Acoustic model",
        "Vocoder",
        "Jobs",
        "Machines",
    ]
    for stage, title in zip(STAGES, list(rows_of)[1:5], strict=True):
        asked = " ".join(rows_of[title])
        assert f'deployment="{stage}"' in asked
        assert not [other for other in STAGES if other != stage and f'"{other}"' in asked]


def test_every_alert_has_a_test_and_stands_in_the_documentation() -> None:
    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    tests = yaml.safe_load((ROOT / "config/prometheus/rules_test.yml").read_text())["tests"]
    tried = [check for test in tests for check in test.get("alert_rule_test", [])]
    assert {check["alertname"] for check in tried if check["exp_alerts"]} == alerts
    assert [alert for alert in alerts if f"`{alert}`" not in DOC.read_text()] == []
