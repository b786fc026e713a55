"""The real application, started once for all tests here, as a newcomer starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest
import requests

from tests.support.asr import SpeechRecogniser
from tests.support.assets import MOONSHINE, beside
from tts_models.assets import AssetStore

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT_S = 900  # a first start compiles the vocoder's kernels
STOP_LIMIT_S = 60


@dataclass(frozen=True)
class Application:
    """A running server.

    Attributes:
        url: Of its root, without a slash at the end.
    """

    url: str


@pytest.fixture(scope="session")
def application(assets: AssetStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """``voicegraph serve`` with the real weights, on a free port; or the server that ``$VOICEGRAPH_E2E_URL`` names."""
    if url := os.environ.get("VOICEGRAPH_E2E_URL"):
        yield Application(url)
        return
    for name in assets.manifest:
        assets.ensure(name)  # with its own errors, before a server wraps them
    port = _free_port()
    log = tmp_path_factory.mktemp("application") / "serve.log"
    command = "from serve_app.cli import main; main()"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-c", command, "serve", "--port", str(port), "--config", ROOT / "config" / "local.yaml"],
            cwd=ROOT,
            env=os.environ | {"VOICEGRAPH_HOME": str(assets.root)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_healthy(server, url, log)
        yield Application(url)
    finally:
        _stop(server)


@pytest.fixture(scope="session")
def speech_client(application: Application) -> Iterator[openai.OpenAI]:
    """The official client of the running server."""
    with openai.OpenAI(base_url=application.url + "/v1", api_key="unused", timeout=120, max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def recogniser(assets: AssetStore) -> SpeechRecogniser:
    """Understands English."""
    return SpeechRecogniser(beside(assets).ensure(MOONSHINE.name))


def _wait_until_healthy(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            pytest.fail(f"the server ended with {server.returncode}:\n{log.read_text()[-3000:]}")
        try:
            if requests.get(f"{url}/health", timeout=5).ok:
                return
        except (requests.ConnectionError, requests.Timeout):
            pass
        time.sleep(1)
    pytest.fail(f"not healthy within {START_LIMIT_S} s:\n{log.read_text()[-3000:]}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does; the hard way if that takes too long, upon which Ray's processes end by themselves."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
