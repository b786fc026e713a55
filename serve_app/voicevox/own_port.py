"""The façade on a port of its own, where VOICEVOX's clients look for it, beside the server's port.

The port listens on this machine only, where those clients run. Whatever comes in by it takes the way of every other
request, through the same limits and keys.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

_HOST = "127.0.0.1"
_OWN_PORT = "voicegraph.voicevox_port"
"""Key of a scope that came in by it."""


def listen_on_own_port(app: FastAPI) -> None:
    """Has ``app`` answer on ``http.voicevox_port`` too, if there is one, for as long as it runs.

    Raises:
        OSError: When ``app`` starts and something else listens there.
    """
    settings = app.state.context.settings
    if settings.voicevox_port is None or settings.voicevox_mount is None:
        return
    port, mount = settings.voicevox_port, settings.voicevox_mount.rstrip("/")
    around = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[Any]:
        async with around(running) as state, _serving(_Below(app, mount), port):
            yield state

    app.router.lifespan_context = lifespan


class _Below:
    """``app`` as if what is mounted at ``mount``, an :class:`AtRoot`, were at its root."""

    def __init__(self, app: ASGIApp, mount: str) -> None:
        self._app = app
        self._mount = mount

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raw_path = self._mount.encode() + scope["raw_path"]
            scope = {**scope, "path": self._mount + scope["path"], "raw_path": raw_path, _OWN_PORT: True}
        await self._app(scope, receive, send)


class AtRoot:
    """What is mounted, told nothing of its mount where the request came in by the port of its own.

    So the addresses that it writes into its answers are those of that port.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _OWN_PORT in scope:
            scope = {**scope, "path": scope["path"].removeprefix(scope["root_path"]), "root_path": ""}
        await self._app(scope, receive, send)


class _Server(uvicorn.Server):
    """Leaves signals to the process it is a part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def _serving(app: ASGIApp, port: int) -> AsyncIterator[None]:
    with socket.socket() as listener:
        # Ingress replicas of one machine share the port, as they do the proxy's.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            listener.bind((_HOST, port))
        except OSError as error:
            raise OSError(f"http.voicevox_port: {_HOST}:{port} cannot be listened on ({error.strerror}).") from error
        server = _Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield
        finally:
            server.should_exit = True
            await serving
