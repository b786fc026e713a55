from __future__ import annotations

import asyncio
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ray.exceptions import ActorDiedError
from ray.serve.exceptions import BackPressureError

from deployments.settings import SynthesisSettings
from serve_app.graph import BEFORE_S, END_S, Overloaded, RaySpeechGraph, Utterance, fold_pauses, segment_seed
from serve_app.ssml import marked_up
from tests.serve_app.fake_handles import FakeHandle
from tts_models.errors import SynthesisError
from tts_models.speaker.voices import Voice, VoiceCatalogue
from tts_models.text.controls import Block, ControlledText
from tts_models.text.ssml import SsmlText
from tts_models.types import (
    MAX_TOKENS,
    SAMPLE_RATE_HZ,
    STYLE_DIM,
    AcousticFeatures,
    AcousticInput,
    Audio,
    Phonemes,
    ProsodyChange,
)

VOICE = Voice.from_table(
    "af_test", np.repeat(np.arange(MAX_TOKENS, dtype=np.float32)[:, None], STYLE_DIM, axis=1).copy()
)


def segment(number: int, **pauses: float) -> Phonemes:
    """A segment of ``number`` tokens, all of them ``number``; number 0 is a pause."""
    return Phonemes(text=str(number), symbols="", token_ids=(number,) * number, language="en-US", **pauses)


class Stages:
    """Text "1 2 3" makes segments of 1, 2 and 3 tokens; audio of segment n is n samples of value n / 100."""

    def __init__(self, segments_in_flight: int = 3) -> None:
        self.segments: list[Phonemes] | None = None
        self.asked: list[str | ControlledText] = []
        self.acoustic_inputs: list[AcousticInput] = []
        self.vocoded: list[int] = []
        self.in_stages = 0
        self.most_in_stages = 0
        self.holds: dict[int, asyncio.Event] = {}
        self.failures: dict[int, list[Exception]] = {}
        handles = [FakeHandle(work) for work in (self._text, self._speaker, self._acoustic, self._vocoder)]
        self.acoustic_handle, self.vocoder_handle = handles[2:]
        settings = SynthesisSettings(segments_in_flight=segments_in_flight, retry_delay_s=0.001)
        self.graph = RaySpeechGraph(*handles, settings=settings)  # type: ignore[arg-type]

    def hold(self, number: int) -> asyncio.Event:
        self.holds[number] = asyncio.Event()
        return self.holds[number]

    async def _text(self, text: str | ControlledText, language: str) -> list[Phonemes]:
        self.asked.append(text)
        return self.segments if self.segments is not None else [segment(int(n)) for n in str(text).split()]

    async def _speaker(self, clips: list[bytes], speech: bool) -> Any:
        return clips, speech

    async def _acoustic(self, item: AcousticInput) -> AcousticFeatures:
        self.acoustic_inputs.append(item)
        self.in_stages += 1
        self.most_in_stages = max(self.most_in_stages, self.in_stages)
        await asyncio.sleep(0)
        durations = np.array([item.token_ids[0], *item.token_ids, 1], dtype=np.int64)
        nothing = np.zeros(0, dtype=np.float32)
        return AcousticFeatures(nothing, durations, nothing, nothing, nothing, item.volume, item.seed)

    async def _vocoder(self, features: AcousticFeatures) -> Audio:
        number = int(features.durations_frames[0])
        try:
            if number in self.holds:
                await self.holds[number].wait()
            if self.failures.get(number):
                raise self.failures[number].pop(0)
            self.vocoded.append(number)
            return Audio(np.full(number, number / 100, dtype=np.float32), durations_frames=features.durations_frames)
        finally:
            self.in_stages -= 1

    def utterance(self, text: str, seed: int = 0) -> Utterance:
        return Utterance(text, VOICE, "en-US", speed=1.5, volume=0.5, seed=seed)

    async def spoken(self, text: str = "") -> list[int]:
        return [len(audio.samples) async for audio in self.graph.speak(self.utterance(text))]


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


async def test_audio_leaves_in_order_however_the_stages_finish() -> None:
    stages = Stages()
    first = stages.hold(5)
    speaking = asyncio.create_task(stages.spoken("5 3 4 2"))
    await settle()
    assert stages.vocoded == [3, 4], "later segments are made while the first one is"
    first.set()
    assert await speaking == [5, 3, 4, 2]


async def test_segments_in_flight_are_bounded_and_a_slow_listener_bounds_them_too() -> None:
    stages = Stages(segments_in_flight=2)
    stream = stages.graph.speak(stages.utterance("1 2 3 4 5 6"))
    assert len((await anext(stream)).samples) == 1
    await settle()
    assert stages.vocoded == [1, 2, 3], "one delivered, two ahead of the listener"
    assert [len(audio.samples) async for audio in stream] == [2, 3, 4, 5, 6]
    assert stages.most_in_stages == 2


async def test_what_the_stages_are_given() -> None:
    stages = Stages()
    await stages.spoken("2 3")
    first, second = stages.acoustic_inputs
    assert (first.token_ids, first.speed, first.volume) == ((2, 2), 1.5, 0.5)
    np.testing.assert_array_equal(first.style, VOICE.style(2))
    np.testing.assert_array_equal(second.style, VOICE.style(3))
    assert (first.seed, second.seed) == (segment_seed(0, 0), segment_seed(0, 1))


def test_segment_seeds() -> None:
    seeds = {segment_seed(seed, index) for seed in (0, 1, 2**63) for index in range(100)}
    assert len(seeds) == 300
    assert segment_seed(1, 2) == 1596810411, "a change of this number changes every user's audio"


async def test_closing_the_stream_stops_what_is_in_flight_and_starts_nothing_more() -> None:
    stages = Stages()
    for number in (2, 3, 4):
        stages.hold(number)
    stream = stages.graph.speak(stages.utterance("1 2 3 4 5 6"))
    await anext(stream)
    await settle()
    await stream.aclose()
    await settle()
    assert stages.vocoded == [1]
    assert [item.token_ids[0] for item in stages.acoustic_inputs] == [1, 2, 3, 4]
    assert [response.cancelled for response in stages.vocoder_handle.responses] == [False, True, True, True]


async def test_cancelling_the_listener_stops_what_is_in_flight() -> None:
    stages = Stages()
    stages.hold(1)
    speaking = asyncio.create_task(stages.spoken("1 2 3 4"))
    await settle()
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    assert stages.vocoder_handle.responses[0].cancelled
    assert len(stages.acoustic_inputs) == 3


async def test_a_failing_segment_ends_the_stream_after_those_before_it() -> None:
    stages = Stages()
    stages.failures[3] = [SynthesisError("silence")]
    stream = stages.graph.speak(stages.utterance("1 2 3 4 5 6 7"))
    assert [len((await anext(stream)).samples) for _ in range(2)] == [1, 2]
    with pytest.raises(SynthesisError):
        await anext(stream)
    assert [audio async for audio in stream] == []
    assert 7 not in stages.vocoded


async def test_a_segment_lost_with_a_replica_is_made_again_the_same() -> None:
    stages = Stages()
    stages.failures[2] = [ActorDiedError(), ActorDiedError()]
    assert await stages.spoken("1 2 3") == [1, 2, 3]
    tries = [item.seed for item in stages.acoustic_inputs if item.token_ids[0] == 2]
    assert tries == [segment_seed(0, 1)] * 3


async def test_only_a_first_segment_is_turned_away() -> None:
    stages = Stages()
    stages.failures[2] = [BackPressureError(1, 1), BackPressureError(1, 1)]
    assert await stages.spoken("1 2 3") == [1, 2, 3]
    stages.failures[1] = [BackPressureError(1, 1)]
    with pytest.raises(Overloaded):
        await stages.spoken("1 2 3")


async def test_pauses_become_silence() -> None:
    stages = Stages()
    stages.segments = [segment(1, pause_before_s=0.5), segment(2, pause_after_s=0.25)]
    first, second = [audio async for audio in stages.graph.speak(stages.utterance(""))]
    half = SAMPLE_RATE_HZ // 2
    np.testing.assert_array_equal(first.samples, np.array([0] * half + [0.01], dtype=np.float32))
    np.testing.assert_array_equal(second.samples, np.array([0.02] * 2 + [0] * (half // 2), dtype=np.float32))
    assert first.samples.dtype == np.float32


async def test_the_marks_of_a_segment_are_in_the_time_of_the_utterance() -> None:
    stages = Stages()
    stages.segments = [segment(1, pause_before_s=0.5), segment(2, pause_after_s=0.25), segment(3)]
    spoken = [audio async for audio in stages.graph.speak(stages.utterance(""))]
    assert [audio.timeline.segment.token_ids for audio in spoken] == [(1,), (2, 2), (3, 3, 3)]
    starts = [audio.timeline.start_sample for audio in spoken]
    half = SAMPLE_RATE_HZ // 2
    assert starts == [0, half + 1, half + 1 + 2 + half // 2 - round(BEFORE_S * SAMPLE_RATE_HZ)]


async def test_timelines_are_those_of_the_audio_and_ask_nothing_of_the_vocoder() -> None:
    stages = Stages(segments_in_flight=2)
    stages.segments = [segment(1, pause_before_s=0.5), segment(0, pause_before_s=1.0), segment(2), segment(3)]
    timelines = [timeline async for timeline in stages.graph.timelines(stages.utterance(""))]
    assert stages.vocoded == []
    assert [timeline.segment for timeline in timelines] == [
        audio.timeline.segment async for audio in stages.graph.speak(stages.utterance(""))
    ]
    assert [item.speed for item in stages.acoustic_inputs[:3]] == [1.5] * 3
    ends = [timeline.end_sample for timeline in timelines]
    assert [timeline.start_sample for timeline in timelines] == [0, *ends[:-1]]


async def test_closing_the_timelines_stops_what_is_in_flight() -> None:
    stages = Stages(segments_in_flight=2)
    stream = stages.graph.timelines(stages.utterance("1 2 3 4 5 6"))
    await anext(stream)
    await stream.aclose()
    await settle()
    assert len(stages.acoustic_inputs) <= 3


def test_pauses_alone_join_the_speech_beside_them() -> None:
    pause = segment(0, pause_before_s=1.0)
    folded = list(
        fold_pauses([pause, pause, segment(1, pause_before_s=0.5, pause_after_s=0.1), pause, segment(2), pause])
    )
    assert [(len(s.token_ids), s.pause_before_s, s.pause_after_s) for s in folded] == [(1, 2.5, 1.0), (2, 0.1, 1.0)]
    assert list(fold_pauses([pause])) == []


def test_where_no_pause_is_asked_for_the_languages_gap_is_left_as_fast_as_the_speech() -> None:
    segments = [segment(1, gap_after_s=0.6), segment(2, gap_after_s=0.6, pause_after_s=0.05), segment(3, gap_after_s=1)]
    one, two, three = fold_pauses(segments, speed=2.0)
    assert one.pause_before_s == 0
    assert one.pause_after_s + two.pause_before_s == pytest.approx(0.3)
    assert two.pause_after_s + three.pause_before_s == pytest.approx(0.05)
    assert three.pause_after_s == END_S
    assert [one.pause_after_s for one in fold_pauses([segment(1)])] == [0.0]
    assert two.pause_before_s <= BEFORE_S


async def test_the_other_stages() -> None:
    stages = Stages()
    assert await stages.graph.profile([b"clip"], speech=False) == ([b"clip"], False)
    assert [s.text for s in await stages.graph.segments("1 2", "en-US")] == ["1", "2"]


async def test_markup_reaches_the_stages_segment_by_segment() -> None:
    stages = Stages()
    other = Voice.from_table("jf_other", np.full((MAX_TOKENS, STYLE_DIM), 7, np.float32))
    change = ProsodyChange(1, 2, rate=0.5)
    script = ControlledText("2 3", (Block(0, 3),))
    stages.segments = [segment(2), replace(segment(3), voice="jf_other", changes=(change,))]
    utterance = replace(
        stages.utterance("<speak>2 3</speak>"), markup=SsmlText(script, "\0" * 7 + "2 3"), voices={"jf_other": other}
    )
    assert [len(audio.samples) async for audio in stages.graph.speak(utterance)] == [2, 3]
    first, second = stages.acoustic_inputs
    np.testing.assert_array_equal(first.style, VOICE.style(2))
    np.testing.assert_array_equal(second.style, other.style(3))
    assert first.prosody is None
    assert second.prosody is not None
    assert second.prosody.changes == (change,)
    assert stages.asked == [script]
    assert utterance.shown.replace("\0", "") == "2 3"


def test_a_script_survives_the_way_to_another_process() -> None:
    source = "<speak>a<mark name='m'/><break/><emphasis>b</emphasis><sub alias='x'>c</sub> &amp;</speak>"
    script = marked_up(Utterance(source, VOICE, "en-US"), VoiceCatalogue([VOICE])).script
    assert isinstance(script, ControlledText)
    assert pickle.loads(pickle.dumps(script)) == script
