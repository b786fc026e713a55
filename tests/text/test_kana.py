"""The kana notation of accent phrases."""

from __future__ import annotations

import pickle

import pytest

from tts_models.text.accents import AccentAnalyser
from tts_models.text.kana import KANA_ERRORS, KanaError, parse_kana, write_kana


def test_what_is_written_is_read() -> None:
    text = "コンニチワ'、セ'カイ/ヒ'_ホノ？"
    first, second, third = parse_kana(text)
    assert [mora.text for mora in first.moras] == ["コ", "ン", "ニ", "チ", "ワ"]
    assert (first.accent, second.accent, third.accent) == (5, 1, 1)
    assert [phrase.is_interrogative for phrase in (first, second, third)] == [False, False, True]
    assert [mora.vowel for mora in third.moras] == ["i", "O", "o"]
    assert [phrase.symbols for phrase in (first, second, third)] == ["koɲɲiʨiβa, ", "sekai ", "çihono? "]
    assert write_kana([first, second, third]) == text


def test_the_notation_of_a_text_is_read_as_the_same_moras() -> None:
    phrases = AccentAnalyser().phrases("大きいラーメンを、食べましたか？はい。")
    again = parse_kana(write_kana(phrases))
    assert [[(m.text, m.vowel) for m in p.moras] for p in again] == [
        [(m.text, m.vowel) for m in p.moras] for p in phrases
    ]
    assert [(p.accent, p.is_interrogative) for p in again] == [(p.accent, p.is_interrogative) for p in phrases]


@pytest.mark.parametrize(
    ("text", "name", "details"),
    [
        ("", "EMPTY_PHRASE", {"position": "1"}),
        ("ア'//イ'", "EMPTY_PHRASE", {"position": "2"}),
        ("ア", "ACCENT_NOTFOUND", {"text": "ア"}),
        ("'ア", "ACCENT_TOP", {"text": "'ア"}),
        ("ア'ア'", "ACCENT_TWICE", {"text": "ア'ア'"}),
        ("ア？'", "INTERROGATION_MARK_NOT_AT_END", {"text": "ア？'"}),
        ("漢字'", "UNKNOWN_TEXT", {"text": "漢字"}),
        ("ア'_ン", "UNKNOWN_TEXT", {"text": "_ン"}),
        ("あ'", "UNKNOWN_TEXT", {"text": "あ"}),
        ("ア' ", "UNKNOWN_TEXT", {"text": " "}),
    ],
)
def test_what_is_wrong_is_named(text: str, name: str, details: dict[str, str]) -> None:
    with pytest.raises(KanaError) as raised:
        parse_kana(text)
    error = pickle.loads(pickle.dumps(raised.value))
    assert (error.name, error.details) == (name, details)
    assert error.message == KANA_ERRORS[name].format(**details)
