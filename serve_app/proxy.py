"""What Ray's HTTP proxies do besides passing requests on: they ask another ingress replica when one dies.

When none answers any more they say of themselves that they are unhealthy. What else they answer by themselves is in
:mod:`serve_app.full`.

::

    client --> proxy --[AskAgain]--> ingress replica 1   dies before it answers
                            |
                            +------> ingress replica 2   answers

Ray calls :func:`middlewares` in every proxy where ``RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH`` names it, which
``voicegraph serve`` and ``cluster.yaml`` do.
"""

from __future__ import annotations

import asyncio
import re
import time

from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.full import RefuseWhileFull

IMPORT_PATH = "serve_app.proxy:middlewares"

_ATTEMPTS = 5
_DELAY_S = 0.1
_MAX_BODY_BYTES = 2_000_000
_RAYS_OWN = "/-/"
"""Paths that the proxy answers by itself, health among them."""
_HEALTH = "/-/healthz"
_LOST_IN_A_ROW = 3
_UNHEALTHY_S = 10.0
_CHANGES_NOTHING = re.compile(
    r"/(audio/speech|audio/captions"
    r"|audio_query(_from_preset)?|accent_phrases|mora_(data|length|pitch)|validate_kana|connect_waves|morphable_targets"
    r"|((cancellable|multi|streaming)_)?synthesis|synthesis_morphing)$"
)
"""Ends of paths where a POST asked twice does what it does once."""


def middlewares() -> list[Middleware]:
    """For ``RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH``."""
    return [Middleware(AskAgain), Middleware(RefuseWhileFull)]  # the last one is the outermost


def may_ask_again(method: str, path: str) -> bool:
    """Whether a request does no harm when it is made twice."""
    if path.startswith(_RAYS_OWN):
        return False
    if method == "POST":
        return _CHANGES_NOTHING.search(path) is not None
    return method in ("GET", "HEAD", "OPTIONS", "PUT")


class AskAgain:
    """Makes a request again whose replica died before it had answered anything.

    What has begun to be answered breaks off, where its client sees it. A body that is too large to be kept is not
    sent twice. A proxy of which several requests in a row were answered by nobody is on a node that lost touch with
    the others: for a while it fails the health checks of the load balancer before it.

    Args:
        app: Ray's proxy, which ends without a response where the replica died.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._lost = 0
        self._lost_s = -_UNHEALTHY_S

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] == "http" and scope["path"] == _HEALTH and self._reaches_nobody():
            unhealthy = PlainTextResponse("No replica answers the requests of this proxy.", 503)
            await unhealthy(scope, receive, send)
        elif scope["type"] == "http" and may_ask_again(scope["method"], scope["path"]):
            await self._ask(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _Request(receive, send)
        for attempt in range(_ATTEMPTS):
            # Ray adds to the headers.
            await self.app({**scope, "headers": list(scope["headers"])}, request.again(), request.send)
            if request.is_answered:
                self._lost = 0
            if not request.can_be_repeated:
                return
            await asyncio.sleep(_DELAY_S * 2**attempt)
        self._lost, self._lost_s = self._lost + 1, time.monotonic()
        from serve_app.http.errors import Failure  # hardly ever needed
        from serve_app.http.request_id import RequestIdMiddleware

        message = f"None of {_ATTEMPTS} replicas that were asked has answered. The request may be tried again."
        failure = Failure(503, message, "unavailable", headers={"retry-after": "1"})
        await RequestIdMiddleware(failure.response())(scope, receive, send)

    def _reaches_nobody(self) -> bool:
        return self._lost >= _LOST_IN_A_ROW and time.monotonic() - self._lost_s < _UNHEALTHY_S


class _Request:
    """A request whose body is remembered until something of the answer was sent.

    Attributes:
        is_answered: Whether something was.
        can_be_repeated: Whether it was not, and all that was heard of the request is there.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._heard: list[Message] = []
        self._size_bytes = 0
        self.is_answered = False
        self.can_be_repeated = True

    def again(self) -> Receive:
        """Its messages from the beginning."""
        told = 0

        async def receive() -> Message:
            nonlocal told
            if told < len(self._heard):
                told += 1
                return self._heard[told - 1]
            message = await self._receive()
            self._remember(message)
            told = len(self._heard)
            return message

        return receive

    async def send(self, message: Message) -> None:
        """Sends a message of the answer."""
        self.is_answered = True
        self.can_be_repeated = False
        self._heard.clear()
        await self._send(message)

    def _remember(self, message: Message) -> None:
        self._size_bytes += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or self._size_bytes > _MAX_BODY_BYTES:
            self.can_be_repeated = False
            self._heard.clear()
        elif self.can_be_repeated:
            self._heard.append(message)
