"""What was done for whom, when, and in what company: the last calls of a replica. No texts."""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple

from deployments.fair_queue import Flow

_MOST = 256
_KEPT_S = 60.0


class PastCall(NamedTuple):
    """A call that was answered. Times are Unix time; clocks of the nodes are taken to agree.

    Attributes:
        request: Id of the request, or of the job.
        key: Who asked; see :class:`~deployments.fair_queue.Flow`.
        segment: Which segment of the utterance it was for; None if for all of it.
        came_s: When it came to the replica.
        began_s: When its turn came.
        ended_s: When it was done.
        batch: Calls that were worked on together, itself included.
    """

    request: str
    key: str
    segment: int | None
    came_s: float
    began_s: float
    ended_s: float
    batch: int


class PastCalls:
    """The calls of the last minute, 256 at most."""

    def __init__(self) -> None:
        self._calls: deque[PastCall] = deque(maxlen=_MOST)

    def add(self, flow: Flow, waited_s: float, ran_s: float, batch: int = 1) -> None:
        """Note a call of ``flow`` that has just ended.

        Args:
            flow: Whose it was.
            waited_s: Until its turn came, seconds.
            ran_s: From then on, seconds.
            batch: Calls that were worked on together.
        """
        now = time.time()
        self._calls.append(PastCall(flow.id, flow.key, flow.segment, now - ran_s - waited_s, now - ran_s, now, batch))

    def recent(self) -> tuple[PastCall, ...]:
        """Those of the last minute, the oldest first."""
        oldest_s = time.time() - _KEPT_S
        return tuple(call for call in self._calls if call.ended_s > oldest_s)
