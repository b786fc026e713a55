"""The real application, started once for all tests here, as any user of Ray Serve starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import yaml

from tests.support.waiting import free_port, until
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


@pytest.fixture(scope="package")
def application(assets: AssetStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """``serve run config/local.yaml`` with the real weights; or the server that ``$VOICEGRAPH_E2E_URL`` names.

    Only the port and the folder of the assets differ from the file as it is.
    """
    if url := os.environ.get("VOICEGRAPH_E2E_URL"):
        yield Application(url)
        return
    for name in assets.manifest:
        assets.ensure(name)  # with its own errors, before a server wraps them
    folder = tmp_path_factory.mktemp("application")
    config: dict[str, Any] = yaml.safe_load((ROOT / "config/local.yaml").read_text())
    config["http_options"]["port"] = free_port()
    (app,) = config["applications"]
    app["args"]["assets"] = {"root": str(assets.root), "offline": True}
    (folder / "local.yaml").write_text(yaml.safe_dump(config))
    url = f"http://127.0.0.1:{config['http_options']['port']}"
    with (folder / "log.txt").open("wb") as log:
        # "local" starts a Ray of its own instead of joining one that is there.
        server = subprocess.Popen(
            [Path(sys.executable).with_name("serve"), "run", "--address", "local", folder / "local.yaml"],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
            start_new_session=True,
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # what is in the background ignores it
        )
    try:
        until(lambda: _is_ready(server, url, folder / "log.txt"), START_LIMIT_S, "serve run is ready")
        yield Application(url)
    finally:
        _stop(server)


@pytest.fixture(scope="package")
def speech_client(application: Application) -> Iterator[openai.OpenAI]:
    """The official client of the running server."""
    with openai.OpenAI(base_url=application.url + "/v1", api_key="unused", timeout=120, max_retries=0) as client:
        yield client


def _is_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    """Whether every deployment has a replica.

    Raises:
        AssertionError: The server has ended.
    """
    assert server.poll() is None, log.read_text()[-5_000:]
    try:
        replicas = httpx.get(f"{url}/health", timeout=5).json()["replicas"]
    except (httpx.HTTPError, ValueError, KeyError):
        return False
    return bool(replicas) and all(replicas.values())


def _stop(server: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does; the hard way if that takes too long, upon which Ray's processes end by themselves."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
