"""SSML over HTTP: what becomes of the document, of its marks, and of what is wrong with it."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from tests.http.fakes import Served, speech, tone
from tests.http.test_speech_route import events
from tts_models.text.controls import ControlledText
from tts_models.text.vocabulary import encode
from tts_models.types import Bookmark, Phonemes, SpokenWord

SSML = "<speak>Hi &amp; <mark name='here'/>you<p>me</p></speak>"
SYMBOLS = "hI, ju"


@pytest.fixture
def saying(served: Served) -> Served:
    """Two segments of 0.8 s; the first holds the mark at its second word, the second one in its pause."""
    words = (SpokenWord(7, 9, 0, 2), SpokenWord(SSML.index("you"), SSML.index("you") + 3, 4, 6))
    mark = Bookmark("here", SSML.index("<mark"), 5)
    first = Phonemes("", SYMBOLS, encode(SYMBOLS), "en-US", pause_after_s=0.5, words=words, bookmarks=(mark,))
    me = (SpokenWord(SSML.index("me</"), SSML.index("me</") + 2, 0, 2),)
    served.graph.segment = first
    served.graph.later = replace(first, symbols="mi", token_ids=encode("mi"), words=me, bookmarks=())
    served.script(tone(0.8), tone(0.8))
    return served


async def test_marks_are_in_the_timings(saying: Served, client: httpx.AsyncClient) -> None:
    body = (await client.post("/v1/audio/speech", json=speech(input=SSML, timestamps="word"))).json()
    assert body["marks"] == [{"name": "here", "start_s": pytest.approx(0.46), "text_start": SSML.index("<mark")}]
    assert [word["word"] for word in body["words"]] == ["Hi", "you", "me"]
    assert [SSML[word["text_start"] : word["text_end"]] for word in body["words"]] == ["Hi", "you", "me"]


async def test_marks_come_with_the_events_of_their_segment(saying: Served, client: httpx.AsyncClient) -> None:
    request = speech(input=SSML, timestamps="viseme", stream_format="sse")
    received = events((await client.post("/v1/audio/speech", json=request)).text)
    marks = [event.get("marks") for event in received if event["type"] == "speech.audio.timestamps"]
    assert marks == [[{"name": "here", "start_s": pytest.approx(0.46), "text_start": SSML.index("<mark")}], None]


async def test_captions_show_the_text_without_its_tags(saying: Served, client: httpx.AsyncClient) -> None:
    captions = (await client.post("/v1/audio/captions", json=speech(input=SSML))).text
    assert captions.splitlines()[2] == "Hi & you"
    assert captions.splitlines()[6] == "me"


@pytest.mark.parametrize(
    ("fields", "is_ssml"),
    [
        ({}, True),
        ({"input_format": None}, True),
        ({"input_format": "ssml"}, True),
        ({"input_format": "text"}, False),
        ({"input": "Say <speak> aloud."}, False),
        ({"input": "2 < 3 & 5 > 4"}, False),
    ],
)
async def test_which_input_is_ssml(
    fields: dict[str, str], is_ssml: bool, served: Served, client: httpx.AsyncClient
) -> None:
    response = await client.post("/v1/audio/speech", json=speech(**({"input": SSML} | fields)))
    assert response.status_code == 200, response.text
    (utterance,) = served.graph.spoken
    assert isinstance(utterance.script, ControlledText) is is_ssml
    assert utterance.text == fields.get("input", SSML)
    if not is_ssml:
        assert utterance.script == utterance.text


async def test_voices_of_the_document_are_found(served: Served, client: httpx.AsyncClient) -> None:
    ssml = (
        "<speak><voice name='nobody nova_x af_bella'>a</voice><voice gender='male'>b</voice><voice name='verse' "
        "variant='1'>c</voice><voice language='ja'>d</voice><voice languages='en:US' gender='female'>e</voice></speak>"
    )
    ssml = ssml.replace("verse", "bf_emma")
    response = await client.post("/v1/audio/speech", json=speech(input=ssml, voice="af_heart"))
    assert response.status_code == 200, response.text
    (utterance,) = served.graph.spoken
    assert isinstance(utterance.script, ControlledText)
    text = utterance.script
    spoken = {text.text[block.start : block.end].strip(): block.voice for block in text.blocks}
    assert spoken == {"a": "af_bella", "b": "am_michael", "c": "bf_emma", "d": "jf_alpha", "e": "af_heart"}
    assert {name: voice.name for name, voice in utterance.voices.items()} == {name: name for name in spoken.values()}
    assert text.language_at(text.text.index("c"), "") == "en-GB"


@pytest.mark.parametrize(
    ("fields", "status", "code", "message"),
    [
        ({"input": "<speak>One <b>two</b></speak>"}, 400, "invalid_ssml", "Line 1, column 12: there is no element <b>"),
        ({"input": "<speak>AT&T</speak>"}, 400, "invalid_ssml", "Line 1, column 12: this is not well-formed"),
        ({"input": "Hello", "input_format": "ssml"}, 400, "invalid_ssml", "Line 1, column 1: "),
        ({"input": "<!DOCTYPE speak><speak>x</speak>", "input_format": "ssml"}, 400, "invalid_ssml", "document type"),
        ({"input": "<speak><voice name='af_hart'>x</voice></speak>"}, 404, "voice_not_found", "mean af_heart"),
        ({"input": "<speak><voice gender='male' language='ja'>x</voice></speak>"}, 404, "voice_not_found", "Line 1"),
        ({"input": "<speak><voice variant='9'>x</voice></speak>"}, 404, "voice_not_found", "no variant 9"),
        ({"input": "<speak xml:lang='tlh'>x</speak>"}, 400, "unsupported_language", "Line 1, column 1: Language 'tlh'"),
        ({"input": f"<speak>{'x' * 10_000}</speak>"}, 400, "input_too_long", "10,000"),
        (
            {"input": "<speak><prosody rate='25%'>x</prosody></speak>", "speed": 0.25},
            400,
            "invalid_value",
            "as slow as it gets",
        ),
    ],
)
async def test_what_is_wrong_is_said_in_openais_shape(
    fields: dict[str, str], status: int, code: str, message: str, served: Served, client: httpx.AsyncClient
) -> None:
    for path in ("speech", "captions"):
        response = await client.post(f"/v1/audio/{path}", json=speech(**fields))
        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (status, code), error
        assert message in error["message"]
        assert error["param"] == ("speed" if "speed" in fields else "input")
    assert served.graph.spoken == []


async def test_an_unknown_input_format_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/audio/speech", json=speech(input_format="markdown"))
    assert (response.status_code, response.json()["error"]["param"]) == (400, "input_format")
