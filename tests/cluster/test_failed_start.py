"""What an operator sees when the application cannot start."""

from __future__ import annotations

from pathlib import Path

import requests
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


def test_wrong_settings_are_named(cluster: Cluster) -> None:
    wrong = {"vocoder": {"engin": "fp32"}, "synthesis": {"segments_in_flight": "many"}}
    cluster.deploy(import_path=REAL, args=wrong, wait=False)
    message = reason(cluster)
    assert "vocoder.engin" in message
    assert "synthesis.segments_in_flight" in message


def test_a_missing_asset_fails_the_replica_and_says_which_and_where(cluster: Cluster, tmp_path: Path) -> None:
    def reasons() -> list[str]:
        status = cluster.status()
        deployments = status.deployments.values() if status else ()
        return [deployment.message for deployment in deployments if "AssetError" in deployment.message]

    cluster.deploy(import_path=REAL, args={"assets": {"root": str(tmp_path), "offline": True}}, wait=False)
    (message, *_) = until(reasons, START_LIMIT_S, "a replica has failed")  # Ray tries twice again
    assert "voices-v1.0" in message or "kokoro-82m-v1.0" in message or "ecapa-tdnn-voxceleb" in message
    assert str(tmp_path) in message


def test_a_good_configuration_recovers(cluster: Cluster) -> None:
    cluster.deploy()
    answer = requests.post(
        f"{cluster.url}/v1/audio/speech",
        json={"model": "tts-1", "input": "20", "voice": "af_test", "response_format": "pcm"},
        timeout=START_LIMIT_S,
    )
    assert answer.status_code == 200, answer.text
    assert len(answer.content) == 20 * 1200
