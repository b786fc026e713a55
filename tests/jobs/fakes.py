"""A graph that speaks at once and counts what it was asked for; time that a test sets; a store that fails on demand."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deployments.errors import StorageUnavailable
from deployments.fair_queue import Flow
from deployments.storage.objects import Objects, memory_objects
from serve_app.graph import SpokenAudio, Utterance, spoken_audio
from tts_models.errors import UnpronounceableText
from tts_models.types import FRAME_SAMPLES, Audio, Bookmark, Phonemes, SpokenWord

FRAMES_PER_LETTER = 2


@dataclass
class WordGraph:
    """Each sentence is a segment, each of its words as long as it is written, its samples a hash of the whole.

    Attributes:
        spoken: What was said, in order.
        before: Called before each segment is made; may wait or raise.
        flows: What it was scheduled as.
    """

    spoken: list[str] = field(default_factory=list)
    before: Callable[[str], Any] | None = None
    flows: list[Flow] = field(default_factory=list)

    def scheduled(self, flow: Flow) -> WordGraph:
        self.flows.append(flow)
        return self

    async def speak(self, utterance: Utterance, first: int = 0) -> AsyncGenerator[SpokenAudio]:
        text = utterance.shown.replace("\0", " ")
        sentences = list(re.finditer(r"[^.!?]*\w[^.!?]*[.!?]*\s*", text))
        if not sentences:
            raise UnpronounceableText("Nothing in the text can be spoken.")
        start_sample = 0
        for index, sentence in enumerate(sentences):
            if index < first:
                continue
            if self.before is not None:
                waits = self.before(sentence.group())
                if asyncio.iscoroutine(waits):
                    await waits
            await asyncio.sleep(0)
            self.spoken.append(sentence.group())
            spoken = _spoken(sentence.group(), sentence.start(), utterance, start_sample)
            start_sample += len(spoken.samples)
            yield spoken


def _spoken(text: str, offset: int, utterance: Utterance, start_sample: int) -> SpokenAudio:
    matches = list(re.finditer(r"\w+", text))
    words = tuple(SpokenWord(offset + m.start(), offset + m.end(), i, i + 1) for i, m in enumerate(matches))
    marks = tuple(
        Bookmark(mark[1], mark.start(), 1 + sum(word.start < mark.start() for word in words))
        for mark in re.finditer(r'<mark name="(\w+)"/>', utterance.text if utterance.markup else "")
        if offset <= mark.start() < offset + len(text)
    )
    tokens = tuple([1] * len(words))
    segment = Phonemes(text, "a" * len(words), tokens, utterance.language, words=words, bookmarks=marks)
    durations = np.array([1, *(FRAMES_PER_LETTER * len(m.group()) for m in matches), 1])
    noise = np.random.default_rng([utterance.seed, *text.encode()])
    samples = noise.uniform(-0.3, 0.3, int(durations.sum()) * FRAME_SAMPLES).astype(np.float32)
    return spoken_audio(Audio(samples, durations_frames=durations), segment, start_sample)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


class FlakyObjects(Objects):
    """In memory; away or full while ``is_away``, or for the puts that ``refuse`` names."""

    def __init__(self) -> None:
        super().__init__(memory_objects()._store, "memory")
        self.is_away = False
        self.puts: list[str] = []
        self.refuse: Callable[[str], bool] = lambda key: False

    def put(self, key: str, value: Any) -> None:
        if self.is_away or self.refuse(key):
            raise StorageUnavailable("Results cannot be kept in memory: it is full.")
        super().put(key, value)
        self.puts.append(key)

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if self.is_away:
            raise StorageUnavailable("Results cannot be kept in memory: it cannot be reached or refuses.")
        return super().get(key, start, length)
