"""Request bodies over the limit are refused before they are read."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.http.errors import BodyTooLarge

_MAX_DIGITS = 20  # more of them are over any limit, and int() refuses a number of thousands


class BodyLimitMiddleware:
    """Refuses a body by its ``Content-Length``, and one sent in chunks as soon as it grows over the limit.

    Starlette has such a middleware (``FastAPI(max_body_size=...)``), but where the length is known it answers in plain
    text by itself, which OpenAI's clients cannot read.

    Args:
        app: The application behind; it must turn ``BodyTooLarge`` into a response.
        max_bytes: Longest body accepted.
        elsewhere: Longest body of other paths.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, elsewhere: Mapping[str, int] | None = None) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.elsewhere = elsewhere or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the application behind.

        Raises:
            BodyTooLarge: Here where the length was announced, else out of ``receive``.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        max_bytes = self.elsewhere.get(scope["path"], self.max_bytes)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced[:_MAX_DIGITS]) > max_bytes:
            raise BodyTooLarge(max_bytes)
        received = 0

        async def receive_counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                raise BodyTooLarge(max_bytes)
            return message

        await self.app(scope, receive_counting, send)
