"""Mixed scripts: every word is spoken, in the language it is written in."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_models.text import LANGUAGES
from tts_models.text.g2p.router import MAX_MARKS, G2PRouter
from tts_models.text.g2p.words import PUNCTUATION_SYMBOLS, Word, join_symbols
from tts_models.text.vocabulary import has_sound, unknown_symbols


def symbols(router: G2PRouter, text: str, language: str) -> str:
    return join_symbols(router([text], language)[0])


@pytest.mark.parametrize(
    ("language", "text", "spoken"),
    [
        ("zh", "我用Python写代码。", "wo↓jʊ↘ŋ pˈIθˌɑn ɕje↓ tai↘ma↓."),
        ("zh", "他说“Hello”。", "tʰa→ ʂwo→ “həlˈO”."),
        ("ja", "Pythonを使う。", "pˈIθˌɑn o ʦɨkaɯ."),
        ("ja", "「Hello」と言う。", "“həlˈO” to iɯ."),
        ("ja", "Ｔシャツ", "tˈi ɕaʦɨ"),
        ("hi", "मैं Python लिखता हूँ।", "mɛ̃ pˈIθˌɑn lˈɪkʰtˌaː hu\u0303."),
        ("en-US", "I ate 寿司 today.", "ˌI ˈAt ʂou↘sɨ→ tədˈA."),
        ("en-US", "I ate すし today.", "ˌI ˈAt sɨɕi tədˈA."),
        ("en-US", "Say привет (привіт) now.", "sˈA prʲivʲˈet (prɪβˈiːt) nˈW."),
        ("es", "Dijo γειά ayer.", "dˈixo jˈa aʝˈeɾ."),
        ("fr-FR", "Il dit 你好.", "il dˈi ni↓xau↓."),
    ],
)
def test_words_of_another_script_are_spoken_in_their_language(
    router: G2PRouter, language: str, text: str, spoken: str
) -> None:
    assert symbols(router, text, language) == spoken


def test_kanji_are_japanese_in_a_text_with_kana_and_chinese_without(router: G2PRouter) -> None:
    chinese, japanese = symbols(router, "The 東京 tower", "en-US"), symbols(router, "The 東京 タワー", "en-US")
    assert "tʊ→ŋʨi→ŋ" in chinese
    assert "toːkʲoː" in japanese


SCRIPTS = """
    Привет Ελλάδα שלום مرحبا नमस्ते হ্যালো ਸਤ નમસ્તે ନମସ୍କାର வணக்கம் నమస్కారం ನಮಸ್ಕಾರ നമസ്കാരം ආයුබෝවන් สวัสดี
    გამარჯობა Բարեւ ሰላም 안녕하세요 မင်္ဂလာပါ ᎣᏏᏲ ພາສາລາວ ᠮᠣᠩᠭᠣᠯ ភាសាខ្មែរ བོད་ཡིག 𓀀𓁐 𐎀𐎁 ꦗꦮ ⵜⴰⵎⴰⵣⵉⵖⵜ ߒߞߏ
    ܣܘܪܝܝܐ ދިވެހި Ωmega ǆ ʘ ꝏ ﷺ 龘 𠀀 々
"""


@pytest.mark.parametrize("word", SCRIPTS.split())
@pytest.mark.parametrize("language", ["en-US", "es", "ja", "zh"])
def test_every_script_has_a_sound(router: G2PRouter, language: str, word: str) -> None:
    spoken = router([word], language)[0]
    assert has_sound(join_symbols(spoken))
    assert not unknown_symbols(join_symbols(spoken))


def test_engines_see_all_texts_of_a_call_and_answer_in_order(router: G2PRouter) -> None:
    texts = ["One.", "", "Two 二 deux", "  ", "三"]
    together = router(texts, "en-US")
    assert [join_symbols(words) for words in together] == [symbols(router, text, "en-US") for text in texts]


def test_marks_in_a_row_are_quietened(router: G2PRouter) -> None:
    for language in LANGUAGES:
        spoken = symbols(router, "ni" + "!" * 500 + '"' * 500 + " ni", language)
        assert len(spoken) < 30 + MAX_MARKS


def test_a_full_stop_after_an_abbreviation_ends_the_sentence_only_where_it_does(router: G2PRouter) -> None:
    assert ". ðˈɛn" in symbols(router, "He left at 5 p.m. Then he slept.", "en-US")
    assert "." not in symbols(router, "Dr. Smith lives in the U.S. Virgin Islands", "en-US")
    assert symbols(router, "It was 5 p.m.", "en-US").endswith("ɛm.")


@pytest.mark.parametrize("language", ["en-US", "es"])
def test_no_part_of_a_long_row_without_spaces_is_lost(router: G2PRouter, language: str) -> None:
    one = len(symbols(router, "banana", language))
    assert len(symbols(router, "banana" * 80, language)) > 0.6 * 80 * one


def test_offsets_of_words_are_those_of_the_text(router: G2PRouter) -> None:
    text = "I like 寿司, привет  and 5'2\" too — “really”?"
    words = router([text], "en-US")[0]
    assert [text[word.start : word.end] for word in words if has_sound(word.symbols)] == [
        "I", "like", "寿司", "привет", "and", "5'2", "too", "really",
    ]  # fmt: skip
    assert all(before.end <= after.start for before, after in pairwise(words))


def unspoken(text: str, words: list[Word]) -> list[str]:
    """The stretches of letters and digits in ``text`` that no word with a sound covers."""
    return [
        stretch.group()
        for stretch in regex.finditer(r"[\p{L}\p{N}]+", text)
        if not any(w.start < stretch.end() and w.end > stretch.start() and has_sound(w.symbols) for w in words)
    ]


LETTERS = st.characters(categories=["L", "N", "M"])
MARKS = st.sampled_from(" \n\t-'’\"()[]/@_" + "".join(PUNCTUATION_SYMBOLS))
WORDLIKE = st.sampled_from(
    ["hello", "mundo", "été", "你好", "今日は", "नमस्ते", "Wi-Fi", "GPT-4o", "e\u0301", "ﬁ", "ｶﾞ", "привет"]
)
TEXT = st.lists(st.one_of(LETTERS, MARKS, WORDLIKE), max_size=25).map("".join)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=60, deadline=None)
@given(text=TEXT)
def test_every_stretch_of_letters_is_spoken(router: G2PRouter, language: str, text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    (words,) = router([text], language)
    assert unspoken(text, words) == []
    assert unknown_symbols("".join(word.symbols for word in words)) == []
    assert all(0 <= word.start <= word.end <= len(text) for word in words)
    assert all(before.start <= after.start for before, after in pairwise(words))
