"""A node dies while people speak, and one drains: real raylets on this machine, models that sleep.

``bench/nodes_die.py`` has the rest, on hosts of their own: cut cables, a head that dies, upgrades.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray._private.node import Node
from ray.cluster_utils import Cluster
from ray.dashboard.modules.serve.sdk import ServeSubmissionClient

from serve_app import proxy
from serve_app.drain_node import Notice, drain
from tests.cluster.conftest import APP, ROOT, START_LIMIT_S
from tests.cluster.test_faults import CALLERS, Traffic
from tests.support.waiting import free_port, until

STAGES = ("Ingress", "TextFrontend", "AcousticModel", "Vocoder")
EVERYWHERE = {"num_replicas": 2, "max_replicas_per_node": 1}
BATCHES = {"max_items": 4, "max_padded_work": 10_000, "wait_s": 0.005, "max_run_s": 60}
WORKER = {"num_cpus": 2, "object_store_memory": 100 * 2**20}


class Nodes:
    """A head without replicas and two workers."""

    def __init__(self, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        dashboard = free_port()
        head = {"num_cpus": 0, "include_dashboard": True, "dashboard_port": dashboard, "object_store_memory": 10**8}
        self.cluster = Cluster(initialize_head=True, connect=False, head_node_args=head)
        self.workers: list[Node] = [self.cluster.add_node(**WORKER) for _ in range(2)]
        self._serve = ServeSubmissionClient(f"http://127.0.0.1:{dashboard}")
        self._serve.deploy_applications(self._config(folder))
        self.wait_until_whole()

    def _config(self, folder: Path) -> dict[str, Any]:
        config: dict[str, Any] = yaml.safe_load((ROOT / "config/local.yaml").read_text())
        config["http_options"] = {"host": "127.0.0.1", "port": int(self.url.rpartition(":")[2])}
        (app,) = config["applications"]
        app |= {"import_path": "tests.cluster.doubles:build", "args": {"assets": {"root": str(folder)}}}
        for deployment in app["deployments"]:
            deployment["ray_actor_options"] = {"num_cpus": 0.1}
            if deployment["name"] in STAGES:
                deployment.pop("autoscaling_config", None)
                deployment |= EVERYWHERE
            if deployment["name"] == "Vocoder":
                deployment["user_config"] = BATCHES
        return config

    def running(self, stage: str) -> set[str]:
        """The nodes where replicas of a stage run."""
        application = self._serve.get_serve_details()["applications"].get(APP, {})
        replicas = application.get("deployments", {}).get(stage, {}).get("replicas", [])
        return {each["node_id"] for each in replicas if each["state"] == "RUNNING"}

    def wait_until_whole(self) -> None:
        """Every stage on both workers."""
        workers = {worker.node_id for worker in self.workers}
        until(lambda: all(self.running(stage) == workers for stage in STAGES), START_LIMIT_S, "every stage runs twice")


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("RAY_SERVE_FORCE_STOP_UNHEALTHY_REPLICAS", "1")
        patch.setenv("RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH", proxy.IMPORT_PATH)
        made = Nodes(tmp_path_factory.mktemp("doubles"))
        try:
            yield made
        finally:
            made.cluster.shutdown()


def test_a_node_dies_and_another_one_comes(nodes: Nodes) -> None:
    with Traffic(nodes.url, retries=0, stream_retries=2) as callers:
        nodes.cluster.remove_node(nodes.workers.pop(), allow_graceful=False)
        callers.more(2 * CALLERS)
        nodes.workers.append(nodes.cluster.add_node(**WORKER))
        nodes.wait_until_whole()
        callers.more(2 * CALLERS)
    assert callers.lost == []


def test_a_node_that_drains_loses_nothing(nodes: Nodes) -> None:
    """Not even a stream breaks off: a spot notice, and a machine in its place."""
    leaving = nodes.workers[0]
    with Traffic(nodes.url, retries=0, stream_retries=0) as callers:
        nodes.workers = [nodes.workers[1], nodes.cluster.add_node(**WORKER)]
        others = {worker.node_id for worker in nodes.workers}
        assert leaving.node_id not in others
        assert drain(nodes.cluster.address, [bytes.fromhex(leaving.node_id)], Notice(60, "a test"))
        nodes.wait_until_whole()
        nodes.cluster.remove_node(leaving, allow_graceful=False)
        callers.more(2 * CALLERS)
    assert callers.lost == []
