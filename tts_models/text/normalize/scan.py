"""The scanner: one pass from left to right, the first recogniser that knows a place wins, all else is copied."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tts_models.text.normalize.characters import join
from tts_models.text.normalize.grammar import Grammar
from tts_models.text.normalize.recognise import amounts, calendar, phone, signs, web
from tts_models.text.normalize.recognise.context import LETTER, WORD, Context, Reading, Recogniser

_AT_LETTER: tuple[Recogniser, ...] = (
    web.url,
    web.email,
    calendar.named_date,
    amounts.money,
    signs.abbreviation,
    signs.roman_numeral,
    web.path,
    signs.greek_letter,
)
_AT_DIGIT: tuple[Recogniser, ...] = (
    web.url,
    web.email,
    calendar.iso_date,
    calendar.local_date,
    calendar.named_date,
    phone.phone,
    calendar.clock,
    amounts.ratio,
    amounts.fraction,
    amounts.identifier,
    amounts.quantity,
)
_AT_SIGN: tuple[Recogniser, ...] = (
    amounts.range_dash,
    amounts.arithmetic_minus,
    signs.arrow,
    phone.phone,
    amounts.money,
    amounts.quantity,
    web.path,
    web.tag,
    signs.exponent,
    signs.currency_sign,
    signs.sign,
)
_AT_OTHER: tuple[Recogniser, ...] = (amounts.money, signs.greek_letter, signs.currency_sign, signs.sign)
_PLACE = re.compile(
    rf"(?P<digit>\d)|(?P<letter>(?<!{WORD}){LETTER}|{signs.GREEK})|"
    r"(?P<sign>[-‐‑−–—~〜～+(/@#^<=⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻])|(?P<other>[^\w\s]|_)"
)
"""Where a recogniser may start: a digit, the first letter of a word, a sign that may begin something longer, or "
"another."""
_RECOGNISERS = {"digit": _AT_DIGIT, "letter": _AT_LETTER, "sign": _AT_SIGN, "other": _AT_OTHER}


def readings(text: str, grammar: Grammar) -> Iterator[Reading]:
    """What is to be said otherwise than it is spelt, in order, without overlap; ``text`` is folded."""
    ctx = Context(text, grammar)
    position = 0
    while match := _PLACE.search(text, position):
        start = match.start()
        position = start + 1
        for recognise in _RECOGNISERS[str(match.lastgroup)]:
            found = recognise(ctx, start)
            if found and found[0] > start:
                ctx.last_end = position = found[0]
                yield Reading(start, *found)
                break


def rewrite(text: str, grammar: Grammar) -> str:
    """``text`` with every reading in place, set apart from its neighbours by a space where words would run together."""
    out: list[str] = []
    last = ""

    def add(piece: str, apart: bool) -> None:
        nonlocal last
        if piece:
            if apart:
                out.append(join(last, piece))
            out.append(piece)
            last = piece

    copied, apart = 0, False
    for reading in readings(text, grammar):
        add(text[copied : reading.start], apart)
        apart = apart and copied == reading.start
        add(reading.words, True)
        copied, apart = reading.end, True
    add(text[copied:], apart)
    return "".join(out)
