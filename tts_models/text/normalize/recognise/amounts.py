"""Numbers and what they count: money, percentages, measures, fractions, ordinals, ranges, versions."""

from __future__ import annotations

import re
from functools import lru_cache

from tts_models.text.normalize.characters import superscript_value
from tts_models.text.normalize.grammar import Gender, Grammar
from tts_models.text.normalize.number import Number, scan_number
from tts_models.text.normalize.recognise.context import BEGIN, END, GAP, LETTER, WORD, Context
from tts_models.text.normalize.recognise.units import CURRENCY_CODES, CURRENCY_SIGNS, PER_UNITS, UNITS

_SIGN = re.compile(r"[-−+]?")
_SUPERSCRIPT = re.compile(r"[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,6}|\^[-−]?\d{1,6}")
_FRACTION = re.compile(rf"(?:(?P<whole>\d{{1,3}})[ -])?(?P<n>\d{{1,3}}) ?[/⁄] ?(?P<d>\d{{1,4}})(?![/⁄.,]?\d){END}")
_DOTTED = re.compile(r"\d{1,9}(?:\.\d{1,9}){2,10}(?![.\d])")
_HYPHENATED = re.compile(rf"{BEGIN}\d{{1,15}}(?:[-‐‑]\d{{1,15}}){{2,8}}(?:[-‐‑][0-9Xx])?(?![-\d]){END}")
_NEXT_WORD = re.compile(rf"[ \u00a0\u202f]({LETTER}+)(?: ({LETTER}+))?")
_NAME_DIGITS = re.compile(r"\d+(?:\.\d{1,9}){0,9}")
_RATIO = re.compile(rf"{BEGIN}(\d{{1,9}}):(\d{{1,9}})(?!:?\d){END}")
_WORD_BEFORE = re.compile(rf"({LETTER}+) $")
_FEET_INCHES = re.compile(r"(?P<ft>\d{1,3}) ?['’′] ?(?:(?P<in>\d{1,2}) ?(?:\"|”|″|''|′′))")
_RANGE_DASH = re.compile(r"(?: ?[–—~〜～] ?|[-‐‑])(?=[-−]?\d|[€$£¥₹])")


def _alternatives(table: dict[str, str] | frozenset[str]) -> str:
    return "|".join(sorted((re.escape(key) for key in table), key=len, reverse=True))


_PREFIX_CURRENCY = re.compile(
    rf"{BEGIN}(?:(?P<sign>{_alternatives(CURRENCY_SIGNS)})|(?P<code>{_alternatives(CURRENCY_CODES)})){GAP}(?=\d)"
)
_SUFFIX_CURRENCY = re.compile(
    rf"{GAP}(?:(?P<sign>[€£$¥₹₩₽₺₫₪₴₱]|R\$|US\$)|(?P<code>{_alternatives(CURRENCY_CODES)}){END})(?!\d)"
)
_UNIT = re.compile(
    rf"(?P<gap>{GAP})(?P<unit>{_alternatives(UNITS)})(?:/(?P<per>{_alternatives(PER_UNITS)}))?(?![⁰¹²³⁴⁵⁶⁷⁸⁹]){END}"
)
_UNIT_FOLLOWED = re.compile(r"\s*(?:$|[.,;:!?)\n])| d(?:[eio]\b|['’])")
_PER_UNIT = re.compile(rf"/(?P<per>{_alternatives(PER_UNITS)}){END}")


@lru_cache
def _scale_pattern(grammar: Grammar) -> re.Pattern[str]:
    named = _alternatives({key: "" for key in grammar.scales if len(key) > 1 and not key[-1].isupper()} or {"\0": ""})
    short = _alternatives({key: "" for key in grammar.scales if len(key) <= 2} or {"\0": ""})
    end = END if grammar.spaced else ""
    of = rf"(?: {grammar.of}(?= ?[$€£¥₹]))?" if grammar.of else ""
    return re.compile(rf"(?:[ \u00a0\u202f-]?(?P<word>{named})|[ \u00a0\u202f]?(?P<short>{short})){end}{of}")


@lru_cache
def _ordinal_pattern(grammar: Grammar) -> re.Pattern[str]:
    return re.compile(rf"(?:{_alternatives(dict(grammar.ordinal_suffixes))}){END}")


def _signed(ctx: Context, i: int) -> tuple[str, int] | None:
    """The sign at ``i``, if it is one rather than a hyphen, and where the number after it starts."""
    match = _SIGN.match(ctx.text, i)
    sign = match[0] if match else ""
    opens = not i or ctx.text[i - 1].isspace() or ctx.text[i - 1] in "([{\"'“«=:;,~/|（「：、，"
    if sign and not opens and (sign != "−" or ctx.last_end == i):
        return None
    return ("-" if sign == "−" else sign), i + len(sign)


def money(ctx: Context, i: int) -> tuple[int, str] | None:
    """``$5.50``, ``-€3``, ``US$ 1.5 million``, ``USD 20``."""
    signed = _signed(ctx, i)
    match = _PREFIX_CURRENCY.match(ctx.text, signed[1]) if signed else None
    if not match or not signed:
        return None
    scanned = scan_number(ctx.text, match.end(), ctx.grammar.number_format)
    if not scanned:
        return None
    end, number = scanned
    number = Number(number.integer, number.fraction, signed[0], number.grouped)
    code = _code(match, ctx.grammar)
    scale = _scale_pattern(ctx.grammar).match(ctx.text, end)
    if scale and (scale["word"] or scale.start("short") == end):
        word = ctx.grammar.scale_word(scale["word"] or scale["short"], number)
        return scale.end(), ctx.grammar.money(number, code, word)
    suffix = _SUFFIX_CURRENCY.match(ctx.text, end)
    if suffix and suffix["code"]:  # $20 CAD
        return suffix.end(), ctx.grammar.money(number, suffix["code"])
    return _per(ctx, end, ctx.grammar.money(number, code))


def _code(match: re.Match[str], grammar: Grammar) -> str:
    sign = match["sign"]
    if not sign:
        return match["code"]
    return {"$": grammar.dollar_code, "¥": grammar.yen_code}.get(sign, CURRENCY_SIGNS[sign])


def _per(ctx: Context, end: int, spoken: str) -> tuple[int, str]:
    """``/kg`` after a price."""
    match = _PER_UNIT.match(ctx.text, end)
    if not match:
        return end, spoken
    unit = PER_UNITS[match["per"]]
    per = ctx.grammar.unit_patterns(unit, False).replace("{0}", "").strip()
    return (match.end(), ctx.grammar.compound_unit(spoken, per)) if per and "/" not in unit else (end, spoken)


def fraction(ctx: Context, i: int) -> tuple[int, str] | None:
    """``3/4``, ``1 1/2``: a numerator below a denominator people have a name for."""
    match = _FRACTION.match(ctx.text, i)
    if not match or (i and ctx.text[i - 1] in "./⁄"):
        return None
    numerator, denominator = int(match["n"]), int(match["d"])
    if numerator >= denominator and denominator <= 100 and not match["whole"] and ctx.grammar.spaced:
        return match.end(), f"{ctx.grammar.cardinal(numerator)} {ctx.grammar.cardinal(denominator)}"  # 24/7
    small = 2 <= denominator <= 20 or denominator in (25, 30, 32, 50, 60, 64, 100, 1000)
    if not (0 < numerator < denominator and small):
        return None
    if match["whole"]:
        spoken = ctx.grammar.mixed(int(match["whole"]), numerator, denominator)
    else:
        spoken = ctx.grammar.fraction(numerator, denominator)
    unit = _UNIT.match(ctx.text, match.end())
    if unit and not unit["per"] and unit["unit"] not in ctx.grammar.unit_words:
        pattern = ctx.grammar.unit_patterns(UNITS[unit["unit"]], bool(match["whole"]))
        if pattern:
            return unit.end(), pattern.format(spoken)
    return match.end(), spoken


def ratio(ctx: Context, i: int) -> tuple[int, str] | None:
    """``16:9``, where it is no time of day."""
    match = _RATIO.match(ctx.text, i)
    if not match:
        return None
    grammar = ctx.grammar
    ends = (grammar.number(Number(part)) for part in match.groups())
    return match.end(), f"{grammar.space}{grammar.ratio}{grammar.space}".join(ends)


def identifier(ctx: Context, i: int) -> tuple[int, str] | None:
    """``1.2.3`` and IP addresses, part by part; ``978-3-16-148410-0``, digit by digit."""
    grammar = ctx.grammar
    match = _DOTTED.match(ctx.text, i)
    if match:
        scanned = scan_number(ctx.text, i, grammar.number_format)
        if scanned and scanned[0] == match.end():
            return None
        parts = [grammar.number(Number(part)) for part in match[0].split(".")]
        return match.end(), f"{grammar.space}{grammar.version_point}{grammar.space}".join(parts)
    match = _HYPHENATED.match(ctx.text, i)
    if match:
        *groups, last = re.split(r"[-‐‑]", match[0])
        if last.isdecimal():
            return match.end(), grammar.hyphenated([*groups, last])
        return match.end(), f"{grammar.hyphenated(groups)}{grammar.pause}{grammar.letters(last)}"  # ISBN check digit X
    return None


def quantity(ctx: Context, i: int) -> tuple[int, str] | None:
    """A number and what follows it: currency, percent sign, unit, ordinal suffix, exponent or nothing."""
    text, grammar = ctx.text, ctx.grammar
    signed = _signed(ctx, i)
    if not signed or not text[signed[1] : signed[1] + 1].isdecimal():
        return None
    start = signed[1]
    feet = _FEET_INCHES.match(text, start)
    if feet:
        parts = ((feet["ft"], "length-foot"), (feet["in"], "length-inch"))
        return feet.end(), grammar.space.join(grammar.measure(Number(v), unit) for v, unit in parts)
    scanned = scan_number(text, start, grammar.number_format)
    if not scanned:
        return None
    end, number = scanned
    number = Number(number.integer, number.fraction, signed[0], number.grouped)
    if start == i and i and re.match(WORD, text[i - 1]) and ctx.last_end != i:
        return _in_name(ctx, start)
    special = grammar.special_number(text, start, end, number)
    if special:
        return special
    for read in (_money_after, _percent_after, _ordinal_after, _unit_after):
        found = read(ctx, end, number)
        if found:
            return found
    power = _SUPERSCRIPT.match(text, end)
    if power:
        exponent = int(superscript_value(power[0].lstrip("^")).replace("−", "-"))
        return power.end(), f"{grammar.number(number)}{grammar.space}{grammar.power(exponent)}"
    if re.match(LETTER, text[end : end + 1]) and not (number.sign or number.fraction or number.grouped):
        return _in_name(ctx, start)
    return end, grammar.number(number, _counted(ctx, start, end, number))


def _in_name(ctx: Context, start: int) -> tuple[int, str]:
    """Digits beside letters."""
    match = _NAME_DIGITS.match(ctx.text, start)
    assert match, "called at a digit"
    point = f"{ctx.grammar.space}{ctx.grammar.version_point}{ctx.grammar.space}"
    return match.end(), point.join(ctx.grammar.number_in_name(part) for part in match[0].split("."))


def _counted(ctx: Context, start: int, end: int, number: Number) -> Gender | None:
    """Gender of the noun after a plain number, unless the noun before it has the number for a name (*página 21*)."""
    match = _NEXT_WORD.match(ctx.text, end)
    named = _WORD_BEFORE.search(ctx.before(start))
    if not match or (named and named[1].lower() in ctx.grammar.chapter_words):
        return None
    thousands = match[1] == "mil" and match[2] and ctx.grammar.thousands_agree
    return ctx.grammar.counted_gender(number, match[2] if thousands else match[1])


def _money_after(ctx: Context, end: int, number: Number) -> tuple[int, str] | None:
    """``5 €``, ``20 USD``, ``1,5 M€``."""
    scale = _scale_pattern(ctx.grammar).match(ctx.text, end)
    match = _SUFFIX_CURRENCY.match(ctx.text, scale.end() if scale else end)
    if scale and match:
        word = ctx.grammar.scale_word(scale["word"] or scale["short"], number)
        return match.end(), ctx.grammar.money(number, _code(match, ctx.grammar), word)
    match = _SUFFIX_CURRENCY.match(ctx.text, end)
    return _per(ctx, match.end(), ctx.grammar.money(number, _code(match, ctx.grammar))) if match else None


_PERCENT = re.compile(rf"{GAP}(?:(%)|(‰))")


def _percent_after(ctx: Context, end: int, number: Number) -> tuple[int, str] | None:
    match = _PERCENT.match(ctx.text, end)
    if not match:
        return None
    if match[1]:
        return match.end(), ctx.grammar.percent(number)
    return match.end(), f"{ctx.grammar.number(number)}{ctx.grammar.space}{ctx.grammar.symbols['‰']}"


def _unit_after(ctx: Context, end: int, number: Number) -> tuple[int, str] | None:
    match = _UNIT.match(ctx.text, end)
    if not match:
        return None
    if match["gap"] and match["unit"] in ctx.grammar.unit_words and not _UNIT_FOLLOWED.match(ctx.text, match.end()):
        return None
    unit, _, per = UNITS[match["unit"]].partition("/")
    if match["per"]:
        if per or "/" in PER_UNITS[match["per"]]:
            return None
        per = PER_UNITS[match["per"]]
    if not all(ctx.grammar.unit_patterns(u, True) for u in (unit, per) if u):
        return None
    return match.end(), ctx.grammar.measure(number, unit, per)


def _ordinal_after(ctx: Context, end: int, number: Number) -> tuple[int, str] | None:
    if number.fraction or number.sign or not ctx.grammar.ordinal_suffixes:
        return None
    if number.is_identifier or not number.value:
        return None
    match = _ordinal_pattern(ctx.grammar).match(ctx.text, end)
    if not match and ctx.text.startswith("°", end) and ctx.grammar.article_before:
        noun = _NEXT_WORD.match(ctx.text, end + 1)
        article = re.search(rf"{ctx.grammar.article_before} ?$", ctx.before(end - len(number.integer)), re.IGNORECASE)
        if not article and not (noun and noun[1] in ctx.grammar.ordinal_nouns):
            return None
        form = (ctx.grammar.gender_of(noun[1]) if noun else None) or "m"
        return end + 1, ctx.grammar.ordinal_before(number.value, form, noun[1] if noun else "")
    if not match:
        return None
    noun = _NEXT_WORD.match(ctx.text, match.end())
    suffix = ctx.grammar.ordinal_suffixes[match[0]]
    return match.end(), ctx.grammar.ordinal_before(number.value, suffix, noun[1] if noun else "")


def arithmetic_minus(ctx: Context, i: int) -> tuple[int, str] | None:
    """The spaced hyphen of ``10 - 5 = 5``."""
    around = ctx.text[max(0, i - 24) : i + 24]
    spaced = ctx.text[i] == "-" and ctx.last_end == i - 1 and re.match(r" \d", ctx.text[i + 1 : i + 3])
    return (i + 1, ctx.grammar.minus) if spaced and re.search(r" [=+×÷] ", around) else None


def range_dash(ctx: Context, i: int) -> tuple[int, str] | None:
    """The dash of ``10–20``, ``$5-$10``, ``9:00–17:00``, right after a reading and right before another."""
    match = _RANGE_DASH.match(ctx.text, i)
    return (match.end(), ctx.grammar.to) if match and ctx.last_end == i else None
