"""The store over real and broken sources: order, verification, conversion, locking, trouble with the disk."""

from __future__ import annotations

import errno
import hashlib
import json
import multiprocessing
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.assets.conftest import FileServer
from tts_models.assets import MANIFEST, Asset, AssetFile, AssetStore, ProgressEvent
from tts_models.assets import store as store_module
from tts_models.assets.network import Network, SourceFailed
from tts_models.assets.sources import HubFiles, Source
from tts_models.errors import AssetError

CONTENT = b"weights " * 50_000


def file_of(name: str, content: bytes) -> AssetFile:
    return AssetFile(name, len(content), hashlib.sha256(content).hexdigest())


FILE = file_of("model.onnx", CONTENT)


def shout(files: Sequence[Path], out: Path) -> None:
    """A converter: upper case."""
    out.write_bytes(b"".join(file.read_bytes() for file in files).upper())


@dataclass(frozen=True)
class Fake:
    """A source that does what ``act`` does."""

    label: str
    act: Callable[[Sequence[AssetFile], Path], None]

    def fetch(self, files: Sequence[AssetFile], into: Path, report: object, network: Network) -> None:
        self.act(files, into)


def writes(content: bytes) -> Callable[[Sequence[AssetFile], Path], None]:
    def act(files: Sequence[AssetFile], into: Path) -> None:
        for file in files:
            (into / file.name).write_bytes(content)

    return act


def fails(reason: str) -> Callable[[Sequence[AssetFile], Path], None]:
    def act(files: Sequence[AssetFile], into: Path) -> None:
        raise SourceFailed(reason)

    return act


def store_of(root: Path, *sources: Source, **changes: object) -> AssetStore:
    asset = Asset("toy", "a toy", "MIT", (FILE,), sources, "model.safetensors", shout)
    return AssetStore(root, manifest={"toy": replace(asset, **changes)})  # type: ignore[arg-type]


def test_fetched_converted_and_then_only_verified(tmp_path: Path) -> None:
    calls = []
    source = Fake("one", lambda files, into: (calls.append(1), writes(CONTENT)(files, into))[0])
    store = store_of(tmp_path, source)
    assert store.state("toy") == "absent"
    path = store.ensure("toy")
    assert path == tmp_path / "toy/model.safetensors" == store.path("toy")
    assert path.read_bytes() == CONTENT.upper()
    assert store.state("toy") == "ready"
    assert store.ensure("toy") == path
    assert calls == [1]
    assert sorted(file.name for file in (tmp_path / "toy").iterdir()) == ["model.safetensors", "model.safetensors.json"]


def test_sources_are_tried_in_turn_and_only_the_hash_decides(tmp_path: Path) -> None:
    store = store_of(
        tmp_path,
        Fake("down", fails("no connection")),
        Fake("liar", writes(b"x" * len(CONTENT))),
        Fake("good", writes(CONTENT)),
        Fake("never asked", fails("asked")),
    )
    seen: list[ProgressEvent] = []
    assert store.ensure("toy", seen.append).read_bytes() == CONTENT.upper()
    assert [event.detail for event in seen if event.step == "fetching"] == ["down", "liar", "good"]
    assert seen[-1].step == "ready"


def test_nothing_reachable_names_asset_sources_reasons_and_the_place_for_a_file(tmp_path: Path) -> None:
    store = store_of(tmp_path, Fake("the hub", fails("no connection")), Fake("the liar", writes(b"lies")))
    with pytest.raises(AssetError) as caught:
        store.ensure("toy")
    message = caught.value.message
    for part in ("toy", "the hub: no connection", "the liar: model.onnx has the wrong SHA-256", FILE.sha256):
        assert part in message
    assert str(tmp_path / "toy/model.onnx") in message
    assert "\n" not in message


def test_the_place_the_error_names_works_and_the_file_stays(tmp_path: Path) -> None:
    store = store_of(tmp_path, Fake("the hub", fails("no connection")))
    with pytest.raises(AssetError):
        store.ensure("toy")
    by_hand = tmp_path / "toy/model.onnx"
    by_hand.write_bytes(CONTENT)
    assert store.ensure("toy").read_bytes() == CONTENT.upper()
    assert by_hand.read_bytes() == CONTENT


def test_wrong_file_put_by_hand_is_said_and_not_touched(tmp_path: Path) -> None:
    store = store_of(tmp_path, Fake("the hub", fails("no connection")))
    by_hand = tmp_path / "toy/model.onnx"
    by_hand.parent.mkdir()
    by_hand.write_bytes(b"another version")
    with pytest.raises(AssetError, match="put there by hand: not the right bytes"):
        store.ensure("toy")
    assert by_hand.read_bytes() == b"another version"


def test_offline_asks_no_source(tmp_path: Path) -> None:
    online = store_of(tmp_path, Fake("the hub", writes(CONTENT)))
    offline = AssetStore(tmp_path, offline=True, manifest=online.manifest)
    with pytest.raises(AssetError, match="offline: no source was tried"):
        offline.ensure("toy")
    online.ensure("toy")
    assert offline.ensure("toy") == online.path("toy")


@pytest.mark.parametrize("victim", ["model.safetensors", "model.safetensors.json"])
def test_corrupted_asset_is_found_and_made_again(tmp_path: Path, victim: str) -> None:
    store = store_of(tmp_path, Fake("the hub", writes(CONTENT)))
    path = store.ensure("toy")
    damaged = bytearray((path.parent / victim).read_bytes())
    damaged[20] ^= 1
    (path.parent / victim).write_bytes(damaged)
    assert store.state("toy") == "corrupt"
    assert store.ensure("toy").read_bytes() == CONTENT.upper()
    assert store.state("toy") == "ready"


def test_lost_record_counts_as_absent(tmp_path: Path) -> None:
    store = store_of(tmp_path, Fake("the hub", writes(CONTENT)))
    (store.ensure("toy").parent / "model.safetensors.json").unlink()
    assert store.state("toy") == "absent"
    store.ensure("toy")
    assert store.state("toy") == "ready"


def test_new_converter_converts_again(tmp_path: Path) -> None:
    source = Fake("the hub", writes(CONTENT))
    store_of(tmp_path, source).ensure("toy")
    newer = store_of(tmp_path, source, converter_version=2)
    assert newer.state("toy") == "corrupt"
    newer.ensure("toy")
    assert newer.state("toy") == "ready"


def test_failing_converter_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    def half(files: Sequence[Path], out: Path) -> None:
        out.write_bytes(b"half")
        raise AssetError("model.onnx is no such export")

    store = store_of(tmp_path, Fake("the hub", writes(CONTENT)), convert=half)
    with pytest.raises(AssetError, match="no such export"):
        store.ensure("toy")
    assert store.state("toy") == "absent"
    assert not store.path("toy").exists()


def test_several_files_without_conversion_resume_by_file(tmp_path: Path) -> None:
    first, second = b"first" * 100, b"second" * 100
    files = (file_of("a.bin", first), file_of("b.bin", second))
    asked: list[list[str]] = []

    def only_a(wanted: Sequence[AssetFile], into: Path) -> None:
        asked.append([file.name for file in wanted])
        (into / "a.bin").write_bytes(first)

    def the_rest(wanted: Sequence[AssetFile], into: Path) -> None:
        asked.append([file.name for file in wanted])
        (into / "b.bin").write_bytes(second)

    store = store_of(
        tmp_path, Fake("1", only_a), Fake("2", the_rest), files=files, converted="", convert=None
    )  # fmt: skip
    folder = store.ensure("toy")
    assert folder == tmp_path / "toy"
    assert sorted(file.name for file in folder.iterdir()) == ["a.bin", "b.bin"]
    assert asked == [["a.bin", "b.bin"], ["b.bin"]]
    assert store.state("toy") == "ready"
    (folder / "a.bin").write_bytes(b"worse")
    assert store.state("toy") == "corrupt"
    store.ensure("toy")
    assert (folder / "a.bin").read_bytes() == first


def test_download_interrupted_by_the_end_of_the_process_is_continued(server: FileServer, tmp_path: Path) -> None:
    server.content["/o/r/resolve/main/model.onnx"] = CONTENT
    store = store_of(tmp_path, HubFiles("o/r"))
    store._network = Network(server.url)
    left = tmp_path / "toy/partial/model.onnx.part"
    left.parent.mkdir(parents=True)
    left.write_bytes(CONTENT[:100_000])
    store.ensure("toy")
    assert [requested for _, requested in server.requests] == ["bytes=100000-"]


def _ensure_in_process(root: str, url: str, outcome: multiprocessing.Queue[object]) -> None:
    seen: list[str] = []
    store = store_of(Path(root), HubFiles("o/r"))
    store._network = Network(url)
    path = store.ensure("toy", lambda event: seen.append(event.step))
    outcome.put((path.read_bytes() == CONTENT.upper(), seen))


def test_processes_at_once_fetch_once(server: FileServer, tmp_path: Path) -> None:
    server.content["/o/r/resolve/main/model.onnx"] = CONTENT
    context = multiprocessing.get_context("spawn")
    outcome: multiprocessing.Queue[object] = context.Queue()
    processes = [
        context.Process(target=_ensure_in_process, args=(str(tmp_path), server.url, outcome)) for _ in range(3)
    ]
    for process in processes:
        process.start()
    results = [outcome.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(20)
        assert process.exitcode == 0
    assert all(intact for intact, _ in results)  # type: ignore[misc]
    assert len(server.requests) == 1


def test_waiting_for_another_process_is_said_and_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "LOCK_TIMEOUT_S", 0.2)
    seen: list[ProgressEvent] = []
    store = store_of(tmp_path, Fake("the hub", writes(CONTENT)))
    with (
        store_module.filelock.FileLock(tmp_path / "toy.lock"),
        pytest.raises(AssetError, match=r"another process has held .*toy\.lock"),
    ):
        store.ensure("toy", seen.append)
    assert seen[-1].step == "waiting"
    store.ensure("toy")


def test_full_disk_is_foreseen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(store_module.shutil, "disk_usage", lambda path: usage._replace(free=10_000_000))
    store = store_of(tmp_path, Fake("the hub", writes(CONTENT)))
    with pytest.raises(AssetError, match="has 10 MB free and 65 MB are needed") as caught:
        store.ensure("toy")
    assert str(tmp_path) in caught.value.message


def test_disk_that_fills_during_the_download(server: FileServer, tmp_path: Path) -> None:
    server.content["/o/r/resolve/main/model.onnx"] = CONTENT
    store = store_of(tmp_path, HubFiles("o/r"), Fake("never asked", fails("asked")))
    store._network = Network(server.url)
    partial = tmp_path / "toy/partial"
    partial.mkdir(parents=True)
    (partial / "model.onnx.part").symlink_to("/dev/full")  # every write ends in ENOSPC
    with pytest.raises(AssetError, match=r"disk of .* is full") as caught:
        store.ensure("toy")
    assert "asked" not in caught.value.message
    assert "\n" not in caught.value.message


def test_disk_that_fills_during_the_conversion(tmp_path: Path) -> None:
    def rust(files: Sequence[Path], out: Path) -> None:
        raise RuntimeError(f"I/O error: No space left on device (os error {errno.ENOSPC})")  # as safetensors says it

    store = store_of(tmp_path, Fake("the hub", writes(CONTENT)), convert=rust)
    with pytest.raises(AssetError, match=r"disk of .* is full"):
        store.ensure("toy")


def test_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AssetError, match=r"cannot use the folder .*file: Not a directory"):
        store_of(tmp_path / "file", Fake("the hub", writes(CONTENT))).ensure("toy")


def test_unknown_asset(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="no asset 'kokoro'; there are toy"):
        store_of(tmp_path).ensure("kokoro")


def test_progress_is_not_a_flood(tmp_path: Path) -> None:
    def act(files: Sequence[AssetFile], into: Path, report: Callable[[int, int], None]) -> None:
        for done in range(10_001):
            report(done, 10_000)

    class Chatty(Fake):
        def fetch(self, files: Sequence[AssetFile], into: Path, report: object, network: Network) -> None:
            act(files, into, report)  # type: ignore[arg-type]
            writes(CONTENT)(files, into)

    seen: list[ProgressEvent] = []
    store_of(tmp_path, Chatty("chatty", fails(""))).ensure("toy", seen.append)
    fetching = [event for event in seen if event.step == "fetching"]
    assert len(fetching) < 100
    assert fetching[-1].done_bytes == fetching[-1].total_bytes == 10_000


def test_record_says_what_the_file_was_made_from(tmp_path: Path) -> None:
    path = store_of(tmp_path, Fake("the hub", writes(CONTENT))).ensure("toy")
    record = json.loads(path.with_name(path.name + ".json").read_text())
    assert record["sha256"] == hashlib.sha256(CONTENT.upper()).hexdigest()
    assert record["made_from"]["files"] == {"model.onnx": FILE.sha256}
    assert path.stat().st_mode & 0o444 == path.with_name(path.name + ".json").stat().st_mode & 0o444


def test_manifest_is_sound() -> None:
    assert set(MANIFEST) == {"kokoro-82m-v1.0", "voices-v1.0", "ecapa-tdnn-voxceleb", "all-minilm-l6-v2"}
    for name, asset in MANIFEST.items():
        assert asset.name == name
        assert asset.licence == "Apache-2.0"
        assert len(asset.sources) >= 2
        assert asset.converted.endswith(".safetensors")
        assert all(len(bytes.fromhex(file.sha256)) == 32 for file in asset.files)
        assert len({file.name for file in asset.files}) == len(asset.files)
    voices = {file.name: file for file in MANIFEST["voices-v1.0"].files}
    assert len(voices) == 54
    assert {file.size_bytes for file in voices.values()} == {510 * 256 * 4}
    assert voices["af_heart.bin"].sha256.startswith("d583ccff")
