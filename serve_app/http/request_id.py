"""One id a request, in the response, in error messages and in the log."""

from __future__ import annotations

import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-request-id"
_SANE = re.compile(r"[\w.:+/=@~-]{1,128}", re.ASCII)


def request_id_of(scope: Scope) -> str:
    """The id that :class:`RequestIdMiddleware` gave the request."""
    return str(scope["state"]["request_id"])


def arrival_of(scope: Scope) -> float:
    """When the request came, ``time.monotonic``."""
    return float(scope["state"]["came_s"])


class RequestIdMiddleware:
    """Takes the caller's ``x-request-id`` where it is one, else makes one, and answers with it.

    Args:
        app: The application behind.
        answer: Whether to add the header to the response. False behind Ray Serve's proxy, which makes the id where the
            caller sent none, hands it on, and adds the header to every response by itself.
    """

    def __init__(self, app: ASGIApp, answer: bool = True) -> None:
        self.app = app
        self.answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the application behind."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = Headers(scope=scope).get(HEADER, "")
        if not _SANE.fullmatch(request_id):
            request_id = f"req_{uuid.uuid4().hex}"
        scope.setdefault("state", {}).update(request_id=request_id, came_s=time.monotonic())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        await self.app(scope, receive, send_with_id if self.answer else send)
