"""A number as it is written: read from text under a language's separators, kept as digits so that nothing rounds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_SPACES = "\u00a0\u202f\u2009\u2007"
"""Spaces that do not break a line: between digits they group thousands in every language."""
MAX_CARDINAL_DIGITS = 15
"""Longer integers are read digit by digit."""
MAX_UNGROUPED_DIGITS = 9
"""An integer longer than this without separators is an identifier, and is read digit by digit."""


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal number.

    Attributes:
        integer: Its integer digits, leading zeros kept, never empty.
        fraction: The digits after the decimal separator, ``""`` for none.
        sign: ``""``, ``"-"`` or ``"+"``.
        grouped: Whether it was written with thousands separators.
    """

    integer: str
    fraction: str = ""
    sign: str = ""
    grouped: bool = False

    @property
    def value(self) -> int:
        """The integer part, without sign."""
        return int(self.integer)

    @property
    def is_identifier(self) -> bool:
        """Whether the integer is a string of digits (``007``, a card number) rather than a quantity."""
        leading_zero = len(self.integer) > 1 and self.integer.startswith("0")
        limit = MAX_CARDINAL_DIGITS if self.grouped else MAX_UNGROUPED_DIGITS
        return leading_zero or len(self.integer) > limit

    @property
    def is_one(self) -> bool:
        """Whether a noun after it stands in the singular in every language."""
        return self.integer == "1" and not self.fraction


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How a language writes numbers.

    Attributes:
        decimal: Its decimal separator, ``"."`` or ``","``.
        group: Its thousands separator, the other of the two.
        spaces: Whether plain spaces group thousands too (``10 000``).
        indian: Whether groups of two digits come before the last three (``12,34,567``).
    """

    decimal: str
    group: str
    spaces: bool = False
    indian: bool = False


@lru_cache
def _patterns(style: NumberFormat) -> tuple[re.Pattern[str], ...]:
    """The ways of writing a number, most specific first."""
    decimal, group = re.escape(style.decimal), re.escape(style.group)
    separators = f"{group}'’{_SPACES}" + (" " if style.spaces else "")
    end = r"(?!\d)"
    fraction = rf"(?:{decimal}(?P<fraction>\d{{1,300}}){end})?"
    patterns = [rf"(?P<integer>\d{{1,3}}(?P<sep>[{separators}])\d{{3}}(?:(?P=sep)\d{{3}}){{0,20}}){end}{fraction}"]
    if style.indian:
        patterns.append(rf"(?P<integer>\d{{1,2}}(?:,\d\d){{1,6}},\d{{3}}){end}{fraction}")
    # The other convention, where it cannot mean anything else: 1,234.56 and 1,234,567 in a language of decimal commas.
    patterns.append(
        rf"(?P<integer>\d{{1,3}}(?:{decimal}\d{{3}}){{1,20}}){group}(?P<fraction>\d{{1,300}}){end}(?![.,]\d)"
    )
    patterns.append(rf"(?P<integer>\d{{1,3}}(?:{decimal}\d{{3}}){{2,20}}){end}(?P<fraction>)")
    patterns.append(rf"(?P<integer>\d+){fraction}")
    if style.decimal == ",":
        patterns.insert(-1, rf"(?P<integer>\d{{1,15}})\.(?P<fraction>\d{{1,300}}){end}(?!\.\d)")
    return tuple(re.compile(p) for p in patterns)


def scan_number(text: str, start: int, style: NumberFormat) -> tuple[int, Number] | None:
    """The longest number written at ``text[start:]``, unsigned, and where it ends."""
    for pattern in _patterns(style):
        match = pattern.match(text, start)
        if match:
            digits = re.sub(r"\D", "", match["integer"])
            return match.end(), Number(digits, match["fraction"] or "", grouped=digits != match["integer"])
    return None
