"""A request's place among the others: how its work is scheduled, and what it asks the admission for."""

from __future__ import annotations

import math
import time
import uuid
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request

from deployments.desk import Ask
from deployments.fair_queue import Flow
from serve_app.http.caller import Caller, CallerOf
from serve_app.http.client_address import client_of
from serve_app.http.context import Context
from serve_app.http.request_id import request_id_of

TIMEOUT_HEADER = "x-request-timeout-seconds"
"""Ray's own: its proxy ends the request when the time is over."""

NOT_SPOKEN = 10
"""The vocoder does nine tenths of the work; what has no part for it takes so much less."""

_BEGINNING = 150
"""As much of a text as has to be said before a stream begins, at most."""
_AHEAD_OF_PROXY_S = 0.2
"""So much earlier the answer is ours, in our form, seconds."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How a request is scheduled.

    Attributes:
        flow: Of all its calls to the stages. Its deadline is the request's own; there is none where the caller named
            none, as a stream that has begun is not broken off.
        caller: Who asks.
        begin_by_s: By when the answer must have begun, Unix time.
    """

    flow: Flow
    caller: Caller
    begin_by_s: float

    def ask(self, work: int, *, whole: bool) -> Ask:
        """For a place for ``work`` (see :func:`work_of`); ``whole`` if nothing is sent before all of it is done."""
        is_timed = self.flow.deadline_s < math.inf
        return Ask(
            id=uuid.uuid4().hex,
            flow=self.flow,
            work=work,
            needed=work if whole or is_timed else min(work, _BEGINNING),
            deadline_s=self.begin_by_s,
            max_running=self.caller.max_running,
            max_waiting=self.caller.max_waiting,
        )


def work_of(text: str) -> int:
    """What it takes to say ``text``: its bytes. A kanji takes about as long to say as three Latin letters."""
    return len(text.encode())


def key_of(caller: Caller) -> str:
    """As whose the work of ``caller`` takes turns with that of others."""
    return caller.key_id or client_of(caller.address)


def turn_of(caller: Caller, request_id: str, asked: str | None, timeout_s: float) -> Turn:
    """How a request is scheduled.

    Args:
        caller: Who asks.
        request_id: Of the request; callers may choose it, and take turns with themselves if they choose one twice.
        asked: What the header says, if anything.
        timeout_s: How long it has to begin where the header says nothing that can be read, seconds.
    """
    asked_s = _seconds(asked)
    if asked_s is None:
        deadline_s, begin_by_s = math.inf, time.time() + timeout_s
    else:
        deadline_s = begin_by_s = time.time() + asked_s - min(_AHEAD_OF_PROXY_S, asked_s / 10)
    flow = Flow(
        request_id,
        key_of(caller),
        caller.weight,
        deadline_s=deadline_s,
        tenant=caller.tenant,
    )
    return Turn(flow, caller, begin_by_s)


def _seconds(asked: str | None) -> float | None:
    """A time limit; what is none is not read, as Ray does not read it."""
    try:
        asked_s = float(asked or "")
    except ValueError:
        return None
    return asked_s if 0 < asked_s < math.inf else None


async def _turn(
    request: Request,
    caller: CallerOf,
    context: Context,
    asked: Annotated[
        str | None,
        Header(
            alias=TIMEOUT_HEADER,
            description="Seconds from now after which the answer, all of it, is of no use. What cannot be done by then"
            " is refused at once, what is not done is given up. Without it the answer has some time to begin.",
        ),
    ] = None,
) -> Turn:
    return turn_of(caller, request_id_of(request.scope), asked, context.timeout_s)


TurnOf = Annotated[Turn, Depends(_turn)]
"""A route parameter of this type says how the request is scheduled."""
