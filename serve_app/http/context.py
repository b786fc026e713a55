"""What every route works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Request

from deployments.settings import HttpSettings
from deployments.storage.records import Records
from serve_app.graph import Overloaded, SpeechGraph
from tts_models.speaker.voices import VoiceCatalogue

_RETRY_AFTER_S = 2.0  # a few sentences have been spoken by then

Outcome = Literal["completed", "rejected", "failed", "broken", "disconnected"]
"""How a valid speech request ended: all audio sent; refused by a stage before any audio; failed on the server before
any audio; failed after some audio had been sent; given up by the client."""


Replicas = Callable[[], Awaitable[Mapping[str, int]]]
"""How many replicas of each deployment are running, by its name."""


class Admission:
    """A number of places. Whoever finds none is turned away at once, in the same form as every other error.

    Ray would let callers wait outside, where ``/health`` waits with them, and then answer in plain text.

    Args:
        places: How many.
    """

    def __init__(self, places: int) -> None:
        self._free = places

    @contextmanager
    def place(self) -> Iterator[None]:
        """Takes a place for as long as the context lasts.

        Raises:
            Overloaded: If none is free.
        """
        if not self._free:
            raise Overloaded("The server is busy; please try again shortly.", _RETRY_AFTER_S)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


@dataclass(frozen=True, slots=True)
class HttpContext:
    """What every route works with.

    Attributes:
        graph: Makes the speech.
        voices: The voices a caller can choose.
        settings: What is accepted and answered.
        count: Told the outcome of every speech request.
        replicas: How many replicas of each deployment are running.
        admission: Places for speech requests.
        records: What is kept across restarts.
    """

    graph: SpeechGraph
    voices: VoiceCatalogue
    settings: HttpSettings
    count: Callable[[Outcome], None]
    replicas: Replicas
    admission: Admission
    records: Records

    @property
    def models(self) -> tuple[str, ...]:
        """Every name of the model, its own first."""
        return (self.settings.model, *self.settings.model_aliases)


async def _context_of(request: Request) -> HttpContext:
    context: HttpContext = request.app.state.context
    return context


Context = Annotated[HttpContext, Depends(_context_of)]
"""A route parameter of this type is given the application's context."""
