"""Moods in a text: never read aloud, in any language, and whole words and marks on the right side of every cut."""

from __future__ import annotations

import pytest

from serve_app.jobs.pieces import pieces
from tts_models.errors import InvalidRequest
from tts_models.text.controls import hide_controls, open_moods, parse_controls
from tts_models.text.ssml import CastVoice, parse_ssml
from tts_models.types import EMOTIONS, Emotion

HAPPY, SAD = Emotion("happy"), Emotion("sad")


def stretches(text: str) -> list[tuple[str, Emotion | None]]:
    controlled = parse_controls(text)
    return [(controlled.text[block.start : block.end], block.emotion) for block in controlled.blocks]


@pytest.mark.parametrize("name", EMOTIONS)
def test_every_mood(name: str) -> None:
    assert stretches(f"One. [{name}]Two.[/{name}] Three.") == [
        ("One. ", None),
        ("Two.", Emotion(name)),
        (" Three.", None),
    ]
    assert stretches(f"[{name.upper()}: 0.25]Two.")[-1] == ("Two.", Emotion(name, 0.25))


def test_marks_stay_with_what_they_end() -> None:
    assert stretches("It is [happy]so good[/happy]! [sad]やめて[/sad]。次。") == [
        ("It is ", None),
        ("so good!", HAPPY),
        (" ", None),
        ("やめて。", SAD),
        ("次。", None),
    ]


def test_moods_lie_within_one_another() -> None:
    text = "[sad:0.5]A [happy]B[/happy] C [angry]D[/sad] E"
    assert [(part.strip(), mood and mood.name) for part, mood in stretches(text)] == [
        ("A", "sad"),
        ("B", "happy"),
        ("C", "sad"),
        ("D", "angry"),
        ("E", None),
    ]


def test_what_is_not_closed_or_not_begun_is_not_read() -> None:
    assert stretches("A [happy]B") == [("A ", None), ("B", HAPPY)]
    assert stretches("A[/happy] B") == [("A B", None)]
    assert stretches("[happy][/happy]A") == [("A", None)]


def test_other_brackets_are_text() -> None:
    for text in ("[joyful]A[/joyful]", "[ happy ]A", "[happy:much]A", "[sic]"):
        assert parse_controls(text).text == text
    assert parse_controls("[calm](/kɑm/)").pronunciations == ((0, 4, "kɑm"),)


@pytest.mark.parametrize("control", ["[happy:1.5]", "[sad:-0.1]", "[calm:50]"])
def test_an_intensity_out_of_range_is_refused(control: str) -> None:
    with pytest.raises(InvalidRequest, match="0 to 1"):
        parse_controls(f"{control}Hello")


def test_moods_hide_and_keep_offsets() -> None:
    text = "A [happy:0.5]very [pause:1s]big[/happy] [dog](/dɔɡ/)."
    shown = hide_controls(text)
    assert len(shown) == len(text)
    assert shown.replace("\0", "") == "A very big dog."
    controlled = parse_controls(text)
    at = controlled.text.index("big")
    assert text[slice(*controlled.written(at, at + 3))] == "big"


def test_a_pause_within_a_mood() -> None:
    blocks = parse_controls("[happy]A[pause:1s]B[/happy]C").blocks
    assert [(block.pause_after_s, block.emotion) for block in blocks] == [(1.0, HAPPY), (None, HAPPY), (None, None)]


def test_moods_go_on_from_piece_to_piece() -> None:
    text = "Begin. [sad:0.5]" + "He went on and on. " * 30 + "[happy]Then not. " + "Good. " * 60 + "[/happy][/sad]End."
    cut = list(pieces(text, 200))
    assert len(cut) > 3
    assert "".join(piece.text for piece in cut) == text
    for piece in cut:
        assert piece.moods == open_moods(text[: piece.start])
        whole = parse_controls(text[: piece.start] + piece.text).blocks[-1].emotion
        assert parse_controls(piece.text, piece.moods).blocks[-1].emotion == whole
    assert {piece.moods[-1].name for piece in cut if piece.moods} == {"sad", "happy"}


def ssml(body: str) -> list[tuple[str, Emotion | None]]:
    document = f"<speak xmlns:mstts='urn:m' xmlns:amazon='urn:a'>{body}</speak>"
    controlled = parse_ssml(document, "en-US", lambda wish: CastVoice(wish.names[0], "en-US")).controlled
    return [(controlled.text[block.start : block.end].strip(), block.emotion) for block in controlled.blocks]


def test_moods_in_ssml() -> None:
    assert ssml("A <mstts:express-as style='cheerful' styledegree='0.5'>B</mstts:express-as>, C") == [
        ("A", None),
        ("B,", Emotion("happy", 0.5)),
        ("C", None),
    ]
    assert ssml("<amazon:emotion name='excited' intensity='low'>B</amazon:emotion>") == [
        ("B", Emotion("excited", 0.35))
    ]
    assert ssml("<mstts:express-as style='sports-commentary'>A</mstts:express-as> B") == [("A B", None)]
    inner = (
        "<mstts:express-as style='sad'>A <voice name='x'>B</voice> <prosody rate='80%'>C</prosody></mstts:express-as>"
    )
    assert [mood and mood.name for _, mood in ssml(inner)] == ["sad", "sad", "sad"]
    assert ssml("<mstts:express-as style='sad' styledegree='2'>A</mstts:express-as>") == [("A", SAD)]
