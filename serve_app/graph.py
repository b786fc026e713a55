"""The order of the stages, and the only place that knows it.

::

    text --TextFrontend--> Phonemes --AcousticModel--> AcousticFeatures --Vocoder--> Audio
                              ^                        (replica to replica, through the object store)
                         style vector of the voice

    utterance   [segment 0][segment 1][segment 2][segment 3] ...
    in flight    vocoder    vocoder    acoustic   not started: three at most
                 |
                 +--> to the caller, in order
"""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import numpy as np
from ray.serve.handle import DeploymentHandle

from deployments.errors import DeadlineExceeded, Overloaded
from deployments.fair_queue import ANYONE, Flow
from deployments.settings import SynthesisSettings
from serve_app.calls import StageCaller, StageUnavailable, Start
from tts_models.speaker.voices import Voice
from tts_models.text.controls import ControlledText, hide_controls
from tts_models.text.moras import AccentPhrase
from tts_models.text.ssml import SsmlText
from tts_models.timing import Timeline
from tts_models.types import AcousticInput, Audio, Phonemes, Prosody, ProsodyEdit, SpeakerEmbedding, silence

__all__ = [
    "DeadlineExceeded",
    "Overloaded",
    "RaySpeechGraph",
    "SpeechGraph",
    "SpokenAudio",
    "StageUnavailable",
    "Utterance",
]

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Utterance:
    """One thing to say.

    Attributes:
        text: What the caller wrote.
        voice: Who says it.
        language: BCP-47 tag the text is read in.
        speed: 0.25 to 4; 1 is the voice's own rate.
        volume: Gain, 0 to 4.
        seed: 0 or more; equal utterances with equal seeds sound alike to the byte.
        markup: ``text`` read as SSML; None where it is plain text.
        voices: By name, those that the markup gives parts of the text to.
    """

    text: str
    voice: Voice
    language: str
    speed: float = 1.0
    volume: float = 1.0
    seed: int = 0
    markup: SsmlText | None = None
    voices: Mapping[str, Voice] = field(default_factory=dict)

    @property
    def script(self) -> str | ControlledText:
        """What the text frontend is given."""
        return self.markup.controlled if self.markup else self.text

    @property
    def shown(self) -> str:
        """The text as people read it: of the same length, with nulls in place of controls and tags."""
        return self.markup.shown if self.markup else hide_controls(self.text)


@dataclass(frozen=True, slots=True, eq=False)
class SpokenAudio(Audio):
    """Audio of one segment, its pauses included, and when what it says is heard.

    Attributes:
        timeline: In the time of the whole utterance.
    """

    timeline: Timeline = field(kw_only=True)


class SpeechGraph(Protocol):
    """What the HTTP layer sees of the graph; :class:`RaySpeechGraph` is the real one, tests bring their own.

    Every method raises errors of the :class:`~tts_models.errors.TtsError` tree as themselves, never wrapped by Ray,
    among them :class:`Overloaded`, :class:`DeadlineExceeded` and :class:`StageUnavailable`.
    """

    def scheduled(self, flow: Flow) -> SpeechGraph:
        """The same graph, all its calls to the stages taking their turns as those of ``flow``."""
        ...

    async def segments(self, text: str | ControlledText, language: str) -> list[Phonemes]:
        """The segments ``text`` is spoken in."""
        ...

    def speak(self, utterance: Utterance) -> AsyncGenerator[SpokenAudio]:
        """Audio of ``utterance``, a segment at a time, in order, while later segments are being made.

        Closing the generator (``aclose``) stops the work on every stage.
        """
        ...

    def timelines(self, utterance: Utterance) -> AsyncGenerator[Timeline]:
        """When everything in ``utterance`` is heard, to the sample as :meth:`speak` says it, without making the audio.

        A segment at a time, in order. The vocoder, which does most of the work, has no part in it.
        """
        ...

    async def embed(self, reference_audio: bytes) -> SpeakerEmbedding:
        """The speaker embedding of an audio file's contents."""
        ...

    async def accent_phrases(self, text: str) -> list[AccentPhrase]:
        """The accent phrases of Japanese ``text``."""
        ...

    async def predict(self, item: AcousticInput, *, is_first: bool = True) -> Prosody:
        """How one segment would be said."""
        ...

    async def synthesize(self, item: AcousticInput, *, is_first: bool = True) -> Audio:
        """Audio of one segment; only the ``is_first`` of an utterance is turned away when the stages are full."""
        ...


class RaySpeechGraph:
    """The graph over Ray Serve deployments.

    Args:
        text: Handle of ``TextFrontend``.
        speaker: Handle of ``SpeakerEncoder``.
        acoustic: Handle of ``AcousticModel``.
        vocoder: Handle of ``Vocoder``.
        settings: Segments in flight, retries, time limit.
    """

    def __init__(
        self,
        text: DeploymentHandle[Any],
        speaker: DeploymentHandle[Any],
        acoustic: DeploymentHandle[Any],
        vocoder: DeploymentHandle[Any],
        settings: SynthesisSettings,
    ) -> None:
        self._segments = text.options(method_name="segments")
        self._embed = speaker.options(method_name="embed")
        self._accent_phrases = text.options(method_name="accent_phrases")
        self._acoustic = acoustic.options(method_name="synthesize")
        self._predict = acoustic.options(method_name="predict")
        self._vocoder = vocoder.options(method_name="synthesize")
        self._caller = StageCaller(settings)
        self._segments_in_flight = settings.segments_in_flight
        self._flow = ANYONE

    def scheduled(self, flow: Flow) -> RaySpeechGraph:
        """See :meth:`SpeechGraph.scheduled`."""
        scheduled = copy.copy(self)
        scheduled._flow = flow
        return scheduled

    async def segments(self, text: str | ControlledText, language: str) -> list[Phonemes]:
        """See :meth:`SpeechGraph.segments`."""
        segments: list[Phonemes] = await self._call(lambda: [self._segments.remote(text, language, self._flow)])
        return segments

    async def embed(self, reference_audio: bytes) -> SpeakerEmbedding:
        """See :meth:`SpeechGraph.embed`."""
        embedding: SpeakerEmbedding = await self._call(lambda: [self._embed.remote(reference_audio, self._flow)])
        return embedding

    async def accent_phrases(self, text: str) -> list[AccentPhrase]:
        """See :meth:`SpeechGraph.accent_phrases`."""
        phrases: list[AccentPhrase] = await self._call(lambda: [self._accent_phrases.remote(text, self._flow)])
        return phrases

    async def predict(self, item: AcousticInput, *, is_first: bool = True) -> Prosody:
        """See :meth:`SpeechGraph.predict`."""
        prosody: Prosody = await self._call(lambda: [self._predict.remote(item, self._flow)], is_first=is_first)
        return prosody

    async def synthesize(self, item: AcousticInput, *, is_first: bool = True) -> Audio:
        """See :meth:`SpeechGraph.synthesize`."""

        def start() -> list[Any]:
            features = self._acoustic.remote(item, self._flow)
            return [features, self._vocoder.remote(features, self._flow)]

        audio: Audio = await self._call(start, is_first=is_first)
        return audio

    async def _call(self, start: Start, *, is_first: bool = True) -> Any:
        # A caller may be turned away before the first sound, not in the middle of a sentence.
        return await self._caller.call(start, wait_while_overloaded=not is_first, deadline_s=self._flow.deadline_s)

    async def speak(self, utterance: Utterance) -> AsyncGenerator[SpokenAudio]:
        """See :meth:`SpeechGraph.speak`."""
        start_sample = 0
        async with aclosing(self._in_order(utterance, self.synthesize)) as made:
            async for segment, audio in made:
                spoken = spoken_audio(audio, segment, start_sample)
                start_sample += len(spoken.samples)
                yield spoken

    async def timelines(self, utterance: Utterance) -> AsyncGenerator[Timeline]:
        """See :meth:`SpeechGraph.timelines`."""
        start_sample = 0
        async with aclosing(self._in_order(utterance, self.predict)) as predicted:
            async for segment, prosody in predicted:
                timeline = Timeline(segment, prosody.durations_frames, start_sample)
                start_sample = timeline.end_sample
                yield timeline

    async def _in_order(
        self, utterance: Utterance, work: Callable[..., Coroutine[Any, Any, Result]]
    ) -> AsyncGenerator[tuple[Phonemes, Result]]:
        """Each segment and what ``work`` makes of it, a few of them at work at once."""
        segments = iter(enumerate(fold_pauses(await self.segments(utterance.script, utterance.language))))
        in_flight: deque[tuple[Phonemes, asyncio.Task[Result]]] = deque()

        def fill() -> None:
            while len(in_flight) < self._segments_in_flight and (following := next(segments, None)):
                index, segment = following
                making = work(acoustic_input(utterance, index, segment), is_first=index == 0)
                in_flight.append((segment, asyncio.create_task(making)))

        try:
            fill()
            while in_flight:
                segment, task = in_flight[0]
                result = await task
                in_flight.popleft()
                fill()
                yield segment, result
        finally:
            for _, task in in_flight:
                task.cancel()
            await asyncio.gather(*(task for _, task in in_flight), return_exceptions=True)


def acoustic_input(utterance: Utterance, index: int, segment: Phonemes) -> AcousticInput:
    """What the stages are given for the segment of that ``index``."""
    voice = utterance.voices[segment.voice] if segment.voice else utterance.voice
    return AcousticInput(
        token_ids=segment.token_ids,
        style=voice.style(len(segment.token_ids)),
        speed=utterance.speed,
        volume=utterance.volume,
        seed=segment_seed(utterance.seed, index),
        prosody=ProsodyEdit(changes=segment.changes) if segment.changes else None,
    )


def spoken_audio(audio: Audio, segment: Phonemes, start_sample: int) -> SpokenAudio:
    """The vocoder's ``audio`` of ``segment`` with its pauses around it, starting at ``start_sample``."""
    timeline = Timeline(segment, audio.durations_frames, start_sample)
    padded = with_pauses(audio, segment.pause_before_s, segment.pause_after_s)
    return SpokenAudio(padded.samples, padded.sample_rate_hz, audio.durations_frames, timeline=timeline)


def segment_seed(seed: int, index: int) -> int:
    """The seed of one segment's noise: fixed by the utterance's seed, different for each segment."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def fold_pauses(segments: Iterable[Phonemes]) -> Iterator[Phonemes]:
    """``segments`` without those that are only a pause: their silence goes to the segment after, or else before, them.

    So the first audio to leave is always speech, and whoever waits for it knows that the models work.
    """
    before: Phonemes | None = None
    pause_s = 0.0
    for segment in segments:
        if not segment.token_ids:
            pause_s += segment.pause_before_s + segment.pause_after_s
            continue
        if before is not None:
            yield before
        before = replace(segment, pause_before_s=pause_s + segment.pause_before_s)
        pause_s = 0.0
    if before is not None:
        yield replace(before, pause_after_s=before.pause_after_s + pause_s)


def with_pauses(audio: Audio, before_s: float, after_s: float) -> Audio:
    """``audio`` with silence around it."""
    if not before_s and not after_s:
        return audio
    parts = [silence(before_s).samples, audio.samples, silence(after_s).samples]
    return Audio(np.concatenate(parts), audio.sample_rate_hz)
