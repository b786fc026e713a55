"""``config/kuberay`` against KubeRay's published schema, Ray's own autoscaler, and ``config/serve.yaml``."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.serve.schema import ServeDeploySchema

from deployments.settings import AppSettings
from scripts import kuberay
from serve_app import proxy
from tests.config.clusters import ROOT, longest_drain_s, slowest_downscale_delay_s
from tests.support.assets import KUBERAY, beside
from tts_models.assets import AssetStore
from tts_models.errors import AssetError

FOLDER = ROOT / "config/kuberay"
CRD_VARIABLE = "VOICEGRAPH_KUBERAY_CRD"


@cache
def documents() -> dict[str, dict[str, Any]]:
    """What the folder's files say, by kind/name."""
    found = [each for file in sorted(FOLDER.glob("*.yaml")) for each in yaml.safe_load_all(file.read_text())]
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in found}


@pytest.fixture
def spec() -> dict[str, Any]:
    return documents()["RayService/voicegraph"]["spec"]


def pods(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The pods of head and workers."""
    cluster = spec["rayClusterConfig"]
    workers = {group["groupName"]: group["template"]["spec"] for group in cluster["workerGroupSpecs"]}
    return {"head": cluster["headGroupSpec"]["template"]["spec"], **workers}


def test_the_published_schema_accepts_it(assets: AssetStore) -> None:
    """And every key is in it: Kubernetes would drop others without a word."""
    crd = yaml.load(published_crd(assets).read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    (schema,) = (version["schema"]["openAPIV3Schema"] for version in crd["spec"]["versions"] if version["name"] == "v1")
    closed = only_known_keys(schema)
    service = documents()["RayService/voicegraph"]
    problems = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in jsonschema.Draft7Validator(closed).iter_errors(service)
    ]
    assert problems == []
    service = {**service, "spec": {**service["spec"], "upgradeStrategi": {}}}
    assert list(jsonschema.Draft7Validator(closed).iter_errors(service))


def published_crd(assets: AssetStore) -> Path:
    """The one that ``$VOICEGRAPH_KUBERAY_CRD`` names, else the one that KubeRay publishes on GitHub."""
    if named := os.environ.get(CRD_VARIABLE):
        return Path(named)
    try:
        return beside(assets).ensure(KUBERAY.name)
    except AssetError as error:
        pytest.skip(f"KubeRay's schema cannot be fetched; name ray.io_rayservices.yaml in ${CRD_VARIABLE} ({error})")


def only_known_keys(schema: Any) -> Any:
    """A Kubernetes schema as JSON schema, where objects take the keys that are listed and no others."""
    if isinstance(schema, list):
        return [only_known_keys(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    made = {key: only_known_keys(value) for key, value in schema.items() if not key.startswith("x-kubernetes")}
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not open_ended:
        made["additionalProperties"] = False
    return made


def test_rays_autoscaler_reads_it(spec: dict[str, Any]) -> None:
    cluster = {"metadata": {"name": "voicegraph", "namespace": "default"}, "spec": spec["rayClusterConfig"]}
    config = _derive_autoscaling_config_from_ray_cr(cluster)
    types = config["available_node_types"]
    shape = {
        name: (each["resources"]["CPU"], each["resources"].get("GPU", 0), each.get("priority", 0))
        for name, each in types.items()
    }
    assert shape == {"headgroup": (0, 0, 0), "cpu": (8, 0, 0), "gpu-spot": (6, 1, 2), "gpu": (6, 1, 1)}
    assert config["idle_timeout_minutes"] * 60 > slowest_downscale_delay_s()
    assert types["gpu"]["min_workers"] == 0


def test_it_serves_what_serve_yaml_says(spec: dict[str, Any]) -> None:
    """Changed? ``python -m scripts.kuberay`` writes it anew."""
    assert kuberay.ray_service() == kuberay.RAY_SERVICE.read_text()
    config = yaml.safe_load(spec["serveConfigV2"])
    ServeDeploySchema.model_validate(config)
    settings = AppSettings.model_validate(config["applications"][0]["args"])
    assert settings.assets.offline
    services = [name.partition("/")[2] for name in documents() if name.startswith("Service/")]
    assert settings.storage.records == f"redis://{services[0]}:6379/1"
    assert spec["rayClusterConfig"]["gcsFaultToleranceOptions"]["redisAddress"] == f"{services[0]}:6379"


def test_streams_end_before_their_pod_does(spec: dict[str, Any]) -> None:
    drain_s = longest_drain_s()
    for name, pod in pods(spec).items():
        if name != "head":
            (container,) = pod["containers"]
            (*_, command) = container["lifecycle"]["preStop"]["exec"]["command"]
            within_s = int(command.partition("--within ")[2].partition(";")[0])
            assert drain_s <= within_s < pod["terminationGracePeriodSeconds"]
    assert spec["rayClusterDeletionDelaySeconds"] > drain_s


def test_every_pod_has_probes_and_what_rays_proxies_need(spec: dict[str, Any]) -> None:
    for pod in pods(spec).values():
        (container,) = pod["containers"]
        variables = {each["name"]: each["value"] for each in container["env"]}
        assert variables["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"] == proxy.IMPORT_PATH
        assert variables["RAY_SERVE_FORCE_STOP_UNHEALTHY_REPLICAS"] == "1"
        assert variables["RAY_health_check_failure_threshold"] == "3"
        assert variables["RAY_grpc_client_keepalive_timeout_ms"] == "10000"
        assert {"readinessProbe", "livenessProbe"} <= container.keys()
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["restartPolicy"] == "Never"  # as KubeRay asks with the autoscaler v2
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        assert ports["serve"] == yaml.safe_load(spec["serveConfigV2"])["http_options"]["port"]


def test_gpu_pods_have_gpus_and_go_where_spot_machines_are(spec: dict[str, Any]) -> None:
    limits = {name: pod["containers"][0]["resources"]["limits"] for name, pod in pods(spec).items()}
    assert {name for name, each in limits.items() if "nvidia.com/gpu" in each} == {"gpu", "gpu-spot"}
    assert pods(spec)["gpu-spot"]["nodeSelector"]
    assert not pods(spec)["gpu"]["nodeSelector"]


def test_the_upgrade_is_one_that_kuberay_takes(spec: dict[str, Any]) -> None:
    """What its operator checks besides the schema."""
    assert spec["upgradeStrategy"]["type"] == "NewClusterWithIncrementalUpgrade"
    options = spec["upgradeStrategy"]["clusterUpgradeOptions"]
    assert 0 < options["stepSizePercent"] <= options["maxSurgePercent"] <= 100
    assert options["intervalSeconds"] > 0
    assert options["gatewayClassName"]
    assert spec["rayClusterConfig"]["enableInTreeAutoscaling"]
    locked = (ROOT / "requirements/runtime.txt").read_text()
    assert f"ray[serve]=={spec['rayClusterConfig']['rayVersion']}" in locked.replace("ray==", "ray[serve]==")


def test_only_ray_reaches_redis() -> None:
    policy = documents()["NetworkPolicy/voicegraph-redis"]["spec"]
    redis = documents()["StatefulSet/voicegraph-redis"]["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"] == redis
    assert documents()["Service/voicegraph-redis"]["spec"]["selector"] == redis
    sources = [each["podSelector"]["matchLabels"] for rule in policy["ingress"] for each in rule["from"]]
    assert {"ray.io/is-ray-node": "yes"} in sources
