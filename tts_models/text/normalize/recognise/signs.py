"""Abbreviations, Roman numerals, lone Greek letters and signs."""

from __future__ import annotations

import re
from functools import lru_cache

from tts_models.text.normalize.characters import is_silent, superscript_value
from tts_models.text.normalize.grammar import Grammar
from tts_models.text.normalize.recognise.context import BEGIN, END, LETTER, WORD, Context
from tts_models.text.normalize.recognise.units import CURRENCY_SIGNS

_ROMAN = re.compile(
    rf"{BEGIN}(?=[IVXLC])(C{{0,3}}(?:X[LC]|L?X{{0,3}})(?:IX|IV|V?I{{0,3}}))(er|re|ère|i?ème|es?|ᵉ|º|°|ª)?{END}"
)
_ROMAN_VALUE = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_PREVIOUS_WORD = re.compile(rf"({LETTER}+)[.,]?[ \u00a0]$")
GREEK = "[α-ωΑ-Ωϕϑϵµ∆Ω]"
_GREEK = re.compile(rf"(?<![\u0370-\u03ff\u1f00-\u1fff]){GREEK}(?![\u0370-\u03ff\u1f00-\u1fff])")
_ARROW = re.compile(r"<?[-=]{1,3}>|<[-=]{1,3}(?!\d)")
GLUED = rf"(?!{LETTER})"
_SUPERSCRIPT = re.compile(r"[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,6}|\^[-−]?\d{1,6}")


@lru_cache
def _abbreviation_pattern(grammar: Grammar) -> re.Pattern[str]:
    keys = sorted((re.escape(key) for key in {**grammar.abbreviations, **grammar.number_abbreviations}), key=len)
    return re.compile(rf"{BEGIN}(?:{'|'.join(reversed(keys)) or chr(0)})(?:(?<=[.°º]){GLUED}|{END})")


def abbreviation(ctx: Context, i: int) -> tuple[int, str] | None:
    """``Dr.``, ``etc.``, ``No. 5``. The point stays where it also ends the sentence."""
    text, grammar = ctx.text, ctx.grammar
    match = _abbreviation_pattern(grammar).match(text, i)
    if not match:
        return None
    written, end = match[0], match.end()
    rest = text[end : end + 8]
    if written in grammar.number_abbreviations and re.match(r"[ \u00a0]?\d", rest):
        return end, grammar.number_abbreviations[written]
    if written not in grammar.abbreviations:
        return None
    closes = re.match(r"\s*$|\s*\n", rest) or (
        (written[0].islower() or written in grammar.closing_abbreviations) and re.match(r" +[A-ZÀ-Þ¿¡]", rest)
    )
    if closes and written.endswith("."):
        end -= 1
    spoken = grammar.abbreviation(written, ctx.before(i), rest)
    return (end, spoken) if spoken else None


def roman_numeral(ctx: Context, i: int) -> tuple[int, str] | None:
    """``Louis XIV``, ``Chapter IV``, ``siglo XXI``: Roman numerals after a word that calls for one."""
    match = _ROMAN.match(ctx.text, i)
    if not match or not match[1]:
        return None
    value, end, suffix = _roman_value(match[1]), match.end(), match[2]
    previous = _PREVIOUS_WORD.search(ctx.before(i))
    if suffix:
        if suffix.isalpha() and (not set(match[1]) <= set("IVX") or (suffix == "es" and len(match[1]) < 2)):
            return None  # Les, Ces
        written = ctx.grammar.roman_suffixes.get(suffix)
        return (end, ctx.grammar.ordinal(value, written)) if written else None
    before, following = previous[1] if previous else "", ctx.text[end : end + 24]
    spoken = ctx.grammar.roman_before(match[1], value, before, following)
    spoken = spoken or ctx.grammar.roman(match[1], value, before, following)
    return (end, spoken) if spoken else None


def _roman_value(numeral: str) -> int:
    total = 0
    for here, following in zip(numeral, numeral[1:] + " ", strict=True):
        value = _ROMAN_VALUE[here]
        total += -value if _ROMAN_VALUE.get(following, 0) > value else value
    return total


def greek_letter(ctx: Context, i: int) -> tuple[int, str] | None:
    """A Greek letter alone, by its name."""
    match = _GREEK.match(ctx.text, i)
    if not match:
        return None
    letter = {"ϕ": "φ", "ϑ": "θ", "ϵ": "ε", "µ": "μ", "∆": "δ"}.get(match[0], match[0].lower())
    name = ctx.grammar.greek.get(letter)
    return (match.end(), name) if name else None


def arrow(ctx: Context, i: int) -> tuple[int, str] | None:
    """``->`` and ``<=>``, as silent as the arrows they stand for."""
    match = _ARROW.match(ctx.text, i)
    return (match.end(), "") if match else None


def exponent(ctx: Context, i: int) -> tuple[int, str] | None:
    """``x²``, ``x^2``; after a word, superscript digits are the number of a footnote."""
    match = _SUPERSCRIPT.match(ctx.text, i)
    if not match:
        return None
    before = ctx.before(i, 3)
    value = int(superscript_value(match[0].lstrip("^")).replace("−", "-"))
    if match[0][0] == "^" and not re.search(r"[\w)\]]$", before):
        return None
    if match[0][0] == "^" or re.search(rf"(?<!{LETTER}){LETTER}{{1,2}}$|[)\]]$", before):
        return match.end(), ctx.grammar.power(value)
    return match.end(), ctx.grammar.cardinal(abs(value))


def sign(ctx: Context, i: int) -> tuple[int, str] | None:
    """A sign that stands for a word, by its name; one that stands for nothing, silently."""
    text, grammar, char = ctx.text, ctx.grammar, ctx.text[i]
    if char in grammar.symbols:
        name = grammar.symbols[char]
        left = text[i - 1] if i else " "
        right = text[i + 1] if i + 1 < len(text) else " "
        if char == "#" and right.isdecimal():
            return i + 1, grammar.number_sign
        if char == "~":
            return i + 1, name if right.isdecimal() else ""
        if char == "*":
            operator = re.match(r" ?\d", text[i + 1 : i + 3]) and re.search(r"[\d)] ?$", text[max(0, i - 2) : i])
            return i + 1, name if operator else ""
        if char in "#^<>\\=" and not (re.match(WORD, left) or re.match(rf" ?{WORD}|[-−(]", text[i + 1 : i + 3])):
            return i + 1, ""
        if char in "#" and not re.match(rf"{WORD}", right) and not re.match(WORD, left):
            return i + 1, ""
        if char == "#" and re.search(r"(?:^|[\W_])[A-G]$", ctx.before(i, 2)):
            return i + 1, grammar.sharp
        if char in "<>=/\\&%@" and (left == char or right == char):
            return i + 1, ""
        return i + 1, name
    return (i + 1, "") if is_silent(char) else None


def currency_sign(ctx: Context, i: int) -> tuple[int, str] | None:
    """A currency sign without an amount."""
    code = CURRENCY_SIGNS.get(ctx.text[i])
    if not code:
        return None
    code = {"$": ctx.grammar.dollar_code, "¥": ctx.grammar.yen_code}.get(ctx.text[i], code)
    return i + 1, ctx.grammar.coin(code).many
