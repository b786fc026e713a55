"""What Ray's HTTP proxies answer by themselves: that the server is full, while it is.

::

    client --> proxy --[RefuseWhileFull]--> ingress --> desk: full
                  |  <---- 429, x-voicegraph-full: application
                  |
                  +-- remembers it, asks the desk to say when there is room, and answers the next ones with it

Refusing in the ingress costs what Ray and FastAPI take for any request, 12 ms of processor time; in the proxy 3. On two
cores, at ten times what they can say, that is the difference between a fifth and a twentieth of the speech.
"""

from __future__ import annotations

import asyncio
import contextlib
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
_FRESH_S = 1.0
"""A refusal says when a new try makes sense, which changes: after so long it is asked for anew, seconds."""
_FOR_EVERYBODY = ("content-type", "content-length", "retry-after", "retry-after-ms")
"""Headers of a refusal that say nothing of who was refused first."""
_MOST_BYTES = 10_000


class KnowsRoom(Protocol):
    """What is asked of a desk that was full."""

    async def room(self, application: str) -> None:
        """Return when there is room for somebody."""
        ...

    async def turned_away(self, application: str, count: int) -> None:
        """Hear how many requests were refused without it."""
        ...


class Desks:
    """The desks of all applications behind this proxy."""

    async def room(self, application: str) -> None:
        """See :meth:`KnowsRoom.room`."""
        response: Any = _desk(application, "room").remote()
        try:
            await response
        except asyncio.CancelledError:
            response.cancel()
            raise

    async def turned_away(self, application: str, count: int) -> None:
        """See :meth:`KnowsRoom.turned_away`."""
        await _desk(application, "turned_away").remote(count)


@dataclass(slots=True)
class _Refusal:
    """An answer that is given again."""

    application: str
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    given: int = 0


@dataclass(slots=True)
class RefuseWhileFull:
    """Gives the answer of a full server again, until there is room.

    For the same path and method, so that it has the shape that its callers expect. Requests from other web pages, whose
    answers name them, go through.

    Args:
        app: Ray's proxy.
        desks: Say when there is room.
        count: Told path and status of what is answered here; Ray's metrics where absent.
    """

    app: ASGIApp
    desks: KnowsRoom = field(default_factory=Desks)
    count: Callable[[str, int], None] | None = None
    _refusals: dict[str, _Refusal] = field(default_factory=dict)
    _watching: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http" or scope["method"] != "POST" or "origin" in Headers(scope=scope):
            await self.app(scope, receive, self._without_header(send))
        elif refusal := self._refusals.get(scope["path"]):
            await self._refuse(refusal, scope, send)
        else:
            await self.app(scope, receive, self._listening(scope["path"], send))

    async def _refuse(self, refusal: _Refusal, scope: Scope, send: Send) -> None:
        refusal.given += 1
        if self.count is None:
            self.count = _counter()
        self.count(scope["path"], refusal.status)
        request_id = Headers(scope=scope).get("x-request-id") or str(uuid.uuid4())
        headers = [*refusal.headers, (b"x-request-id", request_id.encode("latin-1"))]
        await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "http.response.body", "body": refusal.body, "more_body": False})

    def _listening(self, path: str, send: Send) -> Send:
        """``send``, which remembers a refusal on its way."""
        heard: _Refusal | None = None

        async def listening(message: Message) -> None:
            nonlocal heard
            if message["type"] == "http.response.start":
                if application := _taken_out(message):
                    general = [header for header in message["headers"] if header[0].decode("latin-1") in _FOR_EVERYBODY]
                    heard = _Refusal(application, message["status"], general)
            elif heard is not None:
                heard.body += message.get("body", b"")
                if not message.get("more_body", False) and len(heard.body) <= _MOST_BYTES:
                    self._remember(path, heard)
            await send(message)

        return listening

    def _without_header(self, send: Send) -> Send:
        async def hiding(message: Message) -> None:
            if message["type"] == "http.response.start":
                _taken_out(message)
            await send(message)

        return hiding

    def _remember(self, path: str, refusal: _Refusal) -> None:
        self._refusals[path] = refusal
        if refusal.application not in self._watching:
            self._watching[refusal.application] = asyncio.create_task(self._watch(refusal.application))

    async def _watch(self, application: str) -> None:
        """Forgets the refusals of ``application`` when it has room, or when they are old."""
        with contextlib.suppress(Exception):  # a desk that does not answer is not known to be full
            async with asyncio.timeout(_FRESH_S):
                await self.desks.room(application)
        del self._watching[application]
        mine = {path: refusal for path, refusal in self._refusals.items() if refusal.application == application}
        for path in mine:
            del self._refusals[path]
        if given := sum(refusal.given for refusal in mine.values()):
            with contextlib.suppress(Exception):  # a count, no more
                await self.desks.turned_away(application, given)


def _taken_out(message: Message) -> str:
    """The application that :data:`FULL_HEADER` names, or nothing; the header leaves the message."""
    headers = Headers(raw=message["headers"])
    application = headers.get(FULL_HEADER, "")
    if application:
        message["headers"] = [header for header in headers.raw if header[0].lower() != FULL_HEADER.encode()]
    return application


def _desk(application: str, method: str) -> DeploymentHandle[Any]:
    # Not `serve.get_deployment_handle`, which asks the controller and blocks meanwhile.
    return DeploymentHandle(_DESK, application).options(method_name=method)


def _counter() -> Callable[[str, int], None]:
    errors, responses = HTTP_ERRORS.make(), SPEECH_RESPONSES.make()

    def count(path: str, status: int) -> None:
        errors.inc(1, {"route": path, "status": str(status), "code": "overloaded"})
        responses.inc(1, {"outcome": "rejected"})

    return count
