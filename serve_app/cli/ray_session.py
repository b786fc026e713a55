"""A Ray of our own with one Serve application, from start to stop."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

import ray
import requests
from ray import serve
from ray.dashboard.modules.serve.sdk import ServeSubmissionClient
from ray.serve.schema import ApplicationStatusOverview

from serve_app import proxy
from serve_app.cli.context import CommandFailed

_POLL_S = 0.5
_ANSWER_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class RaySession:
    """A running Ray.

    Attributes:
        dashboard_url: Address of its dashboard, which also takes Serve's configs.
        logs: Folder of its logs.
        wants_token: Whether the dashboard asks for the token that ``ray get-auth-token`` prints.
    """

    dashboard_url: str
    logs: str
    wants_token: bool


@contextlib.contextmanager
def ray_session(dashboard_port: int | None, show_logs: bool, on_stop: Callable[[], None]) -> Iterator[RaySession]:
    """Start a Ray on this machine, and stop it and all that runs in it at the end, whatever the end is.

    It never joins a Ray that is already there, and stops no other one. SIGTERM ends the block as Ctrl-C does, with
    ``KeyboardInterrupt``; either of them during the stop cuts it short.

    Args:
        dashboard_port: Port for the dashboard, on the loopback interface; ``None`` is 8265 or the next free one.
        show_logs: Whether the output of the replicas is shown.
        on_stop: Called when stopping begins.
    """
    # A server of one's own does not report to a third party unless asked to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # A replica that hangs is killed at once: its graceful shutdown time is time in which its callers wait.
    os.environ.setdefault("RAY_SERVE_FORCE_STOP_UNHEALTHY_REPLICAS", "1")
    # A request whose ingress replica dies before it answers goes to another one.
    os.environ.setdefault("RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH", proxy.IMPORT_PATH)
    # Ray's default is 15: every other program on the machine, the caller's too, would go before speech.
    os.environ.setdefault("RAY_worker_niceness", "0")
    # Ray's controller looks at everything ten times a second, for 6 % of a core; on one machine twice will do.
    os.environ.setdefault("RAY_SERVE_CONTROL_LOOP_INTERVAL_S", "0.5")
    # What replicas log is in files. Ray would read a second copy of every line, to throw it away unless it is shown.
    os.environ.setdefault("RAY_SERVE_LOG_TO_STDERR", str(int(show_logs)))
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    try:
        context = _start_ray(dashboard_port, show_logs)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
        logs = f"{context.address_info['session_dir']}/logs"
        # ray.init sets the variable: a Ray on one machine asks for a token unless told not to.
        yield RaySession(f"http://{context.dashboard_url}", logs, os.environ.get("RAY_AUTH_MODE") == "token")
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            on_stop()
            if ray.is_initialized():
                serve.shutdown()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        ray.shutdown()


def _start_ray(dashboard_port: int | None, show_logs: bool) -> Any:
    try:
        # "local": RAY_ADDRESS and a cluster that was started before are left alone.
        return ray.init(
            address="local",
            namespace="serve",
            include_dashboard=True,
            dashboard_host="127.0.0.1",
            dashboard_port=dashboard_port,
            log_to_driver=show_logs,
            logging_level=logging.CRITICAL,
        )
    except Exception as error:  # Ray raises bare ones, with the end of a log in them
        raise CommandFailed(f"Ray does not start: {_last_line(str(error))}") from error


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def deploy(session: RaySession, document: Mapping[str, Any]) -> None:
    """Give Serve a config file's content, as ``serve deploy`` does.

    Raises:
        CommandFailed: Serve refuses it.
    """
    try:
        ServeSubmissionClient(session.dashboard_url).deploy_applications(dict(document))
    except (RuntimeError, ConnectionError, requests.exceptions.RequestException) as error:
        raise CommandFailed(f"Ray Serve does not take the config: {error} (logs: {session.logs})") from error


def drain(limit_s: float) -> int:
    """Let no new request in, and wait for those under way.

    Args:
        limit_s: Longest wait.

    Returns:
        How many are left; 0 also where nobody knows, because the application never came so far or is not ours.
    """
    left = 0
    deadline = time.monotonic() + limit_s
    with contextlib.suppress(Exception):
        (name,) = (name for name, app in serve.status().applications.items() if "Admission" in app.deployments)
        desk = serve.get_deployment_handle("Admission", name).options(method_name="drain")
        while time.monotonic() < deadline:
            left = desk.remote().result(timeout_s=_ANSWER_LIMIT_S)
            if not left:
                break
            time.sleep(_POLL_S)
    return left


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
    # An error of ours is written for the user; its class adds nothing.
    return re.sub(r"^tts_models\.errors\.\w+: ", "", lines[-1]) if lines else "no reason given"
