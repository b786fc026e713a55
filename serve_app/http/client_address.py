"""The address of whoever sent a request, also through proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TypeAlias

from starlette.datastructures import Headers
from starlette.types import Scope

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost")
_CLIENT_PREFIX = 64  # what one IPv6 client is given: it has as many addresses in it as it likes


class ClientAddress:
    """Finds the client of a request.

    That is the peer of the connection; where that is a trusted proxy, the last address in ``X-Forwarded-For`` that is
    none, since each proxy adds to the right whom it was asked by and what stands further left is hearsay. The server in
    front of us (uvicorn, in Ray Serve's proxy) has done so already for proxies on its own machine.

    Args:
        trusted: Addresses or networks of proxies.

    Raises:
        ValueError: One of them is neither.
    """

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._trusted: list[Network] = [ipaddress.ip_network(each, strict=False) for each in trusted]

    def __call__(self, scope: Scope) -> str:
        """The address, or an empty string where the connection has none."""
        peer = scope.get("client")
        address = _parsed(str(peer[0])) if peer else None
        if address is None:
            return ""
        if self._is_trusted(address):
            forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
            for hop in reversed(forwarded):
                said = _parsed(hop)
                if said is None:
                    break  # no address, so whoever wrote it cannot be believed about those before it either
                address = said
                if not self._is_trusted(address):
                    break
        return str(address)

    def _is_trusted(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._trusted)


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address, can be reached from its own machine only."""
    if host.lower() in _LOCAL_NAMES:
        return True
    address = _parsed(host)
    return address is not None and address.is_loopback


def client_of(address: str) -> str:
    """What stands for one client where requests are counted: an IPv4 address, or the network of an IPv6 address."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, _CLIENT_PREFIX), strict=False))
    return address


def _parsed(text: str) -> Address | None:
    """An address as it is written in ``X-Forwarded-For``: perhaps with a port, an IPv6 address then in brackets."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
