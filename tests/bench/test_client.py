"""What a request is found to have taken and brought."""

from __future__ import annotations

import numpy as np
import pytest

from serve_app.bench.client import Answer, SpeechClient, Target, refusal
from serve_app.bench.texts import Line
from serve_app.http.audio_encoding import encode_once
from tests.bench.fake_server import PCM, Script, served

QUARTER = PCM * 6000
"""A quarter of a second."""


async def ask(script: Script, **target: object) -> Answer:
    with served(script) as url:
        async with SpeechClient(Target(url, **target), timeout_s=5) as client:  # type: ignore[arg-type]
            return await client.speak(Line("Hello.", kind="short"), 3)


async def test_first_audio_end_and_length_are_told_apart() -> None:
    answer = await ask(Script([(0.1, QUARTER), (0.2, QUARTER)]))
    assert answer.is_good
    assert (answer.status, answer.error, answer.client, answer.line.text) == (200, None, 3, "Hello.")
    assert answer.audio_s == 0.5
    assert 0.1 <= answer.first_s <= answer.whole_s - 0.15
    assert answer.ended_s == answer.sent_s + answer.whole_s


async def test_what_comes_without_a_pause_is_one_chunk() -> None:
    answer = await ask(Script([(0, QUARTER), (0, QUARTER), (0.2, QUARTER), (0, QUARTER)]))
    assert answer.audio_s == 1.0
    assert max(answer.gaps_s) >= 0.19
    assert sum(gap >= 0.1 for gap in answer.gaps_s) == 1


async def test_a_listener_stalls_when_sound_comes_later_than_it_is_heard() -> None:
    in_time = await ask(Script([(0, QUARTER), (0.05, QUARTER)]))
    late = await ask(Script([(0, QUARTER), (0.6, QUARTER)]))
    assert in_time.stall_s == 0
    assert 0.3 <= late.stall_s <= late.whole_s - 0.2


async def test_the_header_of_a_wav_is_no_audio() -> None:
    wav = encode_once("wav", np.zeros(12_000, np.float32))
    answer = await ask(Script([(0, wav[:44]), (0.2, wav[44:])], content_type="audio/wav"), format="wav")
    assert answer.first_s >= 0.19
    assert answer.audio_s == 0.5


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac"])
async def test_encoded_audio_has_its_length(name: str) -> None:
    data = encode_once(name, np.zeros(48_000, np.float32))  # type: ignore[arg-type]
    answer = await ask(Script([(0, data)], content_type="audio/x"), format=name)
    assert answer.audio_s == pytest.approx(2, abs=0.15)


async def test_what_is_no_audio_is_told() -> None:
    unreadable = await ask(Script([(0, b"not an mp3")]), format="mp3")
    empty = await ask(Script([]))
    page = await ask(Script([(0, b"<html>")], content_type="text/html"))
    assert [answer.error for answer in (unreadable, empty, page)] == ["no_audio"] * 3


async def test_a_connection_that_breaks_off_is_an_error() -> None:
    answer = await ask(Script([(0, QUARTER)], cut=True))
    assert (answer.status, answer.error) == (200, "cut")
    assert answer.audio_s == 0


async def test_time_runs_out() -> None:
    with served(Script([(2, QUARTER)])) as url:
        async with SpeechClient(Target(url), timeout_s=0.2) as client:
            answer = await client.speak("Hello.")
    assert answer.error == "timeout"


async def test_nobody_there() -> None:
    async with SpeechClient(Target("http://127.0.0.1:9")) as client:
        answer = await client.speak("Hello.")
    assert (answer.status, answer.error) == (0, "no_connection")


async def test_what_is_sent_is_openais() -> None:
    script = Script()
    with served(script) as url:
        async with SpeechClient(Target(f"{url}/v1/", "m", "v", "secret", stream=False)) as client:
            await client.speak("One.")
            await client.speak(Line("Two.", voice="w"))
        async with SpeechClient(Target(url, "m", "v")) as client:
            await client.speak("Three.")
    body = {"model": "m", "voice": "v", "input": "One.", "response_format": "pcm"}
    assert script.bodies == [
        {**body, "stream": False},
        {**body, "stream": False, "input": "Two.", "voice": "w"},
        {**body, "input": "Three."},
    ]
    assert script.keys == ["Bearer secret", "Bearer secret", None]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"error": {"code": "voice_not_found", "message": "No such voice."}}', ("voice_not_found", "No such voice.")),
        ('{"error": {"code": null, "type": "invalid", "message": "No."}}', ("invalid", "No.")),
        ('{"detail": {"error": "validation_error", "message": "Bad."}}', ("validation_error", "Bad.")),
        ('{"detail": "Not Found"}', ("refused", "Not Found")),
        ("<h1>Bad\n gateway</h1>", ("no_audio", "text/html: <h1>Bad gateway</h1>")),
    ],
)
def test_errors_of_all_shapes_have_words(body: str, expected: tuple[str, str]) -> None:
    assert refusal(body, "text/html") == expected
