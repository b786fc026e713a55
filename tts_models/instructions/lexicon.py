"""The words of one language that say something about speech."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import regex

from tts_models.instructions.manner import Effect

MORE, LESS = 1.4, 0.5
"""What a word of degree makes of the word behind it."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one language, compiled.

    Attributes:
        clauses: Finds the clauses of a text: what a negation reaches no further than.
        words: Finds the words; a match's last group is ``e`` and the index of its effect.
        effects: What they ask for.
        negated_by: Searched in a clause up to a word: whether that is negated.
        negated_behind: Matched behind a word: likewise.
        more: Searched in a clause up to a word: whether it is strengthened.
        less: Likewise, whether it is weakened.
        characters: For ``str.translate``: how the text is spelt before all that, each character in its place.
    """

    clauses: regex.Pattern[str]
    words: regex.Pattern[str]
    effects: Sequence[Effect]
    negated_by: regex.Pattern[str]
    negated_behind: regex.Pattern[str]
    more: regex.Pattern[str]
    less: regex.Pattern[str]
    characters: Mapping[int, int] = field(default_factory=dict)

    def degree(self, before: str) -> float:
        """How much of a word is meant, by what stands before it in its clause."""
        return LESS if self.less.search(before) else MORE if self.more.search(before) else 1.0


def joined(words: Mapping[Effect, str], more: Mapping[Effect, str]) -> dict[Effect, str]:
    """Two such tables as one: see :func:`compiled`."""
    return {effect: f"{words.get(effect, '')} {more.get(effect, '')}" for effect in {**words, **more}}


def compiled(words: Mapping[Effect, str], *, whole: bool = False) -> tuple[regex.Pattern[str], list[Effect]]:
    """One pattern for all words, the longest first.

    Args:
        words: Patterns by what they ask for, divided by blanks and line breaks; a blank within one is ``_``.
        whole: Whether no letter may stand beside them.
    """
    effects = list(words)
    patterns = [
        (pattern.replace("_", r"[\s-]+"), index)
        for index, effect in enumerate(effects)
        for pattern in words[effect].split()
    ]
    patterns.sort(key=lambda pair: -len(pair[0]))
    alternatives = "|".join(f"(?P<e{number}>{pattern})" for number, (pattern, _) in enumerate(patterns))
    before, behind = (r"(?<![\p{L}\p{N}])", r"(?![\p{L}\p{N}])") if whole else ("", "")
    return (
        regex.compile(f"{before}(?:{alternatives}){behind}", regex.IGNORECASE),
        [effects[index] for _, index in patterns],
    )
