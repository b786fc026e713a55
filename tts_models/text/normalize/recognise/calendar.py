"""Dates and times of day."""

from __future__ import annotations

import re
from datetime import date as Date
from functools import lru_cache

from tts_models.text.normalize.grammar import Grammar, cldr
from tts_models.text.normalize.recognise.context import BEGIN, END, GAP, Context

_ISO = re.compile(rf"{BEGIN}(?P<y>\d{{4}})(?P<s>[-/.])(?P<m>\d{{1,2}})(?P=s)(?P<d>\d{{1,2}})(?![-/.]?\d)")
_ISO_TIME = re.compile(r"T(\d\d):(\d\d)(?::(\d\d)(?:[.,]\d{1,9})?)?(?P<zone>Z|[+-]\d\d:?\d\d)?" + END)
_LOCAL = re.compile(rf"{BEGIN}(?P<a>\d{{1,2}})(?P<s>[-/.])(?P<b>\d{{1,2}})(?P=s)(?P<y>\d{{4}}|\d\d)(?![-/.]?\d)")
_CLOCK = re.compile(
    rf"{BEGIN}(?P<h>\d{{1,2}}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d)(?:[.,]\d{{1,9}})?)?(?!:?\d)"
    rf"(?P<ap>{GAP}(?:[AaPp]\.[Mm]\.|[AaPp][Mm]{END}))?"
)
_HOUR = re.compile(rf"{BEGIN}(?P<h>\d{{1,2}}){GAP}(?P<ap>[AaPp]\.[Mm]\.|[AaPp][Mm]{END})")
_H_CLOCK = re.compile(rf"{BEGIN}(?P<h>\d{{1,2}}){GAP}[hH]{GAP}(?P<m>[0-5]\d)?(?:{GAP}min|m)?{END}")
_DOT_CLOCK = re.compile(rf"{BEGIN}(?P<h>\d{{1,2}})\.(?P<m>[0-5]\d)(?![.,]?\d){END}")


def _valid(year: int | None, month: int, day: int) -> bool:
    try:
        Date(year or 2000, month, day)
    except ValueError:
        return False
    return True


def _full_year(digits: str) -> int:
    year = int(digits)
    return year if len(digits) == 4 else year + (2000 if year < 50 else 1900)


def iso_date(ctx: Context, i: int) -> tuple[int, str] | None:
    """``2024-03-05``, ``2024/3/5``, ``2024-03-05T15:30:00Z``."""
    match = _ISO.match(ctx.text, i)
    if not match:
        return None
    year, month, day = int(match["y"]), int(match["m"]), int(match["d"])
    if not _valid(year, month, day):
        return None
    spoken, end = ctx.grammar.date(year, month, day), match.end()
    time = _ISO_TIME.match(ctx.text, end)
    if time and int(time[1]) < 24:
        clock = ctx.grammar.clock(int(time[1]), int(time[2]), int(time[3]) if time[3] and int(time[3]) else None)
        spoken, end = f"{spoken}, {clock}", time.end()
        if time["zone"] == "Z":
            spoken += ", " + ctx.grammar.letters("UTC")
        elif time["zone"]:
            end = time.start("zone")
    return end, spoken


def local_date(ctx: Context, i: int) -> tuple[int, str] | None:
    """``3/5/2024`` in the order of the language; the other order where only that is a date."""
    match = _LOCAL.match(ctx.text, i)
    if not match or (match["s"] == "." and len(match["y"]) == 2 and not ctx.grammar.dotted_dates):
        return None
    if match["s"] == "-" and len(match["y"]) == 2:
        return None
    a, b, year = int(match["a"]), int(match["b"]), _full_year(match["y"])
    month, day = (a, b) if ctx.grammar.date_order == "MDY" else (b, a)
    if not _valid(year, month, day):
        month, day = day, month
        if not _valid(year, month, day):
            return None
    return match.end(), ctx.grammar.date(year, month, day)


def clock(ctx: Context, i: int) -> tuple[int, str] | None:
    """``15:30``, ``3:30 PM``, ``3pm``; ``15h30`` and ``15.30`` where the language writes so."""
    text, grammar = ctx.text, ctx.grammar
    match = _CLOCK.match(text, i)
    if match:
        hour, second = int(match["h"]), match["s"]
        if hour > grammar.last_hour or (hour == grammar.last_hour == 24 and int(match["m"])):
            return None
        end, meridiem = match.end(), _meridiem(match["ap"], hour)
        if match["ap"] and not meridiem:
            end = match.start("ap")
        end = grammar.after_clock(text, end)
        spoken = grammar.clock(hour, int(match["m"]), int(second) if second else None, meridiem)
        return _keep_stop(text, end, match["ap"] if meridiem else None, spoken)
    match = _HOUR.match(text, i)
    if match and 1 <= int(match["h"]) <= 12:
        spoken = grammar.clock(int(match["h"]), 0, None, _meridiem(match["ap"], 1))
        return _keep_stop(text, match.end(), match["ap"], spoken)
    if "h" in grammar.clock_separators:
        match = _H_CLOCK.match(text, i)
        if match and int(match["h"]) <= 24 and (match["m"] or re.match(END, text[match.end() : match.end() + 1])):
            return match.end(), grammar.clock(int(match["h"]), int(match["m"] or 0))
    if "." in grammar.clock_separators and grammar.clock_cue(ctx.before(i)):
        match = _DOT_CLOCK.match(text, i)
        if match and int(match["h"]) <= 24:
            return match.end(), grammar.clock(int(match["h"]), int(match["m"]))
    return None


def _meridiem(written: str | None, hour: int) -> str:
    return written.strip(" \u00a0\u202f\u2009")[0].lower() if written and hour <= 12 else ""


def _keep_stop(text: str, end: int, suffix: str | None, spoken: str) -> tuple[int, str]:
    """The last point of ``a.m.`` stays where it also ends the sentence."""
    at_end = suffix and suffix.endswith(".") and re.match(r"\s*(?:$|\n|[ ]+[A-ZÀ-Þ])", text[end : end + 8])
    return (end - 1, spoken) if at_end else (end, spoken)


@lru_cache
def _month_names(grammar: Grammar) -> dict[str, int]:
    """Lower-case month names and abbreviations to their number."""
    names: dict[str, int] = {}
    months = cldr(grammar.locale).months
    for width in ("wide", "abbreviated"):
        for context in ("format", "stand-alone"):
            for number, name in months[context][width].items():
                names.setdefault(str(name).lower().rstrip("."), number)
    if grammar.locale.startswith("en"):
        names["sept"] = names["sep"] = 9
    return {name: number for name, number in names.items() if not name[0].isdecimal()}


@lru_cache
def _named_patterns(grammar: Grammar) -> tuple[re.Pattern[str], re.Pattern[str]]:
    month = "|".join(sorted((re.escape(name) for name in _month_names(grammar)), key=len, reverse=True))
    day = r"(?P<d>\d{1,2})(?:st|nd|rd|th|er|º|°|ª|\.º|\.)?"
    of = rf"(?:{grammar.month_link} )?"
    day_first = rf"{BEGIN}{day}{GAP}{of}(?P<m>{month}){END}\.?(?:(?:,? |{GAP}){of}(?P<y>\d{{4}})(?![.,:]?\d){END})?"
    month_first = rf"{BEGIN}(?P<m>{month})\.? {day}(?![:.,]?\d){END}(?:(?:,|) (?P<y>\d{{4}})(?![.,:]?\d){END})?"
    return re.compile(day_first, re.IGNORECASE), re.compile(month_first, re.IGNORECASE)


def named_date(ctx: Context, i: int) -> tuple[int, str] | None:
    """``5 March 2024``, ``March 5, 2024``, ``5 de marzo de 2024``, ``1er mai``."""
    if not _month_names(ctx.grammar):
        return None
    day_first, month_first = _named_patterns(ctx.grammar)
    match = day_first.match(ctx.text, i)
    if not match and ctx.grammar.month_first:
        match = month_first.match(ctx.text, i)
        if match and not match["m"][0].isupper():
            return None
    if not match:
        return None
    year = int(match["y"]) if match["y"] else None
    month, day = _month_names(ctx.grammar)[match["m"].lower()], int(match["d"])
    if not _valid(year or None, month, day) or year == 0:
        return None
    end = match.end()
    if ctx.text[end - 1] == "." and re.match(r"\s*(?:$|[ ]+[A-ZÀ-Þ])", ctx.text[end : end + 8]):
        end -= 1
    return end, ctx.grammar.named_date(year, month, day, ctx.before(i), day_first=match.re is day_first)
