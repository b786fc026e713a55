"""What Ray's controller knows of the application: how many replicas run, and what the HTTP proxies listen on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

from ray import serve

logger = logging.getLogger(__name__)

_MAX_AGE_S = 1.0


def listening_address() -> str | None:
    """The address or name that Ray Serve's HTTP proxies are bound to, whatever set it; None if Ray does not say."""
    try:
        # Serve keeps to the address it was started with, whatever a later config file says. There is no public way.
        from ray.serve.context import _get_global_client

        client = _get_global_client(raise_if_no_controller_running=False)
        host = client.http_config.host if client else None
    except Exception:
        logger.exception("Ray does not say what it listens on.")
        return None
    return str(host) if host else None


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
