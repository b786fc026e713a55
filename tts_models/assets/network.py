"""What the sources share about reaching the network."""

from __future__ import annotations

from dataclasses import dataclass

HUGGING_FACE_HUB = "https://huggingface.co"


class SourceFailed(Exception):
    """One source cannot deliver; the argument is the reason in one line. The next source is tried."""


@dataclass(frozen=True, slots=True)
class Network:
    """How sources reach the network.

    Attributes:
        hub_endpoint: Base address of the Hugging Face hub or a mirror of it.
        connect_timeout_s: Longest wait for a connection, short so that an unreachable hub fails over at once.
        stall_timeout_s: Longest time without a single new byte.
        attempts: How often in a row an HTTP download may bring nothing new before it is given up.
        retry_wait_s: Wait before the second attempt; it doubles with each.
    """

    hub_endpoint: str = HUGGING_FACE_HUB
    connect_timeout_s: float = 4.0
    stall_timeout_s: float = 60.0
    attempts: int = 4
    retry_wait_s: float = 1.0
