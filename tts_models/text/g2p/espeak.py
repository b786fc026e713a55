"""Languages that go through espeak-ng: our five and, for words in foreign scripts, many more."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import product
from operator import itemgetter
from typing import Any

import regex
from rapidfuzz.distance import Levenshtein

from tts_models.text.g2p.words import Word, is_pronounceable, split_punctuation
from tts_models.text.vocabulary import to_vocabulary

# espeak loses the rest of a word longer than this; a cut does not part a letter from its marks.
_WRITTEN_WORD = regex.compile(r"\S(?:\S{0,58}(?!\p{M}))?\p{M}*")

_ALIGNED_MIN_WORDS = 10


class EspeakG2P:
    """espeak-ng through misaki, aligned word by word.

    espeak sees the text in stretches between punctuation, as phonemizer gives it, so the symbols equal the reference
    package's. Where the number of words changes on the way (``qu'est-ce que``, an abbreviation spelt out), a long
    stretch is halved, and in a short one the words are matched by what each sounds like alone; a word that espeak alone
    is silent for is left to whoever calls.

    Source: ``EspeakG2P`` of ``misaki/espeak.py``. The copy of the C library behind it is not thread safe: it is locked.
    """

    def __init__(self, voice: str) -> None:
        """Loads espeak-ng.

        Args:
            voice: espeak-ng's name of the language, such as ``pt-br``.
        """
        from misaki.espeak import EspeakG2P as MisakiEspeakG2P

        self._g2p: Any = MisakiEspeakG2P(language=voice)
        self._lock = threading.Lock()

    def __call__(self, texts: Sequence[str]) -> list[list[Word]]:
        """The words of each text."""
        with self._lock:
            return [list(self._words(text)) for text in texts]

    def _words(self, text: str) -> Iterator[Word]:
        for start, end, mark in split_punctuation(text):
            if mark is not None:
                yield Word(start, end, mark, text[end : end + 1].isspace())
                continue
            spans = [match.span() for match in _WRITTEN_WORD.finditer(text, start, end)]
            yield from self._stretch(text, [span for span in spans if is_pronounceable(text[slice(*span)])])

    def _stretch(self, text: str, spans: list[tuple[int, int]]) -> Iterator[Word]:
        if not spans:
            return
        spoken = self._g2p(" ".join(text[start:end] for start, end in spans))[0].split() or [""]
        if len(spoken) != len(spans) and len(spans) > _ALIGNED_MIN_WORDS:
            half = len(spans) // 2
            yield from self._stretch(text, spans[:half])
            yield from self._stretch(text, spans[half:])
            return
        if len(spoken) != len(spans):
            alone = [str(self._g2p(text[start:end])[0]) for start, end in spans]
            silent = next((n for n, said in enumerate(alone) if not said.strip()), None)
            if silent is not None and len(spans) > 1:
                yield from self._stretch(text, spans[:silent])
                yield from self._stretch(text, spans[silent : silent + 1])
                yield from self._stretch(text, spans[silent + 1 :])
                return
            groups = list(match_words(alone, spoken))
            spans = [(spans[written.start][0], spans[written.stop - 1][1]) for written, _ in groups]
            spoken = [" ".join(spoken[heard]) for _, heard in groups]
        for index, ((start, end), symbols) in enumerate(zip(spans, spoken, strict=True)):
            space = index < len(spans) - 1 or text[end : end + 1].isspace()
            yield Word(start, end, to_vocabulary(symbols), space)


def match_words(alone: Sequence[str], spoken: Sequence[str]) -> Iterator[tuple[slice, slice]]:
    """Which spoken words are which written words: one and one, one and several, or several and one.

    Args:
        alone: Phonemes of each written word said by itself; at least one.
        spoken: Phonemes of the spoken words; at least one.

    Yields:
        Slices of both, in order, that leave nothing out; those whose phonemes differ least.
    """
    best: dict[tuple[int, int], tuple[int, list[tuple[slice, slice]]]] = {(0, 0): (0, [])}
    for i, j in product(range(1, len(alone) + 1), range(1, len(spoken) + 1)):
        candidates = []
        for before in (*((k, j - 1) for k in range(i)), *((i - 1, k) for k in range(j - 1))):
            if before in best:
                written, heard = slice(before[0], i), slice(before[1], j)
                said, wanted = ("".join("".join(words).split()) for words in (spoken[heard], alone[written]))
                cost, groups = best[before]
                candidates.append((cost + Levenshtein.distance(said, wanted), [*groups, (written, heard)]))
        if candidates:
            best[i, j] = min(candidates, key=itemgetter(0))
    yield from best[len(alone), len(spoken)][1]
