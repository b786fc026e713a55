"""Presets in a file of a folder, so that every ingress replica that sees the folder has the same ones."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock
from pydantic import TypeAdapter

from serve_app.voicevox.schemas import Preset

_PRESETS = TypeAdapter(list[Preset])
_LOCK_S = 10.0


class NoSuchPreset(Exception):
    """No preset of that id; args: the message."""


class Presets:
    """The presets in ``folder``; read anew at every call. Methods block on the file system."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "presets.json"

    def all(self) -> list[Preset]:
        """Every preset, in the order they were added."""
        try:
            return _PRESETS.validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return []

    def add(self, preset: Preset) -> int:
        """Adds a preset; its id, a new one if that is negative or taken."""
        with self._locked():
            presets = self.all()
            taken = {other.id for other in presets}
            if preset.id < 0 or preset.id in taken:
                preset = preset.model_copy(update={"id": max(taken, default=-1) + 1})
            self._write([*presets, preset])
            return preset.id

    def update(self, preset: Preset) -> int:
        """Replaces the preset of the same id; that id.

        Raises:
            NoSuchPreset: There is none.
        """
        with self._locked():
            presets = self.all()
            if preset.id not in {other.id for other in presets}:
                raise NoSuchPreset("更新先のプリセットが存在しません")
            self._write([preset if other.id == preset.id else other for other in presets])
            return preset.id

    def delete(self, preset_id: int) -> None:
        """Removes a preset.

        Raises:
            NoSuchPreset: There is none.
        """
        with self._locked():
            presets = self.all()
            kept = [preset for preset in presets if preset.id != preset_id]
            if len(kept) == len(presets):
                raise NoSuchPreset("削除対象のプリセットが存在しません")
            self._write(kept)

    def _locked(self) -> FileLock:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(self._file.with_suffix(".lock"), timeout=_LOCK_S)

    def _write(self, presets: list[Preset]) -> None:
        """All at once, so that a reader never finds half a file."""
        new = self._file.with_suffix(".new")
        new.write_bytes(_PRESETS.dump_json(presets, indent=1))
        new.replace(self._file)
