"""What the elements mean, and that every character is known to come from where it stands."""

from __future__ import annotations

import pytest

from tests.text.ssml.conftest import Parse
from tts_models.text.controls import Block, NamedPlace
from tts_models.text.g2p.words import Break
from tts_models.text.ssml.values import EMPHASIS
from tts_models.types import ProsodyChange


def stretch(parse: Parse, source: str) -> dict[str, ProsodyChange]:
    """The changes by the text they are of."""
    text = parse(source).controlled
    return {text.text[change.start : change.end].strip(): change for change in text.changes}


def test_every_character_comes_from_where_it_stands(parse: Parse) -> None:
    source = "<speak>\n  R&#233;my &amp;\t<prosody rate='slow'>Zo&#xEB;</prosody> <![CDATA[a & b; <c>]]>!</speak>"
    read = parse(source)
    text = read.controlled
    assert text.text == "Rémy & Zoë a & b; <c>!"
    for word, written in {"Rémy": "R&#233;my", "&": "&amp;", "Zoë": "Zo&#xEB;", "b;": "b;", "<c>": "<c>"}.items():
        start = text.text.index(word)
        found = text.written(start, start + len(word))
        assert source[slice(*found)] == written
        assert read.shown[slice(*found)].replace("\0", "") == word
    assert " ".join(read.shown.replace("\0", "").split()) == text.text


def test_blanks_of_the_layout_are_not_text(parse: Parse) -> None:
    assert parse("<speak>\n  One\n  <p>two </p>\r\n\t three</speak>").controlled.text == "One\ntwo\nthree"
    assert parse("<speak>東京\n  都、\n  名古屋 です</speak>").controlled.text == "東京都、名古屋 です"
    assert parse("<speak>un<emphasis>believ</emphasis>able</speak>").controlled.text == "unbelievable"


def test_paragraphs_and_sentences_end(parse: Parse) -> None:
    text = parse("<speak>a<p>b<s>c</s><s>d</s></p><p>e</p></speak>").controlled
    assert text.text == "a\nb\nc\nd\ne\n"
    ends = [Break.PARAGRAPH, Break.SENTENCE, Break.SENTENCE, Break.PARAGRAPH, Break.PARAGRAPH]
    assert text.ends == tuple(zip((2, 4, 6, 8, 10), ends, strict=True))


@pytest.mark.parametrize(
    ("attributes", "pause_s"),
    [
        ("", 0.5),
        ("time='300ms'", 0.3),
        ("time='1.5s' strength='weak'", 1.5),
        ("time='+.25s'", 0.25),
        ("strength='x-weak'", 0.1),
        ("strength='x-strong'", 1.25),
    ],
)
def test_breaks_are_pauses(attributes: str, pause_s: float, parse: Parse) -> None:
    text = parse(f"<speak>One <break {attributes}/> two</speak>").controlled
    assert text.blocks == (Block(0, 4, pause_s), Block(4, 7))


@pytest.mark.parametrize("attributes", ["strength='none'", "time='0ms'"])
def test_no_break_is_no_pause(attributes: str, parse: Parse) -> None:
    assert parse(f"<speak>One <break {attributes}/> two</speak>").controlled.blocks == (Block(0, 7),)


@pytest.mark.parametrize(
    ("rate", "factor"),
    [("x-slow", 0.5), ("fast", 4 / 3), ("80%", 0.8), ("1.5", 1.5), ("+20%", 1.2), ("-50%", 0.5), (" 200 % ", 2.0)],
)
def test_rates(rate: str, factor: float, parse: Parse) -> None:
    assert stretch(parse, f"<speak>a <prosody rate='{rate}'>b</prosody></speak>")["b"].rate == pytest.approx(factor)


def test_rates_and_volumes_within_one_another(parse: Parse) -> None:
    source = (
        "<speak><prosody rate='50%' volume='-6dB'>a <prosody rate='200%' volume='+6dB'>b</prosody>"
        " <prosody rate='+50%' volume='soft'>c</prosody> <prosody rate='default' volume='default'>d</prosody>"
        " <prosody volume='silent'>e <prosody volume='loud'>f</prosody></prosody></prosody></speak>"
    )
    found = {word: (change.rate, change.volume) for word, change in stretch(parse, source).items()}
    half = 10 ** (-6 / 20)
    expected = {
        "a": (0.5, half), "b": (2.0, 1.0), "c": (0.75, half), "e": (0.5, 0.0), "f": (0.5, 10 ** (3 / 20)),
    }  # fmt: skip
    assert {word: found[word] for word in expected} == {word: pytest.approx(pair) for word, pair in expected.items()}
    assert "d" not in found


@pytest.mark.parametrize(
    ("pitch", "field", "value"),
    [
        ("high", "semitones", 3.0),
        ("+2st", "semitones", 2.0),
        ("-100.0%", None, None),
        ("+100%", "semitones", 12.0),
        ("-10Hz", "shift_hz", -10.0),
        ("180Hz", "mean_f0_hz", 180.0),
    ],
)
def test_pitches(pitch: str, field: str | None, value: float | None, parse: Parse) -> None:
    source = f"<speak>a <prosody pitch='{pitch}'>b</prosody></speak>"
    if field is None:
        with pytest.raises(Exception, match="is no pitch"):
            parse(source)
        return
    assert getattr(stretch(parse, source)["b"], field) == pytest.approx(value)


def test_a_named_pitch_is_the_voices_own_whatever_is_around_it(parse: Parse) -> None:
    source = "<speak><prosody pitch='+5st'>a <prosody pitch='high'>b</prosody></prosody></speak>"
    outer, inner = parse(source).controlled.changes
    assert (outer.start, outer.end, outer.semitones) == (0, 3, 5.0)
    assert inner.semitones == pytest.approx(3.0 - 5.0)


def test_emphasis_is_of_every_kind(parse: Parse) -> None:
    strong = EMPHASIS["strong"]
    shape, level = parse("<speak>a <emphasis level='strong'>b</emphasis></speak>").controlled.changes
    assert (shape.semitones, shape.range_scale, shape.energy_gain) == (
        strong.semitones,
        strong.range_scale,
        strong.energy_gain,
    )
    assert (level.rate, level.volume) == (strong.rate, strong.volume)
    assert not parse("<speak>a <emphasis level='none'>b</emphasis></speak>").controlled.changes


def test_readings(parse: Parse) -> None:
    text = parse(
        "<speak><sub alias='World Wide Web'>WWW</sub> <say-as interpret-as='date' format='mdy'>1/2/2024</say-as>"
        " <phoneme alphabet='ipa' ph='təˈmeɪtoʊ'>tomato</phoneme></speak>"
    ).controlled
    assert text.text == "WWW 1/2/2024 tomato"
    sub, date = text.readings
    assert (sub.start, sub.end, sub.alias) == (0, 3, "World Wide Web")
    assert (date.start, date.end, date.interpret_as, date.format) == (4, 12, "date", "mdy")
    assert text.pronunciations == ((13, 19, "təmˈAtO"),)


def test_what_is_said_without_being_written(parse: Parse) -> None:
    read = parse("<speak>a <phoneme ph='wˈʊn'/> b <sub alias='two'/><say-as interpret-as='date'></say-as></speak>")
    assert len(read.controlled.pronunciations) == len(read.controlled.readings) == 1
    assert " ".join(read.shown.replace("\0", "").split()) == "a b"


def test_voices_and_languages(parse: Parse) -> None:
    text = parse(
        "<speak>a <voice name='jf_x'>b <lang xml:lang='fr'>c</lang> d</voice>"
        "<voice gender='male'>e</voice><p xml:lang='it'>f</p></speak>"
    ).controlled
    spoken = {text.text[block.start : block.end].strip(): block.voice for block in text.blocks}
    assert spoken == {"a": "", "b c d": "jf_x", "e": "en-US-male-1", "f": ""}
    at = {letter: text.language_at(text.text.index(letter), "") for letter in "abcdef"}
    assert at == {"a": "en-US", "b": "ja", "c": "fr-FR", "d": "ja", "e": "en-US", "f": "it"}


def test_marks_keep_their_place_among_pauses(parse: Parse) -> None:
    source = "<speak>a<mark name='x'/><break/><mark name='y'/>b<mark name='z'/></speak>"
    places = [block.places for block in parse(source).controlled.blocks]
    x, y, z = (source.index(f"<mark name='{name}'") for name in "xyz")
    assert places == [(NamedPlace("x", 1, x),), (NamedPlace("y", 1, y), NamedPlace("z", 2, z))]


def test_what_a_tag_sets_apart_is_shown_apart(parse: Parse) -> None:
    source = "<speak>a<p>b</p>c<break/>d<voice name='x'>e</voice>f<emphasis>g</emphasis></speak>"
    shown = parse(source).shown.replace("\0", "")
    assert shown == "a\nb\nc d\ne\nfg"
