"""Inline control: ``[word](/ipa/)`` says how a word sounds, ``[pause:1.5s]`` how long to wait."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from operator import itemgetter

from tts_models.errors import InvalidRequest
from tts_models.text.vocabulary import has_sound, to_vocabulary, unknown_symbols

MAX_PAUSE_S = 10.0
"""Longest single pause, seconds."""
MAX_TOTAL_PAUSE_S = 600.0
"""Longest silence one text may ask for in all, seconds."""

_CONTROL = re.compile(
    r"\[(?P<word>[^\[\]\n]+)\]\(/(?P<ipa>[^()\n]*?)/\)"
    r"|\[pause:\s*(?P<value>[+-]?\d+(?:\.\d+)?|[+-]?\.\d+)\s*(?P<unit>ms|s)\s*\]",
    re.IGNORECASE,
)
_SAME_SYMBOL = str.maketrans({"g": "ɡ"})  # U+0067 for U+0261: one sound, two keys


@dataclass(frozen=True, slots=True)
class ControlledText:
    """A text without its controls, and what they said.

    Attributes:
        text: What the caller wrote, each ``[word](/ipa/)`` reduced to its word and each pause gone.
        pronunciations: ``(start, end, symbols)`` of the words of ``text`` whose symbols were given.
        pauses: ``(offset in text, seconds)``, in order.
        cuts: ``(offset in text, characters of controls before it)``, in order: where the two texts shift.
    """

    text: str
    pronunciations: tuple[tuple[int, int, str], ...]
    pauses: tuple[tuple[int, float], ...]
    cuts: tuple[tuple[int, int], ...] = ()

    def written(self, start: int, end: int) -> tuple[int, int]:
        """Where ``text[start:end]``, at least one character of it, stands in what the caller wrote."""
        first, last = (bisect_right(self.cuts, offset, key=itemgetter(0)) for offset in (start, end - 1))
        return start + (self.cuts[first - 1][1] if first else 0), end + (self.cuts[last - 1][1] if last else 0)


def parse_controls(text: str) -> ControlledText:
    """Takes the controls out of ``text``; any other square brackets are plain text.

    Raises:
        InvalidRequest: A pause out of range, or symbols that are not in the vocabulary.
    """
    parts: list[str] = []
    length = last = 0
    pronunciations, pauses, cuts = [], [], []
    for match in _CONTROL.finditer(text):
        plain = text[last : match.start()]
        parts.append(plain)
        length += len(plain)
        last = match.end()
        if match["value"]:
            pauses.append((length, _pause_s(match)))
        else:
            word = match["word"]
            cuts.append((length, match.start("word") - length))
            pronunciations.append((length, length + len(word), read_ipa(word, match["ipa"])))
            parts.append(word)
            length += len(word)
        cuts.append((length, last - length))
    total_s = sum(seconds for _, seconds in pauses)
    if total_s > MAX_TOTAL_PAUSE_S:
        raise InvalidRequest(
            f"The pauses add up to {total_s:g} s; at most {MAX_TOTAL_PAUSE_S:g} s are allowed.", "input"
        )
    return ControlledText("".join([*parts, text[last:]]), tuple(pronunciations), tuple(pauses), tuple(cuts))


def hide_controls(text: str) -> str:
    """``text``, of the same length, with a null in place of each character of a control but the word it is about."""
    return _CONTROL.sub(_hidden, text)


def _hidden(match: re.Match[str]) -> str:
    before = match.start("word") - match.start() if match["word"] else len(match.group())
    word = match["word"] or ""
    return "\0" * before + word + "\0" * (len(match.group()) - before - len(word))


def _pause_s(match: re.Match[str]) -> float:
    seconds = float(match["value"]) / (1000 if match["unit"].lower() == "ms" else 1)
    if not 0 <= seconds <= MAX_PAUSE_S:
        raise InvalidRequest(f"{match.group()} is out of range: a pause lasts 0 to {MAX_PAUSE_S:g} s.", "input")
    return seconds


def read_ipa(word: str, ipa: str, param: str = "input") -> str:
    """``ipa`` in the model's symbols, as it may be written in brackets behind a word.

    Args:
        word: What it is the pronunciation of; for messages.
        ipa: The model's symbols, with blanks between words.
        param: Which parameter of a request it is in.

    Raises:
        InvalidRequest: It has symbols that are not in the vocabulary, or no sound.
    """
    symbols = " ".join(ipa.translate(_SAME_SYMBOL).split())
    unknown = unknown_symbols(symbols)
    if unknown:
        named = ", ".join(
            f"{symbol!r} (nearest: {near!r})" if (near := to_vocabulary(symbol)) else repr(symbol) for symbol in unknown
        )
        raise InvalidRequest(f"The pronunciation of {word!r} has symbols that the model does not know: {named}.", param)
    if not has_sound(symbols):
        raise InvalidRequest(f"The pronunciation of {word!r} has no sound in it: /{ipa}/.", param)
    return symbols
