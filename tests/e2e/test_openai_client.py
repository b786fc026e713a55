"""The official ``openai`` client, over a real socket, against the application over a fake graph."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Iterator
from pathlib import Path

import av
import openai
import pytest

from serve_app.graph import Overloaded, StageUnavailable
from tests.http.fakes import Gate, Served, tone, uvicorn_server, wait_until
from tts_models.errors import SynthesisError


@pytest.fixture
def live() -> Iterator[Served]:
    with uvicorn_server(Served()) as served:
        yield served


@pytest.fixture
def client(live: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=live.base_url + "/v1", api_key="unused", timeout=60) as client:
        yield client


def test_speech(client: openai.OpenAI, live: Served) -> None:
    speech = client.audio.speech.create(
        model="gpt-4o-mini-tts",
        voice="marin",
        input="Hello.",
        instructions="Cheerfully.",
        response_format="pcm",
        speed=1.25,
    )

    assert len(speech.content) == 0.75 * 48_000
    assert live.graph.spoken[0].speed == 1.25
    assert speech.response.headers["x-request-id"].startswith("req_")


def test_extensions_travel_in_extra_body(client: openai.OpenAI, live: Served) -> None:
    speech = client.audio.speech.create(
        model="tts-1",
        voice={"id": "bf_emma"},
        input="Hello.",
        response_format="wav",
        extra_body={"stream": False, "language": "en-GB", "volume": 0.5, "seed": 3},
    )

    with wave.open(io.BytesIO(speech.read())) as file:
        assert file.getnframes() == 0.75 * 24_000
    (utterance,) = live.graph.spoken
    assert (utterance.voice.name, utterance.volume, utterance.seed) == ("bf_emma", 0.5, 3)


def test_streaming_to_a_file(client: openai.OpenAI, tmp_path: Path) -> None:
    with client.audio.speech.with_streaming_response.create(model="tts-1", voice="marin", input="Hello.") as speech:
        speech.stream_to_file(tmp_path / "hello.mp3")

    with av.open(str(tmp_path / "hello.mp3")) as file:
        assert sum(frame.samples for frame in file.decode(audio=0)) >= 0.75 * 24_000


def test_streaming_hears_the_first_segment_before_the_second_is_made(client: openai.OpenAI, live: Served) -> None:
    rest = Gate()
    live.script(tone(1.0), rest, tone(1.0))

    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="marin", input="Hello.", response_format="pcm"
    ) as speech:
        chunks = speech.iter_bytes(4_800)
        assert len(next(chunks)) == 4_800
        assert live.graph.ended == []
        rest.open()
        assert sum(map(len, chunks)) == 2 * 48_000 - 4_800


def test_events(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="marin", input="Hello.", response_format="pcm", stream_format="sse"
    ) as speech:
        events = [json.loads(line.removeprefix("data: ")) for line in speech.iter_lines() if line]

    *deltas, done = events
    assert sum(len(base64.b64decode(delta["audio"])) for delta in deltas) == 0.75 * 48_000
    assert done["usage"] == {"input_tokens": 6, "output_tokens": 30, "total_tokens": 36}


def test_leaving_early_stops_the_work(client: openai.OpenAI, live: Served) -> None:
    live.script(tone(1.0), Gate(), tone(1.0))

    with client.audio.speech.with_streaming_response.create(model="tts-1", voice="marin", input="Hello.") as speech:
        next(speech.iter_bytes())

    assert live.wait_for_ending() == "closed"


async def test_the_async_client(live: Served) -> None:
    async with openai.AsyncOpenAI(base_url=live.base_url + "/v1", api_key="unused", timeout=60) as client:
        speech = await client.audio.speech.create(model="tts-1", voice="marin", input="Hello.", response_format="pcm")
        assert len(speech.content) == 0.75 * 48_000

        async with client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="marin", input="Hello.", response_format="pcm"
        ) as stream:
            assert sum([len(chunk) async for chunk in stream.iter_bytes()]) == 0.75 * 48_000


def test_models(client: openai.OpenAI) -> None:
    models = client.models.list()

    assert {"kokoro-82m", "tts-1"} <= {model.id for model in models}
    assert client.models.retrieve("tts-1").owned_by == "voicegraph"


@pytest.mark.parametrize(
    ("changes", "error", "param", "words"),
    [
        ({"voice": "af_hart"}, openai.NotFoundError, "voice", "Did you mean af_heart"),
        ({"model": "tts-9"}, openai.NotFoundError, "model", "kokoro-82m"),
        ({"input": " "}, openai.BadRequestError, "input", "nothing to say"),
        ({"speed": 9.0}, openai.BadRequestError, "speed", "less than or equal to 4"),
    ],
)
def test_errors_arrive_as_the_clients_own(
    changes: dict[str, object], error: type[openai.APIStatusError], param: str, words: str, client: openai.OpenAI
) -> None:
    request = {"model": "tts-1", "voice": "marin", "input": "Hello."} | changes
    with pytest.raises(error, match=words) as caught:
        client.audio.speech.create(**request)

    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert str(caught.value.request_id).startswith("req_")


def test_the_client_tries_again_when_told_to_wait(client: openai.OpenAI, live: Served) -> None:
    live.script(Overloaded("Busy.", 1.0))

    with pytest.raises(openai.RateLimitError):
        client.with_options(max_retries=1).audio.speech.create(model="tts-1", voice="marin", input="Hello.")
    assert len(live.graph.spoken) == 2


def test_server_errors_arrive_as_the_clients_own(client: openai.OpenAI, live: Served) -> None:
    for failure in (SynthesisError("Nothing."), StageUnavailable("No vocoder."), RuntimeError("secret")):
        live.script(failure)
        with pytest.raises(openai.InternalServerError) as caught:
            client.with_options(max_retries=0).audio.speech.create(model="tts-1", voice="marin", input="Hello.")
        assert "secret" not in str(caught.value)


def test_broken_audio_is_an_exception_and_not_a_short_file(client: openai.OpenAI, live: Served) -> None:
    live.script(tone(1.0), SynthesisError("NaN came out."))

    with pytest.raises(openai.APIConnectionError):
        client.with_options(max_retries=0).audio.speech.create(model="tts-1", voice="marin", input="Hello.")
    wait_until(lambda: live.outcomes["broken"] == 1)
