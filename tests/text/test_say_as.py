"""What is called a date, a time or a row of letters is said as one, or else as any other text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_models.text import LANGUAGES
from tts_models.text.controls import Reading
from tts_models.text.ipa import spell_ipa
from tts_models.text.say_as import say_as
from tts_models.text.vocabulary import SYMBOL_IDS

KINDS = ["characters", "spell-out", "digits", "cardinal", "ordinal", "date", "time", "telephone"]


@pytest.mark.parametrize(
    ("tag", "kind", "form", "written", "said"),
    [
        ("en-US", "characters", "", "Ab-1 x@y", "A B dash one, X at Y"),
        ("en-US", "spell-out", "", "ñé", "Ñ É"),
        ("hi", "characters", "", "नमस्ते", "न म स्ते"),
        ("zh", "characters", "", "AB中1", "A B中一"),
        ("en-US", "digits", "", "2024 15", "two zero two four, one five"),
        ("en-US", "cardinal", "", "007", "seven"),
        ("en-US", "cardinal", "", "-1,234.5", "minus one thousand two hundred thirty-four point five"),
        ("es", "cardinal", "", "1.234,5", "mil doscientos treinta y cuatro coma cinco"),
        ("en-US", "number", "ordinal", "21", "twenty-first"),
        ("it", "ordinal", "", "3ª", "terza"),
        ("en-US", "date", "mdy", "03/04/2024", "March fourth, twenty twenty-four"),
        ("en-US", "date", "dmy", "03/04/2024", "April third, twenty twenty-four"),
        ("en-US", "date", "", "2024-03-04", "March fourth, twenty twenty-four"),
        ("en-US", "date", "yyyymmdd", "20240304", "March fourth, twenty twenty-four"),
        ("en-US", "date", "dmy", "040399", "March fourth, nineteen ninety-nine"),
        ("en-US", "date", "my", "03/2024", "March twenty twenty-four"),
        ("es", "date", "my", "03/2024", "marzo de dos mil veinticuatro"),
        ("ja", "date", "md", "3/4", "三月四日"),
        ("en-US", "date", "y", "1984", "nineteen eighty-four"),
        ("en-US", "date", "mdy", "45/99/1", None),
        ("en-US", "date", "mdy", "March 4", None),
        ("en-US", "time", "hms24", "14:30", "fourteen thirty"),
        ("en-US", "time", "hms12", "2:30 p.m.", "two thirty P M"),
        ("fr-FR", "time", "", "9h", "neuf heures"),
        ("en-US", "time", "", "1430", "fourteen thirty"),
        ("en-US", "time", "", "25:00", None),
        ("en-US", "telephone", "", "+1 (415) 555-2671", "plus one, four one five, five five five, two six seven one"),
        ("en-US", "telephone", "", "800-ABC", "eight zero zero, A B C"),
        ("en-US", "telephone", "", "none", None),
        ("en-US", "address", "", "5 Main St.", None),
    ],
)
def test_kinds(tag: str, kind: str, form: str, written: str, said: str | None) -> None:
    assert say_as(written, Reading(0, 0, interpret_as=kind, format=form), tag) == said


@given(
    st.sampled_from(list(LANGUAGES)),
    st.sampled_from([*KINDS, "unknown"]),
    st.sampled_from(["", "mdy", "ymd", "y", "hms12", "yyyy-mm-dd", "ordinal", "ddd"]),
    st.text(st.sampled_from("0123456789:/-.,+ aAphm年月日°ñक"), max_size=20),
)
def test_anything_is_said_or_left(tag: str, kind: str, form: str, written: str) -> None:
    said = say_as(written, Reading(0, 0, interpret_as=kind, format=form), tag)
    assert said is None or not any(char.isdecimal() and char in "0123456789" for char in said)


@pytest.mark.parametrize(
    ("tag", "ipa", "symbols"),
    [
        ("en-US", "təˈmeɪtoʊ", "təmˈAtO"),
        ("en-GB", "təˈmɑːtəʊ", "təmˈɑːtQ"),
        ("en-US", "ˈtʃɜːrtʃ", "ʧˈɜɹʧ"),
        ("en-US", "/ˈd͡ʒæz.i/", "ʤˈæzi"),
        ("fr-FR", "bɔ̃.ʒuʁ", "bɔ̃ʒuʁ"),
        ("es", "ˈkaʎe", "kˈaʎe"),
        ("en-US", "kˈOkəɹO", "kˈOkəɹO"),
        ("en-US", "...", ""),
    ],
)
def test_ipa_as_people_write_it(tag: str, ipa: str, symbols: str) -> None:
    assert spell_ipa(ipa, tag) == symbols


@given(st.text(max_size=30), st.sampled_from(list(LANGUAGES)))
def test_any_ipa_is_spelt_in_the_vocabulary(ipa: str, tag: str) -> None:
    assert set(spell_ipa(ipa, tag)) <= set(SYMBOL_IDS)
