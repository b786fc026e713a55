"""Presets, the same on every ingress replica."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import TypeAdapter

from deployments.storage.records import Records, change
from serve_app.voicevox.schemas import Preset

_PRESETS = TypeAdapter(list[Preset])
_RECORD = ("voicevox", "presets")


class NoSuchPreset(Exception):
    """No preset of that id; args: the message."""


class Presets:
    """The presets in ``records``, as one record, which keeps their order. Methods block."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def all(self) -> list[Preset]:
        """Every preset, in the order they were added."""
        return _PRESETS.validate_json(self._records.get(*_RECORD) or b"[]")

    def add(self, preset: Preset) -> int:
        """Adds a preset; its id, a new one if that is negative or taken."""
        added = preset

        def with_added(presets: list[Preset]) -> list[Preset]:
            nonlocal added
            taken = {other.id for other in presets}
            if preset.id < 0 or preset.id in taken:
                added = preset.model_copy(update={"id": max(taken, default=-1) + 1})
            return [*presets, added]

        self._change(with_added)
        return added.id

    def update(self, preset: Preset) -> int:
        """Replaces the preset of the same id; that id.

        Raises:
            NoSuchPreset: There is none.
        """

        def with_updated(presets: list[Preset]) -> list[Preset]:
            if preset.id not in {other.id for other in presets}:
                raise NoSuchPreset("更新先のプリセットが存在しません")
            return [preset if other.id == preset.id else other for other in presets]

        self._change(with_updated)
        return preset.id

    def delete(self, preset_id: int) -> None:
        """Removes a preset.

        Raises:
            NoSuchPreset: There is none.
        """

        def without(presets: list[Preset]) -> list[Preset]:
            kept = [preset for preset in presets if preset.id != preset_id]
            if len(kept) == len(presets):
                raise NoSuchPreset("削除対象のプリセットが存在しません")
            return kept

        self._change(without)

    def _change(self, new: Callable[[list[Preset]], list[Preset]]) -> None:
        change(
            self._records,
            *_RECORD,
            lambda old: _PRESETS.dump_json(new(_PRESETS.validate_json(old or b"[]"))),
        )
