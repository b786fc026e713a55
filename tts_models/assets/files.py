"""Files whose bytes are known in advance."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class AssetFile:
    """A file that is known by its content: wherever the bytes come from, only the hash decides.

    Attributes:
        name: File name, without folders.
        size_bytes: Exact length.
        sha256: Hex digest of the content.
    """

    name: str
    size_bytes: int
    sha256: str

    def is_at(self, path: Path) -> bool:
        """Whether ``path`` holds exactly these bytes."""
        try:
            return path.stat().st_size == self.size_bytes and sha256_of(path) == self.sha256
        except FileNotFoundError:
            return False


def sha256_of(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """Hex SHA-256 of a file; ``on_bytes`` is told how many bytes have been read so far."""
    digest = hashlib.sha256()
    read_bytes = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            read_bytes += len(block)
            if on_bytes:
                on_bytes(read_bytes)
    return digest.hexdigest()
