"""How whoever waits for an asset is told what happens. Drawing it is the caller's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Step = Literal["waiting", "fetching", "verifying", "converting", "ready"]


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """One piece of news about one asset.

    Attributes:
        asset: Name of the asset.
        step: ``waiting`` for another process, ``fetching``, ``verifying``, ``converting`` or ``ready``.
        detail: The source in use, in words, or ``""``.
        done_bytes: Bytes done of this step.
        total_bytes: Bytes of this step, 0 where unknown.
    """

    asset: str
    step: Step
    detail: str = ""
    done_bytes: int = 0
    total_bytes: int = 0


class Progress(Protocol):
    """Called from the thread that fetches, some ten times a second at most while bytes arrive."""

    def __call__(self, event: ProgressEvent, /) -> None:
        """Take the news."""
        ...


def ignore(event: ProgressEvent, /) -> None:
    """The progress callback of someone who does not want to know."""
