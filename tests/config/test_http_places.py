"""The ingress takes more requests than it speaks for: when it is full, health is answered and speech is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from deployments.settings import AppSettings

CONFIG = Path(__file__).resolve().parents[2] / "config"


@pytest.mark.parametrize("name", ["local.yaml", "serve.yaml"])
def test_speech_leaves_room_for_other_requests(name: str) -> None:
    (app,) = yaml.safe_load((CONFIG / name).read_text())["applications"]
    (ingress,) = [deployment for deployment in app["deployments"] if deployment["name"] == "Ingress"]

    settings = AppSettings.model_validate(app["args"])

    assert settings.http.max_concurrent_speech < ingress["max_ongoing_requests"]
