"""What holds for every text: nothing is lost, nothing raises, nothing takes long."""

from __future__ import annotations

import unicodedata
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_models.errors import UnsupportedLanguage
from tts_models.text.normalize import grammar, normalize
from tts_models.text.normalize.characters import fold
from tts_models.text.normalize.scan import readings

LANGUAGES = ["en-US", "en-GB", "es", "fr-FR", "hi", "it", "ja", "pt-BR", "zh"]
_ANY = st.text(max_size=60)
_DENSE = st.text(alphabet="0123456789.,-–/:;$€%#@ \n'\"()+=°ºªabhkmXIVé€中日月年²½🎉हि", max_size=60)
_TEXTS = st.one_of(_ANY, _DENSE, st.from_regex(r"[A-Za-z0-9 .,:/$%-]{0,40}", fullmatch=True))
_each_language = pytest.mark.parametrize("language", LANGUAGES)


@_each_language
@settings(max_examples=150, deadline=None)
@given(text=_TEXTS)
def test_no_text_raises_and_no_digit_is_left(language: str, text: str) -> None:
    said = normalize(text, language)
    assert not any(unicodedata.category(char) == "Nd" for char in said)


@_each_language
@settings(max_examples=150, deadline=None)
@given(text=_TEXTS)
def test_what_is_not_copied_is_said(language: str, text: str) -> None:
    """Readings do not overlap, and one of letters or digits has words; the rest of the text is in the output."""
    written = fold(text)
    rest, end = [], 0
    for reading in readings(written, grammar(language)):
        assert end <= reading.start < reading.end
        source = written[reading.start : reading.end]
        if any(char.isalnum() for char in source):
            assert any(char.isalnum() for char in reading.words), source  # 〇 is a number to Unicode
        rest.append(written[end : reading.start])
        end = reading.end
    said = normalize(text, language)
    position = 0
    for piece in [*rest, written[end:]]:
        found = said.find(piece, position)
        assert found >= 0, piece
        position = found + len(piece)


@settings(max_examples=300, deadline=None)
@given(text=_TEXTS)
def test_folding_keeps_every_letter(text: str) -> None:
    plain = partial(unicodedata.normalize, "NFKD")
    letters = [c for c in plain(text) if c.isalpha() and not unicodedata.category(c).startswith("C")]
    kept = iter(plain(fold(text)))
    numerals = {chr(code) for code in range(0x2160, 0x2180)}  # become digits, then words
    if not numerals & set(text):
        assert all(letter in kept for letter in letters)


@_each_language
@settings(max_examples=50, deadline=None)
@given(text=st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=5, max_size=9), max_size=8).map(" ".join))
def test_plain_words_stay(language: str, text: str) -> None:
    sentence = f"{text.capitalize()}, “{text}”… {text}!\n\n¿{text}?"
    assert normalize(sentence, language) == sentence


@_each_language
def test_lines_stay(language: str) -> None:
    assert normalize("abcde 5\n\nabcde\r\n5.5\t% abcde\n", language).count("\n") == 4


@pytest.mark.parametrize("text", ["🎉", "🎉👩‍👩‍👧‍👦 ❤️ ", "→ • ■ ™", "\u200b\u202e\ufeff", "***", "\ud800\ue000"])
@_each_language
def test_decoration_is_silent(language: str, text: str) -> None:
    assert normalize(text, language).strip() == ""


_WORDS = (
    "a 1 a. 1. 1, 1- - a@ a@a. $ $1 /a 1/ 1: (1 http:// http://a. I +1- 12- #a 一 1月 ² x² aB a_ 1990s 1e ° 1° 1/2 "
    "%1 <- -> -1- 1'1 1h a:\\ 1日 1.1, ~/a 1,234, 1.2.3."
)
_HOSTILE = [*_WORDS.split(), "1 ", "12 ", "1 1/2 ", "Dr. ", "IV ", "1 234 ", "5 % ", "a b", "1 - ", "z\u0301", "🎉"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("language", ["en-US", "fr-FR"])
def test_long_hostile_texts_end(language: str) -> None:
    """Repetitions that make a backtracking pattern take quadratic time or worse; thousands of characters of each."""
    for unit in _HOSTILE:
        said = normalize(unit * (4_000 // len(unit)), language)
        assert not any(char.isdecimal() for char in said)


def test_unknown_language() -> None:
    with pytest.raises(UnsupportedLanguage, match="tlh"):
        normalize("nuqneH", "tlh")


@pytest.mark.parametrize(
    ("alias", "tag"), [("en", "en-US"), ("cmn", "zh"), ("zh-CN", "zh"), ("pt", "pt-BR"), ("EN_gb", "en-GB")]
)
def test_other_names_of_a_language(alias: str, tag: str) -> None:
    assert grammar(alias) is grammar(tag)
