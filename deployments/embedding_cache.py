"""What the speaker encoder once said of a clip, kept by the clip's content.

::

    clip --SHA-256--> in this replica's memory?   replica
                      being computed here?        joined
                      in the records?             shared    (waits for another replica that is computing it)
                      nowhere                     computed

Only numbers are kept, and only those of clips that were accepted; no sound. The records are shared by every replica
(Redis, or the SQLite file of one machine). They are a convenience: one that cannot be reached, or is late, is passed
over, and left alone for a while.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeVar

from deployments.errors import DeadlineExceeded
from deployments.metrics import EMBEDDING_LOOKUPS
from deployments.settings import SpeakerSettings
from deployments.storage.records import Records
from tts_models.speaker.profile import ClipProfile

Found = Literal["replica", "joined", "shared", "computed"]
"""Where the numbers of a clip were found: in this replica's memory, with another request that computes them, in the
records, or nowhere."""
Result = TypeVar("Result")
logger = logging.getLogger(__name__)

COLLECTION = "speaker-embeddings"
CLAIMS = "speaker-embeddings-claims"
_PATIENCE_S = 0.5
"""How long a request waits for the records to answer, seconds."""
_AVOIDED_S = 10.0
"""How long the records are left alone after they have not answered, seconds."""
_CLAIM_S = 5.0
"""How long another replica may take to compute what it has claimed, seconds."""
_POLL_S = 0.05
_THREADS = 4


def lookup_counter() -> Callable[[Found], None]:
    """A function that counts in Ray's metrics where a clip's numbers were found."""
    counter = EMBEDDING_LOOKUPS.make()

    def count(found: Found) -> None:
        counter.inc(tags={"found": found})

    return count


class EmbeddingCache:
    """Numbers of clips by content.

    Args:
        settings: How many are kept, and how long.
        model: What computes them: another one's are never found.
        records: Where they are shared; None for nowhere.
        count: Told where each clip's were found.
    """

    def __init__(
        self, settings: SpeakerSettings, model: str, records: Records | None, count: Callable[[Found], None]
    ) -> None:
        self._settings = settings
        self._model = model
        self._shared = _SharedProfiles(records, settings.cache_s) if records and settings.cache_s else None
        self._count = count
        self._kept: OrderedDict[str, ClipProfile] = OrderedDict()
        self._coming: dict[str, asyncio.Task[ClipProfile]] = {}

    async def of(self, clip: bytes, compute: Callable[[], Awaitable[ClipProfile]]) -> ClipProfile:
        """The numbers of ``clip``, computed if they are not known.

        Raises:
            Exception: What ``compute`` raises; nothing is kept then.
        """
        key = await asyncio.to_thread(self._key, clip)
        if key in self._kept:
            self._count("replica")
            self._kept.move_to_end(key)
            return self._kept[key]
        while coming := self._coming.get(key):
            try:
                profile = await asyncio.shield(coming)
            except DeadlineExceeded:
                continue  # that of another request, not this one's
            self._count("joined")
            return profile
        coming = asyncio.create_task(self._find(key, compute))
        self._coming[key] = coming
        coming.add_done_callback(lambda task: self._came(key, task))
        # Whoever leaves does not take the numbers away from those who wait for them.
        return await asyncio.shield(coming)

    def _key(self, clip: bytes) -> str:
        return hashlib.sha256(self._model.encode() + b"\0" + clip).hexdigest()

    async def _find(self, key: str, compute: Callable[[], Awaitable[ClipProfile]]) -> ClipProfile:
        if self._shared is None:
            self._count("computed")
            return await compute()
        if profile := await self._shared.get(key):
            self._count("shared")
            return profile
        self._count("computed")
        try:
            profile = await compute()
        except BaseException:
            await self._shared.give_up(key)
            raise
        await self._shared.put(key, profile)
        return profile

    def _came(self, key: str, task: asyncio.Task[ClipProfile]) -> None:
        if self._coming.get(key) is task:
            del self._coming[key]
        if task.cancelled() or task.exception():
            return
        self._kept[key] = task.result()
        while len(self._kept) > self._settings.cache_clips:
            self._kept.popitem(last=False)


class _SharedProfiles:
    """Numbers of clips in the records, for every replica.

    A replica that is about to compute some says so with a record that soon expires; others wait for them that long.

    Args:
        records: Where.
        keep_s: How long, seconds.
    """

    def __init__(self, records: Records, keep_s: float) -> None:
        self._records = records
        self._keep_s = keep_s
        self._threads = ThreadPoolExecutor(_THREADS, "embedding-cache")
        self._avoid_until_s = 0.0

    async def get(self, key: str) -> ClipProfile | None:
        """Those that are there, or that another replica is about to have; None leaves them to the caller."""
        until_s = asyncio.get_running_loop().time() + _CLAIM_S
        while asyncio.get_running_loop().time() < until_s:
            data = await self._ask(None, self._records.get, COLLECTION, key)
            if data is not None:
                try:
                    return ClipProfile.from_bytes(data)
                except ValueError:
                    return None
            if await self._ask(True, self._claim, key):
                return None
            await asyncio.sleep(_POLL_S)
        return None

    async def put(self, key: str, profile: ClipProfile) -> None:
        """Keeps some."""
        await self._ask(None, self._put, key, profile.to_bytes())

    async def give_up(self, key: str) -> None:
        """Lets others compute what was claimed."""
        await self._ask(False, self._records.delete, CLAIMS, key)

    def _claim(self, key: str) -> bool:
        return self._records.add(CLAIMS, key, b"", expires_s=_CLAIM_S)

    def _put(self, key: str, value: bytes) -> None:
        self._records.put(COLLECTION, key, value, expires_s=self._keep_s)

    async def _ask(self, otherwise: Result, ask: Callable[..., Result], *args: Any) -> Result:
        """What the records say, or ``otherwise`` where they do not answer."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._avoid_until_s:
            return otherwise
        asked = loop.run_in_executor(self._threads, ask, *args)
        try:
            return await asyncio.wait_for(asyncio.shield(asked), _PATIENCE_S)
        except Exception as error:
            asked.add_done_callback(_ended)
            self._avoid_until_s = loop.time() + _AVOIDED_S
            logger.warning("embeddings: the shared ones are left alone for %g s: %r", _AVOIDED_S, error)
            return otherwise


def _ended(asked: asyncio.Future[Any]) -> None:
    if not asked.cancelled():
        asked.exception()  # has been told of; asyncio would tell of it again
