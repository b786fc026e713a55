"""``cluster.yaml`` against Ray's own schema and preparation code; nothing here reaches a cloud."""

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


def test_security_group_is_closed_to_the_world(cluster: dict[str, Any]) -> None:
    rules = cluster["provider"]["security_group"]["IpPermissions"]
    assert all(block["CidrIp"] != "0.0.0.0/0" for rule in rules for block in rule["IpRanges"])
