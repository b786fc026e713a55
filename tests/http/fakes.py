"""A graph that is quick, obeys the test, and remembers what was done to it; voices without weights; a real server."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import uvicorn

from deployments.fair_queue import Flow
from deployments.settings import AdmissionSettings, HttpSettings
from deployments.storage.records import Records
from serve_app.graph import SpokenAudio, Utterance, spoken_audio
from serve_app.http.app import create_app
from serve_app.stage_load import StageLoad
from tts_models.speaker.presets import PresetVoices
from tts_models.speaker.profile import ReferenceProfile
from tts_models.speaker.voices import Voice, VoiceCatalogue
from tts_models.timing import Timeline
from tts_models.types import (
    FRAME_SAMPLES,
    MAX_TOKENS,
    SAMPLE_RATE_HZ,
    SPEAKER_EMBEDDING_DIM,
    STYLE_DIM,
    Audio,
    Phonemes,
)

VOICES = ("af_heart", "af_bella", "am_michael", "bf_emma", "jf_alpha", "zm_yunxi")


def catalogue() -> VoiceCatalogue:
    """Six of the real names, with OpenAI's aliases of them."""
    styles = np.zeros((MAX_TOKENS, STYLE_DIM), dtype=np.float32)
    return VoiceCatalogue(Voice.from_table(name, styles) for name in VOICES)


def preset_table() -> PresetVoices:
    """What is known of the six: embeddings at right angles, an F0 of 100 Hz for the first, 120 for the next."""
    embeddings = np.eye(len(VOICES), SPEAKER_EMBEDDING_DIM, dtype=np.float32)
    f0_hz = 100 + 20 * np.arange(len(VOICES), dtype=np.float32)
    return PresetVoices(tuple(VOICES), embeddings, f0_hz, np.full(len(VOICES), 6.0, np.float32))


def tone(duration_s: float, frequency_hz: float = 220.0) -> Audio:
    """A sine at half scale."""
    t = np.arange(round(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return Audio((0.5 * np.sin(2 * np.pi * frequency_hz * t)).astype(np.float32))


@dataclass
class Gate:
    """A place in a script where the graph waits for the test; set from any thread."""

    _open: threading.Event = field(default_factory=threading.Event)
    limit_s: float = 60.0

    def open(self) -> None:
        self._open.set()

    async def passed(self) -> None:
        deadline = time.monotonic() + self.limit_s
        while not self._open.is_set():
            if time.monotonic() > deadline:
                raise TimeoutError("the test never opened the gate")
            await asyncio.sleep(0.005)


def _with_durations(audio: Audio, segment: Phonemes) -> Audio:
    n_tokens = len(segment.token_ids) + 2
    ends = np.arange(n_tokens + 1) * (len(audio.samples) // FRAME_SAMPLES) // n_tokens
    return replace(audio, durations_frames=np.diff(ends))


def somebody(seed: int = 0, median_f0_hz: float = 200.0) -> ReferenceProfile:
    """What three seconds of somebody say; another one for every seed."""
    rng = np.random.default_rng(seed)
    vector = rng.standard_normal(SPEAKER_EMBEDDING_DIM).astype(np.float32)
    speech = (0.1 * rng.standard_normal(48_000)).astype(np.float32)
    return ReferenceProfile(vector / np.linalg.norm(vector), (speech,), 3.0, median_f0_hz, 8.0)


@dataclass
class FakeGraph:
    """Says its script: audio is sent, a gate is waited for, an exception is raised.

    Attributes:
        script: What to say to whoever asks.
        segment: What the first piece of audio is said to say, each of its tokens equally long.
        later: What the others are said to say; the same where absent.
        spoken: Every utterance that was begun.
        ended: How the generators ended: ``done``, ``closed`` early, or ``raised``.
        flows: Everything it was scheduled as.
        heard: Whom it hears in reference audio, or why nobody.
        profiled: The clips it was given, and whether their speech was wanted.
    """

    script: Iterable[Audio | Gate | Exception] = field(default_factory=lambda: [tone(0.25), tone(0.5, 330.0)])
    segment: Phonemes = field(default_factory=lambda: Phonemes("", "", (), "en-US"))
    later: Phonemes | None = None
    spoken: list[Utterance] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    heard: ReferenceProfile | Exception = field(default_factory=lambda: somebody())
    profiled: list[tuple[tuple[bytes, ...], bool]] = field(default_factory=list)

    def scheduled(self, flow: Flow) -> FakeGraph:
        self.flows.append(flow)
        return self

    async def segments(self, text: str, language: str) -> list[Phonemes]:
        raise NotImplementedError

    async def profile(self, clips: Sequence[bytes], *, speech: bool = True) -> ReferenceProfile:
        self.profiled.append((tuple(clips), speech))
        if isinstance(self.heard, Exception):
            raise self.heard
        return self.heard

    async def speak(self, utterance: Utterance) -> AsyncGenerator[SpokenAudio]:
        self.spoken.append(utterance)
        ending = "closed"
        start_sample = 0
        try:
            for act in self.script:
                match act:
                    case Audio():
                        segment = self.later if self.later and start_sample else self.segment
                        spoken = spoken_audio(_with_durations(act, segment), segment, start_sample)
                        start_sample += len(spoken.samples)
                        yield spoken
                    case Gate():
                        await act.passed()
                    case Exception():
                        ending = "raised"
                        raise act
            ending = "done"
        finally:
            self.ended.append(ending)

    async def timelines(self, utterance: Utterance) -> AsyncGenerator[Timeline]:
        async with aclosing(self.speak(utterance)) as speech:
            async for audio in speech:
                yield audio.timeline


class Served:
    """The real application over a :class:`FakeGraph`.

    Attributes:
        graph: Change its script before a request.
        outcomes: How the speech requests ended.
        replicas: What ``/health`` finds running.
        stages: What ``/v1/load`` finds them to do.
        base_url: Of the server, where there is one.
    """

    def __init__(
        self,
        settings: HttpSettings | None = None,
        places: AdmissionSettings | None = None,
        records: Records | None = None,
    ) -> None:
        self.graph = FakeGraph()
        self.outcomes: Counter[str] = Counter()
        self.settings = settings or HttpSettings()
        self.replicas: dict[str, int] = {}
        self.stages: list[StageLoad] = []
        self.app = create_app(
            self.graph,
            catalogue(),
            self.settings,
            count=lambda outcome: self.outcomes.update([outcome]),
            replicas=self._replicas,
            stages=self._stages,
            places=places,
            records=records,
            preset_table=preset_table(),
        )
        self.base_url = ""

    async def _stages(self) -> list[StageLoad]:
        return self.stages

    async def _replicas(self) -> dict[str, int]:
        return self.replicas

    def script(self, *acts: Audio | Gate | Exception) -> None:
        self.graph.script = acts

    def wait_for_ending(self, limit_s: float = 60.0) -> str:
        """How the first utterance ended, once it has."""
        wait_until(lambda: bool(self.graph.ended), limit_s)
        return self.graph.ended[0]


def wait_until(true: Any, limit_s: float = 60.0) -> None:
    """Returns when ``true()``; fails after ``limit_s``."""
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, f"still not true after {limit_s} s"
        time.sleep(0.005)


@contextmanager
def uvicorn_server(served: Served) -> Iterator[Served]:
    """Serves on a free port of this machine, in a thread."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(served.app, lifespan="off", log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started)
        served.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield served
    finally:
        server.should_exit = True
        thread.join(timeout=60)
        listener.close()


def speech(**changes: Any) -> dict[str, Any]:
    """The body of a good request, changed."""
    return {"model": "tts-1", "input": "Hello there.", "voice": "marin", **changes}
