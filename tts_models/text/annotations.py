"""What a writer said about stretches and places of a text, carried over to the tokens of a segment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tts_models.text.controls import NamedPlace
from tts_models.text.g2p.words import Word
from tts_models.text.vocabulary import has_sound
from tts_models.types import Bookmark, ProsodyChange


def token_changes(
    changes: Sequence[ProsodyChange], words: Sequence[Word], symbols: str, owners: Sequence[int]
) -> tuple[ProsodyChange, ...]:
    """``changes`` of stretches of the text as changes of a segment's tokens.

    A change is of whole words: of each that has a character in it. One of all the segment's words is of all its
    tokens, the padding at either end included, as the speed of an utterance is.

    Args:
        changes: Their stretches are of the text.
        words: The segment's words and marks, their offsets those of the text.
        symbols: The segment's symbols, one a token.
        owners: For each symbol the index of its word.
    """
    if not changes:
        return ()
    spans = list(_written(words))
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    tokens = [token for token, symbol in enumerate(symbols) if symbol != " "]
    result = []
    for change in changes:
        if change.end <= first or last <= change.start:
            continue
        inside = [
            token for token in tokens if spans[owners[token]][0] < change.end and change.start < spans[owners[token]][1]
        ]
        if not inside:
            continue
        start, end = inside[0] + 1, inside[-1] + 2
        if (inside[0], inside[-1]) == (tokens[0], tokens[-1]):
            start, end = 0, len(symbols) + 2
        result.append(replace(change, start=start, end=end))
    return tuple(result)


def token_bookmarks(
    places: list[NamedPlace], words: Sequence[Word], symbols: str, owners: Sequence[int], *, is_last: bool
) -> tuple[Bookmark, ...]:
    """Takes the named places that lie in a segment out of ``places``.

    A place is where the word behind it begins, or else where the last word before it ends.

    Args:
        places: Of the block, in order, those of earlier segments taken out.
        words: As for :func:`token_changes`.
        symbols: As for :func:`token_changes`.
        owners: As for :func:`token_changes`.
        is_last: Whether the segment is the last of its block.
    """
    if not places:
        return ()
    starts = [start for start, _ in _written(words)]
    sounding = [token for token in range(len(symbols)) if has_sound(words[owners[token]].symbols)]
    found = []
    while places:
        behind = next((token for token in sounding if starts[owners[token]] >= places[0].offset), None)
        if behind is None and not is_last:
            break
        place = places.pop(0)
        bound = sounding[-1] + 2 if behind is None else behind + 1
        found.append(Bookmark(place.name, place.position, bound))
    return tuple(found)


def _written(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Where each word stands in the text; of one that a number or the like goes on in, where that does."""
    span = (0, 0)
    for word in words:
        if word.end > word.start or not span[1]:
            span = word.start, word.end
        yield span
