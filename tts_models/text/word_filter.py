"""Words that an operator does not want spoken.

::

    rules = {"insults": ("idiot", "dumm*", "バカ"), "our secrets": ("re:project[ -]?x[0-9]+",)}

An entry is a word or a phrase, found however it is written: full-width, in capitals, with spaces, points or invisible
characters between its letters, in hiragana or katakana. It is found as whole words; ``*`` at an end lets it go on
there. Scripts without spaces between words are searched throughout. ``re:`` begins a regular expression over the text
in NFKC, case folded, without invisible characters.

A list is searched for in one pass (Aho-Corasick), whatever its length. An expression that takes longer than a second
counts as found: nobody gets past it by making it slow.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import ahocorasick
import regex

from tts_models.errors import ForbiddenText

_PATTERN = "re:"
_PATTERN_TIMEOUT_S = 1.0
_HIRAGANA = range(0x3041, 0x3097)
_TO_KATAKANA = {code: code + 0x60 for code in _HIRAGANA}
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")

Hook = Callable[[str, str], str | None]
"""Takes a text and its language; the name of the rule that forbids it, or None."""


@dataclass(frozen=True, slots=True)
class _Entry:
    rule: str
    length: int
    open_start: bool
    open_end: bool


class WordFilter:
    """Finds forbidden words.

    Args:
        rules: Entries by the name of their rule, which is what a refusal tells.
        file: More of them: an entry a line, ``[rule]`` before those of a rule, ``#`` before remarks.
        hook: Import path, ``module:function``, of a :data:`Hook` that is asked too.

    Raises:
        ValueError: An entry without a letter or digit, or an expression that is none.
        OSError: The file cannot be read.
        ImportError: There is no such hook.
    """

    def __init__(self, rules: Mapping[str, Sequence[str]], file: Path | None = None, hook: str | None = None) -> None:
        entries = [(rule, entry) for rule, of_rule in rules.items() for entry in of_rule]
        if file is not None:
            entries += _read(file)
        self._words = ahocorasick.Automaton()
        self._patterns: list[tuple[str, Any]] = []
        by_letters: dict[str, list[_Entry]] = {}
        for rule, entry in entries:
            if entry.startswith(_PATTERN):
                self._patterns.append((rule, _compiled(entry.removeprefix(_PATTERN))))
                continue
            letters, _ = _squeezed(entry)
            if not letters:
                raise ValueError(f"the forbidden word {entry!r} of the rule {rule!r} has no letter or digit")
            starts, ends = entry.startswith("*"), entry.endswith("*")
            found = _Entry(
                rule,
                len(letters),
                starts or bool(_UNSPACED.match(letters[0])),
                ends or bool(_UNSPACED.match(letters[-1])),
            )
            by_letters.setdefault(letters, []).append(found)
        for letters, found_entries in by_letters.items():
            self._words.add_word(letters, found_entries)
        self._words.make_automaton()
        self._hook: Hook | None = _imported(hook) if hook else None

    def __bool__(self) -> bool:
        return bool(len(self._words) or self._patterns or self._hook)

    def check(self, text: str, language: str = "") -> None:
        """Passes if nothing forbidden is in ``text``.

        Raises:
            ForbiddenText: Otherwise; it names the rule and not the text.
        """
        if (rule := self._rule(text, language)) is not None:
            raise ForbiddenText(f"The text holds something that this server does not say (rule: {rule}).")

    def _rule(self, text: str, language: str) -> str | None:
        if len(self._words):
            letters, bounds = _squeezed(text)
            for last, entries in self._words.iter(letters):
                for entry in entries:
                    start, end = last - entry.length + 1, last + 1
                    if (entry.open_start or start in bounds) and (entry.open_end or end in bounds):
                        rule: str = entry.rule
                        return rule
        if self._patterns:
            plain = _plain(text)
            for name, pattern in self._patterns:
                try:
                    if pattern.search(plain, timeout=_PATTERN_TIMEOUT_S, concurrent=True):
                        return name
                except TimeoutError:
                    return name
        return self._hook(text, language) if self._hook else None


def _plain(text: str) -> str:
    """NFKC, case folded, hiragana as katakana, without characters that are not seen."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(char for char in folded if unicodedata.category(char) != "Cf").translate(_TO_KATAKANA)


def _squeezed(text: str) -> tuple[str, set[int]]:
    """The letters, digits and marks of ``text``, and the offsets in them where a word may begin or end."""
    letters: list[str] = []
    bounds = {0}
    for char in _plain(text):
        if unicodedata.category(char)[0] in "LMN":
            letters.append(char)
        else:
            bounds.add(len(letters))
    bounds.add(len(letters))
    return "".join(letters), bounds


def _read(file: Path) -> Iterable[tuple[str, str]]:
    rule = file.stem
    for line in file.read_text(encoding="utf-8").splitlines():
        entry = line.strip()
        if entry.startswith("[") and entry.endswith("]"):
            rule = entry[1:-1].strip() or rule
        elif entry and not entry.startswith("#"):
            yield rule, entry


def _compiled(pattern: str) -> Any:
    try:
        return regex.compile(pattern, regex.V1)
    except regex.error as error:
        raise ValueError(f"the pattern {pattern!r} is no regular expression: {error}") from None


def _imported(path: str) -> Hook:
    module, _, name = path.partition(":")
    hook: Hook = getattr(import_module(module), name)
    return hook
