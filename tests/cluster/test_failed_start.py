"""What an operator sees when the application cannot start."""

from __future__ import annotations

from pathlib import Path

import pytest
from ray.serve.schema import ApplicationStatus

from tests.cluster.conftest import START_LIMIT_S, Cluster
from tests.support.waiting import until

REAL = "serve_app.builder:build"


def reason(cluster: Cluster) -> str:
    """Everything Serve says of the application that failed, once it did."""

    def failed() -> str:
        status = cluster.status()
        if status is None or status.status != ApplicationStatus.DEPLOY_FAILED:
            return ""
        return "\n".join([status.message, *(deployment.message for deployment in status.deployments.values())])

    message: str = until(failed, START_LIMIT_S, "the application has failed")
    return message


@pytest.mark.parametrize("args", [{"vocoder": {"engin": "fp32"}}, {"synthesis": {"segments_in_flight": "many"}}])
def test_a_wrong_setting_is_named(cluster: Cluster, args: dict[str, dict[str, str]]) -> None:
    cluster.deploy(import_path=REAL, args=args, wait=False)
    (stage,) = args
    (key,) = args[stage]
    assert f"{stage}.{key}" in reason(cluster)


def test_a_missing_asset_fails_the_replica_and_says_which_and_where(cluster: Cluster, tmp_path: Path) -> None:
    cluster.deploy(import_path=REAL, args={"assets": {"root": str(tmp_path), "offline": True}}, wait=False)
    message = reason(cluster)
    assert "voices-v1.0" in message or "kokoro-82m-v1.0" in message or "ecapa-tdnn-voxceleb" in message
    assert "AssetError" in message
    assert str(tmp_path) in message


def test_a_good_configuration_recovers(cluster: Cluster) -> None:
    cluster.deploy()
    assert cluster.replicas("Vocoder") == 1
