"""Which web pages may call the façade, by the engine's rule: a browser names the page's origin, everything else none.

::

    request --> no Origin -------------------------> app
            --> Origin allowed --------------------> app, answer readable to the page (CORS)
            --> Origin not allowed ----------------> 403

Allowed are pages of this machine and browser extensions, what ``allow_origin`` names, or all with ``cors_policy_mode``
``all``; the operator's ``http.allowed_origins`` too. Unlike the engine, a change holds at once, on every replica.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Literal

from pydantic import BaseModel, Field
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.storage.records import Records

_RECORD = ("voicevox", "setting")
_FRESH_S = 1.0
_THIS_MACHINE = re.compile(r"[a-zA-Z+\-.]+://(([^/]+\.)?localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?")
_ITS_OWN_APP = "app://."
_EXTENSIONS = (
    "chrome-extension://",
    "moz-extension://",
    "ms-browser-extension://",
    "safari-extension://",
    "safari-web-extension://",
)

CorsPolicyMode = Literal["all", "localapps"]


class Setting(BaseModel):
    """What the setting page sets."""

    cors_policy_mode: CorsPolicyMode = "localapps"
    allow_origin: str = Field(default="", max_length=4_096)

    def allows(self, origin: str) -> bool:
        """Whether pages of ``origin`` may call."""
        return (
            self.cors_policy_mode == "all"
            or origin in (_ITS_OWN_APP, *self.allow_origin.split())
            or origin.startswith(_EXTENSIONS)
            or _THIS_MACHINE.fullmatch(origin) is not None
        )


class SettingStore:
    """The setting in ``records``, the same on every replica within a second."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._known = Setting()
        self._read_at = -_FRESH_S

    async def get(self) -> Setting:
        """As it is, or was a second ago."""
        if time.monotonic() - self._read_at >= _FRESH_S:
            kept = await asyncio.to_thread(self._records.get, *_RECORD)
            self._known = Setting.model_validate_json(kept) if kept else Setting()
            self._read_at = time.monotonic()
        return self._known

    async def set(self, setting: Setting) -> None:
        """Keeps ``setting``."""
        await asyncio.to_thread(self._records.put, *_RECORD, setting.model_dump_json().encode())
        self._known, self._read_at = setting, time.monotonic()


class OriginMiddleware:
    """Turns away pages that may not call; tells browsers that the others may read the answer.

    Args:
        app: What answers.
        store: Which may.
        elsewhere: Origins that another middleware lets in, and tells browsers so.
    """

    def __init__(self, app: ASGIApp, store: SettingStore, elsewhere: tuple[str, ...] = ()) -> None:
        self._app = app
        self._store = store
        self._elsewhere = elsewhere

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        origin = headers.get("origin")
        if origin is None or origin in self._elsewhere or "*" in self._elsewhere:
            await self._app(scope, receive, send)
            return
        if not (await self._store.get()).allows(origin):
            await JSONResponse({"detail": "Origin not allowed"}, 403)(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            answer = Response(headers=_readable(origin) | _preflight(headers))
            await answer(scope, receive, send)
            return

        async def readable(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_readable(origin))
            await send(message)

        await self._app(scope, receive, readable)


def _readable(origin: str) -> dict[str, str]:
    return {"access-control-allow-origin": origin, "access-control-allow-credentials": "true", "vary": "Origin"}


def _preflight(headers: Headers) -> dict[str, str]:
    return {
        "access-control-allow-methods": "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
        "access-control-allow-headers": headers.get("access-control-request-headers", ""),
        "access-control-max-age": "600",
    }
