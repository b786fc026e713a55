"""``voicegraph serve``: what it refuses before it starts anything, and a real start and stop."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import requests

from tests.cli.conftest import Voicegraph
from tests.support.waiting import free_port
from tts_models.assets import MANIFEST, AssetStore

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT_S = 280.0
STOP_LIMIT_S = 90.0


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_port_in_use(voicegraph: Voicegraph, busy_port: int) -> None:
    error = voicegraph("serve", "--port", busy_port).error
    assert error.startswith(f"port {busy_port} on 127.0.0.1 is in use")
    proposed = int(error.rsplit("--port ", 1)[1])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", proposed))


def test_dashboard_port_in_use(voicegraph: Voicegraph, busy_port: int) -> None:
    error = voicegraph("serve", "--port", free_port(), "--dashboard-port", busy_port).error
    assert f"port {busy_port} on 127.0.0.1 is in use" in error
    assert "--dashboard-port" in error


def test_address_of_another_machine(voicegraph: Voicegraph) -> None:
    assert "cannot listen on 192.0.2.1" in voicegraph("serve", "--host", "192.0.2.1").error


def test_full_disk(voicegraph: Voicegraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("serve_app.cli.machine.shutil.disk_usage", lambda path: usage._replace(free=1_000_000))
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    error = voicegraph("serve", "--port", free_port()).error
    assert error.startswith(f"the disk of {tmp_path} is full: 1 MB are free")
    assert "RAY_TMPDIR" in error


def test_no_assets_and_no_network(voicegraph: Voicegraph, tmp_path: Path) -> None:
    error = voicegraph("--home", tmp_path, "--offline", "serve", "--port", free_port()).error
    assert "asset kokoro-82m-v1.0 could not be fetched. offline" in error


# With a real Ray


class Server:
    """A ``voicegraph serve`` in a session of its own, as a terminal gives it one."""

    def __init__(self, folder: Path, home: Path, *arguments: object) -> None:
        self.port = free_port()
        self._out, self._err = folder / "out", folder / "err"
        command = [sys.executable, "-c", "from serve_app.cli import main; main()"]
        command += ["--home", str(home), "serve", "--port", str(self.port), *map(str, arguments)]
        with self._out.open("w") as out, self._err.open("w") as err:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def wait_for(self, condition: Callable[[], bool], limit_s: float = START_LIMIT_S) -> None:
        deadline = time.monotonic() + limit_s
        while not condition():
            assert self._process.poll() is None, f"ended with {self._process.returncode}: {self.err}"
            assert time.monotonic() < deadline, f"not within {limit_s} s: {self.out} {self.err}"
            time.sleep(0.1)

    def signal(self, number: signal.Signals) -> None:
        """To every process of the session, as Ctrl-C in a terminal does, or to the command alone."""
        if number is signal.SIGINT:
            os.killpg(self._process.pid, number)
        else:
            self._process.send_signal(number)

    def wait(self, limit_s: float) -> int:
        return self._process.wait(limit_s)

    def left(self, limit_s: float = 30.0) -> list[str]:
        """Command lines of the processes that do not go away once the command has ended.

        Ray's dashboard has a fork server that ends when it sees its pipe closed, a moment after its parent.
        """
        deadline = time.monotonic() + limit_s
        while (alive := self._alive()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return alive

    def _alive(self) -> list[str]:
        alive = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _, _, session, *_ = stat.read_text().rpartition(")")[2].split()
                if int(session) == self._process.pid and state != "Z":
                    alive.append(stat.with_name("cmdline").read_text().replace("\0", " "))
            except (FileNotFoundError, ProcessLookupError):
                continue
        return alive

    def kill(self) -> None:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(stat.read_text().rpartition(")")[2].split()[3]) == self._process.pid:
                    os.kill(int(stat.parent.name), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                continue
        self._process.wait(10)


@pytest.fixture
def start(tmp_path: Path, assets: AssetStore) -> Iterator[Callable[..., Server]]:
    for name in MANIFEST:
        assets.ensure(name)
    servers: list[Server] = []

    def start(*arguments: object) -> Server:
        servers.append(Server(tmp_path, assets.root, *arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


LONG = "This is a sentence of a text that takes a while to say. " * 16


def assert_alike(pcm: bytes, other: bytes) -> None:
    """Equal but for rounding, which depends on what shared a batch of the acoustic model (44 dB)."""
    one, two = (np.frombuffer(each, "<i2").astype(np.float64) for each in (pcm, other))
    assert len(one) == len(two)
    assert np.mean((one - two) ** 2) < 1e-3 * np.mean(two**2)


def toy(folder: Path, name: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(f"applications:\n  - name: toy\n    import_path: tests.cli.toy_app:{name}\n")
    return path


@pytest.mark.timeout(600)
def test_from_nothing_to_speech_and_back(start: Callable[..., Server], voicegraph: Voicegraph, tmp_path: Path) -> None:
    server = start()
    server.wait_for(lambda: "curl" in server.out)
    url = f"http://127.0.0.1:{server.port}"
    printed = dict(line.split(maxsplit=1) for line in server.out.splitlines())
    assert printed["API"] == f"{url}/v1"
    assert "voicegraph" in requests.get(printed["docs"], timeout=30).text.lower()
    assert requests.get(printed["dashboard"].split()[0], timeout=30).ok
    for stage in ("TextFrontend", "SpeakerEncoder", "AcousticModel", "Vocoder", "Ingress"):
        assert f"{stage}: healthy" in server.err

    assert printed["try"].startswith(f"curl {url}/v1/audio/speech")
    if shutil.which("curl"):
        subprocess.run(printed["try"], shell=True, check=True, cwd=tmp_path, timeout=120, capture_output=True)
        assert (tmp_path / "hello.mp3").stat().st_size > 5_000
    assert voicegraph("say", "Hello.", "--url", url, "-o", tmp_path / "hello.wav").code == 0
    assert (tmp_path / "hello.wav").stat().st_size > 20_000
    assert "is in use" in voicegraph("serve", "--port", server.port).error

    # What has begun is said to its end, and nothing new begins.
    body = {"model": "tts-1", "voice": "af_heart", "input": LONG, "response_format": "pcm"}
    whole = requests.post(f"{url}/v1/audio/speech", json=body | {"stream": False}, timeout=120).content
    with requests.post(f"{url}/v1/audio/speech", json=body, stream=True, timeout=120) as speaking:
        chunks = speaking.iter_content(4096)
        heard = next(chunks)
        server.signal(signal.SIGINT)
        late = body | {"input": "Hi."}
        server.wait_for(lambda: requests.post(f"{url}/v1/audio/speech", json=late, timeout=60).status_code == 503)
        assert_alike(heard + b"".join(chunks), whole)
    assert server.wait(STOP_LIMIT_S) == 0, server.err
    assert server.left() == []
    assert "Traceback" not in server.err
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"{url}/health", timeout=5)


def test_terminated_while_starting(start: Callable[..., Server], tmp_path: Path) -> None:
    server = start("--config", toy(tmp_path, "sleeping"))
    server.wait_for(lambda: "Sleeping: " in server.err)
    server.signal(signal.SIGTERM)
    server.wait(STOP_LIMIT_S)
    assert server.left() == []
    assert "Traceback" not in server.err


def test_deployment_that_does_not_start(start: Callable[..., Server], tmp_path: Path) -> None:
    server = start("--config", toy(tmp_path, "failing"))
    assert server.wait(START_LIMIT_S) == 1
    (error,) = [line for line in server.err.splitlines() if line.startswith("error: ")]
    assert error.startswith("error: Failing does not start: asset toy could not be fetched. Put toy.bin by hand")
    assert "Traceback" not in server.err
    assert server.left() == []
