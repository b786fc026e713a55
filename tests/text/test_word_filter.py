"""Forbidden words: found however they are written, and nothing else is."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tts_models.errors import ForbiddenText
from tts_models.text.word_filter import WordFilter

RULES = {
    "insults": ("idiot", "ass", "dumm*", "*kopf*", "hijo de puta", "बेवकूफ", "кретин"),
    "japanese": ("バカ", "馬鹿"),
    "chinese": ("笨蛋",),
    "secrets": (r"re:\bproject[ -]?x\d+\b",),
}


@pytest.fixture(scope="module")
def words() -> WordFilter:
    return WordFilter(RULES)


def rule_of(words: WordFilter, text: str) -> str | None:
    try:
        words.check(text)
    except ForbiddenText as error:
        return error.message.partition("(rule: ")[2].removesuffix(").")
    return None


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("You idiot!", "insults"),
        ("IDIOT", "insults"),
        ("ｉｄｉｏｔ", "insults"),
        ("ⓘⓓⓘⓞⓣ", "insults"),
        ("𝒾𝒹𝒾ℴ𝓉", "insults"),
        ("i d i o t", "insults"),
        ("i.d-i_o*t", "insults"),
        ("i\u200bd\u00adi\u2060o\ufefft", "insults"),
        ("what an i\n\nd\ti o t he is", "insults"),
        ("Dummheit", "insults"),
        ("der Dummkopf da", "insults"),
        ("Schafskopfspiel", "insults"),
        ("Hijo  de\nPuta", "insults"),
        ("तुम बेवकूफ हो", "insults"),
        ("ты КРЕТИН", "insults"),
        ("このバカめ", "japanese"),
        ("ばか", "japanese"),
        ("ﾊﾞｶ", "japanese"),
        ("バ　カ", "japanese"),
        ("馬鹿者", "japanese"),
        ("你这个笨 蛋", "chinese"),
        ("see Project-X17 today", "secrets"),
        ("ＰＲＯＪＥＣＴ x1", "secrets"),
    ],
)
def test_found(text: str, rule: str, words: WordFilter) -> None:
    assert rule_of(words, text) == rule


@pytest.mark.parametrize(
    "text",
    [
        "A classic assessment",
        "as seen",
        "idiotic",
        "idio tics",
        "Die Stimme dum",
        "バスかな",
        "笨 的 蛋",
        "projectx",
        "",
        "  ",
    ],
)
def test_not_found(text: str, words: WordFilter) -> None:
    assert rule_of(words, text) is None


def test_a_refusal_does_not_repeat_the_text(words: WordFilter) -> None:
    with pytest.raises(ForbiddenText) as caught:
        words.check("my secret, you idiot")
    assert caught.value.param == "input"
    assert "secret" not in caught.value.message
    assert "idiot" not in caught.value.message


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("# remark\nfirst\n\n[second rule]\nre:s[e3]cond\n zweite* \n")
    words = WordFilter({}, file)
    assert rule_of(words, "first") == "words"
    assert rule_of(words, "s3cond") == "second rule"
    assert rule_of(words, "Zweiter") == "second rule"
    assert rule_of(words, "# remark") is None


@pytest.mark.parametrize("entry", ["", "*", "...", "re:(", "re:[z-a]"])
def test_an_entry_that_is_none_is_refused_at_the_start(entry: str) -> None:
    with pytest.raises(ValueError, match=r"has no letter or digit|is no regular expression"):
        WordFilter({"rule": (entry,)})


@pytest.mark.timeout(120)
def test_an_expression_that_would_take_for_ever_is_cut_short_and_counts_as_found() -> None:
    words = WordFilter({"slow": (r"re:(x+x+)+y",)})
    assert rule_of(words, "x" * 5_000) == "slow"
    assert rule_of(words, "abc") is None


def test_long_lists_and_long_texts_take_one_pass() -> None:
    random.seed(1)
    entries = tuple("".join(random.choices("abcdefghij", k=8)) for _ in range(20_000))
    words = WordFilter({"many": entries})
    text = " ".join("".join(random.choices("klmnopqrst", k=7)) for _ in range(100_000))
    assert rule_of(words, text) is None
    assert rule_of(words, f"{text} {entries[777]}") == "many"


def _shouts(text: str, language: str) -> str | None:
    return f"no shouting in {language}" if text.isupper() else None


def test_a_function_of_the_operators() -> None:
    words = WordFilter({}, hook=f"{__name__}:_shouts")
    assert words
    with pytest.raises(ForbiddenText, match="no shouting in en-GB"):
        words.check("HELLO", "en-GB")
    words.check("Hello", "en-GB")
    with pytest.raises(ImportError):
        WordFilter({}, hook="nowhere.at_all:function")


def test_no_rules() -> None:
    words = WordFilter({})
    assert not words
    words.check("anything")
