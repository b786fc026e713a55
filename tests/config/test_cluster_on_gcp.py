"""``config/cluster.gcp.yaml`` through Ray's own code and Google's own client, to a Google that is simulated here."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import httplib2
import pytest
from ray.autoscaler._private.gcp.node_provider import GCPNodeProvider
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.autoscaler.tags import TAG_RAY_NODE_KIND, TAG_RAY_NODE_NAME, TAG_RAY_USER_NODE_TYPE

from tests.config.clusters import load

PROJECT = "my-project"
ACCOUNT = f"ray-autoscaler-sa-v1@{PROJECT}.iam.gserviceaccount.com"


class Google:
    """Answers as Google's APIs do to what Ray asks, and keeps the machines that were asked for."""

    def __init__(self) -> None:
        self.machines: dict[str, dict[str, Any]] = {}
        self.roles: list[str] = []
        self.ssh_keys = 0
        self._account = {
            "email": ACCOUNT,
            "projectId": PROJECT,
            "name": f"projects/{PROJECT}/serviceAccounts/{ACCOUNT}",
        }

    def request(self, uri: str, method: str = "GET", body: Any = None, **_: Any) -> tuple[httplib2.Response, bytes]:
        """In the place of ``httplib2.Http.request``."""
        status, answer = self._answer(method, uri.partition("?")[0], json.loads(body) if body else {})
        return httplib2.Response({"status": status, "content-type": "application/json"}), json.dumps(answer).encode()

    def _answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        done = {"name": "operation", "status": "DONE"}
        if "cloudresourcemanager" in path:
            if path.endswith(":setIamPolicy"):
                self.roles = [each["role"] for each in body["policy"]["bindings"]]
            return 200, {"bindings": [], "projectId": PROJECT, "lifecycleState": "ACTIVE"}
        if re.search(r"/serviceAccounts(/|$)", path):
            return (200, self._account) if method == "POST" else (404, {})
        if path.endswith(f"/projects/{PROJECT}"):
            return 200, {"name": PROJECT, "commonInstanceMetadata": {"fingerprint": "1", "items": []}}
        if path.endswith("/setCommonInstanceMetadata"):
            self.ssh_keys += 1
        elif path.endswith("/zones/us-central1-a/instances"):
            self.machines[body["name"]] = body
        else:
            assert "/operations/" in path, f"{method} {path}"
        return 200, done


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Google:
    google = Google()
    monkeypatch.setattr(httplib2.Http, "request", lambda _, uri, *args, **more: google.request(uri, *args, **more))
    monkeypatch.setenv("HOME", str(tmp_path))
    return google


def test_from_a_bare_project_to_machines(google: Google) -> None:
    config = load("gcp")
    config["provider"]["gcp_credentials"] = {"type": "credentials_token", "credentials": "token"}
    config = prepare_config(config)
    validate_config(config)
    config = GCPNodeProvider.bootstrap_config(GCPNodeProvider.fillout_available_node_types_resources(config))
    assert "roles/compute.admin" in google.roles
    assert google.ssh_keys == 1
    assert config["head_node"]["serviceAccounts"][0]["email"] == ACCOUNT

    provider = GCPNodeProvider(config["provider"], config["cluster_name"])
    made = {}
    for name, node_type in config["available_node_types"].items():
        kind = "head" if name == "head" else "worker"
        tags = {TAG_RAY_NODE_KIND: kind, TAG_RAY_USER_NODE_TYPE: name, TAG_RAY_NODE_NAME: f"ray-{kind}"}
        (node,) = provider.create_node(node_type["node_config"], tags, 1)
        made[name] = google.machines[node]

    compute = json.loads((files("googleapiclient") / "discovery_cache/documents/compute.v1.json").read_text())
    for name, machine in made.items():
        assert unknown_keys(machine, compute["schemas"]["Instance"], compute["schemas"]) == [], name
        assert machine["tags"]["items"] == ["voicegraph"]  # whom the firewall's rules are for
        assert "/networks/default" not in json.dumps(machine["networkInterfaces"])
        assert "voicegraph" in machine["networkInterfaces"][0]["subnetwork"]
    assert made["head"]["machineType"] == "zones/us-central1-a/machineTypes/n2-standard-4"
    assert made["gpu_spot"]["scheduling"]["provisioningModel"] == "SPOT"
    assert "provisioningModel" not in made["gpu"]["scheduling"]
    for name in ("gpu", "gpu_spot"):
        assert made[name]["machineType"].endswith("/g2-standard-8")
        assert made[name]["scheduling"]["onHostMaintenance"] == "TERMINATE"  # machines with GPUs cannot be moved


def test_unknown_keys_are_found(google: Google) -> None:
    compute = json.loads((files("googleapiclient") / "discovery_cache/documents/compute.v1.json").read_text())
    machine = {"scheduling": {"provisionModel": "SPOT"}, "disks": [{"boots": True}], "labels": {"any": "thing"}}
    found = unknown_keys(machine, compute["schemas"]["Instance"], compute["schemas"])
    assert found == ["scheduling.provisionModel", "disks.boots"]


def unknown_keys(value: Any, schema: dict[str, Any], schemas: dict[str, Any], at: str = "") -> list[str]:
    """Keys of a request that Google's own description of its API does not have."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    if isinstance(value, list):
        return [key for each in value for key in unknown_keys(each, schema["items"], schemas, at)]
    if not isinstance(value, dict) or "additionalProperties" in schema:
        return []
    found = []
    for key, inner in value.items():
        place = f"{at}.{key}".lstrip(".")
        known = schema["properties"].get(key)
        found += unknown_keys(inner, known, schemas, place) if known else [place]
    return found
