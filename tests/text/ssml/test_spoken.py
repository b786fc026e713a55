"""SSML through the text frontend: the same symbols as the plain text, and what is said of words is of their tokens."""

from __future__ import annotations

from xml.sax.saxutils import escape

import pytest

from tests.text.ssml.conftest import Parse
from tests.text.test_frontend import HELLO
from tts_models.errors import EmptyText, UnpronounceableText
from tts_models.text import LANGUAGES, TextFrontend
from tts_models.types import Phonemes, ProsodyChange

NUMBERS = {
    "en-US": "On 3/4/2024 at 5:30 I paid $5.20 & left.",
    "en-GB": "On 3/4/2024 at 5:30 I paid £5.20 & left.",
    "es": "El 3/4/2024 pagué 5,20 € y me fui.",
    "fr-FR": "Le 3/4/2024 j'ai payé 5,20 € et je suis parti.",
    "hi": "3/4/2024 को मैंने ₹520 दिए।",
    "it": "Il 3/4/2024 ho pagato 5,20 € e sono uscito.",
    "ja": "2024年3月4日に520円払って帰りました。",
    "pt-BR": "Em 3/4/2024 paguei R$ 5,20 e saí.",
    "zh": "2024年3月4日我付了520元就走了。",
}


def tokens(segment: Phonemes, change: ProsodyChange) -> str:
    """The symbols that a change is of."""
    return segment.symbols[change.start - 1 : change.end - 1]


@pytest.mark.parametrize("tag", LANGUAGES)
def test_tags_around_words_change_no_symbol(frontend: TextFrontend, parse: Parse, tag: str) -> None:
    for text in (HELLO[tag], NUMBERS[tag]):
        plain = frontend.segments(text, tag)
        marked = frontend.segments(parse(f"<speak>\n  {escape(text)}\n</speak>", tag).controlled, tag)
        assert [segment.symbols for segment in marked] == [segment.symbols for segment in plain]
        assert [segment.language for segment in marked] == [tag]
        middle = len(text) // 2
        wrapped = f"<speak>{escape(text[:middle])}<emphasis>{escape(text[middle:])}</emphasis></speak>"
        (segment,) = frontend.segments(parse(wrapped, tag).controlled, tag)
        assert segment.symbols == plain[0].symbols, "emphasis cuts no sentence, and no word"
        assert len(segment.changes) == 2


def test_words_are_where_they_stand_in_the_source(frontend: TextFrontend, parse: Parse) -> None:
    source = "<speak>It cost <emphasis>$5.20</emphasis>, R&#233;my <prosody rate='slow'>said</prosody>.</speak>"
    read = parse(source)
    (segment,) = frontend.segments(read.controlled, "en-US")
    assert [source[word.start : word.end] for word in segment.words] == ["It", "cost", "$5.20", "R&#233;my", "said"]
    shaped, slow, level = (segment.changes[0], segment.changes[2], segment.changes[1])
    assert tokens(segment, shaped) == tokens(segment, level) == "fˈIv dˈɑləɹz ænd twˈɛnti sˈɛnts"
    assert tokens(segment, slow) == "sˈɛd"


def test_a_change_of_the_whole_segment_is_of_its_padding_too(frontend: TextFrontend, parse: Parse) -> None:
    (segment,) = frontend.segments(parse("<speak><prosody rate='50%'>Hello.</prosody></speak>").controlled, "en-US")
    (change,) = segment.changes
    assert (change.start, change.end) == (0, len(segment.token_ids) + 2)


@pytest.mark.parametrize(
    ("tag", "kind", "form", "written", "plain"),
    [
        ("en-US", "date", "dmy", "3/4/2024", "April third, twenty twenty-four"),
        ("en-GB", "cardinal", "", "1,234", "one thousand two hundred and thirty-four"),
        ("es", "ordinal", "", "21", "vigésimo primero"),
        ("fr-FR", "telephone", "", "0612345678", "zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit"),
        ("hi", "digits", "", "2024", "दो शून्य दो चार"),
        ("it", "time", "hms24", "14:30", "quattordici e trenta"),
        ("ja", "characters", "", "AB1", "エービーイチ"),
        ("pt-BR", "date", "ymd", "2024-03-04", "quatro de março de dois mil e vinte e quatro"),
        ("zh", "telephone", "", "13800138000", "幺三八，零零幺三，八零零零"),
    ],
)
def test_say_as_is_one_written_word(
    frontend: TextFrontend, parse: Parse, tag: str, kind: str, form: str, written: str, plain: str
) -> None:
    source = f"<speak><say-as interpret-as='{kind}' format='{form}'>{written}</say-as></speak>"
    (segment,) = frontend.segments(parse(source, tag).controlled, tag)
    (expected,) = frontend.segments(plain, tag)
    assert segment.symbols == expected.symbols
    (word,) = segment.words
    assert source[word.start : word.end] == written


def test_sub_and_phoneme_are_said_and_the_text_is_kept(frontend: TextFrontend, parse: Parse) -> None:
    source = "<speak>The <sub alias='World Wide Web'>WWW</sub> is a <phoneme ph='ˈnɛtwɜːk'>network</phoneme>.</speak>"
    (segment,) = frontend.segments(parse(source, "en-GB").controlled, "en-GB")
    (plain,) = frontend.segments("The World Wide Web is a [network](/nˈɛtwɜːk/).", "en-GB")
    assert segment.symbols == plain.symbols
    assert [source[word.start : word.end] for word in segment.words] == ["The", "WWW", "is", "a", "network"]
    (fallback,) = frontend.segments(parse("<speak><sub alias='…'>five</sub></speak>").controlled, "en-US")
    assert fallback.symbols == "fˈIv", "an alias that cannot be said does not silence what is written"


def test_a_language_inside_a_sentence_does_not_cut_it_and_a_voice_does(frontend: TextFrontend, parse: Parse) -> None:
    source = (
        "<speak>She said <lang xml:lang='fr'>bonjour</lang> and <voice name='jf_x'>さようなら</voice> left.</speak>"
    )
    first, second, third = frontend.segments(parse(source).controlled, "en-US")
    assert first.symbols == "ʃˌi sˈɛd bɔ̃ʒˈuʁ ænd"
    assert (first.voice, second.voice, third.voice) == ("", "jf_x", "")
    assert (first.language, second.language) == ("en-US", "ja")


def test_paragraphs_are_apart(frontend: TextFrontend, parse: Parse) -> None:
    source = "<speak><p><s>A heading</s></p><p><s>One</s><s>Two three</s></p></speak>"
    (segment,) = frontend.segments(parse(source).controlled, "en-US")
    assert segment.symbols.count(".") == 3


def test_marks_are_at_the_next_word_or_else_behind_the_last(frontend: TextFrontend, parse: Parse) -> None:
    source = (
        "<speak><mark name='a'/>One <mark name='b'/>two<mark name='c'/>.<break time='1s'/><mark name='d'/>"
        "<break time='2s'/><mark name='e'/>Three<mark name='f'/><break time='4s'/><mark name='g'/></speak>"
    )
    one, two = frontend.segments(parse(source).controlled, "en-US")
    assert (one.pause_after_s, two.pause_after_s) == (3.0, 4.0)
    n_one, n_two = len(one.token_ids), len(two.token_ids)
    end_of_two = one.words[1].end_token + 1
    first = [(mark.name, mark.bound, mark.after_s) for mark in one.bookmarks]
    assert first == [("a", 1, 0), ("b", one.words[1].first_token + 1, 0), ("c", end_of_two, 0), ("d", n_one + 1, 1.0)]
    assert [(mark.name, mark.bound, mark.after_s) for mark in two.bookmarks] == [
        ("e", 1, 0),
        ("f", two.words[0].end_token + 1, 0),
        ("g", n_two + 1, 4.0),
    ]
    assert all(
        source[mark.position :].startswith(f"<mark name='{mark.name}'") for mark in (*one.bookmarks, *two.bookmarks)
    )


def test_marks_before_anything_is_said(frontend: TextFrontend, parse: Parse) -> None:
    source = "<speak><mark name='a'/><break time='1s'/><mark name='b'/><break time='2s'/>One.</speak>"
    (segment,) = frontend.segments(parse(source).controlled, "en-US")
    assert segment.pause_before_s == 3.0
    assert [(mark.name, mark.bound, mark.after_s) for mark in segment.bookmarks] == [("a", 0, 0.0), ("b", 0, 1.0)]


def test_nothing_to_say_is_an_error(frontend: TextFrontend, parse: Parse) -> None:
    for source in ("<speak/>", "<speak><break/><mark name='x'/></speak>", "<speak><p> </p></speak>"):
        with pytest.raises(EmptyText):
            frontend.segments(parse(source).controlled, "en-US")
    with pytest.raises(UnpronounceableText):
        frontend.segments(parse("<speak>🎉 <p>…</p></speak>").controlled, "en-US")
