"""``voicegraph plan``."""

from __future__ import annotations

import json

import yaml

from tests.cli.conftest import Voicegraph


def test_a_plan_for_people(voicegraph: Voicegraph) -> None:
    outcome = voicegraph("plan", "--rps", "2", "--gpu", "t4", "--usd-per-hour", "1.5")
    assert "estimated, not measured" in outcome.out
    assert "check yours" in outcome.out
    assert "your price $1.5/h" in outcome.out
    start = outcome.out.index("args:")
    assert yaml.safe_load(outcome.out[start:])["args"]["admission"]["max_running"] >= 16


def test_a_plan_for_programs(voicegraph: Voicegraph) -> None:
    document = json.loads(voicegraph("plan", "--rps", "2", "--gpu", "t4", "--json").out)
    assert document["is_measured"] is False
    assert document["gpus"] >= 1
    assert {one["name"] for one in document["values"]["deployments"]} >= {"AcousticModel", "Vocoder"}


def test_what_cannot_be_planned_says_why(voicegraph: Voicegraph) -> None:
    assert "no GPU 'h1000'" in voicegraph("plan", "--rps", "2", "--gpu", "h1000").error
    assert "how many requests" in voicegraph("plan").error
    assert "cannot be reached" in voicegraph("plan", "--rps", "2", "--gpu", "t4", "--p95", "0.02").error


def test_tiers(voicegraph: Voicegraph) -> None:
    out = voicegraph("plan", "--tiers").out
    assert "3.5 GB" in out
    rows = json.loads(voicegraph("plan", "--tiers", "--json").out)
    assert rows[0]["on_gpu"] == {"Vocoder": 1.0}
    assert rows[-1]["to_gb"] is None
