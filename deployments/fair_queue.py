"""Whose work is next: start-time fair queueing over API keys and their utterances, batch work behind interactive work.

::

    FairQueue
     + interactive          always first
     |  + key "a", weight 2      twice the work of "b" while both have work waiting
     |  |  + utterance 1             [segment][segment]
     |  |  + utterance 2             [segment]
     |  + key "b", weight 1
     |     + utterance 3             [segment][segment][segment] ...
     + batch                when nothing interactive waits, or once every BATCH_PATIENCE_S

A child of a level that comes to have work gets a start tag; the smallest start tag is served, and the child's finish
tag lies ``cost / weight`` after it. A child that was served before starts at its last finish tag, or at the tag being
served if that is later; a new one starts at virtual time. So whoever has had nothing yet is next, and a long text
delays a short one by the piece that is already running.

Virtual time passes with the work done, by what each of those that had work should have got of it, and is never behind
the tag being served. Were it that tag alone, new utterances without end would keep it where it is, each of them be
next, and the second segment of a text that has begun never have its turn.

Sources: P. Goyal, H. Vin, H. Cheng, "Start-time Fair Queuing", SIGCOMM 1996, here in two levels, which it allows; for
virtual time J. Bennett, H. Zhang, "Hierarchical Packet Fair Queueing Algorithms", SIGCOMM 1996.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

BATCH_PATIENCE_S = 30.0
"""While interactive work never ends, one piece of batch work is served each time this has passed, seconds."""

_IDLE_KEPT = 64
"""Keys, and utterances of each, that have no work waiting and are remembered all the same."""

Item = TypeVar("Item")


class Priority(StrEnum):
    """Class of work."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Flow:
    """Whose work a call to a stage is; it travels with the call.

    Attributes:
        id: The utterance: its calls are served in order, and take turns with those of others.
        key: Who asked for it: an API key, or an address. Keys take turns by their weights, however many utterances
            each of them has.
        weight: Share of the key beside others, above 0.
        priority: Class of work.
        deadline_s: Nobody wants the result after this, Unix time; clocks of the nodes are taken to agree.
        tenant: Whose dictionaries texts are read with, besides the global one.
        segment: Which segment of the utterance a call is for, from 0; None if for all of it.
    """

    id: str = ""
    key: str = ""
    weight: float = 1.0
    priority: Priority = Priority.INTERACTIVE
    deadline_s: float = math.inf
    tenant: str = ""
    segment: int | None = None


ANYONE = Flow()
"""Of calls that nobody told apart."""


@dataclass(eq=False, slots=True)
class Entry(Generic[Item]):
    """A place in the queue."""

    item: Item
    flow: Flow
    cost: float
    number: int
    is_queued: bool = True


class FairQueue(Generic[Item]):
    """A queue in the order above. Not thread safe.

    Args:
        clock: Seconds, for the patience of batch work.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._classes = {priority: _Keys[Item]() for priority in Priority}
        self._batch_since_s = 0.0
        self._count = 0
        self.cost = 0.0
        """Sum of the costs of all that wait."""

    def __len__(self) -> int:
        return sum(len(keys) for keys in self._classes.values())

    def __iter__(self) -> Iterator[Entry[Item]]:
        """All that wait, in no order."""
        for keys in self._classes.values():
            yield from keys

    def put(self, item: Item, flow: Flow, cost: float) -> Entry[Item]:
        """Queue ``item``; ``cost``, above 0, is what serving it takes, in any unit."""
        entry = Entry(item, flow, cost, self._count)
        self._count += 1
        self.cost += cost
        keys = self._classes[flow.priority]
        if flow.priority is Priority.BATCH and not len(keys):
            self._batch_since_s = self._clock()
        keys.put(entry)
        return entry

    def first(self, may: Callable[[str], bool] | None = None) -> Entry[Item] | None:
        """Who is next, still in the queue; of those keys only that ``may`` be served."""
        interactive = self._classes[Priority.INTERACTIVE].first(may)
        batch = self._classes[Priority.BATCH].first(may)
        if interactive and batch and self._clock() - self._batch_since_s >= BATCH_PATIENCE_S:
            return batch
        return interactive or batch

    def take(self, entry: Entry[Item]) -> None:
        """Serve ``entry``, which is what :meth:`first` returned."""
        if entry.flow.priority is Priority.BATCH:
            self._batch_since_s = self._clock()
        self._leave(entry)
        self._classes[entry.flow.priority].take(entry)

    def remove(self, entry: Entry[Item]) -> None:
        """Forget ``entry``, which nobody waits for any more; nothing if it has been served."""
        if entry.is_queued:
            self._leave(entry)
            self._classes[entry.flow.priority].remove(entry)

    def _leave(self, entry: Entry[Item]) -> None:
        entry.is_queued = False
        self.cost = self.cost - entry.cost if len(self) > 1 else 0.0


class _Level:
    """Start-time fair queueing among the children of one node."""

    def __init__(self) -> None:
        self._served = 0.0
        self._virtual_time = 0.0
        self._passing = 0.0  # of virtual time, while that is done which was served last
        self._starts: dict[str, tuple[float, int]] = {}
        self._finishes: dict[str, float] = {}
        self._weights: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._starts)

    def wait(self, child: str, number: int, weight: float = 1.0) -> None:
        """``child`` has work; among equals the lower ``number`` is first."""
        if child not in self._starts:
            finish = self._finishes.get(child)
            self._starts[child] = self._virtual_time if finish is None else max(self._served, finish), number
            self._weights[child] = weight

    def first(self, may: Callable[[str], bool] | None = None) -> str | None:
        candidates = self._starts if may is None else filter(may, self._starts)
        return min(candidates, key=self._starts.__getitem__, default=None)

    def serve(self, child: str, cost: float) -> None:
        """``child`` is given work of ``cost`` and has no more until it waits again."""
        start, _ = self._starts[child]
        self._served = max(self._served, start)
        self._virtual_time = max(self._virtual_time + self._passing, start)
        self._passing = cost / self._share()
        del self._starts[child]
        self._finishes.pop(child, None)  # to the end
        self._finishes[child] = start + cost / self._weights[child]
        self._forget()

    def leave(self, child: str) -> None:
        """``child`` has no work after all."""
        del self._starts[child]
        if child not in self._finishes:
            del self._weights[child]
        self._forget()

    def _share(self) -> float:
        """Weights of all that wait, and of those that would wait still were all served at once, each by its weight."""
        starts, finishes, now = self._starts, self._finishes, self._virtual_time
        return sum([weight for child, weight in self._weights.items() if child in starts or finishes[child] > now])

    def _forget(self) -> None:
        """All but those who have work and those who were served last."""
        for child in list(self._finishes)[: max(0, len(self._finishes) - len(self._starts) - _IDLE_KEPT)]:
            if child not in self._starts:
                del self._finishes[child], self._weights[child]


class _Keys(Generic[Item]):
    """One class of work: keys, and the utterances of each."""

    def __init__(self) -> None:
        self._keys = _Level()
        self._flows: dict[str, _Level] = {}
        self._entries: dict[tuple[str, str], deque[Entry[Item]]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Entry[Item]]:
        for entries in self._entries.values():
            yield from entries

    def put(self, entry: Entry[Item]) -> None:
        flow = entry.flow
        self._size += 1
        self._entries.setdefault((flow.key, flow.id), deque()).append(entry)
        self._flows.setdefault(flow.key, _Level()).wait(flow.id, entry.number)
        self._keys.wait(flow.key, entry.number, flow.weight)

    def first(self, may: Callable[[str], bool] | None) -> Entry[Item] | None:
        key = self._keys.first(may)
        if key is None:
            return None
        flow = self._flows[key].first()
        assert flow is not None
        return self._entries[key, flow][0]

    def take(self, entry: Entry[Item]) -> None:
        flow = entry.flow
        flows = self._flows[flow.key]
        flows.serve(flow.id, entry.cost)
        self._keys.serve(flow.key, entry.cost)
        self._drop(entry)
        if following := self._entries.get((flow.key, flow.id)):
            flows.wait(flow.id, following[0].number)
        if flows:
            self._keys.wait(flow.key, entry.number, flow.weight)
        self._tidy(flow.key)

    def remove(self, entry: Entry[Item]) -> None:
        flow = entry.flow
        self._drop(entry)
        if (flow.key, flow.id) not in self._entries:
            self._flows[flow.key].leave(flow.id)
            if not self._flows[flow.key]:
                self._keys.leave(flow.key)
        self._tidy(flow.key)

    def _drop(self, entry: Entry[Item]) -> None:
        self._size -= 1
        entries = self._entries[entry.flow.key, entry.flow.id]
        entries.remove(entry)
        if not entries:
            del self._entries[entry.flow.key, entry.flow.id]

    def _tidy(self, key: str) -> None:
        """Keys that have had no work for the longest are forgotten."""
        self._flows[key] = self._flows.pop(key)  # to the end
        if len(self._flows) > _IDLE_KEPT:
            for idle in [name for name, flows in self._flows.items() if not flows][:-_IDLE_KEPT]:
                del self._flows[idle]
