"""American and British English."""

from __future__ import annotations

import re
from typing import ClassVar

from tts_models.text.normalize.grammar import DateOrder, Gender, Grammar, spell_out
from tts_models.text.normalize.lexicon import coins, names, word_set, words
from tts_models.text.normalize.number import Number, NumberFormat
from tts_models.text.normalize.recognise.context import END

_REGNAL = word_set(
    "Henry Louis Charles George Elizabeth Edward William James Richard John Mary Philip Philippe Pius Benedict Francis "
    "Clement Leo Gregory Innocent Urban Alexander Nicholas Peter Catherine Frederick Wilhelm Ferdinand Alfonso Carlos "
    "Felipe Juan Pedro Napoleon Ramesses Ramses Ptolemy Cleopatra Thutmose Amenhotep Margrethe Harald Gustav Rama Paul "
    "Constantine Basil Otto Leopold Albert Umberto Baldwin David Robert Christian Haakon Olaf"
)
_PLURALS = word_set("people men women children police sheep fish")
_STREETS = word_set("Ave. Blvd. Rd.")
_DENOMINATORS = {2: ("half", "halves"), 4: ("quarter", "quarters")}


class English(Grammar):
    """American English: no "and" inside numbers, month before day."""

    tag = "en-US"
    locale = "en_US"
    num2words_language = "en"
    region = "US"
    number_format = NumberFormat(decimal=".", group=",")
    date_order: ClassVar[DateOrder] = "MDY"
    ratio, sharp = "to", "sharp"
    digit_names = names("zero one two three four five six seven eight nine")
    minus, plus, point, percent_word, per, to = "minus", "plus", "point", "percent", "per", "to"
    number_sign, and_coins = "number", "and"
    currencies = coins("""
        USD dollar, dollars, cent, cents
        EUR euro, euros, cent, cents
        GBP pound, pounds, penny, pence
        JPY yen, yen
        CNY yuan, yuan
        INR rupee, rupees, paisa, paise
        BRL real, reais, centavo, centavos
        CAD Canadian dollar, Canadian dollars, cent, cents
        AUD Australian dollar, Australian dollars, cent, cents
        CHF Swiss franc, Swiss francs, centime, centimes
        MXN Mexican peso, Mexican pesos, centavo, centavos
        KRW won, won
        RUB ruble, rubles, kopeck, kopecks
        BTC bitcoin, bitcoins
    """)
    symbols = words("""
        & and; @ at; % percent; ‰ per mille; + plus; = equals; < less than; > greater than; ± plus or minus; × times
        ÷ divided by; − minus; ≈ approximately; ≠ is not equal to; ≤ less than or equal to; ≥ greater than or equal to
        √ square root of; ∞ infinity; ∑ sum; ∏ product; ∫ integral; ∂ partial; ∈ in; ∩ intersection; ∪ union
        ° degrees; ℃ degrees Celsius; ℉ degrees Fahrenheit; § section; ¶ paragraph; © copyright; / slash; \\ backslash
        # hashtag; ^ to the power of; * times; № number; ¢ cents; µ micro; ~ about; ∆ delta; ∅ empty set; ¬ not
    """)
    web = words(
        ". dot;/ slash;: colon;@ at;- dash;_ underscore;? question mark;= equals;& and;# hash;~ tilde;+ plus;"
        "% percent;www W W W"
    )
    abbreviations = words("""
        Dr. Doctor; Mr. Mister; Mrs. Missus; Ms. Miz; Prof. Professor; Jr. Junior; Sr. Senior; Gov. Governor
        Gen. General; Sen. Senator; Rep. Representative; Capt. Captain; Lt. Lieutenant; Col. Colonel; Sgt. Sergeant
        Rev. Reverend; Hon. Honorable; vs. versus; vs versus; etc. et cetera; e.g. for example; i.e. that is
        approx. approximately; dept. department; est. established; Inc. Incorporated; Ltd. Limited; Corp. Corporation
        Co. Company; Ave. Avenue; Blvd. Boulevard; Rd. Road; Ft. Fort; Mt. Mount; Mr Mister; Mrs Missus; Dr Doctor
        Ms Miz; a.m. A M; p.m. P M
        w/ with; w/o without; cf. compare; St. Saint; Prof Professor
    """)
    number_abbreviations = words(
        "No. number;no. number;Nos. numbers;pp. pages;p. page;Fig. Figure;fig. figure;Figs. figures;Vol. volume;"
        "vol. volume;Ch. chapter;ch. chapter;Sec. section;sec. section;Eq. equation;Art. article;n° number;Nº number"
    )
    closing_abbreviations = word_set("Inc. Ltd. Corp. Co. Jr. Sr. Ave. Blvd. Rd.")
    month_first = True
    month_link = "of"
    version_point = "point"
    ordinal_suffixes: ClassVar = {"st": "m", "nd": "m", "rd": "m", "th": "m"}
    scales = words(
        "thousand thousand;million million;billion billion;trillion trillion;k thousand;K thousand;m million;M million;"
        "mn million;bn billion;b billion;B billion;tn trillion;T trillion;MM million"
    )
    chapter_words = word_set(
        "chapter part volume war act scene section book phase type bowl title article appendix level stage step figure "
        "table class grade unit number episode season version mark division category tier annex canto psalm"
    )
    function_words = word_set(
        "is was as has his this its us does plus minus times versus towards perhaps always sometimes besides across "
        "thus yes less unless yours hers ours"
    )
    conjunction: ClassVar[str] = ""

    units: ClassVar = {
        "temperature-generic": ("degree", "degrees"),
        "decibel": ("decibel", "decibels"),
        "frame": ("frame", "frames"),
        "revolution": ("revolution", "revolutions"),
        "beat": ("beat", "beats"),
    }

    def cardinal(self, value: int, gender: Gender | None = None) -> str:
        spoken = super().cardinal(value)
        return spoken if self.conjunction else spoken.replace(" and ", " ")

    def ordinal(self, value: int, form: str = "m") -> str:
        spoken = super().ordinal(value)
        return spoken if self.conjunction else spoken.replace(" and ", " ")

    def year(self, value: int) -> str:
        if value < 1000 or value > 2999:
            return self.cardinal(value)
        spoken = spell_out(value, "en", "year")
        return spoken if self.conjunction else spoken.replace(" and ", " ")

    def decade(self, value: int) -> str:
        """``1990`` -> "nineteen nineties", ``90`` -> "nineties"."""
        name = self.year(value)
        return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"

    def fraction(self, numerator: int, denominator: int) -> str:
        if (numerator, denominator) == (9, 11):
            return "nine eleven"
        one, many = _DENOMINATORS.get(denominator, (self.ordinal(denominator), self.ordinal(denominator) + "s"))
        return f"{self.cardinal(numerator)} {one if numerator == 1 else many}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        part = self.fraction(numerator, denominator)
        return f"{self.cardinal(whole)} and {'a ' + part[4:] if numerator == 1 and denominator in (2, 4) else part}"

    def abbreviation(self, written: str, before: str, after: str) -> str:
        if written in _STREETS:
            return self.abbreviations[written] if before[-2:-1].isalpha() else ""
        if written in ("St.", "Dr.") and before[-2:-1].isalpha() and not after.lstrip(" ")[:1].isupper():
            return "Street" if written == "St." else "Drive"
        return self.abbreviations[written]

    def named_date(self, year: int | None, month: int, day: int, before: str, day_first: bool) -> str:
        if not day_first:
            spoken = f"{self.month(month)} {self.ordinal(day)}"
            return spoken if year is None else f"{spoken}, {self.year(year)}"
        spoken = f"the {self.ordinal(day)} of {self.month(month)}"
        if before.lower().endswith("the "):
            spoken = spoken[4:]
        return spoken if year is None else f"{spoken} {self.year(year)}"

    def roman(self, numeral: str, value: int, previous: str, following: str) -> str:
        if previous.lower() in self.chapter_words:
            return self.cardinal(value)
        if previous in _REGNAL and (numeral != "I" or re.match(r"['’,.;:)]|$| (?:of|was|and|the)\b", following)):
            return f"the {self.ordinal(value)}"
        small = set(numeral) <= set("IVX") and len(numeral) > 1
        return self.cardinal(value) if small and previous[:1].isupper() and previous[1:].islower() else ""

    def special_number(self, text: str, start: int, end: int, number: Number) -> tuple[int, str] | None:
        if number.sign or number.fraction or number.grouped:
            return None
        decade = re.compile(rf"['’]?s{END}").match(text, end)
        if decade and len(number.integer) in (2, 4) and number.integer.endswith("0") and number.value:
            return decade.end(), self.decade(number.value)
        if len(number.integer) == 4 and (1100 <= number.value < 2000 or 2010 <= number.value < 2100):
            noun = re.compile(r" ([a-z]{3,})").match(text, end)
            if not (noun and (noun[1] in _PLURALS or (noun[1].endswith("s") and noun[1] not in self.function_words))):
                return end, self.year(number.value)
        return None

    def power(self, exponent: int) -> str:
        if exponent in (2, 3):
            return {2: "squared", 3: "cubed"}[exponent]
        sign = "minus " if exponent < 0 else ""
        return f"to the power of {sign}{self.cardinal(abs(exponent))}"

    def date(self, year: int | None, month: int, day: int) -> str:
        spoken = f"{self.month(month)} {self.ordinal(day)}"
        return spoken if year is None else f"{spoken}, {self.year(year)}"

    def clock(self, hour: int, minute: int, second: int | None = None, meridiem: str = "") -> str:
        suffix = {"a": " A M", "p": " P M", "": ""}[meridiem]
        if second is not None:
            spoken = f"{self.cardinal(hour)} {self._minutes(minute)} and {self.cardinal(second)} seconds"
            return spoken.replace("and one seconds", "and one second").replace("  ", " ") + suffix
        if minute == 0:
            if suffix:
                return self.cardinal(hour) + suffix
            if hour in (0, 24):
                return "midnight"
            return f"{self.cardinal(hour)} " + ("hundred hours" if hour > 12 else "o'clock")
        return f"{self.cardinal(hour)} {self._minutes(minute)}{suffix}"

    def _minutes(self, minute: int) -> str:
        if minute == 0:
            return "hundred"
        return f"oh {self.cardinal(minute)}" if minute < 10 else self.cardinal(minute)


class BritishEnglish(English):
    """British English: "and" before the last tens, day before month."""

    tag = "en-GB"
    locale = "en_GB"
    region = "GB"
    date_order = "DMY"
    conjunction = "and"
    currencies = English.currencies | coins("USD dollar, dollars, cent, cents")

    def date(self, year: int | None, month: int, day: int) -> str:
        spoken = f"the {self.ordinal(day)} of {self.month(month)}"
        return spoken if year is None else f"{spoken} {self.year(year)}"
