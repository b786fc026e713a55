"""Who sent a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

GLOBAL_TENANT = ""
"""What belongs to this tenant is seen by every other."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, as far as the server knows.

    Attributes:
        key_id: Public id of the API key; empty without one.
        tenant: Whose dictionaries and jobs the caller sees besides the global ones: the key's id, unless the key was
            made for another tenant. Without keys everyone is the global tenant.
        address: Address of the client, as the connection shows it.
        weight: Share of a busy server, in proportion to the other callers' weights.
        max_running: Utterances of this key that run at once; None leaves it to the application's limit.
        max_waiting: Utterances of this key that wait; None leaves it to the application's limit.
        is_admin: Whether the caller may change what every tenant sees: with a key made for that, or anyone where no key
            is needed.
    """

    key_id: str = ""
    tenant: str = GLOBAL_TENANT
    address: str = ""
    weight: float = 1.0
    max_running: int | None = None
    max_waiting: int | None = None
    is_admin: bool = False


async def caller_of(request: Request) -> Caller:
    """Who sent ``request``: what :class:`~serve_app.http.access.AccessMiddleware` found out, else anonymous."""
    known: Caller | None = request.scope.get("state", {}).get("caller")
    return known or Caller(address=request.client.host if request.client else "")


CallerOf = Annotated[Caller, Depends(caller_of)]
"""A route parameter of this type is given the caller."""
