"""Pronunciation dictionaries in the records: one for each tenant, and a global one that all of them share."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from deployments.storage.records import Records, change
from tts_models.errors import RequestError
from tts_models.text.dictionary.entry import Entry
from tts_models.text.dictionary.index import fold

GLOBAL = ""
"""The tenant whose dictionary all others share."""

Entries = Mapping[str, Entry]
"""Entries by their ids, in the order in which they were added."""

_ENTRIES = TypeAdapter(dict[str, Entry])
_KEY = "entries"


class NoSuchEntry(RequestError):
    """No entry of that id in the dictionary."""


class DuplicateEntry(RequestError):
    """The dictionary has an entry of that surface and language."""

    default_param = "surface"


class DictionaryFull(RequestError):
    """The dictionary would have more entries than the server keeps."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did.

    Attributes:
        added: Entries that are new.
        replaced: Entries that took the place of one with the same surface and language.
        removed: Entries that were there and are not in the import.
        total: Entries that are there now.
    """

    added: int
    replaced: int
    removed: int
    total: int


class DictionaryStore:
    """The dictionaries in ``records``. Methods block.

    Each is one record, so that a change, however large, happens as a whole or not at all, limits are exact, and entries
    keep their order.

    Args:
        records: Where they are kept.
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    def version(self, tenant: str) -> int:
        """A number that grows with every change to the tenant's dictionary."""
        return self._records.version(_collection(tenant))

    def entries(self, tenant: str) -> dict[str, Entry]:
        """The tenant's own entries."""
        return _ENTRIES.validate_json(self._records.get(_collection(tenant), _KEY) or b"{}")

    def get(self, tenant: str, entry_id: str) -> Entry:
        """An entry.

        Raises:
            NoSuchEntry: There is none of that id.
        """
        return _of_id(self.entries(tenant), entry_id)

    def add(self, tenant: str, entry: Entry, *, most: int, duplicates: bool = False) -> str:
        """Adds a checked entry; its id.

        Args:
            tenant: Whose dictionary.
            entry: The entry.
            most: Most entries the dictionary may have.
            duplicates: Whether there may be another one of the same surface and language; the newer one holds then.

        Raises:
            DuplicateEntry: There is one.
            DictionaryFull: There is no room.
        """
        entry_id = str(uuid.uuid4())

        def with_added(entries: dict[str, Entry]) -> dict[str, Entry]:
            if not duplicates:
                _require_new(entries, entry)
            return _within(entries | {entry_id: entry}, most)

        self._change(tenant, with_added)
        return entry_id

    def replace(self, tenant: str, entry_id: str, entry: Entry, *, duplicates: bool = False) -> None:
        """Puts a checked entry in the place of the one of that id.

        Raises:
            NoSuchEntry: There is none of that id.
            DuplicateEntry: Another one has the same surface and language.
        """

        def with_replaced(entries: dict[str, Entry]) -> dict[str, Entry]:
            _of_id(entries, entry_id)
            if not duplicates:
                _require_new({other: one for other, one in entries.items() if other != entry_id}, entry)
            return entries | {entry_id: entry}

        self._change(tenant, with_replaced)

    def delete(self, tenant: str, entry_id: str) -> None:
        """Removes an entry.

        Raises:
            NoSuchEntry: There is none of that id.
        """

        def without(entries: dict[str, Entry]) -> dict[str, Entry]:
            _of_id(entries, entry_id)
            return {other: one for other, one in entries.items() if other != entry_id}

        self._change(tenant, without)

    def take_in(self, tenant: str, new: list[Entry], *, most: int, replace_all: bool = False) -> Imported:
        """Adds checked entries, all or none; those of the same surface and language take the place of what was there.

        Args:
            tenant: Whose dictionary.
            new: The entries; of several with the same surface and language the last holds.
            most: Most entries the dictionary may have.
            replace_all: Whether everything that is not among them goes.

        Raises:
            DictionaryFull: There is no room.
        """
        wanted = {_identity(entry): entry for entry in new}
        imported = Imported(0, 0, 0, 0)

        def merged(entries: dict[str, Entry]) -> dict[str, Entry]:
            nonlocal imported
            ids = {_identity(entry): entry_id for entry_id, entry in entries.items()}
            result = {} if replace_all else dict(entries)
            for identity, entry in wanted.items():
                result[ids.get(identity) or str(uuid.uuid4())] = entry
            kept = sum(entry_id in result for entry_id in entries)
            known = len(wanted.keys() & ids.keys())
            imported = Imported(len(wanted) - known, known, len(entries) - kept, len(result))
            return _within(result, most)

        self._change(tenant, merged)
        return imported

    def put_all(self, tenant: str, new: Entries, *, most: int, override: bool) -> None:
        """Adds checked entries under the ids they come with, all or none.

        Args:
            tenant: Whose dictionary.
            new: The entries.
            most: Most entries the dictionary may have.
            override: Whether they take the place of entries of the same ids.

        Raises:
            DictionaryFull: There is no room.
        """
        self._change(
            tenant,
            lambda entries: _within(entries | dict(new) if override else dict(new) | entries, most),
        )

    def _change(self, tenant: str, new: Callable[[dict[str, Entry]], dict[str, Entry]]) -> None:
        change(
            self._records,
            _collection(tenant),
            _KEY,
            lambda old: _ENTRIES.dump_json(new(_ENTRIES.validate_json(old or b"{}"))),
        )


def _collection(tenant: str) -> str:
    return f"dictionary:{tenant}"


def _identity(entry: Entry) -> tuple[str, str]:
    return (entry.surface if entry.case_sensitive else fold(entry.surface)[0], entry.language)


def _of_id(entries: Entries, entry_id: str) -> Entry:
    if entry_id not in entries:
        raise NoSuchEntry(f"The dictionary has no entry {entry_id[:64]!r}.")
    return entries[entry_id]


def _require_new(entries: Entries, entry: Entry) -> None:
    identity = _identity(entry)
    for entry_id, other in entries.items():
        if _identity(other) == identity:
            where = f"for {entry.language}" if entry.language else "for every language"
            raise DuplicateEntry(
                f"There is an entry of {other.surface!r} {where} already, {entry_id}; change or delete that one."
            )


def _within(entries: dict[str, Entry], most: int) -> dict[str, Entry]:
    if len(entries) > most:
        raise DictionaryFull(f"The dictionary would have {len(entries):,} entries; this server keeps {most:,}.")
    return entries
