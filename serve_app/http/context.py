"""What every route works with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from fastapi import Depends, Request

from deployments.settings import HttpSettings
from deployments.storage.records import Records
from serve_app.admission import Admits
from serve_app.graph import SpeechGraph, SpokenAudio, Utterance
from serve_app.http.enrolment import Enroller
from serve_app.jobs.board import JobBoard
from serve_app.stage_load import StageLoad
from serve_app.voices.registry import VoiceRegistry
from tts_models.instructions import Understanding
from tts_models.text.word_filter import WordFilter
from tts_models.timing import WordMark

Outcome = Literal["completed", "rejected", "failed", "broken", "disconnected"]
"""How a valid speech request ended: all audio sent; refused before any audio, for want of room or time; failed on the
server before any audio; failed after some audio had been sent; given up by the client."""


Replicas = Callable[[], Awaitable[Mapping[str, int]]]
"""How many replicas of each deployment are running, by its name."""


Stages = Callable[[], Awaitable[Sequence[StageLoad]]]
"""What each stage has to do."""


class Offer(Protocol):
    """What can be asked for."""

    @property
    def settings(self) -> HttpSettings:
        """What is accepted and answered."""
        ...

    @property
    def models(self) -> tuple[str, ...]:
        """Every name of the model, its own first."""
        ...

    @property
    def understanding(self) -> Understanding:
        """Of instructions."""
        ...


@dataclass(frozen=True, slots=True)
class Jobs:
    """What the routes need of jobs.

    Attributes:
        board: All of them.
        send: Gives the id of a job to the broker.
        redirects: Send clients to links of the object store, where it has links.
    """

    board: JobBoard
    send: Callable[[str], None]
    redirects: bool = False


class KeepsCaptions(Protocol):
    """What routes need of the keeper of captions; see :class:`~serve_app.http.past_captions.CaptionKeeper`."""

    def noted(
        self, audio: AsyncGenerator[SpokenAudio], tenant: str, request_id: str, text: str
    ) -> AsyncGenerator[SpokenAudio]:
        """The same audio, written down."""
        ...

    def get(self, tenant: str, request_id: str) -> tuple[str, list[WordMark], float]:
        """Text, words and length in seconds of a past request."""
        ...


class KeepsSpeech(Protocol):
    """What routes need of the cache of speech; see :class:`~serve_app.speech_cache.SpeechCache`."""

    async def speech(
        self, utterance: Utterance, tenant: str, made: AsyncGenerator[SpokenAudio]
    ) -> tuple[AsyncGenerator[SpokenAudio], bool]:
        """The audio of ``utterance``, and whether it was kept; it comes from ``made`` where it was not."""
        ...

    def forget(self, tenant: str) -> None:
        """Remove what was said for ``tenant``, for all where that is everybody; blocks."""
        ...


class MeasuresSpeech(Protocol):
    """What routes need of the meter; see :class:`~serve_app.http.metrics.SpeechMeter`."""

    def began(self, after_s: float, *, whole: bool) -> None:
        """The first audio of a request was sent."""
        ...

    def ended(self, audio_s: float, made_s: float) -> None:
        """All of it was made."""
        ...


@dataclass(frozen=True, slots=True)
class HttpContext:
    """What every route works with.

    Attributes:
        graph: Makes the speech.
        voices: The voices a caller can choose.
        enroller: Makes new ones.
        settings: What is accepted and answered.
        count: Told the outcome of every speech request.
        meter: Told how soon and how fast speech was made.
        replicas: How many replicas of each deployment are running.
        admission: Places for utterances.
        timeout_s: Until when an answer must have begun that says nothing else, seconds.
        stages: What each stage has to do.
        records: What is kept across restarts.
        jobs: Long work, made behind the line.
        captions: Keeps the captions of past requests.
        watchers: Places of those who watch the load.
        understanding: Of instructions.
        forbidden: What may not be spoken; the text frontend asks the same of every piece of text.
        cache: Keeps speech for whoever asks for the very same again; None keeps none.
    """

    graph: SpeechGraph
    voices: VoiceRegistry
    enroller: Enroller
    settings: HttpSettings
    count: Callable[[Outcome], None]
    meter: MeasuresSpeech
    replicas: Replicas
    admission: Admits
    timeout_s: float
    stages: Stages
    records: Records
    jobs: Jobs
    captions: KeepsCaptions
    watchers: asyncio.Semaphore
    understanding: Understanding
    forbidden: WordFilter | None = None
    cache: KeepsSpeech | None = None

    @property
    def models(self) -> tuple[str, ...]:
        """Every name of the model, its own first."""
        return (self.settings.model, *self.settings.model_aliases)


async def _context_of(request: Request) -> HttpContext:
    context: HttpContext = request.app.state.context
    return context


Context = Annotated[HttpContext, Depends(_context_of)]
"""A route parameter of this type is given the application's context."""
