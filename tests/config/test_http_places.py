"""The ingress takes more requests than may run and wait: when those are full, health is answered and speech refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.settings import AppSettings

CONFIG = Path(__file__).resolve().parents[2] / "config"


@pytest.fixture(params=["local.yaml", "serve.yaml"])
def app(request: pytest.FixtureRequest) -> dict[str, Any]:
    (app,) = yaml.safe_load((CONFIG / request.param).read_text())["applications"]
    return {
        "settings": AppSettings.model_validate(app["args"]),
        **{deployment["name"]: deployment for deployment in app["deployments"]},
    }


def test_speech_leaves_room_for_other_requests(app: dict[str, Any]) -> None:
    limits = app["settings"].admission

    assert limits.max_running + limits.max_waiting < app["Ingress"]["max_ongoing_requests"]
    assert limits.max_waiting < app["Admission"]["max_ongoing_requests"]


def test_there_is_one_desk(app: dict[str, Any]) -> None:
    assert app["Admission"]["num_replicas"] == 1


def test_all_that_runs_waits_in_the_replicas_where_the_queues_are_fair(app: dict[str, Any]) -> None:
    running = app["settings"].admission.max_running
    segments = running * app["settings"].synthesis.segments_in_flight

    assert app["TextFrontend"]["max_ongoing_requests"] > running
    for stage in ("AcousticModel", "Vocoder"):
        assert app[stage]["max_ongoing_requests"] > segments
