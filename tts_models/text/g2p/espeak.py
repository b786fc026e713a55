"""Languages that go through espeak-ng: our five and, for words in foreign scripts, many more."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import regex

from tts_models.text.g2p.words import Word, is_pronounceable, split_punctuation
from tts_models.text.vocabulary import to_vocabulary

# espeak loses the rest of a word longer than this; a cut does not part a letter from its marks.
_WRITTEN_WORD = regex.compile(r"\S(?:\S{0,58}(?!\p{M}))?\p{M}*")

_ALIGNED_MIN_WORDS = 10


class EspeakG2P:
    """espeak-ng through misaki, aligned word by word.

    espeak sees the text in stretches between punctuation, as phonemizer gives it, so the symbols equal the reference
    package's. Where the number of words changes on the way (``qu'est-ce que``, an abbreviation spelt out), the stretch
    is one word if it is short, else halved; a word that espeak alone is silent for is left to whoever calls.

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
        spoken = self._g2p(" ".join(text[start:end] for start, end in spans))[0].split()
        if len(spoken) != len(spans) and len(spans) > _ALIGNED_MIN_WORDS:
            half = len(spans) // 2
            yield from self._stretch(text, spans[:half])
            yield from self._stretch(text, spans[half:])
            return
        if len(spoken) != len(spans) and len(spans) > 1:
            silent = next(
                (n for n, (start, end) in enumerate(spans) if not self._g2p(text[start:end])[0].strip()), None
            )
            if silent is not None:
                yield from self._stretch(text, spans[:silent])
                yield from self._stretch(text, spans[silent : silent + 1])
                yield from self._stretch(text, spans[silent + 1 :])
                return
        if len(spoken) != len(spans):
            spans, spoken = [(spans[0][0], spans[-1][1])], [" ".join(spoken)]
        for (start, end), symbols in zip(spans, spoken, strict=True):
            yield Word(start, end, to_vocabulary(symbols), text[end : end + 1].isspace())
