"""Speech that was made once, by a key that says all that it was made of. In the object store, each tenant's apart.

::

    speech/<folder of a tenant>/<key>    SHA-256 of what follows, 32 bytes, and what follows

Methods block.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable

from deployments.settings import CacheSettings
from deployments.storage.objects import ObjectNotFound, Objects

logger = logging.getLogger(__name__)

FOLDER = "speech"
EVERYBODY = "everybody"
"""The folder of what tenants share."""

_DIGEST_BYTES = 32
_SWEEP_EVERY_S = 600.0
_SWEEP_EVERY_PART = 0.05
"""Of ``max_bytes``: after so much more of it, the store is looked through again."""
_LEFT = 0.9
"""Of ``max_bytes``, after a sweep that found more."""


class SpeechStore:
    """The kept speech.

    Args:
        objects: Where it is kept.
        settings: How long, and how much.
        clock: Unix time.
    """

    def __init__(self, objects: Objects, settings: CacheSettings, clock: Callable[[], float] = time.time) -> None:
        self._objects = objects
        self._settings = settings
        self._clock = clock
        self._sweeping = threading.Lock()
        self._swept_s = clock()
        self._put_bytes = 0

    def get(self, tenant: str | None, key: str) -> bytes | None:
        """What is kept under ``key``; None if nothing is, or it is too old or damaged.

        Args:
            tenant: Whose; None for everybody's.
            key: Of it.

        Raises:
            StorageUnavailable: It could not be read.
        """
        name = f"{folder(tenant)}/{key}"
        try:
            data, put_s = self._objects.get_dated(name)
        except ObjectNotFound:
            return None
        if self._clock() - put_s > self._settings.keep_s:
            return None
        digest, value = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if hashlib.sha256(value).digest() != digest:
            logger.warning("What is kept as %s is damaged, and is made again.", name)
            return None
        return value

    def put(self, tenant: str | None, key: str, value: bytes) -> None:
        """Keep ``value``, and now and then forget what is too old or too much.

        Raises:
            StorageUnavailable: It could not be written.
        """
        if len(value) > self._settings.max_bytes:
            return
        self._objects.put(f"{folder(tenant)}/{key}", hashlib.sha256(value).digest() + value)
        self._put_bytes += len(value)
        is_much = self._put_bytes >= _SWEEP_EVERY_PART * self._settings.max_bytes
        if is_much or self._clock() - self._swept_s >= _SWEEP_EVERY_S:
            self.sweep()

    def forget(self, tenant: str | None) -> None:
        """Remove all that is kept of a tenant; of all tenants if that is None.

        Raises:
            StorageUnavailable: Some is still there.
        """
        self._objects.delete_all(FOLDER if tenant is None else folder(tenant))

    def sweep(self) -> None:
        """Remove what is too old, and the oldest of what is too much; nothing while somebody else does.

        Raises:
            StorageUnavailable: Some is still there.
        """
        if not self._sweeping.acquire(blocking=False):
            return
        try:
            self._swept_s, self._put_bytes = self._clock(), 0
            kept = sorted(self._objects.stored(FOLDER), key=lambda one: one.put_s)
            total = sum(one.size_bytes for one in kept)
            most = self._settings.max_bytes if total <= self._settings.max_bytes else _LEFT * self._settings.max_bytes
            for one in kept:
                if total <= most and self._clock() - one.put_s <= self._settings.keep_s:
                    break
                self._objects.delete(one.key)
                total -= one.size_bytes
        finally:
            self._sweeping.release()


def folder(tenant: str | None) -> str:
    """Where the speech of a tenant is kept; of None, everybody's."""
    name = EVERYBODY if tenant is None else hashlib.sha256(tenant.encode()).hexdigest()[:32]
    return f"{FOLDER}/{name}"
