"""Which entries are found where in a text.

::

    text --fold--> "i like voicegraph 2"      every place a word may begin: two characters -> lengths to try
                          |                   folded[begin : begin + length] in the index?
                          v
                   candidates --boundaries, case, language--> by rank, those that overlap a better one left out

What an entry costs is a place in a hash table, whatever number of them there is; the time a text takes grows with its
length and the number of different lengths that entries with the same first two characters have.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter, itemgetter

import regex

from tts_models.text.dictionary.entry import Alphabet, Entry

MAX_AT_A_PLACE = 8
"""Entries that are looked at where a word begins, the longest; a bound for dictionaries made to be slow."""

_HEAD = 2
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]"
_SPACED = regex.compile(rf"[[\p{{L}}\p{{N}}\p{{M}}]--{_UNSPACED}]", regex.VERSION1)
_KATAKANA = regex.compile(r"[\p{Katakana}ーｰﾞﾟ]")


@dataclass(frozen=True, slots=True)
class Match:
    """An entry at its place in a text."""

    start: int
    end: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class _Ranked:
    rank: tuple[int, int]
    entry: Entry


class EntryIndex:
    """Entries compiled for lookup; never changes, and may be used by several threads at once.

    Args:
        entries: Checked entries; of two with the same surface the later one is taken.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries: dict[str, list[_Ranked]] = defaultdict(list)
        lengths: dict[str, set[int]] = defaultdict(set)
        for number, entry in enumerate(entries):
            folded, _ = fold(entry.surface)
            if folded:
                self._entries[folded].append(_Ranked((-entry.priority, -number), entry))
                lengths[folded[:_HEAD]].add(len(folded))
        for ranked in self._entries.values():
            ranked.sort(key=lambda one: one.rank)
        self._lengths = {head: tuple(sorted(known, reverse=True)) for head, known in lengths.items()}

    def __bool__(self) -> bool:
        return bool(self._entries)

    def candidates(
        self, text: str, language: str, start: int, end: int
    ) -> Iterator[tuple[tuple[int, int, int, int], Match]]:
        """What may be applied in ``text[start:end]``, each with its rank: the lower, the better."""
        folded, origins = fold(text[start:end])
        for begin in range(len(folded)):
            if begin and origins[begin] == origins[begin - 1]:
                continue  # inside of what one character was folded to
            found = 0
            for length in self._lengths_at(folded, begin):
                stop = begin + length
                ranked = self._entries.get(folded[begin:stop])
                if ranked is None or stop > len(folded) or origins[stop] == origins[stop - 1]:
                    continue
                first, last = start + origins[begin], start + origins[stop]
                fitting = next((one for one in ranked if _fits(one.entry, text, first, last, language)), None)
                if fitting is not None:
                    priority, number = fitting.rank
                    yield (priority, -length, first, number), Match(first, last, fitting.entry)
                    found += 1
                    if found == MAX_AT_A_PLACE:
                        break

    def _lengths_at(self, folded: str, begin: int) -> Sequence[int]:
        """Lengths of surfaces that may begin there, the longest first."""
        head = folded[begin : begin + _HEAD]
        lengths = self._lengths.get(head, ())
        return [*lengths, *self._lengths.get(head[0], ())] if len(head) == _HEAD else lengths


class Dictionary:
    """What is applied to a text: entries of one or more tiers.

    Where entries overlap, the one of the earlier tier is taken, then the one of higher priority, then the longer one,
    then the one that begins first.

    Args:
        tiers: Those of the first win over those of the next.
    """

    def __init__(self, *tiers: EntryIndex | Iterable[Entry]) -> None:
        self._tiers = [tier if isinstance(tier, EntryIndex) else EntryIndex(tier) for tier in tiers]

    def __bool__(self) -> bool:
        return any(self._tiers)

    def matches(self, text: str, language: str, start: int = 0, end: int | None = None) -> list[Match]:
        """The entries to apply in ``text[start:end]``, in order, no two of them overlapping.

        Args:
            text: As it was written. What stands around the stretch decides whether a word begins or ends there.
            language: Tag of one of our languages.
            start: Offset of the first character to look at.
            end: Offset after the last; the end of the text if not given.
        """
        end = len(text) if end is None else end
        result: list[Match] = []
        for tier in self._tiers:
            for _, match in sorted(tier.candidates(text, language, start, end), key=itemgetter(0)):
                place = bisect_left(result, match.start, key=attrgetter("start"))
                if (place == 0 or result[place - 1].end <= match.start) and (
                    place == len(result) or match.end <= result[place].start
                ):
                    result.insert(place, match)
        return result

    def respelt(self, text: str, language: str) -> str:
        """``text`` with other text and katakana in the place of the words that are read as them."""
        for match in reversed(self.matches(text, language)):
            if match.entry.alphabet is not Alphabet.IPA:
                text = text[: match.start] + match.entry.pronunciation + text[match.end :]
        return text


def _fits(entry: Entry, text: str, start: int, end: int, language: str) -> bool:
    if not entry.applies_to(language):
        return False
    after = text[end : end + 1]
    if after and unicodedata.category(after)[0] == "M":
        return False  # the last letter goes on: e is not é
    if entry.case_sensitive and _exact(text[start:end]) != _exact(entry.surface):
        return False
    return not entry.whole_word or not (_goes_on(text, start) or _goes_on(text, end))


def _goes_on(text: str, offset: int) -> bool:
    """Whether a word goes on across ``offset``, as far as the script shows it."""
    if not 0 < offset < len(text):
        return False
    before, after = text[offset - 1], text[offset]
    return any(script.match(before) and script.match(after) for script in (_SPACED, _KATAKANA))


def _exact(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKD", text).split())


def fold(text: str) -> tuple[str, Sequence[int]]:
    """``text`` without differences of case, width, composition and kind of space; and where each character came from.

    Returns:
        The folded text, and for each of its characters and for its end the offset in ``text``.
    """
    if text.isascii():
        folded = text.lower()
        return ("".join(" " if char.isspace() else char for char in folded), range(len(text) + 1))
    parts: list[str] = []
    origins: list[int] = []
    for offset, char in enumerate(text):
        part = _folded(char)
        parts.append(part)
        origins.extend([offset] * len(part))
    origins.append(len(text))
    return "".join(parts), origins


@lru_cache(maxsize=65_536)
def _folded(char: str) -> str:
    if char.isspace():
        return " "
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
