"""What ``POST /v1/audio/speech`` does with a good request."""

from __future__ import annotations

import base64
import io
import json
import wave
from typing import Any, get_args

import av
import httpx
import numpy as np
import pytest

from serve_app.http.audio_encoding import CONTENT_TYPES
from serve_app.http.schemas import AudioFormat
from tests.http.fakes import Served, speech, tone
from tts_models.types import SAMPLE_RATE_HZ

FORMATS = get_args(AudioFormat)
SCRIPT_S = 0.75  # what FakeGraph says unasked


def duration_s(data: bytes, audio_format: str) -> float:
    """Length of an audio file, by decoding all of it."""
    if audio_format == "pcm":
        return len(data) / 2 / SAMPLE_RATE_HZ
    with av.open(io.BytesIO(data)) as container:
        samples = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    return float(samples)


def events(body: str) -> list[dict[str, Any]]:
    assert body.endswith("\n\n")
    return [json.loads(line.removeprefix("data: ")) for line in body.strip().split("\n\n")]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("audio_format", FORMATS)
async def test_every_format_holds_all_of_the_audio(
    audio_format: AudioFormat, stream: bool, client: httpx.AsyncClient
) -> None:
    response = await client.post("/v1/audio/speech", json=speech(response_format=audio_format, stream=stream))

    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == CONTENT_TYPES[audio_format]
    assert ("content-length" in response.headers) is not stream
    # Lossy codecs add a frame or so of silence.
    assert SCRIPT_S - 0.001 <= duration_s(response.content, audio_format) <= SCRIPT_S + 0.15


async def test_mp3_is_the_default(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/audio/speech", json=speech())

    assert response.headers["content-type"] == "audio/mpeg"


async def test_a_wav_that_is_not_streamed_says_how_long_it_is(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/audio/speech", json=speech(response_format="wav", stream=False))

    assert int(response.headers["content-length"]) == len(response.content)
    with wave.open(io.BytesIO(response.content)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert file.getnframes() == SCRIPT_S * SAMPLE_RATE_HZ


async def test_a_streamed_wav_says_that_its_length_is_unknown(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/audio/speech", json=speech(response_format="wav"))

    assert response.content[4:8] == response.content[40:44] == b"\xff\xff\xff\xff"


async def test_pcm_is_the_waveform(served: Served, client: httpx.AsyncClient) -> None:
    served.script(tone(0.1), tone(0.2, 500.0))

    response = await client.post("/v1/audio/speech", json=speech(response_format="pcm"))

    heard = np.frombuffer(response.content, "<i2") / 32767
    said = np.concatenate([tone(0.1).samples, tone(0.2, 500.0).samples])
    np.testing.assert_allclose(heard, said, atol=1 / 32767)


@pytest.mark.parametrize("audio_format", FORMATS)
async def test_events_carry_the_same_file_and_its_cost(audio_format: AudioFormat, client: httpx.AsyncClient) -> None:
    request = speech(response_format=audio_format, input="Grüße, 世界.")
    file = await client.post("/v1/audio/speech", json=request)
    response = await client.post("/v1/audio/speech", json=request | {"stream_format": "sse"})

    assert response.headers["content-type"].startswith("text/event-stream")
    *deltas, done = events(response.text)
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    assert b"".join(base64.b64decode(delta["audio"]) for delta in deltas) == file.content
    # 10 characters; 0.75 s are 30 frames of 25 ms.
    usage = {"input_tokens": 10, "output_tokens": 30, "total_tokens": 40}
    assert done == {"type": "speech.audio.done", "usage": usage}


async def test_no_line_of_an_event_stream_is_too_long_to_read(served: Served, client: httpx.AsyncClient) -> None:
    served.script(tone(10.0))  # 480 kB of samples

    response = await client.post("/v1/audio/speech", json=speech(response_format="pcm", stream_format="sse"))

    assert max(map(len, response.text.split("\n"))) < 2**16
    assert sum(len(base64.b64decode(e["audio"])) for e in events(response.text)[:-1]) == 480_000


async def test_what_is_asked_for_reaches_the_graph(served: Served, client: httpx.AsyncClient) -> None:
    request = speech(voice="BF_Emma ", speed=1.5, volume=0.5, seed=7, language="fr-FR", input="  Salut. ")
    await client.post("/v1/audio/speech", json=request)

    (utterance,) = served.graph.spoken
    assert utterance.voice.name == "bf_emma"
    assert (utterance.text, utterance.language) == ("  Salut. ", "fr-FR")
    assert (utterance.speed, utterance.volume, utterance.seed) == (1.5, 0.5, 7)


@pytest.mark.parametrize(("asked", "language"), [("en", "en-US"), ("ZH-Hans-CN", "zh"), ("es-MX", "es"), ("", "ja")])
async def test_a_language_goes_by_many_names(
    asked: str, language: str, served: Served, client: httpx.AsyncClient
) -> None:
    await client.post("/v1/audio/speech", json=speech(voice="jf_alpha", language=asked))

    assert served.graph.spoken[0].language == language


async def test_defaults(served: Served, client: httpx.AsyncClient) -> None:
    await client.post("/v1/audio/speech", json=speech(voice="jf_alpha"))

    (utterance,) = served.graph.spoken
    assert (utterance.language, utterance.speed, utterance.volume, utterance.seed) == ("ja", 1.0, 1.0, 0)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"voice": {"id": "af_heart"}}, id="voice object"),
        pytest.param({"voice": "marin"}, id="OpenAI's voice"),
        pytest.param({"model": "kokoro-82m"}, id="our model"),
        pytest.param({"model": "gpt-4o-mini-tts", "instructions": "Whisper."}, id="instructions"),
        pytest.param({"user": "me", "normalization_options": {"a": [1]}}, id="unknown fields"),
        pytest.param(dict.fromkeys(["instructions", "speed", "response_format", "language", "seed"]), id="nulls"),
        pytest.param({"speed": 0.25}, id="slowest"),
        pytest.param({"speed": 4}, id="fastest, an integer"),
        pytest.param({"input": "あ" * 10_000}, id="longest"),
        pytest.param({"input": "\u0001 \ud83d\ude00 \t\r\n ok"}, id="odd but legal characters"),
    ],
)
async def test_what_clients_send(changes: dict[str, Any], served: Served, client: httpx.AsyncClient) -> None:
    request = speech(voice="af_heart") | changes
    headers = {"Content-Type": "application/json"}
    response = await client.post("/v1/audio/speech", content=json.dumps(request), headers=headers)

    assert response.status_code == 200, response.text
    assert served.outcomes == {"completed": 1}


async def test_a_charset_in_the_content_type(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    response = await client.post("/v1/audio/speech", content=json.dumps(speech()), headers=headers)

    assert response.status_code == 200


async def test_proxies_are_told_not_to_hold_audio_back(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/audio/speech", json=speech())

    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["cache-control"] == "no-cache"
