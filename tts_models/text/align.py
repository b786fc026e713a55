"""Which part of one text a part of its rewriting came from."""

from __future__ import annotations

import unicodedata
from itertools import accumulate

import regex
from rapidfuzz.distance import Levenshtein

# Words of alphabetic scripts whole, everything else (digits, marks, Han, kana) character by character.
_TOKEN = regex.compile(r"[\p{L}\p{M}--[\p{Han}\p{Hiragana}\p{Katakana}]]+|\s+|.", regex.VERSION1 | regex.DOTALL)


def align(source: str, target: str) -> list[int]:
    """For each offset of ``target``, 0 to ``len(target)``, the offset of ``source`` it came from, never decreasing.

    Tokens present in both correspond; what stands between them was rewritten as a block, and all of ``target``'s block
    but its first character maps to the end of ``source``'s, so that a cut can only fall before or after the block.
    """
    if source == target:
        return list(range(len(target) + 1))
    source_tokens, target_tokens = _TOKEN.findall(source), _TOKEN.findall(target)
    source_starts = [0, *accumulate(map(len, source_tokens))]
    offsets: list[int] = []
    pending: tuple[int, int] | None = None  # first and last source offset of the block being rewritten
    pending_chars = 0

    def flush() -> None:
        nonlocal pending, pending_chars
        if pending and pending_chars:
            offsets.append(pending[0])
            offsets.extend([pending[1]] * (pending_chars - 1))
        pending, pending_chars = None, 0

    keys = [list(map(_key, tokens)) for tokens in (source_tokens, target_tokens)]
    for step in Levenshtein.opcodes(*keys):
        i1, i2, j1, j2 = step.src_start, step.src_end, step.dest_start, step.dest_end
        if step.tag == "equal":
            flush()
            for i, j in zip(range(i1, i2), range(j1, j2), strict=True):
                start, width = source_starts[i], len(source_tokens[i])
                offsets.extend(start + min(k, width) for k in range(len(target_tokens[j])))
        else:
            first = pending[0] if pending else source_starts[i1]
            pending = first, source_starts[i2]
            pending_chars += sum(map(len, target_tokens[j1:j2]))
    flush()
    return [*offsets, len(source)]


def _key(token: str) -> str:
    return unicodedata.normalize("NFKC", token).casefold()
