"""What was done for whom, when, and in what company: the last calls of a replica, and a line in its log. No texts."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import NamedTuple

from deployments.fair_queue import Flow
from deployments.storage.api_keys import is_key_id

logger = logging.getLogger("ray.serve")

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
        _log(flow, waited_s, ran_s, batch)

    def recent(self) -> tuple[PastCall, ...]:
        """Those of the last minute, the oldest first."""
        oldest_s = time.time() - _KEPT_S
        return tuple(call for call in self._calls if call.ended_s > oldest_s)


def _log(flow: Flow, waited_s: float, ran_s: float, batch: int) -> None:
    """A line of the access log (``logging_config.enable_access_log``); fields are seen where it is JSON.

    Ray Serve puts the deployment and the replica there. Addresses, which stand in the place of a key where none is
    needed, are not written down.
    """
    if not logger.isEnabledFor(logging.INFO):
        return
    fields = {
        "utterance": flow.id,
        "key": flow.key if is_key_id(flow.key) else None,
        "segment": flow.segment,
        "priority": flow.priority.value,
        "waited_s": round(waited_s, 4),
        "ran_s": round(ran_s, 4),
        "batch": batch,
    }
    known = {name: value for name, value in fields.items() if value is not None}
    logger.info(
        "WORK waited %.1fms, done in %.1fms, batch of %d",
        1000 * waited_s,
        1000 * ran_s,
        batch,
        extra={**known, "serve_access_log": True, "log_to_stderr": False},
    )
