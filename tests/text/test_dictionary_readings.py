"""Dictionaries in the text frontend of every language, with the real engines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_models.text import TextFrontend
from tts_models.text.accents import AccentAnalyser
from tts_models.text.dictionary import Dictionary, Entry
from tts_models.text.dictionary.entry import Alphabet
from tts_models.text.moras import CUT


def ipa(surface: str, symbols: str, language: str = "") -> Entry:
    return Entry(surface, symbols, Alphabet.IPA, language).checked()


def katakana(surface: str, reading: str, accent: int | None = None, **fields: str) -> Entry:
    return Entry(surface, reading, Alphabet.KATAKANA, accent=accent, **fields).checked()


DICTIONARY = Dictionary(
    [
        ipa("Zqx", "ˈApˌW"),
        ipa("Brmpf", "bˈɪm"),
        ipa("重庆", "ꭧʰʊ↗ŋʨʰi↘ŋ"),
        ipa("नमस्ते", "nˈʌmʌs"),
        ipa(":-)", "smˈIl"),
        Entry("GIF", "jif").checked(),
        Entry("$5", "a fiver").checked(),
        Entry("読売", "よみうり", language="ja").checked(),
        katakana("ずんだもん", "ズンダモン", 1),
        katakana("VOICEVOX", "ボイスボックス", 4),
        katakana("3Dモデル", "スリーディーモデル", 0, word_type="COMMON_NOUN"),
        katakana("彼方", "カナタ", 0),
    ]
)


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en-US", "The Zqx's Zqx-based Zqx.",
         [("The", "ði"), ("Zqx's", "ˈApˌWz"), ("Zqx-based", "ˈApˌWbˈAst"), ("Zqx", "ˈApˌW")]),
        ("en-US", "The Brmpf :-)", [("The", "ðə"), ("Brmpf", "bˈɪm"), (":-", "smˈIl")]),
        ("en-GB", "a $5 GIF", [("a", "ɐ"), ("$5", "ɐ fˈIvə"), ("GIF", "ʤˈɪf")]),
        ("fr-FR", "l'Zqx, les Zqx", [("l'Zqx", "lˈApˌW"), ("les", "lez"), ("Zqx", "ˈApˌW")]),
        ("it", "dell'Zqx", [("dell'Zqx", "dellˈApˌW")]),
        ("es", "5 Brmpf", [("5", "θˈinko"), ("Brmpf", "bˈɪm")]),
        ("pt-BR", "da Brmpf", [("da", "da"), ("Brmpf", "bˈɪm")]),
        ("hi", "नमस्ते दोस्त", [("नमस्ते", "nˈʌmʌs"), ("दोस्त", "dˈoːst")]),
        ("zh", "我在重庆用VOICEVOX。",
         [("我", "wo↓"), ("在", "ʦai↘"), ("重庆", "ꭧʰʊ↗ŋʨʰi↘ŋ"), ("用", "jʊ↘ŋ"), ("VOICEVOX", "boisɨboʔkɯsɨ")]),
        ("ja", "ずんだもんは元気", [("ずんだもん", "zɨndamoɴ"), ("は", "βa"), ("元気", "ɡeŋkʲi")]),
        ("ja", "Brmpfは読売", [("Brmpf", "bˈɪm"), ("は", "βa"), ("読売", "jomʲiɯɾʲi")]),
    ],
)  # fmt: skip
def test_entries_are_heard_in_every_language(
    language: str, text: str, words: list[tuple[str, str]], frontend: TextFrontend
) -> None:
    (segment,) = frontend.segments(text, language, DICTIONARY)
    heard = [
        (text[word.start : word.end], segment.symbols[word.first_token : word.end_token]) for word in segment.words
    ]
    assert heard == words


def test_the_text_itself_goes_before_the_dictionary(frontend: TextFrontend) -> None:
    (segment,) = frontend.segments("[GIF](/ɡˈɪf/) [pause:1s] GIF", "en-US", DICTIONARY)[:1]
    assert segment.symbols.startswith("ɡˈɪf")


def test_without_a_match_nothing_changes(frontend: TextFrontend) -> None:
    text = "Dr. Smith paid £3.50 - or so - at 10:30.\n\n- One\n- Two"
    assert frontend.segments(text, "en-GB", DICTIONARY) == frontend.segments(text, "en-GB")


JAPANESE = [
    "私はずんだもんは好きです。",
    "VOICEVOXも3Dモデルも使う。ずんだもんずんだもん！",
    "彼方アイ彼方",
    "彼方、彼方？",
    "この3Dモデルは2026年11月21日の彼方です。\n\nずんだもん",
]


@pytest.mark.parametrize("text", JAPANESE)
def test_accent_phrases_are_what_the_text_frontend_speaks(text: str, frontend: TextFrontend) -> None:
    phrases = AccentAnalyser().phrases(text, DICTIONARY)
    segments = frontend.segments(text, "ja", DICTIONARY)
    assert "".join(phrase.symbols for phrase in phrases).rstrip().split(CUT) == [s.symbols for s in segments]


def test_the_accent_is_the_entrys() -> None:
    analyser = AccentAnalyser()
    for accent, wanted in ((1, 1), (3, 3), (5, 5), (0, 6)):  # 0 never falls: the particle behind is as high
        dictionary = Dictionary([katakana("ずんだもん", "ズンダモン", accent)])
        first, *_ = analyser.phrases("ずんだもんは、好き。", dictionary)
        assert "".join(mora.text for mora in first.moras) == "ズンダモンワ"
        assert first.accent == wanted
    (phrase,) = analyser.phrases("彼方", Dictionary([katakana("彼方", "カンナ", 2)]))
    assert phrase.accent == 2  # on ン too, since the entry says so


PIECES = (
    *("Zqx", "Brmpf", "重庆", "नमस्ते", "GIF", "$5", "ずんだもん", "VOICEVOX", "彼方", ":-)"),
    *(" ", ", ", ". ", "7", "the ", "は", "我", "\n\n", "-", "'s", "é"),
)


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=12),
    language=st.sampled_from(["en-US", "fr-FR", "ja", "zh", "hi"]),
)
def test_no_text_is_lost_and_offsets_are_right(pieces: list[str], language: str, frontend: TextFrontend) -> None:
    text = "Zqx " + "".join(pieces)
    segments = frontend.segments(text, language, DICTIONARY)
    wanted = "".join(char for char in text if char.isalnum())
    assert "".join(char for segment in segments for char in segment.text if char.isalnum()) == wanted
    spoken = [word for segment in segments for word in segment.words]
    covered = {offset for word in spoken for offset in range(word.start, word.end)}
    assert all(offset in covered for offset, char in enumerate(text) if char.isalnum())
    assert all(0 <= word.start <= word.end <= len(text) for word in spoken)
    assert [word.start for word in spoken] == sorted(word.start for word in spoken)
    matches = DICTIONARY.matches(text, language)
    assert matches[0].start == 0
    for match in matches:  # each is said, and nothing of it by another word
        mine = [word for word in spoken if word.start < match.end and word.end > match.start]
        assert mine, text[match.start : match.end]
