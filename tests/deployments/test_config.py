"""The YAML files against Ray's own schema and the built graph: Ray drops a misspelt key without a word."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from ray.runtime_env import RuntimeEnv
from ray.serve._private.build_app import build_app
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy, BackpressureConfig
from ray.serve.schema import (
    DeploymentSchema,
    HTTPOptionsSchema,
    LoggingConfig,
    RayActorOptionsSchema,
    ServeApplicationSchema,
    ServeDeploySchema,
)

from deployments.settings import AppSettings, BatchLimits
from serve_app.builder import build

CONFIG = Path(__file__).resolve().parents[2] / "config"
FILES = sorted(path.name for path in CONFIG.glob("*.yaml") if not path.name.startswith("cluster."))

SCHEMA: dict[str, type[BaseModel]] = {
    "": ServeDeploySchema,
    "http_options": HTTPOptionsSchema,
    "logging_config": LoggingConfig,
    "applications": ServeApplicationSchema,
    "applications.args": AppSettings,
    "applications.deployments": DeploymentSchema,
    "applications.deployments.autoscaling_config": AutoscalingConfig,
    "applications.deployments.autoscaling_config.policy": AutoscalingPolicy,
    "applications.deployments.backpressure_config": BackpressureConfig,
    "applications.deployments.ray_actor_options": RayActorOptionsSchema,
    "applications.deployments.user_config": BatchLimits,
}

KEYS = {path: set(schema.model_fields) for path, schema in SCHEMA.items()} | {
    "applications.deployments.ray_actor_options.runtime_env": RuntimeEnv.known_fields
}


def load(name: str) -> Any:
    return yaml.safe_load((CONFIG / name).read_text())


def unknown_keys(value: Any, path: str = "") -> Iterator[str]:
    """Every key that the schema at its place does not have."""
    if isinstance(value, list):
        for item in value:
            yield from unknown_keys(item, path)
    elif isinstance(value, dict):
        for key, below in value.items():
            place = f"{path}.{key}".lstrip(".")
            if path.startswith("applications.args") or path.endswith("env_vars"):
                continue  # pydantic refuses unknown ones itself; variables may have any name
            if path in KEYS and key not in KEYS[path]:
                yield place
            elif path in KEYS:
                yield from unknown_keys(below, place)
            else:
                yield f"{path}: no schema to compare with"


@pytest.fixture(params=FILES)
def config(request: pytest.FixtureRequest) -> Any:
    return load(request.param)


def deployments(config: Any) -> dict[str, Any]:
    (app,) = config["applications"]
    return {deployment["name"]: deployment for deployment in app["deployments"]}


def test_there_are_files_for_both_kinds_of_machine() -> None:
    assert {"local.yaml", "serve.yaml"} <= set(FILES)


def test_every_key_is_one_that_ray_reads(config: Any) -> None:
    assert list(unknown_keys(config)) == []
    ServeDeploySchema.model_validate(config)


@pytest.mark.parametrize(
    "place",
    [
        (),
        ("http_options",),
        ("applications", 0),
        ("applications", 0, "deployments", -1),
        ("applications", 0, "deployments", -1, "autoscaling_config"),
        ("applications", 0, "deployments", -1, "ray_actor_options"),
        ("applications", 0, "deployments", -1, "user_config"),
    ],
)
def test_a_misspelt_key_is_found_at_every_level(place: tuple[Any, ...]) -> None:
    config = copy.deepcopy(load("local.yaml"))
    below = config
    for step in place:
        below = below[step]
    below["max_ongoing_request"] = 1
    assert len(list(unknown_keys(config))) == 1


def test_every_deployment_is_in_the_graph_and_the_other_way_round(config: Any) -> None:
    (app,) = config["applications"]
    graph = build_app(build(AppSettings.model_validate(app["args"])), name=app["name"])
    assert {deployment.name for deployment in graph.deployments} == set(deployments(config))
    assert graph.ingress_deployment_name == "Ingress"


def test_batches_are_not_starved(config: Any) -> None:
    for name in ("SpeakerEncoder", "AcousticModel", "Vocoder"):
        options = deployments(config)[name]
        limits = BatchLimits.model_validate(options["user_config"])
        assert options["max_ongoing_requests"] >= limits.max_items, name


def test_scaling_does_not_flap(config: Any) -> None:
    for name, options in deployments(config).items():
        if "autoscaling_config" in options and options["autoscaling_config"]["max_replicas"] > 1:
            scaling = AutoscalingConfig.model_validate(options["autoscaling_config"])
            assert scaling.metrics_interval_s < scaling.look_back_period_s <= scaling.upscale_delay_s, name
            assert scaling.upscale_delay_s < scaling.downscale_delay_s, name


def test_every_stage_has_its_own_scale(config: Any) -> None:
    for name in ("TextFrontend", "SpeakerEncoder", "AcousticModel", "Vocoder"):
        scaling = deployments(config)[name]["autoscaling_config"]
        assert 1 <= scaling["min_replicas"] <= scaling["max_replicas"], name


def test_the_local_file_fits_two_cores() -> None:
    cpus = 0.0
    for options in deployments(load("local.yaml")).values():
        replicas = options.get("num_replicas") or options["autoscaling_config"]["max_replicas"]
        cpus += replicas * options["ray_actor_options"]["num_cpus"]
    assert cpus <= 2


def test_model_replicas_on_gpus_ask_for_a_share() -> None:
    for name in ("AcousticModel", "Vocoder", "VoiceFitter"):
        assert 0 < deployments(load("serve.yaml"))[name]["ray_actor_options"]["num_gpus"] < 1, name


def test_what_works_once_a_voice_or_waits_sits_on_nodes_without_gpus() -> None:
    for name in ("Ingress", "TextFrontend", "SpeakerEncoder", "JobWorker"):
        assert "num_gpus" not in deployments(load("serve.yaml"))[name]["ray_actor_options"], name
