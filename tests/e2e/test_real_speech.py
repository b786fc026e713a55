"""The whole way with real weights: what the official client asks for is what a listener hears."""

from __future__ import annotations

import io
import re
import time
import wave
from typing import Any, get_args

import av
import numpy as np
import openai
import pytest

from serve_app.http.schemas import AudioFormat
from tests.support.asr import SpeechRecogniser, normalise_words, word_error_rate
from tts_models.text import TextFrontend
from tts_models.types import SAMPLE_RATE_HZ, FloatArray

pytestmark = pytest.mark.timeout(1200)  # the first test starts the server

FORMATS = get_args(AudioFormat)
SENTENCES = (
    "The quick brown fox jumps over the lazy dog while the old farmer watches from the porch.",
    "Please remember to bring your umbrella, because the weather report promises heavy rain this afternoon.",
    "She opened the letter slowly, read it twice, and put it back into the drawer without a word.",
    "Our train leaves the central station at half past seven and arrives shortly before noon.",
)
GREETING = "Hello, and good morning to all of you."
LONG_TEXT = " ".join(SENTENCES)


def say(client: openai.OpenAI, text: str, voice: str = "af_heart", **options: Any) -> FloatArray:
    """``(n,)`` samples at 24 kHz."""
    extra = {"stream": False} | options.pop("extra_body", {})
    speech = client.audio.speech.create(
        model="tts-1", voice=voice, input=text, response_format="wav", extra_body=extra, **options
    )
    with wave.open(io.BytesIO(speech.content)) as file:
        assert (file.getframerate(), file.getnchannels()) == (SAMPLE_RATE_HZ, 1)
        data = file.readframes(file.getnframes())
    return np.frombuffer(data, "<i2").astype(np.float32) / 32768


def loudness_dbfs(samples: FloatArray) -> float:
    """Level of the loudest half of the 25 ms frames, so that pauses do not count."""
    frames = samples[: len(samples) // 600 * 600].reshape(-1, 600)
    power = np.sort((frames**2).mean(axis=1))
    return float(10 * np.log10(power[len(power) // 2 :].mean() + 1e-12))


@pytest.mark.parametrize("voice", ["af_heart", "am_michael", "bf_emma", "bm_george"])
def test_english_is_understood(voice: str, speech_client: openai.OpenAI, recogniser: SpeechRecogniser) -> None:
    heard = [recogniser.transcribe(say(speech_client, text, voice), SAMPLE_RATE_HZ) for text in SENTENCES]

    assert word_error_rate(list(SENTENCES), heard) <= 0.10, heard


def test_ssml_is_said_through_every_stage(speech_client: openai.OpenAI, recogniser: SpeechRecogniser) -> None:
    first, second = SENTENCES[:2]
    stressed = first.replace("lazy", "<emphasis level='strong'>lazy</emphasis>")
    ssml = (
        f"<speak>{stressed}<break time='1s'/>"
        f"<voice name='am_michael'><prosody rate='80%'>{second}</prosody></voice></speak>"
    )
    samples = say(speech_client, ssml)
    heard = recogniser.transcribe(samples, SAMPLE_RATE_HZ)

    assert word_error_rate([f"{first} {second}"], [heard]) <= 0.15, heard
    assert len(samples) > len(say(speech_client, f"{first} {second}")) + SAMPLE_RATE_HZ


def test_numbers_and_money_are_read_out(speech_client: openai.OpenAI, recogniser: SpeechRecogniser) -> None:
    heard = recogniser.transcribe(say(speech_client, "It costs $12.50 and weighs 3 kg."), SAMPLE_RATE_HZ)

    words = normalise_words(heard)
    assert re.search(r"12\.50|12 dollars( and)? 50|twelve dollars( and)? fifty", words), heard
    assert "kilogram" in words, heard


def test_a_long_text_is_said_to_its_end_in_one_stream(
    speech_client: openai.OpenAI, recogniser: SpeechRecogniser
) -> None:
    arrivals: list[float] = []
    data = b""
    with speech_client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="af_bella", input=LONG_TEXT, response_format="pcm"
    ) as speech:
        for chunk in speech.iter_bytes():
            arrivals.append(time.monotonic())
            data += chunk

    heard = recogniser.transcribe(np.frombuffer(data, "<i2").astype(np.float32) / 32768, SAMPLE_RATE_HZ)
    assert word_error_rate(LONG_TEXT, heard) <= 0.10, heard
    assert len(set(arrivals)) > 1


@pytest.mark.parametrize(
    ("voice", "language", "text", "sounds"),
    [
        pytest.param(
            "jf_alpha", "ja", "こんにちは。今日はとても良い天気ですね。", ["koɲɲiʨiβa", "totemo", "teŋkʲi"], id="ja-1"
        ),
        pytest.param("jm_kumo", "ja", "駅まで歩いて十分かかります。", ["ekʲi", "aɾɯite"], id="ja-2"),
        pytest.param(
            "zf_xiaoxiao", "zh", "你好，今天的天气很好，我们去公园散步吧。", ["ni↓xau↓", "kʊ→ŋɥɛ↗n"], id="zh-1"
        ),
        pytest.param("zm_yunxi", "zh", "这本书很有意思，我想再读一遍。", ["ʂu→", "i→"], id="zh-2"),
    ],
)
def test_japanese_and_mandarin(
    voice: str, language: str, text: str, sounds: list[str], speech_client: openai.OpenAI
) -> None:
    segments = TextFrontend().segments(text, language)
    symbols = " ".join(segment.symbols for segment in segments)
    for sound in sounds:
        assert sound in symbols

    samples = say(speech_client, text, voice)

    tokens = sum(len(segment.token_ids) for segment in segments)
    assert 0.04 <= len(samples) / SAMPLE_RATE_HZ / tokens <= 0.13, "seconds a phoneme"
    assert -30 <= loudness_dbfs(samples) <= -8
    assert np.abs(samples).max() < 1.0


@pytest.mark.parametrize(
    ("voice", "text"),
    [
        ("ef_dora", "Buenos días, ¿cómo está usted?"),
        ("ff_siwis", "Bonjour, comment allez-vous aujourd'hui ?"),
        ("hf_alpha", "नमस्ते, आप कैसे हैं?"),
        ("if_sara", "Buongiorno, come sta oggi?"),
        ("pf_dora", "Bom dia, como você está hoje?"),
    ],
)
def test_the_other_languages_speak(voice: str, text: str, speech_client: openai.OpenAI) -> None:
    samples = say(speech_client, text, voice)

    assert 1.0 <= len(samples) / SAMPLE_RATE_HZ <= 6.0
    assert -30 <= loudness_dbfs(samples) <= -8


def test_the_same_request_gives_the_same_bytes_and_another_seed_does_not(speech_client: openai.OpenAI) -> None:
    one, again, other = [say(speech_client, SENTENCES[0], extra_body={"seed": seed}) for seed in (1, 1, 2)]

    np.testing.assert_array_equal(one, again)
    assert len(other) == len(one)
    assert not np.array_equal(other, one)


def test_speed_and_volume(speech_client: openai.OpenAI) -> None:
    plain = say(speech_client, SENTENCES[1])
    fast = say(speech_client, SENTENCES[1], speed=2.0)
    soft = say(speech_client, SENTENCES[1], extra_body={"volume": 0.5})

    assert len(fast) / len(plain) == pytest.approx(0.5, abs=0.1)
    assert loudness_dbfs(soft) - loudness_dbfs(plain) == pytest.approx(-6.0, abs=0.3)


@pytest.fixture(scope="module")
def greeting_s(speech_client: openai.OpenAI) -> float:
    """How long ``GREETING`` takes to say."""
    return len(say(speech_client, GREETING)) / SAMPLE_RATE_HZ


@pytest.mark.parametrize("audio_format", FORMATS)
def test_every_format_is_as_long_as_the_speech(
    audio_format: AudioFormat, greeting_s: float, speech_client: openai.OpenAI
) -> None:
    data = speech_client.audio.speech.create(
        model="tts-1", voice="af_heart", input=GREETING, response_format=audio_format
    ).content

    if audio_format == "pcm":
        duration_s = len(data) / 2 / SAMPLE_RATE_HZ
    else:
        with av.open(io.BytesIO(data)) as file:
            duration_s = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
    assert greeting_s - 0.001 <= duration_s <= greeting_s + 0.15


def test_pauses_and_pronunciations_can_be_written_in_the_text(
    speech_client: openai.OpenAI, recogniser: SpeechRecogniser
) -> None:
    short, long = [say(speech_client, f"One. [pause:{pause_s}s] Two.") for pause_s in (0.5, 2)]
    gaps_s = np.diff(np.flatnonzero(np.abs(long) > 0.01)) / SAMPLE_RATE_HZ
    heard = recogniser.transcribe(say(speech_client, "They sold [tomatoes](/pətˈATOz/) here."), SAMPLE_RATE_HZ)

    assert len(long) - len(short) == 1.5 * SAMPLE_RATE_HZ
    assert 2 <= gaps_s.max() < 3.5, "it is silent for that long, inside the speech"
    assert "potato" in normalise_words(heard)


def test_what_cannot_be_said_is_told(speech_client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        speech_client.audio.speech.create(model="tts-1", voice="af_heart", input="... !!! ???")

    assert caught.value.code == "unpronounceable_input"


def test_every_voice_that_is_listed_speaks(speech_client: openai.OpenAI) -> None:
    voices = speech_client.get("/audio/voices", cast_to=dict[str, Any])["voices"]

    assert sum(voice["type"] == "preset" for voice in voices) == 54  # other tests make voices of their own
    for language in {voice["language"] for voice in voices}:
        voice = next(voice["id"] for voice in reversed(voices) if voice["language"] == language)
        assert len(say(speech_client, "1", voice)) > 0.2 * SAMPLE_RATE_HZ
