"""One Ray for all tests here, without a dashboard, and a way to deploy ``config/local.yaml`` to it with changes."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
import yaml
from ray import serve
from ray.serve.schema import ApplicationStatus, ApplicationStatusOverview, ServeDeploySchema

from deployments.settings import SynthesisSettings
from serve_app import proxy
from serve_app.graph import RaySpeechGraph
from tests.cluster.doubles import Log
from tests.support.waiting import free_port, until

ROOT = Path(__file__).resolve().parents[2]
APP = "voicegraph"
START_LIMIT_S = 180.0


class Cluster:
    """A Ray with Serve on it.

    Attributes:
        url: Where its HTTP proxy listens.
    """

    def __init__(self, log: Log, port: int) -> None:
        self.log = log
        self.url = f"http://127.0.0.1:{port}"
        self._port = port

    def deploy(
        self,
        *,
        wait: bool = True,
        import_path: str = "tests.cluster.doubles:build",
        args: dict[str, Any] | None = None,
        code: Path | None = None,
        **changes: dict[str, Any],
    ) -> None:
        """Deploy ``config/local.yaml``, over doubles unless told otherwise.

        Args:
            wait: Until it runs.
            import_path: Builds the application.
            args: Settings, instead of those that doubles need.
            code: Where replicas import from, instead of this checkout.
            changes: For a deployment's name, options that replace those of the YAML.
        """
        config = yaml.safe_load((ROOT / "config/local.yaml").read_text())
        config["http_options"] = {"host": "127.0.0.1", "port": self._port}
        (app,) = config["applications"]
        app["import_path"] = import_path
        app["args"] = args or {"assets": {"root": str(self.log.path.parent)}}
        if code:
            app["runtime_env"] = {"env_vars": {"PYTHONPATH": str(code)}}
        for deployment in app["deployments"]:
            change = changes.get(deployment["name"], {})
            if "num_replicas" in change:
                deployment.pop("autoscaling_config", None)
            deployment.update(change)
            # Doubles sleep: any number of them fits.
            deployment["ray_actor_options"] = {"num_cpus": 0.01, **change.get("ray_actor_options", {})}
        serve.context._get_global_client().deploy_apps(ServeDeploySchema.model_validate(config))
        self.log.clear()
        # The controller takes a new configuration up in its next round, until when the old one looks healthy.
        time.sleep(1)
        if wait:
            until(self._runs, START_LIMIT_S, "the application runs")

    def status(self) -> ApplicationStatusOverview | None:
        """What Serve says of the application."""
        return serve.status().applications.get(APP)

    def _runs(self) -> bool:
        status = self.status()
        assert status is None or status.status != ApplicationStatus.DEPLOY_FAILED, status
        return status is not None and status.status == ApplicationStatus.RUNNING

    def replicas(self, deployment: str, state: str = "RUNNING") -> int:
        """How many replicas of a deployment are in ``state``."""
        status = self.status()
        deployments = status.deployments if status else {}
        return deployments[deployment].replica_states.get(state, 0) if deployment in deployments else 0

    def graph(self, settings: SynthesisSettings | None = None) -> RaySpeechGraph:
        """The graph as the ingress has it, in this process."""
        names = ("TextFrontend", "SpeakerEncoder", "AcousticModel", "Vocoder")
        return RaySpeechGraph(
            *(serve.get_deployment_handle(name, APP) for name in names), settings=settings or SynthesisSettings()
        )


@pytest.fixture(scope="module", autouse=True)
def no_ray_left() -> None:
    """In the place of the check that holds elsewhere: the modules here share one Ray."""


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The one Ray of these tests: 8 logical CPUs, 1 logical GPU."""
    port = free_port()
    environment = os.environ.copy()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), environment.get("PYTHONPATH", "")])
    # As voicegraph serve does.
    os.environ["RAY_SERVE_FORCE_STOP_UNHEALTHY_REPLICAS"] = "1"
    os.environ["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"] = proxy.IMPORT_PATH
    # Ray lets workers import from where the driver began, before PYTHONPATH: no other release could be deployed.
    with contextlib.chdir(tmp_path_factory.mktemp("elsewhere")):
        ray.init(
            address="local",
            num_cpus=8,
            num_gpus=1,
            include_dashboard=False,
            object_store_memory=200 * 2**20,
            log_to_driver=False,
            configure_logging=False,
        )
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        yield Cluster(Log(tmp_path_factory.mktemp("doubles")), port)
    finally:
        serve.shutdown()
        ray.shutdown()
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]  # Ray leaves some
        os.environ.update(environment)
