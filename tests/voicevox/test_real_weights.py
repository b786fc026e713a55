"""The real models behind the façade."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from serve_app.graph import Utterance, acoustic_input, fold_pauses, spoken_audio
from tests.http.fakes import Served
from tests.voicevox.conftest import SPEAKER, ProsodyGraph, query, serve
from tts_models.acoustic import AcousticModel
from tts_models.assets import AssetStore
from tts_models.edges import edges
from tts_models.engine import choose_engine
from tts_models.errors import TtsError
from tts_models.prosody import mean_log_f0
from tts_models.speaker.voices import Voice, VoiceCatalogue
from tts_models.text import TextFrontend
from tts_models.types import FRAME_SAMPLES, AcousticInput, Audio, FloatArray, Prosody
from tts_models.vocoder import Vocoder

TEXT = "今日はいい天気ですから、少し遠くの公園まで散歩に行きましょう。お弁当を作って、友達も誘いましょう。"


class RealGraph(ProsodyGraph):
    """The models one after the other."""

    def __init__(self, assets: AssetStore) -> None:
        super().__init__()
        kokoro = assets.ensure("kokoro-82m-v1.0")
        self.acoustic = AcousticModel.load(kokoro, torch.device("cpu"))
        self.vocoder = Vocoder.load(kokoro, choose_engine())

    async def predict(self, item: AcousticInput) -> Prosody:
        features = _sound(self.acoustic.synthesize([item])[0])
        return Prosody(features.durations_frames, features.f0_hz, features.energy)

    async def synthesize(self, item: AcousticInput, *, is_first: bool = True) -> Audio:
        audio: Audio = _sound(self.vocoder.synthesize([_sound(self.acoustic.synthesize([item])[0])])[0])
        return audio


def _sound(result: Any) -> Any:
    if isinstance(result, TtsError):
        raise result
    return result


@pytest.fixture(scope="module")
def real(assets: AssetStore) -> RealGraph:
    return RealGraph(assets)


@pytest.fixture(scope="module")
def voice(assets: AssetStore) -> Voice:
    return VoiceCatalogue.load(assets.ensure("voices-v1.0")).get("jf_alpha")


@pytest.fixture
def served(real: RealGraph, voice: Voice, tmp_path: Path) -> Served:
    return serve(tmp_path, graph=real, voices=VoiceCatalogue([voice]))


@pytest.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(served.app, raise_app_exceptions=False)
    patience = {"x-request-timeout-seconds": "300"}  # a busy machine is no fault
    base_url = "http://test/voicevox"
    async with httpx.AsyncClient(transport=transport, base_url=base_url, headers=patience, timeout=300) as client:
        yield client


async def heard(client: httpx.AsyncClient, body: dict[str, Any]) -> FloatArray:
    response = await client.post("/synthesis", params={"speaker": SPEAKER}, json=body)
    assert response.status_code == 200, response.text
    with wave.open(io.BytesIO(response.content)) as reader:
        return (np.frombuffer(reader.readframes(reader.getnframes()), "<i2") / 32767).astype(np.float32)


async def spoken(real: RealGraph, voice: Voice) -> tuple[FloatArray, int, int]:
    """What ``/v1/audio/speech`` makes of the text, and its samples before and after the moras."""
    parts, around = [], []
    utterance = Utterance(TEXT, voice, "ja")
    for index, segment in enumerate(fold_pauses(TextFrontend().segments(TEXT, "ja"))):
        audio = await real.synthesize(acoustic_input(utterance, index, segment))
        assert audio.durations_frames is not None
        at = edges(audio.energy, int(audio.durations_frames.sum()))
        parts.append(spoken_audio(audio, segment, 0).samples)
        first = int(audio.durations_frames[0]) * FRAME_SAMPLES
        last = int(audio.durations_frames[:-2].sum()) * FRAME_SAMPLES
        around.append((first - at.start, at.end - last + at.gap_after(segment.pause_after_s)))
    assert len(parts) == 2
    return np.concatenate(parts), around[0][0], around[-1][1]


async def test_an_unedited_query_is_the_speech_of_the_other_route(
    client: httpx.AsyncClient, real: RealGraph, voice: Voice
) -> None:
    """To the sample, with as much silence around it, and the same between its segments but for how it is faded."""
    samples, before, after = await spoken(real, voice)
    body = await query(client, TEXT)
    assert len(await heard(client, body)) == len(samples) - before - after + 2 * 2400
    body |= {"prePhonemeLength": before / 24_000, "postPhonemeLength": 1.0}
    ours = await heard(client, body)
    assert len(ours) == len(samples) - after + 24_000
    theirs = np.rint(samples * 32767) / 32767
    ours = ours[: len(theirs)]
    differs = np.abs(ours - theirs) > 1.5 / 32767
    assert np.maximum(np.abs(theirs), np.abs(ours))[differs].max(initial=0) < 1e-3, "only where it is silent"


async def test_scales_are_heard(client: httpx.AsyncClient) -> None:
    body = await query(client, TEXT)
    plain = await heard(client, body)
    high = await heard(client, body | {"pitchScale": 0.05})
    assert len(high) == len(plain)
    pitches = [m["pitch"] for p in body["accent_phrases"] for m in p["moras"] if m["pitch"]]
    expected = np.mean(pitches) * (2**0.05 - 1)
    assert mean_pitch(high) - mean_pitch(plain) == pytest.approx(expected, abs=0.05)
    fast = await heard(client, body | {"speedScale": 1.5})
    assert len(fast) == pytest.approx(len(plain) / 1.5, rel=0.03)
    flat = await heard(client, body | {"intonationScale": 0})
    assert pitch_range(flat) < 0.5 * pitch_range(plain)


async def test_pauses_are_exact_and_silent(client: httpx.AsyncClient) -> None:
    body = await query(client, TEXT)
    pauses_s = [p["pause_mora"]["vowel_length"] for p in body["accent_phrases"] if p["pause_mora"]]
    assert len(pauses_s) == 3
    plain = await heard(client, body)
    for length_s in (0.0, 2.0):
        changed = await heard(client, body | {"pauseLength": length_s})
        longer_s = len(pauses_s) * length_s - sum(pauses_s)
        assert len(changed) - len(plain) == pytest.approx(longer_s * 24_000, abs=len(pauses_s))
    loud = np.concatenate([[-1], np.flatnonzero(np.abs(changed) > 1e-4)])
    inside = np.diff(loud)[1:]  # not the silence before speech
    assert inside.max() > 1.8 * 24_000


def f0_track(samples: FloatArray) -> FloatArray:
    """F0 of 40 ms frames by normalised autocorrelation, Hz, voiced ones only; the models take no part."""
    tracked = []
    for start in range(0, len(samples) - 2000, 480):
        frame = samples[start : start + 1920].astype(np.float64)
        frame -= frame.mean()
        if np.sqrt((frame**2).mean()) < 0.02:
            continue
        spectrum = np.abs(np.fft.rfft(frame, 8192)) ** 2
        correlation = np.fft.irfft(spectrum)[:400]
        correlation *= len(frame) / (len(frame) - np.arange(400))
        lag = 48 + int(correlation[48:300].argmax())  # 80 to 500 Hz
        if correlation[lag] > 0.7 * correlation[0]:
            tracked.append(24_000 / lag)
    return np.array(tracked, np.float32)


def mean_pitch(samples: FloatArray) -> float:
    return mean_log_f0(f0_track(samples))


def pitch_range(samples: FloatArray) -> float:
    low, high = np.percentile(np.log(f0_track(samples)), [15, 85])
    return float(high - low)
