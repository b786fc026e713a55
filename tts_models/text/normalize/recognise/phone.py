"""Telephone numbers: found by shape, confirmed by the numbering plans of the ``phonenumbers`` package."""

from __future__ import annotations

import re

import phonenumbers

from tts_models.text.normalize.recognise.context import BEGIN, END, Context

_INTERNATIONAL = re.compile(
    rf"(?<![\w+])(?:\+|00(?=[1-9]\d? ))\d{{1,3}}(?:[ .()\u00a0‐-]{{1,2}}\d{{1,12}}){{0,7}}\)?{END}"
)
_NATIONAL = re.compile(
    rf"{BEGIN}(?:\(\d{{2,5}}\)|\d{{2,5}}(?=[ .‐-]?))(?:[ .\u00a0‐-]{{1,2}}?\d{{2,8}}){{1,5}}(?![.,-]?\d){END}"
    rf"|{BEGIN}\d{{10,11}}(?![.,-]?\d){END}|{BEGIN}\(\d{{2,5}}\) ?\d{{6,9}}{END}"
)
_US_SHORT = re.compile(rf"{BEGIN}\d{{3}}-\d{{4}}(?![-\d]){END}")


def phone(ctx: Context, i: int) -> tuple[int, str] | None:
    """``+44 20 7946 0958``, ``(415) 555-2671``, ``06 12 34 56 78``, in the groups it is written in."""
    text, grammar = ctx.text, ctx.grammar
    match = _INTERNATIONAL.match(text, i)
    if match and _is_number(match[0].replace("00", "+", 1) if match[0].startswith("00") else match[0], None):
        return match.end(), grammar.phone(re.findall(r"\d+", match[0]), international=match[0].startswith("+"))
    match = _NATIONAL.match(text, i)
    if match and _is_number(match[0], grammar.region):
        groups = re.findall(r"\d+", match[0])
        return match.end(), grammar.phone(grammar.phone_groups(groups[0]) if len(groups) == 1 else groups)
    if grammar.region == "US":
        match = _US_SHORT.match(text, i)
        if match:
            return match.end(), grammar.phone(match[0].split("-"))
    return None


def _is_number(text: str, region: str | None) -> bool:
    """Whether the numbering plan has such a number; of a shape that only telephone numbers have, the length will do."""
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return False
    if region is None or parsed.country_code == 1 or text.startswith(("0", "(")):
        return bool(phonenumbers.is_possible_number(parsed))
    return bool(phonenumbers.is_valid_number(parsed))
