"""A Ray of our own with one Serve application, from start to stop."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

import ray
import requests
from ray import serve
from ray.serve.schema import ApplicationStatusOverview

from serve_app.cli.context import CommandFailed

_POLL_S = 0.5
_REQUEST_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class RaySession:
    """A running Ray.

    Attributes:
        dashboard_url: Address of its dashboard, which also takes Serve's configs.
        logs: Folder of its logs.
    """

    dashboard_url: str
    logs: str


@contextlib.contextmanager
def ray_session(dashboard_port: int, show_logs: bool, on_stop: Callable[[], None]) -> Iterator[RaySession]:
    """Start a Ray on this machine, and stop it and all that runs in it at the end, whatever the end is.

    It never joins a Ray that is already there, and stops no other one. SIGTERM ends the block as Ctrl-C does, with
    ``KeyboardInterrupt``; either of them during the stop cuts it short.

    Args:
        dashboard_port: Free port for the dashboard, on the loopback interface.
        show_logs: Whether the output of the replicas is shown.
        on_stop: Called when stopping begins.
    """
    # A server of one's own does not report to a third party unless asked to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        # "local": RAY_ADDRESS and a cluster that was started before are left alone.
        context: Any = ray.init(
            address="local",
            namespace="serve",
            include_dashboard=True,
            dashboard_host="127.0.0.1",
            dashboard_port=dashboard_port,
            log_to_driver=show_logs,
            logging_level=logging.ERROR,
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
        yield RaySession(f"http://{context.dashboard_url}", f"{context.address_info['session_dir']}/logs")
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            on_stop()
            if ray.is_initialized():
                serve.shutdown()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        ray.shutdown()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def deploy(session: RaySession, document: Mapping[str, Any]) -> None:
    """Give Serve a config file's content, as ``serve deploy`` does.

    Raises:
        CommandFailed: Serve refuses it.
    """
    url = f"{session.dashboard_url}/api/serve/applications/"
    try:
        answer = requests.put(url, json=document, timeout=_REQUEST_TIMEOUT_S)
    except requests.exceptions.RequestException as error:
        raise CommandFailed(f"Ray's dashboard does not answer ({error}); its logs are in {session.logs}") from error
    if not answer.ok:
        raise CommandFailed(f"Ray Serve refuses the config: {answer.text[:500]}")


def wait_until_healthy(
    session: RaySession, timeout_s: float, on_status: Callable[[ApplicationStatusOverview], None]
) -> None:
    """Wait until every deployment of the application is healthy.

    Args:
        session: Where it runs.
        timeout_s: Longest wait.
        on_status: Shown every status.

    Raises:
        CommandFailed: It failed to start, with the reason, or took too long.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for application in serve.status().applications.values():
            on_status(application)
            deployments = application.deployments
            if application.status in ("DEPLOY_FAILED", "UNHEALTHY"):
                raise CommandFailed(f"{_reason(application)} (logs: {session.logs}/serve)")
            if application.status == "RUNNING" and all(each.status == "HEALTHY" for each in deployments.values()):
                return
        time.sleep(_POLL_S)
    slow = [
        f"{name} ({deployment.message or deployment.status.value})"
        for application in serve.status().applications.values()
        for name, deployment in application.deployments.items()
        if deployment.status != "HEALTHY"
    ]
    raise CommandFailed(
        f"not ready after {timeout_s:.0f} s: {', '.join(slow) or 'the application'} (logs: {session.logs}/serve); "
        "--timeout allows more"
    )


def wait_for_answer(url: str, timeout_s: float) -> None:
    """Wait until the HTTP proxy passes requests on to the application.

    Raises:
        CommandFailed: It does not within ``timeout_s``.
    """
    deadline = time.monotonic() + timeout_s
    problem = "no answer"
    while time.monotonic() < deadline:
        try:
            answer = requests.get(f"{url}/health", timeout=5)
        except requests.exceptions.RequestException as error:
            problem = str(error)
        else:
            if answer.status_code < 500:
                return
            problem = f"HTTP {answer.status_code}"
        time.sleep(_POLL_S)
    raise CommandFailed(f"every deployment is healthy, but {url} does not answer: {problem}")


def _reason(application: ApplicationStatusOverview) -> str:
    """Why an application failed: the last line of the innermost traceback, and whose it is."""
    for name, deployment in application.deployments.items():
        if deployment.status in ("DEPLOY_FAILED", "UNHEALTHY"):
            return f"{name} does not start: {_last_line(deployment.message)}"
    return f"the application does not start: {_last_line(application.message)}"


def _last_line(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
