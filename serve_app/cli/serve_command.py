"""``voicegraph serve``: everything from nothing to a URL that speaks."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from serve_app.cli.context import CliContext, CommandFailed, fetch_all_assets, messages, results, waiting_for
from serve_app.cli.machine import disk_problem, free_port, port_problem

if TYPE_CHECKING:
    from ray.serve.schema import ApplicationStatusOverview

    from serve_app.cli.config_file import ServeConfig

DASHBOARD_PORT = 8265
_ANSWER_TIMEOUT_S = 60.0


def serve(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", show_default="local.yaml, or serve.yaml with a GPU", help="A Ray Serve config file."
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            show_default="127.0.0.1, or what the file given with --config says",
            help="Address to listen on; 0.0.0.0 opens the server to the network.",
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, show_default="8000", help="Port of the API.")] = None,
    dashboard_port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, show_default=f"{DASHBOARD_PORT} or the next free", help="Port of Ray's dashboard."
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Longest wait for healthy deployments, seconds.")] = 900,
    drain_timeout: Annotated[
        float, typer.Option(min=0, help="Longest wait at the end for requests under way, seconds.")
    ] = 60,
    logs: Annotated[bool, typer.Option("--logs", help="Show what the replicas log.")] = False,
) -> None:
    """Start Ray, its dashboard and the application; Ctrl-C or SIGTERM stops them after requests under way."""
    options: CliContext = context.obj
    serve_config = _configure(options, config, host, port)
    dashboard = _check_machine(serve_config, dashboard_port)
    store = options.store(serve_config.settings.assets.root)
    fetch_all_assets(store)
    started = time.monotonic()
    stopping = "[dim]stopping; Ctrl-C again does not wait for requests under way"
    with waiting_for("starting Ray"):
        from serve_app.cli import ray_session as ray

    def stop() -> None:
        messages().print(stopping)
        with waiting_for("requests under way"):
            left = ray.drain(drain_timeout)
        if left:
            messages().print(f"[yellow]{left} requests were not answered within {drain_timeout:g} s")

    with ray.ray_session(dashboard, logs, stop) as session:
        ray.deploy(session, serve_config.document)
        with _DeploymentProgress() as progress:
            ray.wait_until_healthy(session, timeout, progress.show)
        ray.wait_for_answer(serve_config.url, _ANSWER_TIMEOUT_S)
        messages().print(f"[green]ready[/] after {time.monotonic() - started:.0f} s")
        _say_where(serve_config, session.dashboard_url, session.wants_token, config)
        # From here on an interrupt is how the server is meant to end.
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)


def _configure(options: CliContext, config: Path | None, host: str | None, port: int | None) -> ServeConfig:
    with waiting_for("reading the configuration"):
        from deployments.tiers import tier_for
        from serve_app.cli.config_file import DEFAULT_HOST, choose_config, read_config
        from serve_app.cli.gpu_tier import fitted, gpu_here

        choice = choose_config(config)
        # The file for GPU machines listens on every interface; nobody who just tries it asked for that.
        host = host or (DEFAULT_HOST if config is None else None)
        serve_config = read_config(choice.path, host, port, options.home, options.offline)
        gpu = gpu_here() if config is None else None
        if gpu:  # a file that was asked for is taken as it is
            _, memory_bytes, gpus = gpu
            serve_config = replace(serve_config, document=fitted(serve_config.document, memory_bytes, gpus))
    messages().print(f"config {choice.path} ({choice.reason})", soft_wrap=True)
    if gpu:
        messages().print(f"GPU of {gpu[1] / 2**30:.0f} GB: {tier_for(gpu[1]).title}", soft_wrap=True)
    return serve_config


def _check_machine(config: ServeConfig, dashboard_port: int | None) -> int | None:
    """Find out what would fail before anything is started.

    Returns:
        The port for the dashboard; ``None`` leaves it to Ray.

    Raises:
        CommandFailed: Something would.
    """
    if problem := port_problem(config.host, config.port):
        raise CommandFailed(
            f"{problem}; stop what listens there, or take another: voicegraph serve --port "
            f"{free_port(config.host, max(config.port, 1024))}"
        )
    temporary = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir())
    if problem := disk_problem(temporary):
        raise CommandFailed(f"{problem}; free some, or set RAY_TMPDIR to a folder on another disk")
    if config.port == (dashboard_port or DASHBOARD_PORT):
        dashboard_port = free_port("127.0.0.1", config.port)
    elif dashboard_port and (problem := port_problem("127.0.0.1", dashboard_port)):
        raise CommandFailed(f"{problem}; take another --dashboard-port, or none: Ray then looks for one")
    return dashboard_port


class _DeploymentProgress:
    """A line for each deployment: what it is doing, and for how long."""

    def __init__(self) -> None:
        columns = (
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:16}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[state]}"),
        )
        self._live = messages().is_terminal
        self._bars = Progress(*columns, console=messages())
        self._tasks: dict[str, TaskID] = {}
        self._states: dict[str, str] = {}

    def __enter__(self) -> _DeploymentProgress:
        if self._live:
            self._bars.start()
        self._show("application", "starting", done=False)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live:
            self._bars.stop()

    def show(self, application: ApplicationStatusOverview) -> None:
        """Take the news."""
        if application.deployments:
            self._show("application", "started", done=True)
        for name, deployment in application.deployments.items():
            if deployment.status == "HEALTHY":
                self._show(name, "healthy", done=True)
            else:
                message = deployment.message.strip() or "starting"
                self._show(name, message.splitlines()[0], done=False)

    def _show(self, name: str, state: str, *, done: bool) -> None:
        if self._states.get(name) == state:
            return
        self._states[name] = state
        if not self._live:
            messages().print(f"{name}: {state}", soft_wrap=True)
            return
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=1, state="")
        self._bars.update(self._tasks[name], completed=int(done), state=state)


def _say_where(serve_config: ServeConfig, dashboard_url: str, wants_token: bool, config: Path | None) -> None:
    url = serve_config.url
    results().print(f"page       {serve_config.page_url}", soft_wrap=True)
    results().print(f"API        {url}/v1", soft_wrap=True)
    results().print(f"docs       {url}/docs", soft_wrap=True)
    token = "  (its token: ray get-auth-token)" if wants_token else ""
    results().print(f"dashboard  {dashboard_url}{token}", soft_wrap=True)
    key = ""
    if serve_config.needs_keys:
        key = " -H 'Authorization: Bearer KEY'"
        option = f" --config {config}" if config else ""
        results().print(f"keys       needed; make one: voicegraph keys create NAME{option}", soft_wrap=True)
    body = '{"model": "tts-1", "voice": "af_heart", "input": "Hello from four stages."}'
    results().print(
        f"try        curl {url}/v1/audio/speech -H 'Content-Type: application/json'{key} -d '{body}' -o hello.mp3",
        soft_wrap=True,
        markup=False,
    )
