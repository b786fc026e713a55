"""``cluster.yaml`` against Ray's own schema and preparation code; nothing here reaches a cloud."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cluster() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "cluster.yaml").read_text())


def test_rays_schema_accepts_it(cluster: dict[str, Any]) -> None:
    validate_config(prepare_config(cluster))


def test_prepared_config_keeps_every_node_type(cluster: dict[str, Any]) -> None:
    prepared = prepare_config(cluster)
    assert set(prepared["available_node_types"]) == {"head", "cpu", "gpu_spot", "gpu"}
    assert prepared["head_node_type"] == "head"
    assert prepared["available_node_types"]["head"]["resources"]["CPU"] == 0


def test_rays_schema_refuses_a_misspelt_key(cluster: dict[str, Any]) -> None:
    cluster["idle_timeout_minute"] = 1
    with pytest.raises(Exception, match="idle_timeout_minute"):
        validate_config(cluster)


def test_nodes_outlive_the_slowest_downscale_delay(cluster: dict[str, Any]) -> None:
    serve = yaml.safe_load((ROOT / "config" / "serve.yaml").read_text())
    delays = [
        deployment["autoscaling_config"].get("downscale_delay_s", 600)
        for application in serve["applications"]
        for deployment in application["deployments"]
        if "autoscaling_config" in deployment
    ]
    assert delays
    assert cluster["idle_timeout_minutes"] * 60 > max(delays)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_makes_what_the_makefile_has(cluster: dict[str, Any]) -> None:
    """A node that sets itself up with ``make`` asks for targets that exist."""
    commands = [line for key, lines in cluster.items() if key.endswith("_commands") for line in lines]
    targets = [target for line in commands for target in re.findall(r"\bmake -C \S+ ([\w-]+)", line)]
    assert targets
    assert sum(re.findall(r"\bmake -", line) != [] for line in commands) == len(targets)
    for target in targets:
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, timeout=60, check=True)


def test_security_group_is_closed_to_the_world(cluster: dict[str, Any]) -> None:
    rules = cluster["provider"]["security_group"]["IpPermissions"]
    assert all(block["CidrIp"] != "0.0.0.0/0" for rule in rules for block in rule["IpRanges"])
