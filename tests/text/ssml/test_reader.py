"""XML that strangers send is read safely, and what is wrong with it is said with its place."""

from __future__ import annotations

import pytest

from tests.text.ssml.conftest import Parse
from tts_models.errors import InvalidSsml, RequestError
from tts_models.text.ssml import looks_like_ssml
from tts_models.text.ssml.reader import MAX_CHARACTERS, MAX_DEPTH

LAUGHS = "\n".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BOMBS = {
    "a billion laughs": f'<!DOCTYPE s [<!ENTITY l0 "ha">{LAUGHS}]><speak>&l9;</speak>',
    "quadratic entities": f'<!DOCTYPE s [<!ENTITY a "{"x" * 50_000}">]><speak>{"&a;" * 50_000}</speak>',
    "an external entity": '<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><speak>&x;</speak>',
    "an external document type": '<!DOCTYPE s SYSTEM "http://127.0.0.1:1/s.dtd"><speak>x</speak>',
    "a parameter entity": '<!DOCTYPE s [<!ENTITY % p SYSTEM "http://127.0.0.1:1/">%p;]><speak>x</speak>',
    "ten megabytes": f"<speak>{'x' * 10_000_000}</speak>",
    "ten megabytes of depth": "<speak>" * 1_430_000,
    "depth": f"<speak>{'<p>' * 5_000}x{'</p>' * 5_000}</speak>",
    "foreign depth": f"<speak>{'<a:p>' * 50_000}",
    "a long tag": "<speak><p " + " ".join(f"a{n}='x'" for n in range(50_000)) + "/></speak>",
    "one endless attribute": f'<speak><sub alias="{"x" * 900_000}',
}


@pytest.mark.timeout(30)  # what goes off would take hours, or all memory
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_before_it_goes_off(bomb: str, parse: Parse) -> None:
    with pytest.raises(InvalidSsml):
        parse(BOMBS[bomb])


def test_depth_and_length_that_are_allowed(parse: Parse) -> None:
    inner = MAX_DEPTH - 1
    assert parse(f"<speak>{'<p>' * inner}x{'</p>' * inner}</speak>").controlled.text.strip() == "x"
    with pytest.raises(InvalidSsml, match=f"more than {MAX_DEPTH} elements"):
        parse(f"<speak>{'<p>' * MAX_DEPTH}x{'</p>' * MAX_DEPTH}</speak>")
    long = f"<speak>{'x' * (MAX_CHARACTERS - 15)}</speak>"
    assert len(parse(long).controlled.text) == MAX_CHARACTERS - 15


@pytest.mark.parametrize(
    ("source", "place", "why"),
    [
        ("<speak>One <b>two</b></speak>", (1, 12), "no element <b>"),
        ("<speak>\n  <prosody rte='slow'>x</prosody></speak>", (2, 3), "takes no 'rte'; did you mean 'rate'"),
        ("<speak>日本語 <emphasiss>x</emphasiss></speak>", (1, 12), "did you mean 'emphasis'"),
        ("<speak>a &nbsp; b</speak>", (1, 10), "undefined entity; XML has &amp;"),
        ("<speak>\n\nAT&T</speak>", (3, 5), "write & as &amp;"),
        ("<speak>1 < 2</speak>", (1, 11), "write & as &amp; and < as &lt;"),
        ("<speak><p>x</speak>", (1, 14), "mismatched tag; <p> has not ended"),
        ("<speak>x", (1, 9), "ends before </speak>"),
        ("<speak>x</speak> and more", (1, 18), "nothing may follow"),
        ("<p>x</p>", (1, 1), "one <speak> element"),
        ("<speak><speak>x</speak></speak>", (1, 8), "one <speak> element"),
        ("<a:speak>x</a:speak>", (1, 1), "one <speak> element"),
        ("plain text", (1, 1), "syntax error"),
        ("", (1, 1), "no element found"),
        ("<!DOCTYPE speak><speak>x</speak>", (1, 1), "document type"),
        ("<speak><audio src='x.wav'/></speak>", (1, 8), "nothing outside the document is fetched"),
        ("<speak><lexicon uri='x'/></speak>", (1, 8), "use <phoneme> or <sub>"),
        ("<speak><break>x</break></speak>", (1, 8), "holds no text"),
        ("<speak><sub alias='a'><p>x</p></sub></speak>", (1, 23), "holds text only"),
        ("<speak><sub>x</sub></speak>", (1, 8), "needs 'alias'"),
        ("<speak><mark/>x</speak>", (1, 8), "needs 'name'"),
        ("<speak><say-as>x</say-as></speak>", (1, 8), "needs 'interpret-as'"),
        ("<speak><phoneme alphabet='x-sampa' ph='x'>x</phoneme></speak>", (1, 8), "no alphabet 'x-sampa'"),
        ("<speak><phoneme ph='...'>x</phoneme></speak>", (1, 8), "no sound"),
        ("<speak><break time='5'/>x</speak>", (1, 8), "write 500ms or 1.5s"),
        ("<speak><break time='11s'/>x</speak>", (1, 8), "10 s at most"),
        ("<speak><break strength='big'/>x</speak>", (1, 8), "x-strong"),
        ("<speak>" + "<break time='10s'/>" * 61 + "x</speak>", (1, 8 + 60 * 19), "add up to more than 600 s"),
        ("<speak><emphasis level='big'>x</emphasis></speak>", (1, 8), "strong, moderate, none, reduced"),
        ("<speak><prosody rate='quick'>x</prosody></speak>", (1, 8), "x-slow, slow, medium"),
        ("<speak><prosody rate='500%'>x</prosody></speak>", (1, 8), "25% to 400%"),
        ("<speak><prosody pitch='5st'>x</prosody></speak>", (1, 8), "a change with its sign"),
        ("<speak><prosody pitch='+25st'>x</prosody></speak>", (1, 8), "is no pitch"),
        ("<speak><prosody volume='+13dB'>x</prosody></speak>", (1, 8), "-60 to +12 dB"),
        ("<speak><prosody contour='(0%,+1st)'>x</prosody></speak>", (1, 8), "use pitch and range"),
        ("<speak><voice>x</voice></speak>", (1, 8), "which voice"),
        ("<speak><voice gender='robot'>x</voice></speak>", (1, 8), "female and male"),
        ("<speak><voice name='nobody'>x</voice></speak>", (1, 8), "no voice 'nobody'"),
        ("<speak><lang xml:lang='tlh'>x</lang></speak>", (1, 8), "'tlh' is not supported"),
        ("<speak xml:lang='xx'>x</speak>", (1, 1), "'xx' is not supported"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_column(
    source: str, place: tuple[int, int], why: str, parse: Parse
) -> None:
    with pytest.raises(RequestError) as error:
        parse(source)
    if source.startswith("<!DOCTYPE"):
        assert error.value.message.startswith("Line 1, ")
    else:
        assert error.value.message.startswith(f"Line {place[0]}, column {place[1]}: ")
    assert why in error.value.message
    assert error.value.param == "input"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<speak>", True),
        ("\n <speak version='1.1'>", True),
        ("\ufeff<?xml version='1.0'?><speak/>", True),
        ("<!-- a\ncomment --> <speak>", True),
        ('<?xml version="1.0"?>\n<!DOCTYPE speak PUBLIC "-//W3C//DTD SYNTHESIS 1.0//EN" "x.dtd">\n<speak>', True),
        ("<!doctype html>", False),
        ("<!DOCTYPE speaker>", False),
        ("<speaker>", False),
        ("Say <speak>", False),
        ("<speak", False),
        ("", False),
    ],
)
def test_ssml_is_known_by_its_beginning(text: str, expected: bool) -> None:
    assert looks_like_ssml(text) is expected


@pytest.mark.parametrize(
    "source",
    [
        '<?xml version="1.0" encoding="UTF-16"?><speak>é</speak>',
        ' \n<?xml version="1.0"?>\n<speak>é</speak>',
        '\ufeff<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">é</speak>',
        '<s:speak xmlns:s="http://www.w3.org/2001/10/synthesis"><s:p>é</s:p></s:speak>',
        "<speak><!-- not said --><?nor this?>é</speak>",
        "<speak><![CDATA[é]]></speak>",
        "<speak>&#xe9;</speak>",
        "<speak><metadata><x xmlns='urn:y'>unsaid</x></metadata>é<meta name='a' content='b'/></speak>",
        "<speak><metadata>unsaid<p>too</p></metadata>é<meta name='a'>either</meta></speak>",
        "<speak><mstts:express-as style='sad'>é</mstts:express-as></speak>",
        "<speak><x xmlns='urn:y'>é</x></speak>",
        "<speak><w role='x'>é</w></speak>",
    ],
)
def test_documents_as_people_write_them(source: str, parse: Parse) -> None:
    read = parse(source)
    assert read.controlled.text.strip() == "é"
    assert read.shown.replace("\0", "").strip() == "é"
    assert len(read.shown) == len(source)
