"""``say-as``: text that its writer calls a date, a time, a row of letters or the like, in words.

Every kind is said by the language's own grammar (:mod:`tts_models.text.normalize`). What does not look like the kind it
is called is nothing this module reads: it is then read as any text, so nothing is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby

import regex

from tts_models.text.controls import Reading
from tts_models.text.g2p.words import is_pronounceable
from tts_models.text.normalize import grammar, normalize
from tts_models.text.normalize.characters import fold, join
from tts_models.text.normalize.grammar import Grammar
from tts_models.text.normalize.number import Number, scan_number

_MAX_ORDINAL = 10**12
_SIGN = regex.compile(r"^([-−+]?)\s*")
_TIME = regex.compile(
    r"(?P<h>\d{1,2})(?:\s*[:.h時时点點]\s*(?:(?P<m>[0-5]?\d)(?:\s*[:.m'′分]\s*(?P<s>[0-5]?\d))?)?[ms秒分\"″]?"
    r"(?:\s*(?P<ap>[ap])\.?m?\.?)?|\s*(?P<ap>[ap])\.?m?\.?)",
    regex.IGNORECASE,
)
_DIGITS_OF_TIME = regex.compile(r"(?P<h>\d\d)(?P<m>[0-5]\d)(?P<s>)(?P<ap>)")


def say_as(text: str, reading: Reading, language: str) -> str | None:
    """The words for ``text``, or None where it is to be read as any other text.

    Args:
        text: As it is written.
        reading: What kind of thing it is, and how it is written.
        language: Tag of one of our languages.
    """
    kind = _KINDS.get(reading.interpret_as.lower())
    written = fold(text).strip()
    return kind(written, reading.format.lower(), grammar(language)) if kind and written else None


def _characters(text: str, form: str, words: Grammar) -> str | None:
    """Every letter, digit and sign by its name; a blank is a pause."""
    return words.pause.join(filter(None, (_spelt(group, words) for group in text.split())))


def _spelt(text: str, words: Grammar) -> str:
    """Letters with the marks that belong to them, digits and signs, one by one."""
    spelt = ""
    for cluster in regex.findall(r"\X", text):
        if name := _name(cluster, words):
            spelt += (words.space or join(spelt, name)) + name if spelt else name
    return spelt


def _name(cluster: str, words: Grammar) -> str:
    if cluster.isdecimal():
        return words.digits(cluster)
    if cluster.lower() in words.letter_names:
        return words.letter_names[cluster.lower()]
    if is_pronounceable(cluster):
        return cluster.upper() if len(cluster.upper()) == len(cluster) else cluster
    plain = "-" if cluster in "‐‑–" else cluster
    return words.web.get(plain) or words.symbols.get(plain) or ""


def _digits(text: str, form: str, words: Grammar) -> str | None:
    """Digits one by one, in the groups they are written in."""
    groups = regex.findall(r"[\d\p{L}]+", text)
    if not any(map(str.isdecimal, text)):
        return None
    return words.pause.join(_spelt(group, words) for group in groups)


def _cardinal(text: str, form: str, words: Grammar) -> str | None:
    """A whole or a decimal number."""
    if form == "ordinal":
        return _ordinal(text, "", words)
    number = _number(text, words)
    if number is None:
        return None
    value = Number(number.integer.lstrip("0") or "0", number.fraction, number.sign, grouped=True)
    return words.number(value)


def _ordinal(text: str, form: str, words: Grammar) -> str | None:
    """A whole number, its suffix or point left out, or a Roman numeral."""
    suffix = regex.search(r"(?<=\d)\s*(\p{L}{1,3}|[.ºª°])$", text)
    number = _number(text[: suffix.start()] if suffix else text, words)
    if number is None or number.fraction or number.sign or not 1 <= number.value < _MAX_ORDINAL:
        return None
    return words.ordinal(number.value, words.ordinal_suffixes.get(suffix[1], "m") if suffix else "m")


def _number(text: str, words: Grammar) -> Number | None:
    sign = _SIGN.match(text)
    start = sign.end() if sign else 0
    found = scan_number(text, start, words.number_format)
    if not found or found[0] != len(text):
        return None
    number = found[1]
    return Number(number.integer, number.fraction, (sign[1] if sign else "").replace("−", "-"), number.grouped)


def _date(text: str, form: str, words: Grammar) -> str | None:
    """A day, a month or a year, its parts in the order that ``form`` says, or else the language's own."""
    order = "".join(letter for letter, _ in groupby(char for char in form if char in "ymd"))
    parts = regex.findall(r"\d+", text)
    if regex.search(r"\p{L}", text) and not regex.search(r"[年月日]", text):
        return None  # a month by its name
    if len(parts) == 1 and len(parts[0]) in (6, 8) and len(order) == 3:
        parts = _cut(parts[0], order)
    if not order:
        order = "ymd" if parts and len(parts[0]) == 4 else words.date_order.lower()
        order = order if len(parts) == 3 else order.replace("y", "") if len(parts) == 2 else ""
    if len(order) != len(parts) or len(set(order)) != len(order) or not order:
        return None
    value = {letter: int(part) for letter, part in zip(order, parts, strict=True)}
    if "y" in order and len(parts[order.index("y")]) == 2:
        value["y"] += 2000 if value["y"] < 50 else 1900
    if not (1 <= value.get("m", 1) <= 12 and 1 <= value.get("d", 1) <= 31 and value.get("y", 1) >= 1):
        return None
    if "m" in value and "d" in value:
        return words.date(value.get("y"), value["m"], value["d"])
    return _part_of_date(value, words)


def _cut(digits: str, order: str) -> list[str]:
    """``20240305`` in its parts: the year has what the month and the day leave."""
    parts: list[str] = []
    for letter in order:
        width = len(digits) - 2 * (len(order) - 1 - len(parts)) if letter == "y" else 2
        parts.append(digits[:width])
        digits = digits[width:]
    return parts


def _part_of_date(value: Mapping[str, int], words: Grammar) -> str:
    """A month, a year, both, or a day."""
    if not words.spaced:
        signs = zip("ymd", "年月日", strict=True)
        return normalize("".join(f"{value[part]}{sign}" for part, sign in signs if part in value), words.tag)
    year = words.year(value["y"]) if "y" in value else ""
    if "m" in value:
        link = "de" if year and words.month_link.startswith("de") else ""
        return " ".join(filter(None, (words.month(value["m"]), link, year)))
    if "d" in value:
        return words.ordinal(value["d"]) if words.tag.startswith("en") else words.cardinal(value["d"])
    return year


def _time(text: str, form: str, words: Grammar) -> str | None:
    """A time of day."""
    match = _TIME.fullmatch(text) or _DIGITS_OF_TIME.fullmatch(text)
    if not match:
        return None
    hour, minute, second = int(match["h"]), int(match["m"] or 0), int(match["s"]) if match["s"] else None
    if hour > words.last_hour or (hour == 24 and minute):
        return None
    meridiem = (match["ap"] or "").lower() if 1 <= hour <= 12 else ""
    return words.clock(hour, minute, second, meridiem)


def _telephone(text: str, form: str, words: Grammar) -> str | None:
    """Digits in the groups they are written in, letters by their names."""
    groups = regex.findall(r"[\d\p{L}]+", text)
    if not any(map(str.isdecimal, text)):
        return None
    if len(groups) == 1 and len(groups[0]) > 5 and groups[0].isdecimal():
        groups = [group for group in words.phone_groups(groups[0]) if group]
    if all(map(str.isdecimal, groups)):
        return words.phone(groups, international=text.startswith("+"))
    return words.pause.join(_spelt(group, words) for group in groups)


_KINDS: dict[str, Callable[[str, str, Grammar], str | None]] = {
    "characters": _characters,
    "spell-out": _characters,
    "verbatim": _characters,
    "digits": _digits,
    "number_digit": _digits,
    "cardinal": _cardinal,
    "number": _cardinal,
    "ordinal": _ordinal,
    "date": _date,
    "time": _time,
    "telephone": _telephone,
}
"""Kinds by the names that the W3C's note on ``say-as`` and the large services use. Any other is read as plain text."""
