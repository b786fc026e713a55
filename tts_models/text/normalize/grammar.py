"""What a language must know to say numbers, dates, money and the like: the interface and what languages share.

A grammar turns *values* into words and never looks at text; the recognisers find the values. Every method can be
called on its own, which is what an explicit "read this as a date" needs.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar, Literal

from babel import Locale
from num2words import num2words

from tts_models.text.normalize.lexicon import GREEK, Coin
from tts_models.text.normalize.number import Number, NumberFormat

Gender = Literal["m", "f"]
"""Grammatical gender of the noun a number counts; ``None`` where it counts nothing ("twenty-one" said alone)."""


DateOrder = Literal["MDY", "DMY", "YMD"]


@lru_cache
def cldr(tag: str) -> Locale:
    """Babel's data for a locale, such as ``pt_BR``."""
    return Locale.parse(tag)


@lru_cache(maxsize=4096)
def spell_out(value: int, language: str, kind: str = "cardinal") -> str:
    """A number in words by the ``num2words`` package, without the commas that would be read as pauses."""
    return str(num2words(value, lang=language, to=kind)).replace(",", "")


class Grammar(ABC):
    """One language. Subclasses give the words; the methods here are what most languages share."""

    tag: ClassVar[str]
    """BCP-47."""
    locale: ClassVar[str]
    """CLDR locale, for months, units and rare currencies."""
    num2words_language: ClassVar[str] = ""
    region: ClassVar[str]
    """Country whose telephone numbers are written without a country code."""
    number_format: ClassVar[NumberFormat]
    date_order: ClassVar[DateOrder] = "DMY"
    dotted_dates: ClassVar[bool] = False
    """Whether ``5.3.2024`` is a date."""
    clock_separators: ClassVar[str] = ":"
    """What stands between hours and minutes: ``h`` makes ``15h30`` a time, ``.`` makes ``15.30`` one after a cue."""

    digit_names: ClassVar[Sequence[str]]
    letter_names: ClassVar[Mapping[str, str]] = {}
    """Names of a-z; empty where the G2P reads a lone capital by its name."""
    minus: ClassVar[str]
    plus: ClassVar[str]
    point: ClassVar[str]
    """The word for the decimal separator."""
    read_fraction_as_number: ClassVar[int] = 0
    """Decimal places up to this many are read as one number (*trois virgule quatorze*), more digit by digit."""
    percent_word: ClassVar[str]
    per: ClassVar[str]
    """Between the two halves of a compound unit."""
    to: ClassVar[str]
    """Between the ends of a range."""
    ratio: ClassVar[str]
    """Between the terms of ``16:9``."""
    sharp: ClassVar[str] = "sharp"
    """The sign after a letter of the scale: ``C#``."""
    of: ClassVar[str] = ""
    """Between a round million and what it counts."""
    number_sign: ClassVar[str]
    """``#`` and ``No.`` before a number."""
    and_coins: ClassVar[str] = ""
    """Between the currency unit and its hundredths."""
    dollar_code: ClassVar[str] = "USD"
    yen_code: ClassVar[str] = "JPY"
    currencies: ClassVar[dict[str, Coin]]
    symbols: ClassVar[Mapping[str, str]]
    """Names of the signs that stand for a word."""
    web: ClassVar[Mapping[str, str]]
    """Names of signs in addresses: ``. / : @ - _ ? = & # ~ + %`` and ``www``."""
    greek: ClassVar[dict[str, str]] = GREEK
    abbreviations: ClassVar[Mapping[str, str]] = {}
    """Written form, with its points, to words. ``Dr.``"""
    ordinal_suffixes: ClassVar[Mapping[str, str]] = {}
    """Written suffix after digits to the gender or form passed to :meth:`ordinal`."""
    scales: ClassVar[Mapping[str, str]] = {}
    """Words and letters that multiply a sum of money, to the word said."""
    function_words: ClassVar[frozenset[str]] = frozenset()
    """Words after a number that are not the noun it counts."""
    chapter_words: ClassVar[frozenset[str]] = frozenset()
    """Lower-case words before a Roman numeral that is read as a plain number."""
    phone_digits: ClassVar[Sequence[str]] = ()
    units: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """CLDR unit id to (singular, plural), where CLDR has none or nobody says its name."""

    # --- whole numbers -------------------------------------------------------------------------------------------

    def cardinal(self, value: int, gender: Gender | None = None) -> str:
        """``value >= 0`` in words, agreeing with a noun of ``gender``."""
        return spell_out(value, self.num2words_language)

    def ordinal(self, value: int, form: str = "m") -> str:
        """``value >= 1`` as an ordinal; ``form`` is one of the values of ``ordinal_suffixes`` (``m``, ``f``...)."""
        return spell_out(value, self.num2words_language, "ordinal")

    def year(self, value: int) -> str:
        """A year of the common era."""
        return self.cardinal(value)

    def digits(self, text: str) -> str:
        """Digits one by one."""
        return self.space.join(self.digit_names[int(d)] for d in text)

    space: ClassVar[str] = " "
    """What stands between words."""

    # --- numbers -------------------------------------------------------------------------------------------------

    def number(self, number: Number, gender: Gender | None = None) -> str:
        """A number as written, its sign and fraction included."""
        sign = {"-": self.minus, "+": self.plus, "": ""}[number.sign]
        gender = None if number.fraction else gender
        whole = self.digits(number.integer) if number.is_identifier else self.cardinal(number.value, gender)
        parts = [sign, whole]
        if number.fraction:
            parts += [self.point, self.fraction_digits(number.fraction)]
        return self.space.join(part for part in parts if part)

    def fraction_digits(self, digits: str) -> str:
        """The digits after the decimal separator."""
        stripped = digits.lstrip("0")
        if not stripped or len(digits) > self.read_fraction_as_number:
            return self.digits(digits)
        zeros = self.digits("0" * (len(digits) - len(stripped)))
        return self.space.join(part for part in (zeros, self.cardinal(int(stripped))) if part)

    def percent(self, number: Number) -> str:
        """A number of hundredths."""
        return f"{self.number(number)} {self.percent_word}"

    @abstractmethod
    def fraction(self, numerator: int, denominator: int) -> str:
        """A common fraction, ``1 <= numerator``, ``2 <= denominator``."""

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        """A whole number and a fraction."""
        return f"{self.cardinal(whole)} {self.symbols['&']} {self.fraction(numerator, denominator)}"

    @abstractmethod
    def power(self, exponent: int) -> str:
        """What follows a base raised to ``exponent``."""

    # --- measures ------------------------------------------------------------------------------------------------

    def gender_of(self, noun: str) -> Gender | None:
        """Gender of a counted noun, in a language whose numbers agree with it."""
        return None

    thousands_agree: ClassVar[bool] = False
    """Whether a number before "thousand" agrees with the noun after it (*duas mil pessoas*)."""
    plural_endings: ClassVar[tuple[str, ...]] = ("s", "mil")
    """How a noun after a number other than one ends; another word there is not counted by it."""

    def counted_gender(self, number: Number, word: str) -> Gender | None:
        """Gender of ``word``, the next after a number, if the number counts it."""
        if word in self.function_words or len(word) < 2:
            return None
        if not number.is_one and not word.endswith(self.plural_endings):
            return None
        return self.gender_of(word)

    def plural(self, number: Number) -> bool:
        """Whether a noun after ``number`` is in the plural."""
        return not number.is_one

    def unit_patterns(self, unit: str, plural: bool) -> str:
        """Pattern such as ``"{0} kilometers"``."""
        if unit in self.units:
            return f"{{0}}{self.space}{self.units[unit][plural]}"
        widths = cldr(self.locale)._data["unit_patterns"].get(unit, {})
        for width in ("long", "short"):  # where both are the same word, CLDR has the short one only
            patterns = widths[width] if width in list(widths) else {}
            found = patterns.get("other" if plural else "one") or patterns.get("other")
            if found:
                return str(found).replace("\u00a0", " ")
        return ""

    def measure(self, number: Number, unit: str, per: str = "") -> str:
        """A quantity of a CLDR unit such as ``length-kilometer``, perhaps per another."""
        pattern = self.unit_patterns(unit, self.plural(number))
        noun = pattern.partition("{0}")[2].strip().split(" ")[0]
        spoken = pattern.format(self.number(number, self.gender_of(noun)))
        return self.compound_unit(spoken, self.unit_patterns(per, False).replace("{0}", "").strip()) if per else spoken

    def compound_unit(self, spoken: str, per: str) -> str:
        """A measure per another unit, the latter in words."""
        return f"{spoken} {self.per} {per}"

    def coin(self, code: str) -> Coin:
        """Names of a currency by ISO 4217 code."""
        if code in self.currencies:
            return self.currencies[code]
        names = cldr(self.locale)._data["currency_names_plural"].get(code, {})
        name = cldr(self.locale).currencies.get(code, code)
        return Coin(str(names.get("one", name)), str(names.get("other", name)))

    def money(self, number: Number, code: str, scale: str = "") -> str:
        """An amount of a currency; ``scale`` is a word such as "million" between number and currency."""
        coin = self.coin(code)
        if scale:
            of = f" {self.of}" if self.of and self.takes_of(scale) else ""
            return f"{self.number(number, self.gender_of(scale))} {scale}{of} {coin.many}"
        if number.fraction and not number.fraction.strip("0"):
            number = Number(number.integer, "", number.sign, number.grouped)
        if len(number.fraction) == 2 and coin.cent and not number.is_identifier:
            return self.coins_and_cents(number, coin)
        name = coin.many if self.plural(number) else coin.one
        of = ""
        if self.of and not number.fraction and not number.is_identifier and number.value and number.value % 10**6 == 0:
            of = f"{self.of} "
        return f"{self.number(number, self.gender_of(coin.one))} {of}{name}"

    def coins_and_cents(self, number: Number, coin: Coin) -> str:
        """``5.50`` of a currency that has hundredths."""
        cents = int(number.fraction)
        whole = Number(number.integer, "", number.sign, number.grouped)
        parts = []
        if whole.value:
            name = coin.many if self.plural(whole) else coin.one
            parts.append(f"{self.number(whole, self.gender_of(coin.one))} {name}")
        elif whole.sign:
            parts.append(self.minus if whole.sign == "-" else self.plus)
        if cents:
            if whole.value and self.and_coins:
                parts.append(self.and_coins)
            parts.append(f"{self.cardinal(cents, self.gender_of(coin.cent))} {coin.cent if cents == 1 else coin.cents}")
        return " ".join(parts)

    def takes_of(self, scale: str) -> bool:
        """Whether ``scale`` is a noun that needs "of" before the currency (*un millón de dólares*)."""
        return not scale.startswith(("mil ", "mille")) and scale not in ("mil", "mila")

    # --- calendar and clock ----------------------------------------------------------------------------------------

    def month(self, month: int) -> str:
        """Name of the month, 1 to 12."""
        return str(cldr(self.locale).months["format"]["wide"][month])

    @abstractmethod
    def date(self, year: int | None, month: int, day: int) -> str:
        """A day of the calendar."""

    @abstractmethod
    def clock(self, hour: int, minute: int, second: int | None = None, meridiem: str = "") -> str:
        """A time of day; ``meridiem`` is ``"a"``, ``"p"`` or ``""``."""

    month_first: ClassVar[bool] = False
    """Whether ``March 5`` is a date."""
    month_link: ClassVar[str] = ""
    """The word between day, month and year."""

    def named_date(self, year: int | None, month: int, day: int, before: str, day_first: bool) -> str:
        """A date written with the month's name, ``before`` being the text in front of it."""
        return self.date(year, month, day)

    def clock_cue(self, before: str) -> bool:
        """Whether the text in front makes ``15.30`` a time."""
        return False

    def after_clock(self, text: str, end: int) -> int:
        """Where a time ends, counting a word after it that its reading already says."""
        return end

    # --- identifiers -----------------------------------------------------------------------------------------------

    def letters(self, text: str) -> str:
        """Letters and digits one by one, other characters left out."""
        return self.space.join(
            self.digit_names[int(c)] if c.isdecimal() else self.letter_names.get(c.lower(), c.upper())
            for c in text
            if c.isalnum()
        )

    def name_with_numbers(self, name: str) -> str:
        """A name, its digits as numbers."""
        return re.sub(r"\d+", lambda m: f" {self.number_in_name(m[0])} ", name).replace("  ", " ").strip()

    def number_in_name(self, digits: str) -> str:
        """Digits beside letters: ``MP3``, ``A380``."""
        if len(digits) == 4 and 1900 <= int(digits) < 2100:
            return self.year(int(digits))
        plain = len(digits) <= 3 and not (len(digits) > 1 and digits[0] == "0")
        return self.cardinal(int(digits)) if plain else self.digits(digits)

    article_before: ClassVar[str] = ""
    """Pattern of the words after which ``3°`` is an ordinal, not degrees."""
    ordinal_nouns: ClassVar[frozenset[str]] = frozenset()
    """Lower-case nouns before which ``3°`` is an ordinal, and Roman numerals too."""
    last_hour: ClassVar[int] = 24
    """The largest hour a time of day is written with."""

    def ordinal_before(self, value: int, form: str, noun: str) -> str:
        """An ordinal in front of a word."""
        return self.ordinal(value, form)

    def roman_before(self, numeral: str, value: int, previous: str, following: str) -> str:
        """A Roman numeral in front of the noun it orders (*la II Guerra Mundial*), or ``""``."""
        noun = re.match(r" ([^\W\d_]+)", following)
        if not noun or not set(numeral) <= set("IVX") or noun[1].lower() not in self.ordinal_nouns:
            return ""
        if len(numeral) == 1 and not re.search(f"{self.article_before}$", previous, re.IGNORECASE):
            return ""
        return self.ordinal(value, self.gender_of(noun[1]) or "m")

    def hyphenated(self, groups: Sequence[str]) -> str:
        """Several numbers joined by hyphens, such as an ISBN."""
        return self.pause.join(self.digits(group) for group in groups)

    # --- words in the text -----------------------------------------------------------------------------------------

    spaced: ClassVar[bool] = True
    """Whether the language puts spaces between words."""
    pause: ClassVar[str] = ", "
    """Between the groups of a long identifier."""
    version_point: ClassVar[str]
    """The point in ``1.2.3``."""
    number_abbreviations: ClassVar[Mapping[str, str]] = {}
    """Abbreviations that are ones only before a number."""
    closing_abbreviations: ClassVar[frozenset[str]] = frozenset()
    """Capitalised abbreviations after which a capital starts a sentence."""
    unit_words: ClassVar[frozenset[str]] = frozenset()
    """Unit symbols that are words of the language, read as units only right after the digits."""

    def abbreviation(self, written: str, before: str, after: str) -> str:
        """An abbreviation in words, with the text around it."""
        return self.abbreviations[written]

    roman_suffixes: ClassVar[Mapping[str, str]] = {}
    """Suffix of a Roman numeral (``XXIe``) to the form passed to :meth:`ordinal`."""

    def roman(self, numeral: str, value: int, previous: str, following: str) -> str:
        """A Roman numeral in words, or ``""`` if it is none after the word ``previous``."""
        return self.cardinal(value) if previous.lower() in self.chapter_words else ""

    def special_number(self, text: str, start: int, end: int, number: Number) -> tuple[int, str] | None:
        """A plain number that this language reads otherwise here, such as a year; the new end and the words."""
        return None

    def scale_word(self, written: str, number: Number) -> str:
        """The word for a multiplier of money, agreeing with ``number``."""
        return self.scales[written]

    def phone_groups(self, digits: str) -> Sequence[str]:
        """An ungrouped telephone number in the groups it is read in."""
        return [digits[:3], digits[3:6], digits[6:]]

    def phone(self, groups: Sequence[str], international: bool = False) -> str:
        """A telephone number, a pause between its groups."""
        spoken = [self.phone_group(group) for group in groups]
        return (f"{self.plus} " if international else "") + ", ".join(spoken)

    def phone_group(self, group: str) -> str:
        """One group of a telephone number."""
        names = self.phone_digits or self.digit_names
        return self.space.join(names[int(d)] for d in group)
