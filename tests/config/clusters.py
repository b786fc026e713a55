"""The cluster files, as Ray reads them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).parents[2]
FILES = {
    "aws": ROOT / "cluster.yaml",
    "gcp": ROOT / "config/cluster.gcp.yaml",
    "local": ROOT / "config/cluster.local.yaml",
}
CLOUDS = ("aws", "gcp")


def load(name: str) -> dict[str, Any]:
    """What a file says."""
    document: dict[str, Any] = yaml.safe_load(FILES[name].read_text())
    return document


def prepared(name: str) -> dict[str, Any]:
    """What Ray makes of it before it asks the provider."""
    config: dict[str, Any] = prepare_config(load(name))
    validate_config(config)
    return config


def commands(cluster: dict[str, Any], key: str = "_commands") -> list[str]:
    """The shell commands of a file whose key ends so."""
    return [line for name, lines in cluster.items() if name.endswith(key) for line in lines]


def slowest_downscale_delay_s() -> float:
    """Of the deployments in ``config/serve.yaml``; 600 is Ray Serve's own default."""
    (app,) = yaml.safe_load((ROOT / "config/serve.yaml").read_text())["applications"]
    scaling = [each["autoscaling_config"] for each in app["deployments"] if "autoscaling_config" in each]
    assert scaling
    return max(each.get("downscale_delay_s", 600) for each in scaling)


def longest_drain_s() -> float:
    """The longest time that a replica in ``config/serve.yaml`` has to end what it has accepted."""
    (app,) = yaml.safe_load((ROOT / "config/serve.yaml").read_text())["applications"]
    return max(each.get("graceful_shutdown_timeout_s", 20) for each in app["deployments"])


def make_targets(lines: list[str]) -> list[str]:
    """What commands ask ``make`` for."""
    targets = [target for line in lines for target in re.findall(r"\bmake -C \S+ ([\w-]+)", line)]
    assert sum(len(re.findall(r"\bmake -", line)) for line in lines) == len(targets)
    return targets
