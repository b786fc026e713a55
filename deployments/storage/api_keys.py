"""API keys: made here, kept as digests, found again by what a client sends.

::

    vg-3f9c0a17b2d4-kXq0...43 characters
       public id     secret

The secret is 256 random bits, so SHA-256 of it is as good as it gets at rest: a slow hash guards what people choose,
and nobody can try 2^255 secrets at any speed. A key is told once, when it is made; nobody can read it back.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from deployments.settings import Settings
from deployments.storage.records import Records, change

COLLECTION = "api_keys"

_ID_FORM = re.compile(r"[0-9a-f]{12}", re.ASCII)
_FORM = re.compile(r"vg-(?P<id>[0-9a-f]{12})-(?P<secret>[A-Za-z0-9_-]{43})", re.ASCII)
_NO_DIGEST = "0" * 64

KeyState = Literal["active", "expired", "revoked"]


class KeyLimits(Settings):
    """What one key may do; what is None is left to the settings of the server."""

    requests_per_s: float | None = Field(default=None, gt=0, description="Requests a second.")
    characters_per_min: int | None = Field(default=None, ge=1, description="Characters spoken a minute.")
    max_running: int | None = Field(default=None, ge=1, description="Utterances that run at once.")
    max_waiting: int | None = Field(default=None, ge=0, description="Utterances that wait.")


class ApiKey(Settings):
    """A key without its secret, as it is kept."""

    key_id: str = Field(description="Public id.")
    digest: str = Field(description="SHA-256 of the secret, hexadecimal.", repr=False)
    name: str = Field(max_length=200, description="Whose it is, in the operator's words.")
    tenant: str = Field(min_length=1, max_length=200, description="Whose dictionaries and jobs its callers see.")
    created_at: float = Field(description="Unix time.")
    expires_at: float | None = Field(default=None, description="Unix time; None is never.")
    revoked_at: float | None = Field(default=None, description="Unix time; None is not.")
    weight: float = Field(default=1.0, gt=0, le=1000, description="Share of a busy server, in proportion to others.")
    admin: bool = Field(default=False, description="Whether it may change what every tenant sees.")
    limits: KeyLimits = Field(default_factory=KeyLimits, description="What it may do.")

    def state(self, now_s: float | None = None) -> KeyState:
        """What the key is worth at a Unix time, by default now."""
        if self.revoked_at is not None:
            return "revoked"
        expired = self.expires_at is not None and self.expires_at <= (time.time() if now_s is None else now_s)
        return "expired" if expired else "active"


class NoSuchKey(Exception):
    """No key of that id; args: the id."""


def is_key_id(text: str) -> bool:
    """Whether ``text`` has the form of a key's public id, which no address has."""
    return _ID_FORM.fullmatch(text) is not None


def key_id_in(text: str) -> str | None:
    """The public id in something that has the form of a key; None if it has not."""
    match = _FORM.fullmatch(text)
    return match["id"] if match else None


def find(keys: Mapping[str, ApiKey], presented: str) -> ApiKey | None:
    """The key that ``presented`` is, in any state; None if it is none, or its secret is wrong.

    Takes as long for a wrong secret as for an id that does not exist.
    """
    match = _FORM.fullmatch(presented)
    if match is None:
        return None
    key = keys.get(match["id"])
    is_right = hmac.compare_digest(_digest(match["secret"]), key.digest if key else _NO_DIGEST)
    return key if is_right else None


class ApiKeys:
    """The keys in ``records``, one record each. Methods block."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def create(
        self,
        name: str,
        *,
        tenant: str | None = None,
        weight: float = 1.0,
        admin: bool = False,
        limits: KeyLimits | None = None,
        expires_in_s: float | None = None,
    ) -> tuple[ApiKey, str]:
        """Makes a key.

        Args:
            name: Whose it is.
            tenant: Whose dictionaries and jobs its callers see; its own by default, named like its id.
            weight: Share of a busy server.
            admin: Whether it may change what every tenant sees.
            limits: What it may do.
            expires_in_s: How long it holds, seconds; None is for ever.

        Returns:
            The key as it is kept, and what its owner sends, which exists nowhere else.
        """
        now_s = time.time()
        while True:
            key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
            key = ApiKey(
                key_id=key_id,
                digest=_digest(secret),
                name=name,
                tenant=tenant or key_id,
                created_at=now_s,
                expires_at=None if expires_in_s is None else now_s + expires_in_s,
                weight=weight,
                admin=admin,
                limits=limits or KeyLimits(),
            )
            if self._records.add(COLLECTION, key_id, key.model_dump_json().encode()):
                return key, f"vg-{key_id}-{secret}"

    def all(self) -> dict[str, ApiKey]:
        """Every key by its id, the revoked and expired ones too."""
        return {key_id: ApiKey.model_validate_json(value) for key_id, value in self._records.all(COLLECTION).items()}

    def version(self) -> int:
        """A number that grew with every change of any key."""
        return self._records.version(COLLECTION)

    def update(self, key_id: str, **changes: object) -> ApiKey:
        """Changes fields of a key.

        Raises:
            NoSuchKey: There is none of that id.
            ValueError: A field cannot have that value.
        """

        def changed(old: bytes | None) -> bytes:
            if old is None:
                raise NoSuchKey(key_id)
            fields = ApiKey.model_validate_json(old).model_dump() | changes
            return ApiKey.model_validate(fields).model_dump_json().encode()

        change(self._records, COLLECTION, key_id, changed)
        return self.all()[key_id]

    def revoke(self, key_id: str) -> ApiKey:
        """Ends a key for good; one that was revoked stays as it was.

        Raises:
            NoSuchKey: There is none of that id.
        """
        key = self.all().get(key_id)
        if key is None:
            raise NoSuchKey(key_id)
        return key if key.revoked_at is not None else self.update(key_id, revoked_at=time.time())

    def delete(self, key_id: str) -> None:
        """Forgets a key.

        Raises:
            NoSuchKey: There is none of that id.
        """
        if not self._records.delete(COLLECTION, key_id):
            raise NoSuchKey(key_id)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
