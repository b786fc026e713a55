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
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice, zip_longest
from typing import Any, Protocol, TypeVar

import numpy as np
from ray.serve.handle import DeploymentHandle

from deployments.errors import DeadlineExceeded, Overloaded
from deployments.fair_queue import ANYONE, Flow
from deployments.settings import SynthesisSettings
from deployments.tracing import part
from serve_app.calls import StageCaller, StageUnavailable, Start
from tts_models.delivery import AS_IT_IS, Delivery, delivered
from tts_models.emotion import felt, gap_scale
from tts_models.speaker.profile import ReferenceProfile
from tts_models.speaker.voices import Voice
from tts_models.text.controls import ControlledText, hide_controls, parse_controls
from tts_models.text.moras import AccentPhrase
from tts_models.text.ssml import SsmlText
from tts_models.timing import Timeline
from tts_models.types import NEUTRAL, AcousticInput, Audio, Emotion, Phonemes, Prosody, ProsodyEdit

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

BEFORE_S = 0.1
"""Most of the silence between two segments that is left with the second: more than its own silent start lasts."""
END_S = 0.15
"""Most of the gap that is left behind the last segment: some players swallow the end of a file, seconds."""


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
        delivery: Pitch, energy, intonation and mood.
        moods: Those that hold where ``text`` begins, the innermost last: it may be a part of a longer one.
    """

    text: str
    voice: Voice
    language: str
    speed: float = 1.0
    volume: float = 1.0
    seed: int = 0
    markup: SsmlText | None = None
    voices: Mapping[str, Voice] = field(default_factory=dict)
    delivery: Delivery = AS_IT_IS
    moods: tuple[Emotion, ...] = ()

    @property
    def script(self) -> str | ControlledText:
        """What the text frontend is given."""
        if self.markup:
            return self.markup.controlled
        return parse_controls(self.text, self.moods) if self.moods else self.text

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

    def speak(self, utterance: Utterance, first: int = 0) -> AsyncGenerator[SpokenAudio]:
        """Audio of ``utterance``, a segment at a time, in order, while later segments are being made.

        Closing the generator (``aclose``) stops the work on every stage.

        Args:
            utterance: What to say.
            first: Index of the segment to begin with, whose audio is where time starts; it and all behind it sound as
                if those before had been made.
        """
        ...

    def timelines(self, utterance: Utterance) -> AsyncGenerator[Timeline]:
        """When everything in ``utterance`` is heard, to the sample as :meth:`speak` says it, without making the audio.

        A segment at a time, in order. The vocoder, which does most of the work, has no part in it.
        """
        ...

    async def profile(self, clips: Sequence[bytes], *, speech: bool = True) -> ReferenceProfile:
        """What the contents of one or several audio files say about their speaker.

        Args:
            clips: The files.
            speech: Whether the answer has the speech itself in it; without, clips known already need no work.
        """
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
        self._profile = speaker.options(method_name="profile")
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

    async def profile(self, clips: Sequence[bytes], *, speech: bool = True) -> ReferenceProfile:
        """See :meth:`SpeechGraph.profile`."""
        profile: ReferenceProfile = await self._call(lambda: [self._profile.remote(clips, speech, self._flow)])
        return profile

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

    async def speak(self, utterance: Utterance, first: int = 0) -> AsyncGenerator[SpokenAudio]:
        """See :meth:`SpeechGraph.speak`."""
        start_sample = 0
        async with aclosing(self._in_order(utterance, RaySpeechGraph.synthesize, first)) as made:
            async for segment, audio in made:
                spoken = spoken_audio(audio, segment, start_sample)
                start_sample += len(spoken.samples)
                yield spoken

    async def timelines(self, utterance: Utterance) -> AsyncGenerator[Timeline]:
        """See :meth:`SpeechGraph.timelines`."""
        start_sample = 0
        async with aclosing(self._in_order(utterance, RaySpeechGraph.predict)) as predicted:
            async for segment, prosody in predicted:
                timeline = Timeline(segment, prosody.durations_frames, start_sample, prosody.energy)
                start_sample = timeline.end_sample
                yield timeline

    async def _in_order(
        self, utterance: Utterance, work: Callable[..., Coroutine[Any, Any, Result]], first: int = 0
    ) -> AsyncGenerator[tuple[Phonemes, Result]]:
        """Each segment and what ``work``, a method of this class, makes of it, a few of them at work at once."""
        phonemes = await self.segments(utterance.script, utterance.language)
        segments = islice(enumerate(fold_pauses(phonemes, utterance.speed, utterance.delivery.emotion)), first, None)
        in_flight: deque[tuple[Phonemes, asyncio.Task[Result]]] = deque()

        def fill() -> None:
            while len(in_flight) < self._segments_in_flight and (following := next(segments, None)):
                index, segment = following
                as_segment = self.scheduled(replace(self._flow, segment=index))
                make = partial(work, as_segment, acoustic_input(utterance, index, segment), is_first=index == first)
                in_flight.append((segment, asyncio.create_task(_traced(make, index))))

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


async def _traced(make: Callable[[], Coroutine[Any, Any, Result]], index: int) -> Result:
    with part("segment", segment=index):
        return await make()


def acoustic_input(utterance: Utterance, index: int, segment: Phonemes) -> AcousticInput:
    """What the stages are given for the segment of that ``index``."""
    voice = utterance.voices[segment.voice] if segment.voice else utterance.voice
    item = voice.says(
        segment.token_ids,
        speed=utterance.speed,
        volume=utterance.volume,
        seed=segment_seed(utterance.seed, index),
        prosody=ProsodyEdit(changes=segment.changes) if segment.changes else None,
    )
    return felt(delivered(item, utterance.delivery), segment.emotion or utterance.delivery.emotion)


def spoken_audio(audio: Audio, segment: Phonemes, start_sample: int) -> SpokenAudio:
    """The vocoder's ``audio`` of ``segment``, with its pauses for its silent ends, starting at ``start_sample``."""
    timeline = Timeline(segment, audio.durations_frames, start_sample, audio.energy)
    return SpokenAudio(
        timeline.played(audio.samples), audio.sample_rate_hz, audio.durations_frames, audio.energy, timeline=timeline
    )


def segment_seed(seed: int, index: int) -> int:
    """The seed of one segment's noise: fixed by the utterance's seed, different for each segment."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def shared_silence(silence_s: float) -> tuple[float, float]:
    """The part of the silence between two segments that belongs to the first, and to the second, seconds."""
    before_s = min(silence_s / 2, BEFORE_S)
    return silence_s - before_s, before_s


def fold_pauses(segments: Iterable[Phonemes], speed: float = 1.0, emotion: Emotion = NEUTRAL) -> list[Phonemes]:
    """Those that are spoken, the silence to be heard around each in its ``pause_before_s`` and ``pause_after_s``.

    Between two of them that is what was asked for, or else the gap that the language has there, in the mood of the
    first: its own, or ``emotion``. Segments that are only a pause are left out, and theirs added, so the first audio to
    leave is always speech, and whoever waits for it knows that the models work.
    """
    spoken: list[Phonemes] = []
    asked: list[float] = []  # before each of them
    asked_s = 0.0
    for segment in segments:
        asked_s += segment.pause_before_s
        if segment.token_ids:
            spoken.append(segment)
            asked.append(asked_s)
            asked_s = 0.0
        asked_s += segment.pause_after_s
    result = []
    before_s = asked[0] if asked else 0.0
    for segment, following_s in zip_longest(spoken, asked[1:]):
        gap_s = segment.gap_after_s * gap_scale(segment.emotion or emotion)
        if following_s is None:
            after_s, next_s = asked_s or min(gap_s, END_S), 0.0
        else:
            after_s, next_s = shared_silence(following_s or gap_s / speed)
        result.append(replace(segment, pause_before_s=before_s, pause_after_s=after_s))
        before_s = next_s
    return result
