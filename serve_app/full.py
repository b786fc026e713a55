"""What Ray's HTTP proxies answer by themselves: that the server is full, while it is.

::

    client --> proxy --[RefuseWhileFull]--> ingress --> desk: full
                  |  <---- 429, x-voicegraph-full: application
                  |
                  +-- remembers it, asks the desk to say when there is room, and answers the next ones with it;
                      when there is room for n, lets n try

Refusing in the ingress costs what Ray and FastAPI take for any request, 12 ms of processor time; in the proxy 3.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ray.serve.handle import DeploymentHandle
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.metrics import HTTP_ERRORS, SPEECH_RESPONSES

FULL_HEADER = "x-voicegraph-full"
"""Names the application whose desk is full, between an ingress and its proxy; clients do not see it."""

_DESK = "Admission"
_ARRIVES_S = 0.05
"""So long whoever may try takes to the desk, at most; and so long he is waited for."""
_FRESH_S = 1.0
"""A refusal says when a new try makes sense, which changes: after so long one request hears it anew, seconds."""
_FOR_EVERYBODY = ("content-type", "content-length", "retry-after", "retry-after-ms")
"""Headers of a refusal that say nothing of who was refused first."""


class KnowsRoom(Protocol):
    """What is asked of a desk that was full."""

    async def room(self, application: str) -> int:
        """Return when there is room, and for how many."""
        ...

    async def turned_away(self, application: str, count: int) -> None:
        """Hear how many requests were refused without it."""
        ...


class Desks:
    """The desks of all applications behind this proxy."""

    def __init__(self) -> None:
        self._handles: dict[str, DeploymentHandle[Any]] = {}

    async def room(self, application: str) -> int:
        """See :meth:`KnowsRoom.room`."""
        response: Any = self._desk(application).room.remote()
        try:
            room: int = await response
            return room
        except asyncio.CancelledError:
            response.cancel()
            raise

    async def turned_away(self, application: str, count: int) -> None:
        """See :meth:`KnowsRoom.turned_away`."""
        await self._desk(application).turned_away.remote(count)

    def _desk(self, application: str) -> DeploymentHandle[Any]:
        """The handle, one for ever: each has a router of its own, which reports to the controller."""
        if application not in self._handles:
            # Not `serve.get_deployment_handle`, which asks the controller and blocks meanwhile.
            self._handles[application] = DeploymentHandle(_DESK, application)
        return self._handles[application]


@dataclass(slots=True)
class _Refusal:
    """An answer that is given again, since ``heard_s`` by the monotonic clock."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    heard_s: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class _Full:
    """An application whose desk is full: its refusals by path, and how many requests may try again."""

    application: str
    refusals: dict[str, _Refusal] = field(default_factory=dict)
    given: int = 0
    may_try: int = 0
    all_try: asyncio.Event = field(default_factory=asyncio.Event)

    def refusal_at(self, path: str) -> _Refusal | None:
        """What to answer, or None if this request may try."""
        refusal = self.refusals.get(path)
        if refusal is None:
            return None
        if self.may_try:
            self.may_try -= 1
            if not self.may_try:
                self.all_try.set()
            return None
        if time.monotonic() - refusal.heard_s > _FRESH_S:
            refusal.heard_s = time.monotonic()  # this one hears the answer anew, the others need not
            return None
        self.given += 1
        return refusal


class RefuseWhileFull:
    """Gives the answer of a full server again, until there is room.

    For the same path, so that it has the shape that its callers expect. When there is room for so many, so many may
    try; as long as more than those come, the server is still taken to be full. Requests from other web pages, whose
    answers name them, go through.

    Args:
        app: Ray's proxy.
        desks: Say when there is room.
        count: Told path and status of what is answered here; Ray's metrics where absent.
    """

    def __init__(
        self, app: ASGIApp, desks: KnowsRoom | None = None, count: Callable[[str, int], None] | None = None
    ) -> None:
        self.app = app
        self._desks = desks or Desks()
        self._count = count
        self._full: dict[str, _Full] = {}
        self._watching: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"] if scope["method"] == "POST" and "origin" not in Headers(scope=scope) else None
        refusal = next(filter(None, (full.refusal_at(path) for full in self._full.values())), None) if path else None
        if refusal:
            await self._refuse(refusal, scope, send)
        else:
            await self.app(scope, receive, self._listening(path, send))

    async def _refuse(self, refusal: _Refusal, scope: Scope, send: Send) -> None:
        if self._count is None:
            self._count = _counter()
        self._count(scope["path"], refusal.status)
        request_id = Headers(scope=scope).get("x-request-id") or str(uuid.uuid4())
        headers = [*refusal.headers, (b"x-request-id", request_id.encode("latin-1"))]
        await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "http.response.body", "body": refusal.body, "more_body": False})

    def _listening(self, path: str | None, send: Send) -> Send:
        """``send``, which hides the header, and remembers a refusal at ``path`` on its way."""
        application = ""
        refusal: _Refusal | None = None

        async def listening(message: Message) -> None:
            nonlocal application, refusal
            if message["type"] == "http.response.start":
                application = _taken_out(message)
                if application and path:
                    general = [header for header in message["headers"] if header[0].decode("latin-1") in _FOR_EVERYBODY]
                    refusal = _Refusal(message["status"], general)
            elif refusal is not None and path:
                refusal.body += message.get("body", b"")
                if not message.get("more_body", False):
                    self._remember(application, path, refusal)
            await send(message)

        return listening

    def _remember(self, application: str, path: str, refusal: _Refusal) -> None:
        full = self._full.get(application)
        if full is None:
            full = self._full[application] = _Full(application)
            task = asyncio.create_task(self._watch(full))
            self._watching.add(task)
            task.add_done_callback(self._watching.discard)
        full.refusals[path] = refusal

    async def _watch(self, full: _Full) -> None:
        """Lets requests through as there is room, until fewer come than there is room for."""
        with contextlib.suppress(Exception):  # a desk that does not answer is not known to be full
            while True:
                room = await self._desks.room(full.application)
                full.all_try.clear()
                full.may_try = room
                async with asyncio.timeout(_ARRIVES_S):
                    await full.all_try.wait()
                await asyncio.sleep(_ARRIVES_S)
                await self._tell(full)
        del self._full[full.application]
        with contextlib.suppress(Exception):  # a count, no more
            await self._tell(full)

    async def _tell(self, full: _Full) -> None:
        given, full.given = full.given, 0
        if given:
            await self._desks.turned_away(full.application, given)


def _taken_out(message: Message) -> str:
    """The application that :data:`FULL_HEADER` names, or nothing; the header leaves the message."""
    headers = Headers(raw=message["headers"])
    application = headers.get(FULL_HEADER, "")
    if application:
        message["headers"] = [header for header in headers.raw if header[0].lower() != FULL_HEADER.encode()]
    return application


def _counter() -> Callable[[str, int], None]:
    errors, responses = HTTP_ERRORS.make(), SPEECH_RESPONSES.make()

    def count(path: str, status: int) -> None:
        errors.inc(1, {"route": path, "status": str(status), "code": "overloaded"})
        responses.inc(1, {"outcome": "rejected"})

    return count
