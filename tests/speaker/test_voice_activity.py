"""Speech is found where it is, and nowhere in what is none."""

from __future__ import annotations

from importlib.metadata import distribution

import numpy as np
import onnxruntime
import pytest
import soxr

from tests.support.speech import Speech
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.voice_activity import VoiceActivityDetector
from tts_models.types import FloatArray

SECONDS = 3
TIME_S = np.arange(SECONDS * ENCODER_RATE_HZ) / ENCODER_RATE_HZ
NOISE = np.random.default_rng(0).standard_normal(len(TIME_S))


@pytest.fixture(scope="module")
def detector() -> VoiceActivityDetector:
    return VoiceActivityDetector.load()


@pytest.fixture(scope="module")
def spoken(speech: list[Speech]) -> list[FloatArray]:
    return [soxr.resample(one.samples, 24_000, ENCODER_RATE_HZ) for one in speech]


def silence(duration_s: float) -> FloatArray:
    return np.zeros(round(duration_s * ENCODER_RATE_HZ), np.float32)


def stepped(waveform: FloatArray) -> FloatArray:
    """The package's own model, a window after another, as it means to be used."""
    path = distribution("silero-vad").locate_file("silero_vad/data/silero_vad_16k_op15.onnx")
    session = onnxruntime.InferenceSession(str(path))
    state, padded, out = np.zeros((2, 1, 128), np.float32), np.pad(waveform, (64, -len(waveform) % 512)), []
    for start in range(0, len(padded) - 64, 512):
        window = padded[None, start : start + 576]
        probability, state = session.run(None, {"input": window, "state": state, "sr": np.array(ENCODER_RATE_HZ)})
        out.append(probability[0, 0])
    return np.array(out)


def test_probabilities_are_silero_vads(detector: VoiceActivityDetector, spoken: list[FloatArray]) -> None:
    waveform = np.concatenate([silence(0.5), spoken[0], silence(0.51)])
    level = waveform - waveform.mean()
    level *= 0.2 / np.sqrt(np.quantile(level**2, 0.99))
    np.testing.assert_allclose(detector.probabilities(waveform), stepped(level), atol=1e-4)


@pytest.mark.parametrize("gain", [1.0, 1e-3])
def test_speech_is_found_where_it_is(detector: VoiceActivityDetector, spoken: list[FloatArray], gain: float) -> None:
    first, second = spoken[0], spoken[2]
    waveform = np.concatenate([silence(2), first, silence(3), second, silence(1)]) * np.float32(gain)
    stretches = [(a / ENCODER_RATE_HZ, b / ENCODER_RATE_HZ) for a, b in detector.speech(waveform)]
    first_end_s = 2.0 + len(first) / ENCODER_RATE_HZ
    second_end_s = first_end_s + 3.0 + len(second) / ENCODER_RATE_HZ
    places = [(2.0, first_end_s + 0.1), (first_end_s + 3.0, second_end_s + 0.1)]
    assert all(any(start <= a and b <= end for start, end in places) for a, b in stretches)
    kept = sum(np.square(waveform[a:b]).sum() for a, b in detector.speech(waveform))
    assert kept > 0.98 * np.square(waveform).sum()


def test_noise_behind_speech_does_not_matter(detector: VoiceActivityDetector, spoken: list[FloatArray]) -> None:
    clean = spoken[1]
    noisy = clean + 0.2 * clean.std() * np.random.default_rng(1).standard_normal(len(clean)).astype(np.float32)
    lengths = [sum(b - a for a, b in detector.speech(waveform)) for waveform in (clean, noisy)]
    assert lengths[1] == pytest.approx(lengths[0], rel=0.15)


@pytest.mark.parametrize(
    "waveform",
    [
        pytest.param(np.zeros(len(TIME_S)), id="silence"),
        pytest.param(0.3 + np.zeros(len(TIME_S)), id="offset"),
        pytest.param(0.1 * NOISE, id="white noise"),
        pytest.param(1e-3 * np.cumsum(NOISE), id="rumble"),
        pytest.param(np.rint(NOISE) / 32768, id="dither"),
        pytest.param(0.3 * np.sin(2 * np.pi * 440 * TIME_S), id="tone"),
        pytest.param(0.1 * np.sin(2 * np.pi * 50 * TIME_S) + 0.01 * NOISE, id="hum"),
        pytest.param(sum(0.1 * np.sin(2 * np.pi * f * TIME_S) for f in (220, 277, 330, 440)), id="chord"),
        pytest.param(0.5 * (NOISE > 3), id="clicks"),
        pytest.param(np.zeros(1), id="a sample"),
    ],
)
def test_what_is_no_speech(detector: VoiceActivityDetector, waveform: FloatArray) -> None:
    assert detector.speech(waveform.astype(np.float32)) == []


def test_stretches_are_in_order_and_inside(detector: VoiceActivityDetector, spoken: list[FloatArray]) -> None:
    for waveform in (*spoken, spoken[0][5_000:20_001]):
        edges = [edge for stretch in detector.speech(waveform) for edge in stretch]
        assert edges
        assert edges == sorted(edges)
        assert edges[0] >= 0
        assert edges[-1] <= len(waveform)
