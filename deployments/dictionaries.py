"""Compiled dictionaries in a replica that reads texts, right for whoever has just changed one.

Each text asks the store for the version of the dictionaries it is read with: one integer. So an entry is heard from
the very next request on, on every replica; nobody needs to be told and nothing polled. If the store does not answer,
the copy from before goes on being used.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployments.storage.dictionaries import GLOBAL, DictionaryStore
from deployments.storage.patience import Patience

if TYPE_CHECKING:
    from tts_models.text.dictionary import Dictionary, EntryIndex

logger = logging.getLogger(__name__)

MAX_KEPT = 256
"""Dictionaries kept compiled; of more, those compiled first are compiled again when they are used."""
_PATIENCE_S = 2.0
"""How long a text waits for the store to answer, seconds."""
_LOADING_S = 15.0
"""How long it waits for a changed dictionary to be loaded, seconds; one of 10,000 entries takes 0.2 on an idle core."""


@dataclass(frozen=True, slots=True)
class _Copy:
    version: int
    index: EntryIndex


class Dictionaries:
    """The dictionaries that texts are read with.

    Args:
        store: Where they are kept.
        patience_s: How long a text waits for the store, seconds.
    """

    def __init__(self, store: DictionaryStore, patience_s: float = _PATIENCE_S) -> None:
        self._store = store
        self._patience_s = patience_s
        self._patience = Patience("dictionaries")
        self._loading = threading.Lock()
        self._copies: OrderedDict[str, _Copy] = OrderedDict()

    async def of(self, tenant: str) -> Dictionary | None:
        """The tenant's entries and the global ones, as they are now; None if there are none."""
        # A tenant's own come first; without keys everyone is the global tenant.
        tiers = [await self._tier(name) for name in dict.fromkeys((tenant, GLOBAL))]
        present = [tier for tier in tiers if tier]
        if not present:
            return None
        from tts_models.text.dictionary import Dictionary

        return Dictionary(*present)

    async def _tier(self, tenant: str) -> EntryIndex | None:
        if self._patience.is_over:
            return self._last(tenant)
        try:
            version = await self._patience.within(self._patience_s, self._store.version, tenant)
            copy = self._copies.get(tenant)
            if version == 0 or (copy is not None and copy.version == version):
                return copy.index if copy and version else None
            return await self._patience.within(_LOADING_S, self._load, tenant, version)
        except Exception as error:
            logger.warning("dictionaries: the last copies are used, for the store cannot be read: %r", error)
            return self._last(tenant)

    def _last(self, tenant: str) -> EntryIndex | None:
        copy = self._copies.get(tenant)
        return copy.index if copy else None

    def _load(self, tenant: str, version: int) -> EntryIndex:
        from tts_models.text.dictionary import EntryIndex

        with self._loading:
            copy = self._copies.get(tenant)
            if copy is not None and copy.version == version:
                return copy.index
            # Read after the version was: what comes is that version or a newer one, which is then loaded again.
            copy = _Copy(version, EntryIndex(self._store.entries(tenant).values()))
            self._copies[tenant] = copy
            self._copies.move_to_end(tenant)
            while len(self._copies) > MAX_KEPT:
                self._copies.popitem(last=False)
            return copy.index
