"""How many replicas of each deployment run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from ray import serve

_MAX_AGE_S = 1.0


class RunningReplicas:
    """Asks Ray's controller, at most once a second however often it is called.

    Args:
        app: Name of the application.
    """

    def __init__(self, app: str) -> None:
        self._app = app
        self._lock = asyncio.Lock()
        self._asked_s = -_MAX_AGE_S
        self._running: Mapping[str, int] = {}

    async def __call__(self) -> Mapping[str, int]:
        """Running replicas by name of the deployment."""
        async with self._lock:
            if time.monotonic() - self._asked_s >= _MAX_AGE_S:
                # A deploy that could not be built leaves Ray with an empty list, while the replicas from before go on.
                self._running = await asyncio.to_thread(self._ask) or self._running
                self._asked_s = time.monotonic()
        return self._running

    def _ask(self) -> Mapping[str, int]:
        deployments = serve.status().applications[self._app].deployments
        return {
            name: sum(n for state, n in deployment.replica_states.items() if state == "RUNNING")
            for name, deployment in deployments.items()
        }
