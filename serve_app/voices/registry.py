"""The voices of every tenant in a replica, right for whoever has just made one through another.

Whoever names something that is no preset has the store asked for one integer, and the voices read anew if it has
changed. So a voice is usable on every replica as soon as its upload is answered, a fitted one is swapped in, and a
deleted one is gone; nobody needs to be told. If the store does not answer, the copy from before goes on being used;
presets never need it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from deployments.errors import StorageUnavailable
from deployments.settings import StorageSettings
from deployments.storage.patience import Patience
from deployments.storage.records import SqliteRecords, records_file
from deployments.storage.voices import GLOBAL, ClonedVoice, VoiceStore
from serve_app.voices.book import BuiltVoices, VoiceBook
from tts_models.errors import VoiceNotFound
from tts_models.speaker.voices import VoiceCatalogue

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

_PATIENCE_S = 2.0


def own_voices() -> tuple[ClonedVoice, ...]:
    """The voices of everybody in the user's data folder, where a server of this machine keeps them by default."""
    file = records_file(StorageSettings())
    if not file.exists():
        return ()
    return tuple(voice for voice in VoiceStore(SqliteRecords(file)).kept() if voice.tenant == GLOBAL)


class VoiceRegistry:
    """Every voice.

    Args:
        presets: The preset voices.
        store: Where the others are kept.
        patience_s: How long a request waits for the store, seconds.
    """

    def __init__(self, presets: VoiceCatalogue, store: VoiceStore, patience_s: float = _PATIENCE_S) -> None:
        self.store = store
        self.presets = VoiceBook(presets)
        self._patience_s = patience_s
        self._patience = Patience("voices")
        self._built = BuiltVoices()
        self._kept: tuple[ClonedVoice, ...] | None = None
        self._books: dict[str, VoiceBook] = {}

    async def of(self, tenant: str) -> VoiceBook:
        """The voices that ``tenant`` can speak with now.

        Raises:
            StorageUnavailable: They cannot be read, and never were.
        """
        kept = await self._now()
        if kept is not self._kept:
            self._kept, self._books = kept, {}
        if tenant not in self._books:
            own = (voice for voice in kept if voice.tenant in (tenant, GLOBAL))
            self._books[tenant] = VoiceBook(self.presets.catalogue, own, self._built)
        return self._books[tenant]

    async def known(self, tenant: str) -> VoiceBook:
        """The same; the presets alone while the store cannot be read and never was."""
        try:
            return await self.of(tenant)
        except StorageUnavailable:
            return self.presets

    async def using(self, tenant: str, make: Callable[[VoiceBook], Result]) -> Result:
        """What ``make`` makes of the tenant's voices; of the presets alone where they are all it needs.

        Raises:
            VoiceNotFound: ``make`` wants a voice that there is not.
            StorageUnavailable: Or cannot be looked for.
        """
        try:
            return make(self.presets)
        except VoiceNotFound:
            return make(await self.of(tenant))

    async def _now(self) -> tuple[ClonedVoice, ...]:
        if self._patience.is_over and self._kept is not None:
            return self._kept
        try:
            return await self._patience.within(self._patience_s, self.store.kept)
        except Exception as error:
            if self._kept is None:
                raise StorageUnavailable("The voices cannot be looked up just now; presets work.") from error
            logger.warning("voices: the last copy is used, for the store cannot be read: %r", error)
            return self._kept
