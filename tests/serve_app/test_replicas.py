"""How many replicas run, as Ray's controller says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from serve_app import replicas
from serve_app.replicas import RunningReplicas


class Controller:
    """Answers ``serve.status()`` with what a test put into ``deployments``."""

    def __init__(self) -> None:
        self.deployments: dict[str, Any] = {}
        self.asked = 0

    def status(self) -> Any:
        self.asked += 1
        return SimpleNamespace(applications={"voicegraph": SimpleNamespace(deployments=self.deployments)})


@pytest.fixture
def controller(monkeypatch: pytest.MonkeyPatch) -> Controller:
    controller = Controller()
    monkeypatch.setattr(replicas, "serve", controller)
    return controller


def deployment(**states: int) -> Any:
    return SimpleNamespace(replica_states=states)


async def test_only_running_replicas_count(controller: Controller) -> None:
    controller.deployments = {"Vocoder": deployment(RUNNING=2, STARTING=1), "TextFrontend": deployment(STARTING=1)}
    assert await RunningReplicas("voicegraph")() == {"Vocoder": 2, "TextFrontend": 0}


async def test_the_controller_is_not_asked_by_every_caller(controller: Controller) -> None:
    running = RunningReplicas("voicegraph")
    for _ in range(20):
        await running()
    assert controller.asked == 1


async def test_a_deploy_that_could_not_be_built_hides_no_replicas(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "_MAX_AGE_S", 0.0)
    running = RunningReplicas("voicegraph")
    controller.deployments = {"Vocoder": deployment(RUNNING=1)}
    before = await running()
    controller.deployments = {}
    assert await running() == before
    controller.deployments = {"Vocoder": deployment(STARTING=1)}
    assert await running() == {"Vocoder": 0}
