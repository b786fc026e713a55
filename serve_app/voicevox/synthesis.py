"""A query through the graph: predicted, or spoken with silences of exactly the lengths it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from serve_app.graph import SpeechGraph, segment_seed
from serve_app.voicevox.margins import Margins, joined, margins
from serve_app.voicevox.melody import edit_of, scaled
from serve_app.voicevox.plan import Segment, segments_of
from serve_app.voicevox.schemas import AccentPhrase, AudioQuery
from serve_app.voicevox.waves import cut_end, cut_middle, cut_start
from tts_models.errors import InvalidRequest, SynthesisError
from tts_models.speaker.voices import Voice
from tts_models.text.g2p.words import Break
from tts_models.text.gaps import gap_s
from tts_models.types import (
    FRAME_SAMPLES,
    SAMPLE_RATE_HZ,
    Audio,
    FloatArray,
    Prosody,
)

IN_FLIGHT = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Spoken:
    """Audio of a segment before its first mora, of its moras and pauses, behind its last; and its margins."""

    head: FloatArray
    body: FloatArray
    tail: FloatArray
    margins: Margins


async def predict(graph: SpeechGraph, segments: Sequence[Segment], voice: Voice) -> list[Prosody]:
    """How each of ``segments`` would be said."""
    limit = asyncio.Semaphore(IN_FLIGHT)

    async def one(segment: Segment) -> Prosody:
        async with limit:
            return await graph.predict(voice.says(segment.token_ids))

    return await _all_or_none([one(segment) for segment in segments])


async def speak(graph: SpeechGraph, query: AudioQuery, voice: Voice, *, upspeak: bool) -> AsyncGenerator[FloatArray]:
    """The waveform of ``query`` at 24 kHz, a segment at a time.

    What is not edited sounds to the sample as on any other route. Pauses and the silences at either end are cut or
    filled to their length in the waveform: a model that is told to hold a comma for a second hums.

    Raises:
        TtsError: What a stage raised.
    """
    final = scaled(query, upspeak=upspeak)
    phrases = final.accent_phrases
    segments = segments_of(phrases)
    tasks: list[asyncio.Task[Audio]] = []
    limit = asyncio.Semaphore(IN_FLIGHT)

    async def one(index: int, segment: Segment) -> Audio:
        async with limit:
            item = voice.says(
                segment.token_ids,
                speed=query.speedScale,
                volume=query.volumeScale,
                seed=segment_seed(0, index),
                prosody=edit_of(final, segment),
            )
            return await graph.synthesize(item, is_first=index == 0)

    before: _Spoken | None = None
    late = 0
    try:
        tasks.extend(asyncio.create_task(one(index, segment)) for index, segment in enumerate(segments))
        for index, (segment, task) in enumerate(zip(segments, tasks, strict=True)):
            spoken = _with_pauses(await task, segment, phrases)
            if before is None:
                length = _samples(final.prePhonemeLength)
                # A first sound that begins before its mora is not cut off: the silence at the end has that much less.
                late = min(max(spoken.margins.early - length, 0), _samples(final.postPhonemeLength))
                lead = cut_start(spoken.head, length + late)
            else:
                lead = _between(before, spoken, segments[index - 1], final)
            yield np.concatenate([lead, spoken.body])
            before = spoken
        if before is None:
            yield np.zeros(_samples(final.prePhonemeLength) + _samples(final.postPhonemeLength), np.float32)
        else:
            yield cut_end(before.tail, _samples(final.postPhonemeLength) - late)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def whole(graph: SpeechGraph, query: AudioQuery, voice: Voice, *, upspeak: bool) -> FloatArray:
    """The same in one piece."""
    async with aclosing(speak(graph, query, voice, upspeak=upspeak)) as parts:
        return np.concatenate([part async for part in parts])


def _with_pauses(audio: Audio, segment: Segment, phrases: Sequence[AccentPhrase]) -> _Spoken:
    """The audio of a segment, the pauses inside it as long as they should be."""
    durations = audio.durations_frames
    if durations is None or durations.sum() * FRAME_SAMPLES != len(audio.samples):
        raise SynthesisError("the vocoder did not say how long the tokens are")
    ends = np.concatenate([[0], np.cumsum(durations)]) * FRAME_SAMPLES
    parts: list[FloatArray] = []
    position = 0
    for unit in segment.units:
        pause = phrases[unit.phrase].pause_mora
        if unit.part == "pause" and pause:
            start, end = int(ends[unit.start]), int(ends[unit.end])
            parts += [audio.samples[position:start], cut_middle(audio.samples[start:end], _samples(pause.vowel_length))]
            position = end
    samples = np.concatenate([*parts, audio.samples[position:]])
    start, after = int(ends[segment.first_token]), int(ends[-1] - ends[segment.last_token])
    head, body, tail = np.split(samples, [start, len(samples) - after])
    return _Spoken(head, body, tail, margins(segment, durations, audio.energy))


def _between(one: _Spoken, two: _Spoken, segment: Segment, query: AudioQuery) -> FloatArray:
    """The silence between two segments: a pause of its length, or the language's gap."""
    pause = None if segment.pause_after is None else query.accent_phrases[segment.pause_after].pause_mora
    if pause is None:
        silence_s = gap_s(segment.symbols, Break.NONE, "ja") / query.speedScale
        length = joined(one.margins, two.margins, silence_s)
    else:
        length = _samples(pause.vowel_length)
    after, before = one.margins.after, two.margins.before
    if after + before > length:
        return cut_middle(np.concatenate([one.tail[:after], two.head[len(two.head) - before :]]), length)
    gap = np.zeros(length - after - before, np.float32)
    return np.concatenate([cut_end(one.tail, after), gap, cut_start(two.head, before)])


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)


async def _all_or_none(work: Sequence[Awaitable[T]]) -> list[T]:
    """All results in order; the first error ends the rest."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def require_short(text: str, limit: int) -> None:
    """Refuses a text that is longer than the server accepts.

    Raises:
        InvalidRequest: It is.
    """
    if len(text) > limit:
        raise InvalidRequest(f"The text has {len(text):,} characters; this server accepts {limit:,}.", "text")
