"""Which tokens of a segment say which written word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import regex

from tts_models.text.controls import ControlledText
from tts_models.text.g2p.words import Word, has_mark
from tts_models.text.vocabulary import PUNCTUATION, has_sound
from tts_models.types import SpokenWord

_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}ー々]")
_EDGE = "\"'‘’“”„«»‹›()[]{}（）「」『』《》〈〉【】¿¡*_~"
Span = tuple[int, int]
_SILENT = PUNCTUATION | {" "}


def spoken_words(
    words: Sequence[Word], symbols: str, owners: Sequence[int], text: str, before: Span | None
) -> Iterator[SpokenWord]:
    """The written words that a segment says, each with its tokens, their offsets those of ``text``.

    Args:
        words: The segment's words and marks, their offsets those of ``text``.
        symbols: The segment's symbols, one a token.
        owners: For each symbol the index of its word.
        text: The text of the utterance without its controls.
        before: The word that the segment before ends with; what goes on being said of it (a long number) is it again.
    """
    pending: SpokenWord | None = None
    for index, group in groupby(range(len(symbols)), key=owners.__getitem__):
        tokens = list(group)
        heard = [token for token in tokens if symbols[token] not in _SILENT]
        if not has_sound("".join(symbols[token] for token in tokens)):
            continue
        start, end = _trimmed(text, words[index].start, words[index].end)
        if start == end and pending is None and before:
            start, end = before
        word = SpokenWord(start, end, heard[0], heard[-1] + 1)
        if pending and _is_one_word(text, pending, word):
            pending = replace(pending, end=max(pending.end, word.end), end_token=word.end_token)
            continue
        if pending:
            yield pending
        pending = word
    if pending:
        yield pending


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without quotes, brackets and blanks around it, unless there is nothing else."""
    word = text[start:end]
    left = len(word) - len(word.lstrip(_EDGE + " \t\n\r\u3000\xa0"))
    stripped = word.strip(_EDGE + " \t\n\r\u3000\xa0")
    return (start + left, start + left + len(stripped)) if stripped else (start, end)


def _is_one_word(text: str, word: SpokenWord, following: SpokenWord) -> bool:
    """Whether two spoken words are parts of one written word: ``$`` and ``5.20``, ``example`` and ``com``."""
    if following.start < word.end or following.start == following.end:
        return True
    gap = text[word.end : following.start]
    if any(char.isspace() for char in gap) or has_mark(text, word.end, following.start):
        return False
    return not (_UNSPACED.match(text[word.end - 1]) or _UNSPACED.match(text[following.start]))


def as_written(word: SpokenWord, controlled: ControlledText) -> SpokenWord:
    """``word`` with its offsets in what the caller wrote."""
    if word.start == word.end:
        return word
    start, end = controlled.written(word.start, word.end)
    return replace(word, start=start, end=end)
