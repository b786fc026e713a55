"""An entry added through one ingress replica is heard at once on every replica of the text frontend, and kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.cluster.conftest import Cluster
from tests.cluster.test_http_through_ray import FRAME_BYTES, SPEECH, speech

ENTRIES = "/v1/dictionaries/own/entries"
N_REQUESTS = 24
"""So many that with two replicas of each, nobody is left out but by a chance of one in millions."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("storage")


def deploy(cluster: Cluster, folder: Path) -> None:
    args = {"assets": {"root": str(cluster.log.path.parent)}, "storage": {"root": str(folder)}}
    cluster.deploy(args=args, Ingress={"num_replicas": 2}, TextFrontend={"num_replicas": 2})


def frames_heard(cluster: Cluster) -> set[int]:
    """How long the word is on every replica that answers."""

    def say(_: int) -> int:
        answer = httpx.post(cluster.url + SPEECH, json=speech("word"), timeout=60)
        return len(answer.content) // FRAME_BYTES if answer.status_code == 200 else -answer.status_code

    with ThreadPoolExecutor(8) as pool:
        return set(pool.map(say, range(N_REQUESTS)))


def test_heard_at_once_on_every_replica_and_after_a_restart(cluster: Cluster, folder: Path) -> None:
    deploy(cluster, folder)
    added = httpx.post(cluster.url + ENTRIES, json={"surface": "word", "pronunciation": "40"}, timeout=60)
    assert added.status_code == 201, added.text
    assert frames_heard(cluster) == {40}
    for frames in (20, 30):
        changed = httpx.put(
            cluster.url + added.headers["location"], json={"surface": "word", "pronunciation": str(frames)}, timeout=60
        )
        assert changed.status_code == 200
        assert frames_heard(cluster) == {frames}
    cluster.deploy(args={"assets": {"root": str(cluster.log.path.parent)}})  # new replicas, elsewhere
    deploy(cluster, folder)
    assert httpx.get(cluster.url + ENTRIES, timeout=60).json()["total"] == 1
    assert frames_heard(cluster) == {30}
