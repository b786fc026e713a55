"""From the bytes of files to what they say about their speaker, over an encoder that knows voices by their pitch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deployments.settings import AssetSettings, SpeakerSettings, StorageSettings
from deployments.speaker_encoder import MAX_CLIPS, SpeakerEncoder
from serve_app.voicevox.waves import wav_bytes
from tests.speaker.voices import vowel
from tts_models.errors import NotAudio, ReferenceTooLong, ReferenceTooShort, SeveralSpeakers, TtsError
from tts_models.speaker import reference_audio
from tts_models.speaker.pitch import pitch_of
from tts_models.types import SPEAKER_EMBEDDING_DIM, FloatArray, SpeakerEmbedding

pytestmark = pytest.mark.usefixtures("replica_context", "all_is_speech")


class ByPitch:
    """A speaker encoder that takes whoever speaks lower than 150 Hz for one person, everybody else for another."""

    def __init__(self, *_: Any) -> None:
        self.batches: list[int] = []

    def embed(self, batch: Sequence[FloatArray]) -> list[SpeakerEmbedding | TtsError]:
        self.batches.append(len(batch))
        return [self._embed(waveform) for waveform in batch]

    def _embed(self, waveform: FloatArray) -> SpeakerEmbedding:
        vector = np.full(SPEAKER_EMBEDDING_DIM, 0.01, np.float32)
        vector[int(pitch_of(waveform).median_hz > 150)] = 1
        return SpeakerEmbedding(vector / np.linalg.norm(vector), len(waveform) / 16_000)


class Everything:
    def speech(self, waveform: FloatArray) -> list[tuple[int, int]]:
        return [(0, len(waveform))]


@pytest.fixture
def all_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_audio, "_detector", Everything)


def replica(root: Path | None = None) -> tuple[SpeakerEncoder, ByPitch]:
    model = ByPitch()
    storage = StorageSettings(root=root) if root else None
    return SpeakerEncoder(SpeakerSettings(), AssetSettings(), lambda *_: model, storage=storage), model


def file(*pitches_hz: float, seconds: float = 4.0) -> bytes:
    return wav_bytes(np.concatenate([vowel(hz, seconds) for hz in pitches_hz]), 16_000)


async def test_a_file_becomes_a_profile_and_the_same_file_is_known() -> None:
    encoder, model = replica()
    profile = await encoder.profile([file(120.0)])
    assert profile.median_f0_hz == pytest.approx(120, rel=0.01)
    assert profile.voiced_s == pytest.approx(4.0, abs=0.01)
    assert [len(clip) for clip in profile.clips] == [64_000]
    assert np.linalg.norm(profile.embedding) == pytest.approx(1, abs=1e-6)
    assert model.batches == [4], "the clip and three pieces of it, together"
    again = await encoder.profile([file(120.0)])
    without = await encoder.profile([file(120.0)], speech=False)
    assert model.batches == [4]
    np.testing.assert_array_equal(again.embedding, profile.embedding)
    np.testing.assert_array_equal(again.clips[0], profile.clips[0])
    assert (without.clips, without.median_f0_hz) == ((), profile.median_f0_hz)


async def test_files_that_come_at_once_share_batches_and_the_same_ones_their_work() -> None:
    encoder, model = replica()
    encoder.reconfigure({"max_items": 9, "max_padded_work": 960_000, "wait_s": 1, "max_run_s": 60})
    files = [file(100.0 + n) for n in range(3)]
    profiles = await asyncio.gather(*(encoder.profile([data], speech=False) for data in files * 4))
    assert sum(model.batches) == 12, "each file is a clip and three pieces of it"
    assert max(model.batches) > 4
    assert [round(profile.median_f0_hz) for profile in profiles] == [100, 101, 102] * 4


async def test_replicas_share_what_they_know(tmp_path: Path) -> None:
    (one, _), (two, model) = replica(tmp_path), replica(tmp_path)
    first = await one.profile([file(120.0)])
    second = await two.profile([file(120.0)])
    np.testing.assert_array_equal(first.embedding, second.embedding)
    assert [len(clip) for clip in second.clips] == [64_000]
    assert model.batches == []
    sound = np.concatenate(first.clips)[1000:1016].tobytes()
    assert all(sound not in path.read_bytes() for path in tmp_path.iterdir()), "no sound is kept"


async def test_several_clips_of_one_speaker() -> None:
    encoder, _ = replica()
    profile = await encoder.profile([file(110.0), file(130.0)])
    assert profile.median_f0_hz == pytest.approx((110 * 130) ** 0.5, rel=0.01)
    assert [len(clip) for clip in profile.clips] == [64_000, 64_000]
    assert profile.voiced_s == pytest.approx(8.0, abs=0.01)


async def test_several_speakers() -> None:
    encoder, model = replica()
    with pytest.raises(SeveralSpeakers, match="More than one person"):
        await encoder.profile([file(120.0, 220.0)])
    with pytest.raises(SeveralSpeakers, match="Clip 3 of"):
        await encoder.profile([file(120.0), file(125.0), file(220.0)])
    heard = sum(model.batches)
    with pytest.raises(SeveralSpeakers, match="More than one person"):
        await encoder.profile([file(120.0, 220.0)])
    assert sum(model.batches) > heard, "what was refused is not kept"


async def test_of_several_clips_the_bad_one_is_named() -> None:
    encoder, _ = replica()
    with pytest.raises(NotAudio, match=r"^Clip 2: The reference audio could not be read") as caught:
        await encoder.profile([file(120.0), b"no audio"])
    assert caught.value.param == "audio_sample"
    with pytest.raises(ReferenceTooShort, match=r"^The reference audio"):
        await encoder.profile([file(120.0, seconds=0.5)])
    with pytest.raises(ReferenceTooShort, match="no reference audio"):
        await encoder.profile([])
    with pytest.raises(ReferenceTooLong, match="9 clips"):
        await encoder.profile([b"x"] * (MAX_CLIPS + 1))
