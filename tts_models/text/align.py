"""Which part of one text a part of its rewriting came from."""

from __future__ import annotations

import unicodedata
from itertools import groupby

import regex
from rapidfuzz.distance import LCSseq

# Words of alphabetic scripts and numbers whole, everything else (marks, Han, kana) character by character.
_TOKEN = regex.compile(
    r"[\p{L}\p{M}--[\p{Han}\p{Hiragana}\p{Katakana}]]+|\p{Nd}+(?:[.,:]\p{Nd}+)*|\s+|.",
    regex.VERSION1 | regex.DOTALL,
)


def align(source: str, target: str) -> list[int]:
    """For each offset of ``target``, 0 to ``len(target)``, the offset of ``source`` it came from, never decreasing.

    Tokens present in both correspond; what stands between them was rewritten as a block, and all of ``target``'s block
    but its first character maps to the end of ``source``'s, so that a cut can only fall before or after the block.
    Spaces decide nothing: a rewritten part has others than what it was written as.
    """
    if source == target:
        return list(range(len(target) + 1))
    source_tokens, target_tokens = _tokens(source), _tokens(target)
    offsets: list[int] = []
    position = 0  # end of what of the source has been accounted for
    keys = [[key for _, _, key in tokens] for tokens in (source_tokens, target_tokens)]
    steps = LCSseq.opcodes(*keys)
    for is_equal, group in groupby(steps, key=lambda step: step.tag == "equal"):
        steps_here = list(group)
        first, last = steps_here[0], steps_here[-1]
        taken = source_tokens[first.src_start : last.src_end]
        made = target_tokens[first.dest_start : last.dest_end]
        if is_equal:
            pairs = list(zip(taken, made, strict=True))
        else:
            block = (taken[0][0], taken[-1][1], "") if taken else (position, position, "")
            pairs = [(block, (made[0][0], made[-1][1], ""))] if made else []
        for (start, end, _), (target_start, target_end, _) in pairs:
            offsets.extend([position] * (target_start - len(offsets)))
            width = target_end - target_start
            offsets.extend(range(start, end)[:width] if is_equal else [start])
            position = end
            offsets.extend([position] * (target_end - len(offsets)))
    offsets.extend([position] * (len(target) - len(offsets)))
    return [*offsets, len(source)]


def _tokens(text: str) -> list[tuple[int, int, str]]:
    """Start, end and key of each token that is no space."""
    found = ((*match.span(), match.group()) for match in _TOKEN.finditer(text))
    return [
        (start, end, unicodedata.normalize("NFKC", token).casefold())
        for start, end, token in found
        if not token.isspace()
    ]
