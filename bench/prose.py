"""Texts that benches say again and again."""

from __future__ import annotations

SHORT = "The next train to Cambridge leaves from platform four."
_PARAGRAPH = (
    "It was a bright cold day in April, and the clocks along the harbour were striking thirteen. The captain looked at"
    " the chart, folded it twice, and said that the wind would turn before the evening. Nobody answered. On the quay a"
    " boy was selling newspapers; the headlines spoke of a storm in the north, of prices, and of a singer who had"
    " married for the third time. "
)


def long_text(characters: int) -> str:
    """About so many characters of prose."""
    return (_PARAGRAPH * (characters // len(_PARAGRAPH) + 1))[:characters].rsplit(" ", 1)[0]
