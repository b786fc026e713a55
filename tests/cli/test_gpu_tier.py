"""What ``voicegraph serve`` makes of ``config/serve.yaml`` on small GPUs."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from deployments.tiers import TIERS
from serve_app.cli import doctor_command
from serve_app.cli.config_file import WITH_GPU, read_config
from serve_app.cli.gpu_tier import fitted

GB = 2**30


@pytest.fixture
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(WITH_GPU.read_text())
    return loaded


def of(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in document["applications"][0]["deployments"] if one["name"] == name)


def test_a_large_gpu_takes_it_as_it_is(document: dict[str, Any]) -> None:
    assert fitted(document, 24 * GB, 1) is document


def test_four_gigabytes_hold_the_vocoder(document: dict[str, Any], tmp_path: Any) -> None:
    small = fitted(document, 4 * GB, 1)
    assert of(small, "Vocoder")["ray_actor_options"]["num_gpus"] == 1
    assert of(small, "Vocoder")["autoscaling_config"]["max_replicas"] == 1
    for name in ("AcousticModel", "VoiceFitter"):
        assert of(small, name)["ray_actor_options"]["num_gpus"] == 0
    assert small["applications"][0]["args"]["admission"]["max_running"] == 32
    assert of(document, "AcousticModel")["ray_actor_options"]["num_gpus"] > 0, "the document itself is left alone"
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(small))
    assert read_config(path, None, None, tmp_path, False).settings.admission.max_running == 32


@pytest.mark.parametrize("memory_gb", [4, 6, 8, 12])
def test_what_is_on_one_gpu_fits_it(document: dict[str, Any], memory_gb: int) -> None:
    small = fitted(document, memory_gb * GB, 2)
    deployments = small["applications"][0]["deployments"]
    shares = sum(
        one["autoscaling_config"]["max_replicas"] * one.get("ray_actor_options", {}).get("num_gpus", 0)
        for one in deployments
        if "autoscaling_config" in one
    )
    assert 0 < shares <= 2


def test_the_doctor_says_what_fits() -> None:
    assert "Vocoder 1 of it" in doctor_command._tier(4 * GB).detail
    large = doctor_command._tier(24 * GB)
    assert large.verdict == "ok"
    assert "AcousticModel 0.2 of it" in large.detail
    assert doctor_command._tier(GB).verdict == "note"


def test_the_largest_tier_is_what_the_file_says(document: dict[str, Any]) -> None:
    for stage, share in TIERS[-1].shares.items():
        assert of(document, stage)["ray_actor_options"]["num_gpus"] == share
