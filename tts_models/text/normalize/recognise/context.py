"""What every recogniser is given and returns, and the pieces of pattern they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tts_models.text.normalize.grammar import Grammar

_NO_SPACES = "\u2e80-\u2fdf\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
LETTER = rf"[^\W\d_{_NO_SPACES}]"
"""A letter of a script that puts spaces between words, so that 10km is a measure in 10kmの道 but not in 10kms."""
WORD = rf"[^\W_{_NO_SPACES}]"
"""Such a letter, or a digit."""
BEGIN = rf"(?<!{WORD})"
END = rf"(?!{WORD})"
GAP = "[ \u00a0\u202f\u2009]?"
"""At most one space, breaking or not."""


@dataclass(slots=True)
class Context:
    """Where the scanner stands.

    Attributes:
        text: The folded text.
        grammar: The language.
        last_end: Where the previous reading ended, -1 before the first.
    """

    text: str
    grammar: Grammar
    last_end: int = -1

    def before(self, index: int, length: int = 24) -> str:
        """The text just before ``index``."""
        return self.text[max(0, index - length) : index]


@dataclass(frozen=True, slots=True)
class Reading:
    """A stretch of text that is read otherwise than it is spelt.

    Attributes:
        start: Where it starts in the folded text.
        end: Where it ends.
        words: What is said; ``""`` for silent characters.
    """

    start: int
    end: int
    words: str


Recogniser = Callable[[Context, int], "tuple[int, str] | None"]
"""Given the context and an index: the end of what it recognised there and the words for it, or ``None``.

Every pattern is anchored at the index and bounded in length or free of nested repetition, so a text is read in time
proportional to its length.
"""
