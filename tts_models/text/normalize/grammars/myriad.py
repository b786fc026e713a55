"""Numerals of Chinese characters, counted in myriads: what Japanese and Chinese share."""

from __future__ import annotations

DIGITS = "〇一二三四五六七八九"
_MYRIADS = ("", "万", "亿", "兆")
_SMALL = ("", "十", "百", "千")


def japanese(value: int) -> str:
    """``12345678`` -> ``千二百三十四万五千六百七十八``; 一 left out before 十百千 but not in 一千万."""
    if value == 0:
        return "零"
    parts = []
    for myriad, group in _groups(value):
        part = ""
        for power, digit in _digits(group):
            one_omitted = digit == 1 and power and not (power == 3 and myriad and group == 1000)
            part += ("" if one_omitted else DIGITS[digit]) + _SMALL[power]
        parts.append(part + ("億" if myriad == 2 else _MYRIADS[myriad]))
    return "".join(parts)


def chinese(value: int) -> str:
    """``10203`` -> ``一万零二百零三``, skipped places said as one 零."""
    if value == 0:
        return "零"
    spoken, gap = "", False
    for myriad, group in _groups(value):
        if spoken and (gap or group < 1000):
            spoken += "零"
        inner, last = "", 4
        for power, digit in _digits(group):
            if inner and last - power > 1:
                inner += "零"
            inner, last = inner + DIGITS[digit] + _SMALL[power], power
        spoken += inner + _MYRIADS[myriad]
        gap = False
    return spoken[1:] if spoken.startswith("一十") else spoken


def _groups(value: int) -> list[tuple[int, int]]:
    """Non-zero groups of four digits as (index of the myriad, group), most significant first."""
    groups = []
    index = 0
    while value:
        value, group = divmod(value, 10_000)
        if group:
            groups.append((index, group))
        index += 1
    return groups[::-1]


def _digits(group: int) -> list[tuple[int, int]]:
    """Non-zero digits of a group as (power of ten, digit), most significant first."""
    return [(power, group // 10**power % 10) for power in (3, 2, 1, 0) if group // 10**power % 10]
