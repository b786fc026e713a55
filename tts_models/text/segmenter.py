"""Where to cut a row of words into segments: at the best breaks, for the whole row at once."""

from __future__ import annotations

from enum import IntEnum

from tts_models.text.g2p.words import Word
from tts_models.text.vocabulary import PUNCTUATION, has_sound

MIN_TOKENS = 20
"""Kokoro speaks segments shorter than this poorly; they join a neighbour where there is one."""

_SENTENCE_MARKS = frozenset(".!?…")
_CLAUSE_MARKS = frozenset(",;:—)”")


class Break(IntEnum):
    """How natural it is to pause after a word."""

    NONE = 0
    WORD = 1
    CLAUSE = 2
    SENTENCE = 3


# Costs in tokens: how many tokens too many a segment may have before such a cut is the lesser evil.
_CUT_COST = {Break.SENTENCE: 0, Break.CLAUSE: 20, Break.WORD: 120, Break.NONE: 1000}
_SEGMENT_COST = 15
_TINY_COST = 5


def cut_into_segments(
    words: list[Word], first_tokens: int, max_tokens: int, played_tokens: int = 0
) -> list[list[Word]]:
    """Cuts ``words`` into segments of at most ``max_tokens`` tokens.

    A segment is preferably two thirds of ``max_tokens`` long (quality falls towards either end of the model's range),
    and the first no longer than ``first_tokens``; each next one may be twice what was played before it, so that
    playing one covers making the next. Cuts fall after sentences, else clauses, else words. The cheapest row of cuts is
    found by dynamic programming, so there are no leftovers: the last segment is no shorter than it must be.

    Args:
        words: The words and marks of a stretch of speech.
        first_tokens: Preferred length of the first segment, tokens.
        max_tokens: Most tokens in a segment.
        played_tokens: Tokens of the utterance before ``words``; 0 at its start.
    """
    preferred = max(first_tokens, max_tokens * 2 // 3)
    atoms = _atoms(words, preferred, max_tokens)
    sizes = [sum(len(w.symbols) + w.space for w in atom) for atom, _ in atoms]
    starts = [0]
    for size in sizes:
        starts.append(starts[-1] + size)
    best: list[tuple[float, int]] = [(0.0, 0)]
    for stop in range(1, len(atoms) + 1):
        cut_cost = _CUT_COST[atoms[stop - 1][1]] if stop < len(atoms) else 0
        candidates = []
        for begin in range(stop - 1, -1, -1):
            tokens = starts[stop] - starts[begin]
            if tokens > max_tokens and begin < stop - 1:
                break
            played = played_tokens + starts[begin]
            target = min(preferred, max(first_tokens, 2 * played))
            cost = _SEGMENT_COST + cut_cost + max(0, tokens - target) + max(0, MIN_TOKENS - tokens) * _TINY_COST
            candidates.append((best[begin][0] + cost + tokens * tokens / (10 * preferred), begin))
        best.append(min(candidates))
    segments: list[list[Word]] = []
    stop = len(atoms)
    while stop:
        begin = best[stop][1]
        segments.append([word for atom, _ in atoms[begin:stop] for word in atom])
        stop = begin
    return segments[::-1]


def _atoms(words: list[Word], preferred: int, max_tokens: int) -> list[tuple[list[Word], Break]]:
    """Groups words between which a cut is worth considering: clauses, or the words of a long clause."""
    atoms: list[tuple[list[Word], Break]] = []
    for clause, strength in _grouped(words, Break.CLAUSE):
        if sum(len(w.symbols) + w.space for w in clause) <= preferred:
            atoms.append((clause, strength))
            continue
        pieces = [w for word in clause for w in _split_giant(word, max_tokens)]
        inner = _grouped(pieces, Break.WORD)
        if max(sum(len(w.symbols) + w.space for w in group) for group, _ in inner) > max_tokens:
            inner = [([word], Break.NONE) for word in pieces]
        atoms.extend([*inner[:-1], (inner[-1][0], strength)])
    return atoms


def _grouped(words: list[Word], at_least: Break) -> list[tuple[list[Word], Break]]:
    groups: list[tuple[list[Word], Break]] = []
    group: list[Word] = []
    marks: set[str] = set()
    for index, word in enumerate(words):
        group.append(word)
        if has_sound(word.symbols):
            marks = set(word.symbols[-1:]) & PUNCTUATION
        else:
            marks |= set(word.symbols)
        following = words[index + 1] if index + 1 < len(words) else None
        strength = _strength(marks, word, following)
        if strength >= at_least:
            groups.append((group, strength))
            group = []
    if group:
        groups.append((group, Break.SENTENCE))
    return groups


def _strength(marks: set[str], word: Word, following: Word | None) -> Break:
    if following is not None and not has_sound(following.symbols) and following.symbols not in ("(", "“", '"'):
        return Break.NONE
    if marks & _SENTENCE_MARKS:
        return Break.SENTENCE
    if marks & _CLAUSE_MARKS:
        return Break.CLAUSE
    return Break.WORD if word.space and word.symbols not in ("(", "“") else Break.NONE


def _split_giant(word: Word, max_tokens: int) -> list[Word]:
    """Cuts one word of more than ``max_tokens`` tokens, its text in proportion."""
    count = -(-(len(word.symbols) + 1) // max_tokens)
    if count == 1:
        return [word]
    pieces = []
    for i in range(count):
        symbols = word.symbols[i * len(word.symbols) // count : (i + 1) * len(word.symbols) // count]
        start = word.start + i * (word.end - word.start) // count
        end = word.start + (i + 1) * (word.end - word.start) // count
        pieces.append(Word(start, end, symbols, word.space and i == count - 1))
    return pieces
