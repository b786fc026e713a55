"""``serve run config/local.yaml`` as any Ray Serve user does it, with the real weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import yaml

from deployments.assets import ECAPA, KOKORO, VOICES
from tests.cluster.conftest import ROOT, free_port, until
from tts_models.assets import AssetStore
from tts_models.types import SAMPLE_RATE_HZ

START_LIMIT_S = 240


@pytest.fixture(scope="module")
def url(assets: AssetStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's address. Only the port and the asset folder differ from the file as it is."""
    for name in (KOKORO, ECAPA, VOICES):
        assets.ensure(name)
    folder = tmp_path_factory.mktemp("serve-run")
    config: dict[str, Any] = yaml.safe_load((ROOT / "config/local.yaml").read_text())
    config["http_options"]["port"] = free_port()
    (app,) = config["applications"]
    app["args"]["assets"] = {"root": str(assets.root), "offline": True}
    (folder / "local.yaml").write_text(yaml.safe_dump(config))
    address = f"http://127.0.0.1:{config['http_options']['port']}"
    with (folder / "log.txt").open("w") as log:
        # "local" starts a Ray of its own instead of joining one that is there.
        server = subprocess.Popen(
            [Path(sys.executable).with_name("serve"), "run", "--address", "local", folder / "local.yaml"],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
            start_new_session=True,
        )
        try:
            until(lambda: is_ready(server, address, folder / "log.txt"), START_LIMIT_S, "serve run is ready")
            yield address
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)


def is_ready(server: subprocess.Popen[bytes], address: str, log: Path) -> bool:
    assert server.poll() is None, log.read_text()[-5_000:]
    try:
        replicas = httpx.get(f"{address}/health", timeout=5).json()["replicas"]
    except (httpx.HTTPError, ValueError, KeyError):
        return False
    return len(replicas) == 5 and all(replicas.values())


def say(url: str, text: str, **fields: Any) -> np.ndarray[Any, Any]:
    body = {"model": "kokoro-82m", "voice": "af_heart", "input": text, "response_format": "pcm", **fields}
    response = httpx.post(f"{url}/v1/audio/speech", json=body, timeout=120)
    response.raise_for_status()
    return np.frombuffer(response.content, dtype="<i2") / 32768


@pytest.mark.timeout(START_LIMIT_S + 120)
def test_it_speaks(url: str) -> None:
    samples = say(url, "Hello! This is a test of the whole graph.")
    assert 1.5 < len(samples) / SAMPLE_RATE_HZ < 6
    assert 0.02 < np.sqrt(np.mean(samples**2)) < 0.5
    assert np.abs(samples).max() <= 1


def test_the_same_request_gives_the_same_bytes(url: str) -> None:
    first, second = (say(url, "Once more, with feeling. And again.", voice="bm_george") for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_pause_is_silence_of_its_length_inside_the_speech(url: str) -> None:
    samples = say(url, "One. [pause:1.5s] Two.")
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    longest_gap_s = np.diff(loud).max() / SAMPLE_RATE_HZ
    assert 1.5 <= longest_gap_s < 3
