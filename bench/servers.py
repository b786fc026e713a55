"""Servers that a bench starts, waits for and stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
_START_S = 240
_STOP_S = 60
_POLL_S = 0.5
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "RAY_TMPDIR", "VOICEGRAPH_HOME")


@dataclass(frozen=True, slots=True)
class Server:
    """How a server is started.

    Attributes:
        name: For people.
        command: Starts it, in the foreground.
        variables: Of its environment, besides the usual ones.
        folder: Where it is started.
        workers: Processes that must be ready, each telling its number on ``/health``; 0 where the server itself knows.
    """

    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    folder: Path = ROOT
    workers: int = 0


def voicegraph(config: Path, port: int, *options: str) -> Server:
    """Voicegraph of this folder, not one that may be installed."""
    program = (sys.executable, "-c", "from serve_app.cli import main; main()")
    command = (*program, "serve", "--config", str(config), "--port", str(port), *options)
    return Server("voicegraph", command, {"PYTHONPATH": str(ROOT)})


@contextmanager
def running(server: Server, port: int, log: Path) -> Iterator[str]:
    """The server, ready; yields its address, and in the end stops all that it started."""
    variables = {name: os.environ[name] for name in _KEPT if name in os.environ} | dict(server.variables)
    signal.signal(signal.SIGTERM, _end)
    with log.open("wb") as file:
        process = subprocess.Popen(
            server.command,
            cwd=server.folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(server, url, process, log)
        yield url
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(_STOP_S)


def _end(number: int, frame: FrameType | None) -> None:
    """Ends this process as an error does, so that its servers are stopped."""
    sys.exit(128 + number)


def _wait_until_ready(server: Server, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    ready: set[object] = set()
    while True:
        with suppress(urllib.error.URLError, OSError, ValueError):
            with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
                ready.add(json.load(answer) if server.workers else True)
            if len(ready) >= max(1, server.workers):
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"{server.name} does not start; the end of {log}:\n{log.read_text()[-3000:]}")
        time.sleep(_POLL_S)


def dashboard_headers() -> dict[str, str]:
    """What Ray's dashboard wants to see, on machines where Ray has made a token for it."""
    token = Path("~/.ray/auth_token").expanduser()
    return {"Authorization": f"Bearer {token.read_text().strip()}"} if token.is_file() else {}
