"""The autoscaling picture's profile, config and numbers; the run itself is a person's."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from bench.autoscaling import PROFILE, STAGES, Record, _phase, _summary, draw, small_replicas
from bench.servers import ROOT
from deployments.settings import AppSettings


@pytest.fixture
def record() -> Record:
    """A hundred seconds of nothing but a vocoder that follows a step of speech."""
    record = Record(errors=Counter({"429": 1}))
    record.sent = [("speech", 12.0), ("speech", 13.0), ("captions", 45.0)]
    record.answers = [("speech", 12.0, 0.5), ("captions", 45.0, 0.2)]
    for at_s in range(100):
        busy = 10 <= at_s < 40
        record.queues.append((at_s, {"TextFrontend": 0, "AcousticModel": 1, "Vocoder": 9 if busy else 0}))
        wanted = 3 if busy else 1
        record.replicas.append((at_s, {"TextFrontend": (1, 1), "AcousticModel": (1, 1), "Vocoder": (wanted, 1)}))
    return record


def test_small_replicas_are_a_config_that_serve_takes() -> None:
    config = small_replicas(yaml.safe_load((ROOT / "config/local.yaml").read_text()))
    ServeDeploySchema.model_validate(config)
    (application,) = config["applications"]
    settings = AppSettings.model_validate(application["args"])
    assert (settings.acoustic.threads, settings.vocoder.threads) == (1, 1)
    scaled = {
        d["name"]: d["autoscaling_config"]["max_replicas"] for d in application["deployments"] if d["name"] in STAGES
    }
    assert scaled == dict.fromkeys(STAGES, 3)
    assert sum(d["ray_actor_options"]["num_cpus"] * scaled.get(d["name"], 1) for d in application["deployments"]) <= 2


def test_phases_fill_the_time() -> None:
    assert sum(phase.share for phase in PROFILE) == pytest.approx(1)
    assert [_phase(share) for share in (0, 0.15, 0.5, 0.99, 1)] == [*PROFILE, PROFILE[-1]]


def test_every_phase_in_numbers(record: Record) -> None:
    summary = _summary(record, 100)
    assert summary["errors"] == {"429": 1}
    phases = summary["phases"]
    assert isinstance(phases, list)
    assert [phase["stages"]["Vocoder"]["queue_max"] for phase in phases] == [0, 9, 0, 0]
    assert [phase["stages"]["Vocoder"]["wanted_max"] for phase in phases] == [1, 3, 1, 1]
    assert [phase["speech_sent"] for phase in phases] == [0, 2, 0, 0]
    assert phases[1]["speech_s"]["max"] == 0.5
    assert phases[2]["captions_s"]["max"] == 0.2


def test_it_is_drawn(record: Record, tmp_path: Path) -> None:
    draw(record, 100, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
