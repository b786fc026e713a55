"""Requests that come: at random, of texts of about a length."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

_SPREAD = 0.5
"""Of the logarithm of the lengths of texts."""


def poisson(
    rate_per_s: float | Callable[[float], float], characters: int, until_s: float, seed: int = 0
) -> Iterator[tuple[float, int]]:
    """Requests of callers who do not know of one another.

    Args:
        rate_per_s: How many a second; a function of time for a rate that changes.
        characters: Of their texts in the mean; half of them have between 0.63 and 1.24 times as many.
        until_s: When no more come.
        seed: Equal seeds give equal requests.

    Yields:
        When, seconds, and how many characters.
    """
    dice = random.Random(seed)
    rate = rate_per_s if callable(rate_per_s) else lambda _: rate_per_s
    at_s = 0.0
    while at_s < until_s:
        now_per_s = rate(at_s)
        if now_per_s <= 0:
            at_s += 0.1
            continue
        wait_s = dice.expovariate(now_per_s)
        if callable(rate_per_s) and wait_s > 1:  # the rate may have changed by then
            at_s += 1
            continue
        at_s += wait_s
        if at_s < until_s:
            yield at_s, max(1, round(characters * math.exp(dice.gauss(-(_SPREAD**2) / 2, _SPREAD))))
