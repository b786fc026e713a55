"""When words, phonemes and visemes are heard, over HTTP; and captions."""

from __future__ import annotations

import base64
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.http.fakes import Gate, Served, speech, tone
from tests.http.test_speech_route import events
from tts_models.errors import SynthesisError
from tts_models.text.vocabulary import encode
from tts_models.types import Phonemes, SpokenWord

TEXT = "[Hi](/hI/), you [pause:1s]& <me>."
SYMBOLS = "hI, ju"
WORDS = (SpokenWord(1, 3, 0, 2), SpokenWord(12, 15, 4, 6))


@pytest.fixture
def saying(served: Served) -> Served:
    """Two segments of 0.8 s, each of eight tokens of 0.1 s (padding included), the second after half a second."""
    served.graph.segment = Phonemes(TEXT, SYMBOLS, encode(SYMBOLS), "en-US", pause_after_s=0.5, words=WORDS)
    served.script(tone(0.8), tone(0.8))
    return served


def words(offset_s: float) -> list[dict[str, Any]]:
    """What is said of the words of a segment: a token's place is 40 ms before the sum of durations."""
    return [
        {"word": "Hi", "start_s": offset_s + 0.06, "end_s": offset_s + 0.26, "text_start": 1, "text_end": 3},
        {"word": "you", "start_s": offset_s + 0.46, "end_s": offset_s + 0.66, "text_start": 12, "text_end": 15},
    ]


def close(marks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {key: pytest.approx(value, abs=1e-6) if isinstance(value, float) else value for key, value in mark.items()}
        for mark in marks
    ]


@pytest.mark.parametrize("stream", [True, False])
async def test_words_come_as_json_beside_the_audio(stream: bool, saying: Served, client: httpx.AsyncClient) -> None:
    request = speech(input=TEXT, response_format="wav", stream=stream)
    file = await client.post("/v1/audio/speech", json=request | {"stream": False})
    response = await client.post("/v1/audio/speech", json=request | {"timestamps": "word"})

    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert base64.b64decode(body.pop("audio")) == file.content
    assert body == {"format": "wav", "duration_s": 2.6, "words": close(words(0.0) + words(1.3))}


async def test_phonemes_and_visemes(saying: Served, client: httpx.AsyncClient) -> None:
    phonemes = (await client.post("/v1/audio/speech", json=speech(input=TEXT, timestamps="phoneme"))).json()
    visemes = (await client.post("/v1/audio/speech", json=speech(input=TEXT, timestamps="viseme"))).json()

    assert [mark["phoneme"] for mark in phonemes["phonemes"]] == ["h", "I", "j", "u"] * 2
    assert phonemes["phonemes"][1] == close([{"phoneme": "I", "start_s": 0.16, "end_s": 0.26}])[0]
    assert "visemes" not in phonemes
    assert "phonemes" not in visemes
    assert phonemes["words"] == visemes["words"]
    shapes = visemes["visemes"]
    assert [mark["viseme"] for mark in shapes] == ["sil", "kk", "aa", "ih", "sil", "ih", "ou"] * 2 + ["sil"]
    assert (shapes[0]["start_s"], shapes[-1]["end_s"]) == (0.0, visemes["duration_s"])
    assert all(mark["end_s"] == following["start_s"] for mark, following in pairwise(shapes))


async def test_events_tell_of_a_segment_before_its_audio(saying: Served, client: httpx.AsyncClient) -> None:
    request = speech(input=TEXT, response_format="pcm", stream_format="sse")
    without = events((await client.post("/v1/audio/speech", json=request)).text)
    received = events((await client.post("/v1/audio/speech", json=request | {"timestamps": "word"})).text)

    marks = [event for event in received if event["type"] == "speech.audio.timestamps"]
    assert [event["words"] for event in marks] == [close(words(0.0)), close(words(1.3))]
    assert set(marks[0]) == {"type", "words"}
    assert [event for event in received if event not in marks] == without
    before = 0
    for event in received:
        if event["type"] == "speech.audio.timestamps":
            assert event["words"][0]["start_s"] * 48_000 > before, "its audio has not been sent yet"
        elif event["type"] == "speech.audio.delta":
            before += len(base64.b64decode(event["audio"]))


async def test_no_event_is_too_long_to_read(served: Served, client: httpx.AsyncClient) -> None:
    symbols = "ˈI" * 255
    said = tuple(SpokenWord(0, 5000, index, index + 1) for index in range(510))
    served.graph.segment = Phonemes("", symbols, encode(symbols), "en-US", words=said)
    served.script(tone(20))

    response = await client.post("/v1/audio/speech", json=speech(timestamps="viseme", stream_format="sse"))

    received = [event for event in events(response.text) if event["type"] == "speech.audio.timestamps"]
    assert sum(len(event["words"]) for event in received) == 510
    assert max(map(len, response.text.split("\n"))) < 2**16


@pytest.mark.parametrize("options", [{}, {"stream_format": "sse"}])
async def test_an_unknown_level_is_refused(options: dict[str, str], served: Served, client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/audio/speech", json=speech(timestamps="letter", **options))

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "timestamps"
    assert served.graph.spoken == []


async def test_a_failure_has_its_own_status(served: Served, client: httpx.AsyncClient) -> None:
    served.script(tone(0.1), SynthesisError("NaN came out."))
    for path in ("speech", "captions"):
        response = await client.post(f"/v1/audio/{path}", json=speech(timestamps="word"))
        assert (response.status_code, response.json()["error"]["code"]) == (500, "synthesis_failed")


@pytest.mark.parametrize(
    ("options", "content_type", "captions"),
    [
        (
            {},
            "application/x-subrip; charset=utf-8",
            "1\n00:00:00,060 --> 00:00:00,960\nHi, you &\n\n2\n00:00:01,460 --> 00:00:02,293\n<me>.\n",
        ),
        (
            {"caption_format": "vtt"},
            "text/vtt; charset=utf-8",
            "WEBVTT\n\n00:00:00.060 --> 00:00:00.960\nHi, you &amp;\n\n00:00:01.460 --> 00:00:02.293\n&lt;me&gt;.\n",
        ),
    ],
)
async def test_captions_in_both_formats(
    options: dict[str, str], content_type: str, captions: str, served: Served, client: httpx.AsyncClient
) -> None:
    first = Phonemes("", SYMBOLS, encode(SYMBOLS), "en-US", pause_after_s=0.5, words=WORDS)
    served.graph.segment = first
    served.graph.later = Phonemes("", "mi", encode("mi"), "en-US", words=(SpokenWord(29, 31, 0, 2),))
    served.script(tone(0.8), tone(0.8))

    response = await client.post("/v1/audio/captions", json=speech(input=TEXT, **options))

    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == content_type
    assert response.text == captions


async def test_captions_of_nothing_are_refused_like_speech(client: httpx.AsyncClient) -> None:
    for body in (speech(input=" "), speech(voice="nobody"), speech(caption_format="ass")):
        response = await client.post("/v1/audio/captions", json=body)
        assert response.status_code in (400, 404)


def test_leaving_while_a_json_answer_is_made_stops_the_work(live: Served) -> None:
    live.script(tone(0.5), Gate(), tone(0.5))

    with pytest.raises(httpx.ReadTimeout):
        httpx.post(live.base_url + "/v1/audio/speech", json=speech(timestamps="word"), timeout=0.5)

    assert live.wait_for_ending() == "closed"
