"""Who may: the API key of a request, and what can be read without one.

::

    http.api_keys    server listens on    client            without a key
    off              anything             anyone            may do everything
    auto (default)   loopback             on this machine   may do everything
    auto             loopback             elsewhere (*)     401
    auto             anything else        anyone            401
    required         anything             anyone            401

    (*) a proxy on this machine, which every client seems to be, says so in X-Forwarded-For

What tells only what there is (health, models, voices, the API's description) is readable without a key. A good key
tells who its caller is under every rule but ``off``; with a wrong one a caller is anonymous where no key is needed,
since many clients must be given one and send whatever that was.
"""

from __future__ import annotations

import base64
import binascii
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.settings import HttpSettings
from deployments.storage.api_keys import ApiKey, key_id_in
from serve_app.calls import StageUnavailable
from serve_app.http.caller import Caller
from serve_app.http.client_address import ClientAddress, is_loopback
from serve_app.http.errors import Unauthorized
from serve_app.http.keyring import Keyring
from serve_app.http.limits import Limiter, enter

_OPEN = re.compile(
    r"/(listen|static/.+|health|docs|docs/.+|openapi\.json|static-offline-docs/.+"
    r"|v1/(models|models/.+|audio/(models|voices)|test))?"
)
"""Paths that GET and HEAD read without a key."""

_UNCOUNTED = re.compile(r"/health|/static/.+")
"""Paths that no limit counts: one who opens the page asks for all its files at once."""
_HOW_TO_SEND = (
    "Send one in the header `Authorization: Bearer KEY`; whoever runs the server makes it with `voicegraph keys`."
)


class AccessMiddleware:
    """Tells routes who the caller is, and refuses who is not known where that is needed.

    Args:
        app: The application behind; something in front must turn errors into responses.
        settings: When a key is needed.
        keyring: The keys.
        limiter: Counts what callers ask for.
        listens_on: Address or name that the server's socket is bound to; None if nobody knows, which counts as open.
    """

    def __init__(
        self, app: ASGIApp, settings: HttpSettings, keyring: Keyring, limiter: Limiter, listens_on: str | None
    ) -> None:
        self.app = app
        self._limits = settings.limits
        self._limiter = limiter
        self._mode = settings.api_keys
        self._keyring = keyring
        self._is_local = listens_on is not None and is_loopback(listens_on)
        self._address_of = ClientAddress(settings.trusted_proxies)
        self._open_mount = None if settings.voicevox_requires_key else settings.voicevox_mount

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the application behind.

        Raises:
            Unauthorized: A key is needed, and there is none or a wrong one.
            LimitExceeded: The caller has asked for too much.
            StageUnavailable: The keys cannot be read.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        address = self._address_of(scope)
        presented = presented_key(Headers(scope=scope))
        needs_key = self._needs_key(address)
        found = await self._find(presented) if self._mode != "off" else None
        key = found if found and found.state() == "active" else None
        caller = self._caller(key, address, is_admin=not needs_key)
        limits = self._limiter.begin(caller, key.limits if key else None)
        if not _UNCOUNTED.fullmatch(self._path(scope)):
            await limits.take("requests")
        if needs_key and key is None and not self._is_open(scope):
            raise _refusal(presented, found)
        scope.setdefault("state", {})["caller"] = caller
        enter(limits)

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(limits.headers())
            await send(message)

        await self.app(scope, receive, send_with_limits)

    def _caller(self, key: ApiKey | None, address: str, *, is_admin: bool) -> Caller:
        if key is None:
            is_near = not self._limits.loopback and (not address or is_loopback(address))
            max_running = None if is_near else self._limits.address_max_running
            return Caller(address=address, max_running=max_running, is_admin=is_admin)
        max_waiting = key.limits.max_waiting
        return Caller(
            key_id=key.key_id,
            tenant=key.tenant,
            address=address,
            weight=key.weight,
            max_running=key.limits.max_running or self._limits.key_max_running,
            max_waiting=self._limits.key_max_waiting if max_waiting is None else max_waiting,
            is_admin=key.admin,
        )

    def _needs_key(self, address: str) -> bool:
        match self._mode:
            case "off":
                return False
            case "required":
                return True
        return not (self._is_local and (not address or is_loopback(address)))

    @staticmethod
    def _path(scope: Scope) -> str:
        return str(scope["path"]).removeprefix(str(scope.get("root_path", "")).rstrip("/"))

    def _is_open(self, scope: Scope) -> bool:
        path = self._path(scope)
        if self._open_mount == "/":
            if not path.startswith("/v1/"):
                return True
        elif self._open_mount and path.startswith(self._open_mount.rstrip("/") + "/"):
            return True
        return is_open(scope["method"], path)

    async def _find(self, presented: str) -> ApiKey | None:
        if key_id_in(presented) is None:
            return None
        try:
            return await self._keyring.find(presented)
        except Exception as error:
            raise StageUnavailable("The API keys cannot be read just now; please try again shortly.") from error


def presented_key(headers: Headers) -> str:
    """The key that a request brings; an empty string if it brings none.

    As OpenAI's clients send it, or as ``x-api-key``, or as the password of basic authentication, which every client has
    that takes an address such as ``http://:KEY@host:8000``.
    """
    scheme, _, credentials = headers.get("authorization", "").strip().partition(" ")
    credentials = credentials.strip()
    match scheme.lower():
        case "bearer" if credentials:
            return credentials
        case "basic" if credentials:
            try:
                user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return ""
            return password or user
    return headers.get("x-api-key", "").strip()


def is_open(method: str, path: str) -> bool:
    """Whether a request is answered without a key, whatever the settings."""
    return method in ("GET", "HEAD") and _OPEN.fullmatch(path) is not None


def _refusal(presented: str, key: ApiKey | None) -> Unauthorized:
    if not presented:
        return Unauthorized(f"This server needs an API key. {_HOW_TO_SEND}", "missing_api_key")
    if key is None:
        return Unauthorized(f"That is not an API key of this server. {_HOW_TO_SEND}", "invalid_api_key")
    # Only whoever has the whole key learns what became of it.
    if key.state() == "revoked":
        return Unauthorized(
            f"The API key {key.key_id} has been revoked. Ask whoever runs the server.", "revoked_api_key"
        )
    return Unauthorized(f"The API key {key.key_id} has expired. Ask whoever runs the server.", "expired_api_key")
