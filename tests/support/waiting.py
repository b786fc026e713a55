"""Ports, and waiting for what other processes do: often asked, for a limited time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def until(condition: Callable[[], Any], limit_s: float, what: str) -> Any:
    """What ``condition`` returns once it is true."""
    deadline = time.monotonic() + limit_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {limit_s} s: {what}"
        time.sleep(0.1)
    return value


def at_rest(value: Callable[[], T], still_s: float, limit_s: float = 60) -> T:
    """What ``value`` returns once it has not changed for ``still_s``."""
    deadline = time.monotonic() + limit_s
    last, since = value(), time.monotonic()
    while time.monotonic() < since + still_s:
        assert time.monotonic() < deadline, f"still changing after {limit_s} s: {last}"
        time.sleep(0.1)
        if (now := value()) != last:
            last, since = now, time.monotonic()
    return last
