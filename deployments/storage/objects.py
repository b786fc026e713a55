"""Large values by name: what jobs make. A folder of this machine, or a bucket of any S3-compatible store.

::

    storage.objects = null                                      storage.root/objects
    storage.objects = s3://bucket/prefix?endpoint=https://...   a bucket; credentials as AWS's tools find them

What is put is there as a whole or not at all. Methods block: call them in a thread. They may be called from several
threads at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Any
from urllib.parse import parse_qsl, urlsplit

from obstore import exceptions
from obstore.store import LocalStore, MemoryStore, S3Store

from deployments.errors import StorageUnavailable
from deployments.settings import StorageSettings
from deployments.storage.records import storage_root
from tts_models.errors import TtsError

_PART_BYTES = 8 * 2**20
_PARTS_AT_ONCE = 2
_RETRIES = {"max_retries": 3, "retry_timeout": timedelta(seconds=15)}
_OPTIONS = ("endpoint", "region")


class ObjectNotFound(TtsError):
    """There is no object of that name; args: message."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a store knows of an object.

    Attributes:
        key: Its name.
        size_bytes: Its length.
        put_s: When it was put, Unix time.
    """

    key: str
    size_bytes: int
    put_s: float


def open_objects(settings: StorageSettings) -> Objects:
    """The object store that ``settings`` name.

    Raises:
        ValueError: The URL is none of a bucket.
    """
    if settings.objects is None:
        folder = storage_root(settings) / "objects"
        folder.mkdir(parents=True, exist_ok=True)
        return Objects(LocalStore(folder, automatic_cleanup=True), f"the folder {folder}")
    url = urlsplit(settings.objects)
    options = dict(parse_qsl(url.query))
    if unknown := options.keys() - set(_OPTIONS):
        raise ValueError(f"storage.objects takes the options {', '.join(_OPTIONS)}, not {', '.join(sorted(unknown))}")
    endpoint = options.get("endpoint", "")
    config: dict[str, Any] = {"bucket": url.netloc, "region": options.get("region", "us-east-1")}
    if endpoint:
        config |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
    store = S3Store(
        prefix=url.path.strip("/") or None,
        config=config,  # type: ignore[arg-type]
        client_options={"allow_http": endpoint.startswith("http:"), "timeout": "60s", "connect_timeout": "5s"},
        retry_config=_RETRIES,  # type: ignore[arg-type]
    )
    return Objects(store, f"the bucket {url.netloc}")


def memory_objects() -> Objects:
    """Objects that end with the process."""
    return Objects(MemoryStore(), "memory")


class Objects:
    """A store of objects.

    Args:
        store: Where they are.
        name: What to call that in messages.
    """

    def __init__(self, store: Any, name: str) -> None:
        self._store = store
        self._name = name

    def put(self, key: str, value: bytes | IO[bytes]) -> None:
        """Adds or replaces an object; of a file, what is behind its position.

        Raises:
            StorageUnavailable: It could not be written.
        """
        with self._errors(key):
            self._store.put(key, value, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """An object, or ``length`` bytes of it from ``start``, 1 or more.

        Raises:
            ObjectNotFound: There is none.
            StorageUnavailable: It could not be read.
        """
        with self._errors(key):
            if length is None:
                return bytes(self._store.get(key).bytes())[start:]
            return bytes(self._store.get_range(key, start=start, length=length))

    def keys(self, prefix: str) -> Iterator[str]:
        """The names of the objects in the folder ``prefix``.

        Raises:
            StorageUnavailable: They could not be listed.
        """
        with self._errors(prefix):
            for page in self._store.list(prefix):
                yield from (entry["path"] for entry in page)

    def stored(self, prefix: str) -> Iterator[StoredObject]:
        """What is known of the objects in the folder ``prefix``.

        Raises:
            StorageUnavailable: They could not be listed.
        """
        with self._errors(prefix):
            for page in self._store.list(prefix):
                for entry in page:
                    yield StoredObject(entry["path"], entry["size"], entry["last_modified"].timestamp())

    def get_dated(self, key: str) -> tuple[bytes, float]:
        """An object, and when it was put, Unix time.

        Raises:
            ObjectNotFound: There is none.
            StorageUnavailable: It could not be read.
        """
        with self._errors(key):
            result = self._store.get(key)
            return bytes(result.bytes()), result.meta["last_modified"].timestamp()

    def delete(self, key: str) -> None:
        """Removes an object; nothing if there is none.

        Raises:
            StorageUnavailable: It is still there.
        """
        with self._errors(key), suppress(FileNotFoundError, exceptions.NotFoundError):
            self._store.delete(key)

    def delete_all(self, prefix: str) -> None:
        """Removes the objects in the folder ``prefix``.

        Raises:
            StorageUnavailable: Some are still there.
        """
        for key in list(self.keys(prefix)):
            self.delete(key)  # somebody else may have done it

    def link(self, key: str, expires_s: float) -> str | None:
        """An address where anybody can read the object for a while; None where the store has no addresses."""
        if not isinstance(self._store, S3Store):
            return None
        import obstore

        with self._errors(key):
            return str(obstore.sign(self._store, "GET", key, timedelta(seconds=expires_s)))

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, exceptions.NotFoundError) as error:
            if "NoSuchBucket" in str(error):
                raise StorageUnavailable(f"There is no such place to keep results as {self._name}.") from error
            raise ObjectNotFound(f"There is no object {key} in {self._name}.") from error
        except (OSError, exceptions.BaseError) as error:
            why = "it is full" if "No space left" in str(error) else "it cannot be reached or refuses"
            raise StorageUnavailable(f"Results cannot be kept in {self._name}: {why}.") from error
