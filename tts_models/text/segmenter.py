"""Where to cut a row of words into segments: at the best breaks, for the whole row at once."""

from __future__ import annotations

from itertools import accumulate

from tts_models.text.g2p.words import OPENING, Break, Word
from tts_models.text.vocabulary import PUNCTUATION, has_sound

MIN_TOKENS = 20
"""Kokoro speaks segments shorter than this poorly; they join a neighbour where there is one."""

_SENTENCE_MARKS = frozenset(".!?…")
_CLAUSE_MARKS = frozenset(",;:—)”")

# All in tokens: how many tokens too many a segment may have before such a cut is the lesser evil.
_CUT_COST = {
    Break.PARAGRAPH: -50,
    Break.SENTENCE: 0,
    Break.CLAUSE: 20,
    Break.PHRASE: 60,
    Break.WORD: 120,
    Break.NONE: 1000,
}
_SEGMENT_COST = 15
_TINY_COST = 5
_GROWTH = 3
_MARKS_ROOM = 8  # tokens left free beside a piece of a giant word for the marks around it

_Atom = tuple[list[Word], Break]


def cut_into_segments(
    words: list[Word], first_tokens: int, max_tokens: int, played_tokens: int = 0
) -> list[list[Word]]:
    """Cuts ``words`` into segments of at most ``max_tokens`` tokens, each with a sound in it.

    A segment is preferably two thirds of ``max_tokens`` long (quality falls towards either end of the model's range),
    and the first no longer than ``first_tokens``; each next one may be three times what was played before it, so that
    playing covers making it where speech is made at least that much faster than it is spoken. Cuts fall after
    paragraphs and sentences, else clauses, else phrases, else words. The cheapest row of cuts is found by dynamic
    programming, so there are no leftovers.

    Args:
        words: The words and marks of a stretch of speech; at least one has a sound.
        first_tokens: Preferred length of the first segment, tokens.
        max_tokens: Most tokens in a segment.
        played_tokens: Tokens of the utterance before ``words``; 0 at its start.
    """
    preferred = max(first_tokens, max_tokens * 2 // 3)
    atoms = _atoms(words, first_tokens, max_tokens)
    starts = [0, *accumulate(_size(atom) for atom, _ in atoms)]
    best: list[tuple[float, int]] = [(0.0, 0)]  # for each number of atoms: the cost, and where the last segment begins
    for stop in range(1, len(atoms) + 1):
        cut_cost = _CUT_COST[atoms[stop - 1][1]] if stop < len(atoms) else 0
        candidates = []
        for begin in range(stop - 1, -1, -1):
            tokens = starts[stop] - starts[begin]
            if tokens > max_tokens and begin < stop - 1:
                break
            target = min(preferred, max(first_tokens, _GROWTH * (played_tokens + starts[begin])))
            cost: float = _SEGMENT_COST + cut_cost + max(0, tokens - target) + max(0, MIN_TOKENS - tokens) * _TINY_COST
            cost += tokens * tokens / (10 * preferred)  # halves rather than a long piece and a short one
            candidates.append((best[begin][0] + cost, begin))
        best.append(min(candidates))
    segments: list[list[Word]] = []
    stop = len(atoms)
    while stop:
        begin = best[stop][1]
        segments.append([word for atom, _ in atoms[begin:stop] for word in atom])
        stop = begin
    return segments[::-1]


def _size(words: list[Word]) -> int:
    return sum(len(word.symbols) + word.space for word in words)


def _atoms(words: list[Word], first_tokens: int, max_tokens: int) -> list[_Atom]:
    """Groups words between which a cut is worth considering: clauses, or the words of a long clause."""
    atoms: list[_Atom] = []
    for clause, strength in _grouped(words, Break.CLAUSE):
        if _size(clause) <= first_tokens:
            atoms.append((clause, strength))
            continue
        inner: list[_Atom] = []
        for group, inner_strength in _grouped(clause, Break.WORD):
            if _size(group) <= max_tokens:
                inner.append((group, inner_strength))
            else:
                pieces = [piece for word in group for piece in _split_giant(word, max_tokens - _MARKS_ROOM)]
                inner.extend(([piece], Break.NONE) for piece in pieces)
        atoms.extend([*inner[:-1], (inner[-1][0], strength)])
    return _joined_silence(atoms)


def _grouped(words: list[Word], at_least: Break) -> list[_Atom]:
    groups: list[_Atom] = []
    group: list[Word] = []
    marks: set[str] = set()
    opens = bool(words) and _opens(words[0], None)
    for index, word in enumerate(words):
        group.append(word)
        if has_sound(word.symbols):
            marks = set(word.symbols[-1:]) & PUNCTUATION
        elif opens:
            marks = set()
        else:
            marks |= set(word.symbols)
        following = words[index + 1] if index + 1 < len(words) else None
        next_opens = following is not None and _opens(following, word)
        strength = Break.NONE if opens else _strength(marks, word, following, next_opens)
        opens = next_opens
        if strength >= at_least:
            groups.append((group, strength))
            group = []
    return [*groups, (group, Break.NONE)] if group else groups


def _opens(mark: Word, before: Word | None) -> bool:
    """Whether a mark belongs to the word behind it."""
    spaced = before is None or before.space
    return mark.symbols in OPENING or (mark.symbols == '"' and spaced and not mark.space)


def _strength(marks: set[str], word: Word, following: Word | None, next_opens: bool) -> Break:
    """How good a cut after ``word`` is, which ends in ``marks``."""
    if following is not None and not next_opens and not has_sound(following.symbols):
        return Break.NONE
    if word.ends > Break.PHRASE:
        return word.ends
    if marks & _SENTENCE_MARKS:
        return Break.SENTENCE
    if marks & _CLAUSE_MARKS:
        return Break.CLAUSE
    return max(word.ends, Break.WORD if word.space else Break.NONE)


def _split_giant(word: Word, max_tokens: int) -> list[Word]:
    """Cuts a word of more than ``max_tokens`` tokens into equal pieces, its text in proportion."""
    count = -(-(len(word.symbols) + 1) // max_tokens)
    if count == 1:
        return [word]
    pieces = []
    for i in range(count):
        symbols = word.symbols[i * len(word.symbols) // count : (i + 1) * len(word.symbols) // count]
        start, end = (word.start + k * (word.end - word.start) // count for k in (i, i + 1))
        last = i == count - 1
        pieces.append(Word(start, end, symbols, word.space and last, word.ends if last else Break.NONE))
    return pieces


def _joined_silence(atoms: list[_Atom]) -> list[_Atom]:
    """Atoms that hold nothing but marks go with the one before, or after: no segment is to be silent."""
    joined: list[_Atom] = []
    for atom, strength in atoms:
        if joined and not (_sounds(atom) and _sounds(joined[-1][0])):
            joined[-1] = ([*joined[-1][0], *atom], strength)
        else:
            joined.append((atom, strength))
    return joined


def _sounds(words: list[Word]) -> bool:
    return any(has_sound(word.symbols) for word in words)
