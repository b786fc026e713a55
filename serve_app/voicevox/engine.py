"""What every route of the façade works with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Query, Request
from starlette.exceptions import HTTPException

from deployments.errors import DeadlineExceeded, Overloaded
from deployments.settings import HttpSettings
from serve_app.admission import Admits
from serve_app.graph import SpeechGraph
from serve_app.http.context import Context, Outcome
from serve_app.http.limits import charge
from serve_app.http.turn import NOT_SPOKEN, Turn, TurnOf, work_of
from serve_app.voicevox import schemas
from serve_app.voicevox.melody import fill, without_lengths
from serve_app.voicevox.plan import from_text, segments_of
from serve_app.voicevox.presets import Presets
from serve_app.voicevox.speakers import Speakers, speakers_of
from serve_app.voicevox.synthesis import predict, require_short
from tts_models.errors import EmptyText, UnpronounceableText
from tts_models.speaker.voices import Voice
from tts_models.text.moras import AccentPhrase, kana_of
from tts_models.text.word_filter import WordFilter

T = TypeVar("T")
BYTES_PER_MORA = 3
"""In UTF-8, where it is written in kana: what admission counts in."""
_CLIENT_CLOSED = 499  # nobody reads it


@dataclass(frozen=True, slots=True)
class Engine:
    """What every route works with.

    Attributes:
        graph: Makes the speech.
        speakers: The voices.
        presets: Where presets are kept.
        settings: What is accepted.
        admission: Places for utterances, shared with the other routes.
        count: Told how a request for speech ended.
        turn: How the request is scheduled, and with it ``graph``.
        version: Of this server.
        forbidden: What may not be spoken; the text frontend asks the same of texts.
    """

    graph: SpeechGraph
    speakers: Speakers
    presets: Presets
    settings: HttpSettings
    admission: Admits
    count: Callable[[Outcome], None]
    turn: Turn
    version: str
    forbidden: WordFilter | None = None

    def require_allowed(self, phrases: list[schemas.AccentPhrase]) -> None:
        """Passes if nothing forbidden is in the kana that ``phrases`` are heard as, whatever they are written as.

        Raises:
            ForbiddenText: Otherwise.
        """
        if self.forbidden:
            kana = (kana_of(mora.consonant, mora.vowel) or mora.text for phrase in phrases for mora in phrase.moras)
            self.forbidden.check("".join(kana), "ja")

    def voice(self, style_id: int) -> Voice:
        """The voice of a style.

        Raises:
            NoSuchStyle: There is none.
        """
        return self.speakers.voice(style_id)

    async def read(self, text: str, style_id: int) -> list[schemas.AccentPhrase]:
        """The accent phrases of ``text`` as a voice says them; none where there is nothing to say, as the engine."""
        require_short(text, self.settings.max_input_characters)
        voice = self.voice(style_id)
        await charge(len(text))
        if not text.strip():
            return []
        async with self.place(work_of(text) // NOT_SPOKEN):
            try:
                phrases = await self.graph.accent_phrases(text)
            except (EmptyText, UnpronounceableText):
                return []  # chats are full of lone emoji, and their readers go on with silence
            return await self._analysed(phrases, voice)

    async def analysed(self, phrases: list[AccentPhrase], voice: Voice) -> list[schemas.AccentPhrase]:
        """Phrases with their lengths and pitches."""
        async with self.place(n_moras(phrases) * BYTES_PER_MORA // NOT_SPOKEN):
            return await self._analysed(phrases, voice)

    async def filled(
        self,
        phrases: list[schemas.AccentPhrase],
        voice: Voice,
        *,
        lengths: bool,
        pitches: bool,
    ) -> list[schemas.AccentPhrase]:
        """``phrases`` with predicted lengths or pitches."""
        self.require_allowed(phrases)
        async with self.place(n_moras(phrases) * BYTES_PER_MORA // NOT_SPOKEN):
            return await self._filled(phrases, voice, lengths=lengths, pitches=pitches)

    @asynccontextmanager
    async def place(self, work: int) -> AsyncIterator[None]:
        """Waits for a place for ``work``, holds it, and counts how it ended.

        Raises:
            Overloaded: There is no room to wait.
            DeadlineExceeded: It would not be done in time.
        """
        outcome: Outcome = "rejected"
        try:
            async with self.admission.place(self.turn.ask(work, whole=True)):
                outcome = "failed"
                yield
            outcome = "completed"
        except (asyncio.CancelledError, GeneratorExit):
            outcome = "disconnected"
            raise
        except (DeadlineExceeded, Overloaded):
            outcome = "rejected"
            raise
        finally:
            self.count(outcome)

    async def _analysed(self, phrases: list[AccentPhrase], voice: Voice) -> list[schemas.AccentPhrase]:
        shown = from_text(phrases)
        self.require_allowed(shown)
        return await self._filled(shown, voice, lengths=True, pitches=True, silences=[p.pause_s for p in phrases])

    async def _filled(
        self,
        phrases: list[schemas.AccentPhrase],
        voice: Voice,
        *,
        lengths: bool,
        pitches: bool,
        silences: list[float] | None = None,
    ) -> list[schemas.AccentPhrase]:
        """``silences`` are those that a text asked for behind each phrase."""
        if not phrases:
            return []
        segments = segments_of(phrases)
        predicted = await predict(self.graph, segments, voice)
        if lengths:
            phrases = without_lengths(phrases, silences or ())
        return fill(phrases, segments, predicted, lengths=lengths, pitches=pitches)


async def _engine_of(request: Request, context: Context, turn: TurnOf) -> Engine:
    speakers = speakers_of(await context.voices.known(turn.caller.tenant))
    engine: Engine = request.app.state.engine(graph=context.graph.scheduled(turn.flow), speakers=speakers, turn=turn)
    return engine


def n_moras(phrases: Sequence[AccentPhrase | schemas.AccentPhrase]) -> int:
    """How many moras there are."""
    return sum(len(phrase.moras) for phrase in phrases)


EngineOf = Annotated[Engine, Depends(_engine_of)]
"""A route parameter of this type is given the engine."""
StyleId = Annotated[int, Query(alias="speaker", ge=-(2**31), lt=2**31, description="Style id; see `/speakers`.")]
CoreVersion = Annotated[str | None, Query(description="Not read: there is one core.")]


async def unless_left(request: Request, work: Awaitable[T]) -> T:
    """The result of ``work``, which is cancelled, and with it what runs on the stages, when the client leaves."""
    task = asyncio.ensure_future(work)
    left = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((task, left), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise HTTPException(_CLIENT_CLOSED, "The client has left.")
        return task.result()
    finally:
        left.cancel()
        task.cancel()
        await asyncio.gather(task, left, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
