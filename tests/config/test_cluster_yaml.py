"""The cluster files against Ray's own schema and preparation code; nothing here reaches a cloud."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import yaml
from ray.autoscaler._private.util import validate_config

from serve_app import proxy
from tests.config.clusters import (
    CLOUDS,
    FILES,
    ROOT,
    commands,
    load,
    make_targets,
    prepared,
    slowest_downscale_delay_s,
)


@pytest.mark.parametrize("name", FILES)
def test_rays_schema_accepts_it(name: str) -> None:
    assert prepared(name)["cluster_name"].startswith("voicegraph")


@pytest.mark.parametrize("name", FILES)
def test_rays_schema_refuses_a_misspelt_key(name: str) -> None:
    with pytest.raises(Exception, match="idle_timeout_minute"):
        validate_config(prepared(name) | {"idle_timeout_minute": 1})


@pytest.mark.parametrize("name", CLOUDS)
def test_the_head_runs_no_replicas_and_gpu_nodes_come_as_spot_first(name: str) -> None:
    cluster = prepared(name)
    types = cluster["available_node_types"]
    assert set(types) == {"head", "cpu", "gpu_spot", "gpu"}
    assert cluster["head_node_type"] == "head"
    assert types["head"]["resources"]["CPU"] == 0
    assert types["gpu_spot"]["priority"] > types["gpu"]["priority"]
    assert sum(each["max_workers"] for each in types.values()) >= cluster["max_workers"] > 0


@pytest.mark.parametrize("name", CLOUDS)
def test_nodes_outlive_the_slowest_downscale_delay(name: str) -> None:
    assert load(name)["idle_timeout_minutes"] * 60 > slowest_downscale_delay_s()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("name", CLOUDS)
def test_nodes_set_themselves_up_as_make_serve_does(name: str) -> None:
    lines = commands(load(name), "setup_commands")
    assert make_targets(lines) == ["environment"]
    for target in make_targets(lines):
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, timeout=60, check=True)
    assert any(line.endswith("voicegraph assets fetch") for line in lines)


@pytest.mark.parametrize("name", FILES)
def test_what_rays_proxies_need_reaches_every_node(name: str) -> None:
    """They run on every node, in processes that Ray starts: their variables are those of ``ray start``."""
    starts = [line for line in commands(load(name)) if "/ray start" in line]
    assert len(starts) == 2
    for line in starts:
        before, _, _ = line.partition("/ray start")
        assert f"RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH={proxy.IMPORT_PATH} " in before
        assert "RAY_SERVE_FORCE_STOP_UNHEALTHY_REPLICAS=1 " in before
        assert "RAY_grpc_client_keepalive_timeout_ms=10000 " in before


@pytest.mark.parametrize("name", FILES)
def test_the_head_keeps_rays_state_in_redis_and_lets_workers_find_both(name: str) -> None:
    head, worker = (
        next(line for line in load(name)[key] if "/ray start" in line)
        for key in ("head_start_ray_commands", "worker_start_ray_commands")
    )
    assert "RAY_REDIS_ADDRESS=voicegraph-redis:6379 " in head
    assert "RAY_health_check_timeout_ms=4000 RAY_health_check_failure_threshold=3 " in head
    assert "--port=6380" in head  # 6379 is the Redis
    assert "--address=$RAY_HEAD_IP:6380" in worker
    if name in CLOUDS:
        watch = [line for line in load(name)["worker_start_ray_commands"] if "serve_app.drain_node" in line]
        assert len(watch) == 1
        assert f"serve_app.drain_node {name} --head $RAY_HEAD_IP:6380" in watch[0]


@pytest.mark.parametrize("name", FILES)
def test_shell_commands_are_shell(name: str) -> None:
    for line in commands(load(name)):
        subprocess.run(["bash", "-n", "-c", line], capture_output=True, timeout=10, check=True)


def test_both_clouds_do_the_same() -> None:
    """What one file has learned, the other has too: the commands differ in the cloud's name and its library."""
    aws, gcp = (commands(load(name)) for name in CLOUDS)
    differing = [(one, other) for one, other in zip(aws, gcp, strict=True) if one != other]
    assert [
        one.replace("boto3", "google-api-python-client").replace("node aws", "node gcp") for one, _ in differing
    ] == [other for _, other in differing]


def test_the_images_have_the_driver_that_torch_wants() -> None:
    """The lock's CUDA 13 needs driver 580; AWS's newest image has it, Google's says so in its name."""
    locked = (ROOT / "requirements/runtime.txt").read_text()
    assert "nvidia-cublas==13." in locked or "nvidia-cuda-runtime==13." in locked
    gpu = load("gcp")["available_node_types"]["gpu"]["node_config"]
    assert gpu["disks"][0]["initializeParams"]["sourceImage"].endswith("nvidia-580")


def test_yaml_has_no_key_twice() -> None:
    """A later key would hide an earlier one without a word."""

    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader: Strict, node: yaml.MappingNode) -> dict[object, object]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        assert len(keys) == len(set(keys)), f"{node.start_mark}: {keys}"
        loader.flatten_mapping(node)
        return {loader.construct_object(k, True): loader.construct_object(v, True) for k, v in node.value}

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    for file in [*FILES.values(), *(ROOT / "config").rglob("*.yaml")]:
        list(yaml.load_all(file.read_text(), Strict))
