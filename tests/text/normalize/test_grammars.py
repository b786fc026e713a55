"""The verbalisers on their own, as an explicit "say this as" calls them."""

from __future__ import annotations

import pytest

from tts_models.text.normalize import grammar
from tts_models.text.normalize.grammar import Gender
from tts_models.text.normalize.number import Number, scan_number


@pytest.mark.parametrize(
    ("language", "value", "gender", "said"),
    [
        ("en-US", 1_000_001, None, "one million one"),
        ("en-GB", 1_000_001, None, "one million and one"),
        ("es", 21, None, "veintiuno"),
        ("es", 21, "m", "veintiún"),
        ("es", 21, "f", "veintiuna"),
        ("es", 231_701, "f", "doscientas treinta y un mil setecientas una"),
        ("es", 200_000_200, "f", "doscientos millones doscientas"),
        ("es", 21_000_000, None, "veintiún millones"),
        ("fr-FR", 80, None, "quatre-vingts"),
        ("fr-FR", 80_000, None, "quatre-vingt mille"),
        ("fr-FR", 71, "f", "soixante et onze"),
        ("fr-FR", 81, "f", "quatre-vingt-une"),
        ("it", 1, "f", "una"),
        ("it", 43, None, "quarantatré"),
        ("it", 118, None, "centodiciotto"),
        ("pt-BR", 2_222, "f", "duas mil duzentas e vinte e duas"),
        ("pt-BR", 2_000_002, "f", "dois milhões e duas"),
        ("pt-BR", 16, None, "dezesseis"),
        ("hi", 100, None, "सौ"),
        ("hi", 1_100, None, "एक हज़ार एक सौ"),
        ("hi", 12_34_56_789, None, "बारह करोड़ चौंतीस लाख छप्पन हज़ार सात सौ नवासी"),
        ("ja", 11_111, None, "一万千百十一"),
        ("ja", 10_000_000, None, "一千万"),
        ("ja", 100_000_000, None, "一億"),
        ("zh", 10, None, "十"),
        ("zh", 110, None, "一百一十"),
        ("zh", 1_005, None, "一千零五"),
        ("zh", 10_050, None, "一万零五十"),
        ("zh", 100_500, None, "十万零五百"),
        ("zh", 100_000_001, None, "一亿零一"),
        ("zh", 22_222, None, "两万二千二百二十二"),
    ],
)
def test_cardinals(language: str, value: int, gender: Gender | None, said: str) -> None:
    assert grammar(language).cardinal(value, gender) == said


@pytest.mark.parametrize(
    ("language", "value", "form", "said"),
    [
        ("en-US", 12, "m", "twelfth"),
        ("es", 11, "f", "undécima"),
        ("es", 3, "short", "tercer"),
        ("es", 21, "f", "vigésima primera"),
        ("fr-FR", 1, "f", "première"),
        ("fr-FR", 21, "m", "vingt et unième"),
        ("fr-FR", 80, "m", "quatre-vingtième"),
        ("fr-FR", 2, "seconde", "seconde"),
        ("it", 23, "f", "ventitreesima"),
        ("pt-BR", 22, "f", "vigésima segunda"),
        ("hi", 6, "f", "छठी"),
        ("hi", 7, "oblique", "सातवें"),
        ("ja", 3, "m", "三番目"),
        ("zh", 2, "m", "第二"),
    ],
)
def test_ordinals(language: str, value: int, form: str, said: str) -> None:
    assert grammar(language).ordinal(value, form) == said


def test_values_can_be_said_without_a_text() -> None:
    english = grammar("en-US")
    assert english.date(2024, 3, 5) == "March fifth, twenty twenty-four"
    assert english.date(None, 3, 5) == "March fifth"
    assert english.clock(15, 5, 30) == "fifteen oh five and thirty seconds"
    assert english.digits("0042") == "zero zero four two"
    assert english.letters("a1b") == "A one B"
    assert english.phone(["415", "2671"], international=True) == "plus four one five, two six seven one"
    assert english.money(Number("1", "50"), "SEK") == "one point five zero Swedish kronor"
    assert grammar("ja").clock(15, 30, meridiem="p") == "午後十五時三十分"


@pytest.mark.parametrize(
    ("language", "written", "integer", "fraction"),
    [
        ("en-US", "1,234.56", "1234", "56"),
        ("en-US", "1.234,56", "1234", "56"),
        ("en-US", "1,23", "1", ""),
        ("en-US", "12,3456", "12", ""),
        ("es", "1.234,56", "1234", "56"),
        ("es", "1,234,567", "1234567", ""),
        ("es", "3.14", "3", "14"),
        ("es", "3,145", "3", "145"),
        ("es", "10 000", "10000", ""),
        ("it", "10 000", "10", ""),
        ("fr-FR", "1\u202f234\u202f567,8", "1234567", "8"),
        ("hi", "12,34,567.5", "1234567", "5"),
        ("zh", "1,000", "1000", ""),
    ],
)
def test_separators(language: str, written: str, integer: str, fraction: str) -> None:
    scanned = scan_number(written, 0, grammar(language).number_format)
    assert scanned is not None
    assert (scanned[1].integer, scanned[1].fraction) == (integer, fraction)
