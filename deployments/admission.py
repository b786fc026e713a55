"""The one desk of an application, where its ingress replicas ask for places.

Every ingress replica says once a second which places it holds (:meth:`Admission.sync`). That is how the desk learns
after its own death who runs, and gets back the places of an ingress that has died, or whose word of leaving was lost.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from deployments.desk import AdmissionLoad, Ask, Desk
from deployments.logs import log_with_serve
from deployments.metrics import UTTERANCES
from deployments.settings import AdmissionSettings

SYNC_S = 1.0
"""How often an ingress replica says what it holds, seconds."""
LEASE_S = 5.0
"""After this long without a word an ingress replica is taken for dead, seconds."""

_GONE_KEPT_S = 2 * LEASE_S


@dataclass(slots=True)
class _Ingress:
    """One ingress replica: when it last said something, since when it holds which places, how its requests ended."""

    heard_s: float
    places: dict[str, float] = field(default_factory=dict)
    outcomes: Mapping[str, int] = field(default_factory=dict)


class Admission:
    """Deployment of the desk; there is one replica.

    Args:
        settings: The application's limits.
    """

    def __init__(self, settings: AdmissionSettings) -> None:
        log_with_serve()
        self._desk = Desk(settings)
        self._ingresses: dict[str, _Ingress] = {}
        self._outcomes_of_others: Counter[str] = Counter()
        self._gone: dict[str, float] = {}
        self._utterances = UTTERANCES.make()

    async def enter(self, ingress: str, ask: Ask) -> None:
        """Return when ``ask`` may run.

        Args:
            ingress: Which ingress replica asks.
            ask: For what.

        Raises:
            Overloaded: There is no room to wait.
            DeadlineExceeded: It would not be done in time.
            ShuttingDown: :meth:`drain` was called.
        """
        self._heard(ingress)
        await self._desk.enter(ask)
        if ingress in self._ingresses:
            self._ingresses[ingress].places[ask.id] = time.monotonic()
        else:
            self._desk.leave(ask.id, completed=False)  # it died while it waited

    async def room(self) -> int:
        """Return when there is room, and for how many; see :meth:`Desk.room`."""
        return await self._desk.room()

    async def turned_away(self, count: int) -> None:
        """Hear how many requests the proxies have refused by themselves while the desk was full."""
        self._outcomes_of_others["rejected"] += count

    async def leave(self, ingress: str, place: str, completed: bool, idle_s: float) -> None:
        """Give a place back; see :meth:`Desk.leave`."""
        self._heard(ingress).places.pop(place, None)
        self._gone[place] = time.monotonic()
        self._desk.leave(place, completed=completed, idle_s=idle_s)

    async def sync(self, ingress: str, held: Sequence[Ask], outcomes: Mapping[str, int]) -> None:
        """Hear from an ingress replica.

        Args:
            ingress: Which.
            held: All that runs there.
            outcomes: How many of its requests ended how, since it started.
        """
        known = self._heard(ingress)
        known.outcomes = outcomes
        now = time.monotonic()
        for ask in held:
            if ask.id not in known.places and ask.id not in self._gone:
                known.places[ask.id] = now
                self._desk.hold(ask)
        named = {ask.id for ask in held}
        for place, since_s in list(known.places.items()):
            if place not in named and now - since_s > LEASE_S:
                del known.places[place]
                self._desk.leave(place, completed=False)
        self._bury()

    async def drain(self) -> int:
        """Let nobody in any more; how many still run or wait. For the end of the application."""
        self._desk.close()
        load = self._desk.load()
        return load.running + load.waiting

    async def load(self) -> AdmissionLoad:
        """Limits, who runs and waits, how requests ended."""
        outcomes = sum((Counter(known.outcomes) for known in self._ingresses.values()), self._outcomes_of_others)
        return replace(self._desk.load(), outcomes=dict(outcomes))

    async def check_health(self) -> None:
        """Take back the places of the dead where nobody else is alive to call :meth:`sync`."""
        await asyncio.sleep(0)
        self._bury()

    def _heard(self, ingress: str) -> _Ingress:
        known = self._ingresses.setdefault(ingress, _Ingress(0.0))
        known.heard_s = time.monotonic()
        return known

    def _bury(self) -> None:
        now = time.monotonic()
        for state, count in self._desk.held().items():
            self._utterances.set(count, {"state": state})
        for name, known in list(self._ingresses.items()):
            if now - known.heard_s > LEASE_S:
                del self._ingresses[name]
                self._outcomes_of_others.update(known.outcomes)
                for place in known.places:
                    self._desk.leave(place, completed=False)
        self._gone = {place: left_s for place, left_s in self._gone.items() if now - left_s < _GONE_KEPT_S}
