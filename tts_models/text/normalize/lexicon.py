"""Compact tables of words, and how they are read."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Coin:
    """The everyday names of a currency: ``one``/``many`` of the unit and of its hundredth (``""`` if it has none)."""

    one: str
    many: str
    cent: str = ""
    cents: str = ""


def coins(table: str) -> dict[str, Coin]:
    """Read lines of ``CODE one, many, cent, cents``."""
    rows = (line.strip().split(" ", 1) for line in table.strip().splitlines())
    return {code: Coin(*(name.strip() for name in names.split(","))) for code, names in rows}


def words(table: str) -> dict[str, str]:
    """Read lines (or ``;``-separated entries) of ``KEY word word``; ``_`` in a longer key is a space."""
    rows = (entry.strip().split(" ", 1) for entry in re.split(r"[\n;]", table) if entry.strip())
    return {key if len(key) == 1 else key.replace("_", " "): spoken.strip() for key, spoken in rows}


def names(table: str) -> tuple[str, ...]:
    """Read a list of words."""
    return tuple(table.split())


def word_set(table: str) -> frozenset[str]:
    """Read a set of words."""
    return frozenset(table.split())


GREEK = words(
    "α alpha;β beta;γ gamma;δ delta;ε epsilon;ζ zeta;η eta;θ theta;ι iota;κ kappa;λ lambda;μ mu;ν nu;ξ xi;ο omicron;"
    "π pi;ρ rho;σ sigma;ς sigma;τ tau;υ upsilon;φ phi;χ chi;ψ psi;ω omega"
)
