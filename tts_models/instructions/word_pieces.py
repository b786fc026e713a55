"""Text into the word pieces of BERT's uncased vocabulary.

Source: ``BertTokenizer`` of ``transformers`` (Apache-2.0), for the uncased models: without accents and in lower case,
parted at blanks, punctuation and ideographs, then cut into the longest pieces that the vocabulary has.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

import regex

_UNKNOWN, _START, _END = "[UNK]", "[CLS]", "[SEP]"
_MAX_WORD = 100
# ASCII's symbols count as punctuation there, Unicode's others do not.
_WORD = regex.compile(r"[\p{P}!-/:-@\[-`{-~\p{Han}]|[^\s\p{P}!-/:-@\[-`{-~\p{Han}]+")
_CONTROL = regex.compile(r"(?![\t\n\r])[\p{Cc}\p{Cf}\uFFFD]")


class WordPieces:
    """Cuts text into pieces.

    Args:
        pieces: The vocabulary, in the order of its numbers.
    """

    def __init__(self, pieces: Sequence[str]) -> None:
        self._ids = {piece: index for index, piece in enumerate(pieces)}

    def encode(self, text: str, most: int) -> list[int]:
        """The numbers of the pieces of ``text``, at most ``most``, with those that mark its start and end."""
        ids = [self._ids[piece] for word in _words(text) for piece in self._pieces(word)]
        return [self._ids[_START], *ids[: most - 2], self._ids[_END]]

    def _pieces(self, word: str) -> list[str]:
        if len(word) > _MAX_WORD:
            return [_UNKNOWN]
        pieces = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = ("##" if start else "") + word[start:end]
                if piece in self._ids:
                    break
            else:
                return [_UNKNOWN]
            pieces.append(piece)
            start = end
        return pieces


def _words(text: str) -> Iterator[str]:
    plain = unicodedata.normalize("NFD", _CONTROL.sub("", text).lower())
    plain = "".join(character for character in plain if unicodedata.category(character) != "Mn")
    yield from _WORD.findall(plain)
