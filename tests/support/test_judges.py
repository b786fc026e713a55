"""The judges of the other tests judge right: they hear words in speech, none in noise, and prefer clean to spoilt."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.asr import SpeechRecogniser, normalise_words, word_error_rate
from tests.support.dnsmos import speech_quality
from tests.support.speech import Speech
from tts_models.types import FloatArray

RATE_HZ = 24_000


def noise(n_samples: int, level: float) -> FloatArray:
    return (level * np.random.default_rng(0).standard_normal(n_samples)).astype(np.float32)


def test_what_is_said_is_heard(recogniser: SpeechRecogniser, speech: list[Speech]) -> None:
    heard = [recogniser.transcribe(one.samples, RATE_HZ) for one in speech]
    assert word_error_rate([one.sentence.text for one in speech], heard) <= 0.05, heard


def test_long_speech_is_heard_to_its_end(recogniser: SpeechRecogniser, speech: list[Speech]) -> None:
    many = speech * 3
    samples = np.concatenate([one.samples for one in many])
    assert len(samples) > 35 * RATE_HZ
    said = " ".join(one.sentence.text for one in many)
    assert word_error_rate(said, recogniser.transcribe(samples, RATE_HZ)) <= 0.05


def test_what_is_not_said_is_not_heard(recogniser: SpeechRecogniser, speech: list[Speech]) -> None:
    backwards = [recogniser.transcribe(np.ascontiguousarray(one.samples[::-1]), RATE_HZ) for one in speech[:2]]
    assert word_error_rate([one.sentence.text for one in speech[:2]], backwards) > 0.7
    assert recogniser.transcribe(np.zeros(2 * RATE_HZ, np.float32), RATE_HZ) == ""
    assert recogniser.transcribe(np.zeros(0, np.float32), RATE_HZ) == ""


def test_a_missing_half_counts(recogniser: SpeechRecogniser, speech: list[Speech]) -> None:
    one = speech[0]
    half = recogniser.transcribe(one.samples[: len(one.samples) // 2], RATE_HZ)
    assert 0.3 < word_error_rate(one.sentence.text, half) < 0.7


@pytest.mark.parametrize(
    ("said", "heard", "rate"),
    [
        ("Hello, world!", "hello world", 0.0),
        ("I'm twenty-one.", "I am 21", 0.0),
        ("one two three four", "one two four", None),
        ("a cat sat down", "a cat sat", 0.25),
        ("a cat sat down", "a fat cat sat down", 0.25),
        (["one cat", "two dogs"], ["one cat", "two frogs"], 0.25),
    ],
)
def test_word_error_rate(said: str | list[str], heard: str | list[str], rate: float | None) -> None:
    measured = word_error_rate(said, heard)
    assert measured > 0 if rate is None else measured == pytest.approx(rate)


def test_normalised_words() -> None:
    assert normalise_words("Dr. Smith's  COST is twenty-five dollars -- OK?") == "doctor smith is cost is $25 ok"


def test_clean_speech_sounds_better_than_spoilt(speech: list[Speech]) -> None:
    samples = speech[0].samples
    clean = speech_quality(samples, RATE_HZ)
    noisy = speech_quality(samples + noise(len(samples), 0.3 * float(samples.std())), RATE_HZ)
    coarse = speech_quality(np.round(samples * 8) / 8, RATE_HZ)
    assert clean.overall > 3.1
    assert noisy.background < clean.background - 1.0
    assert coarse.signal < clean.signal - 0.8
    assert max(noisy.overall, coarse.overall) < clean.overall - 0.7


def test_too_little_to_judge() -> None:
    with pytest.raises(ValueError, match="second"):
        speech_quality(np.zeros(RATE_HZ - 1, np.float32), RATE_HZ)
