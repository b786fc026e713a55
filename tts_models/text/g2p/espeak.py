"""Languages that go through espeak-ng: our five and, for words in foreign scripts, many more."""

from __future__ import annotations

import threading
from typing import Any

from tts_models.text.g2p.words import Word, is_pronounceable, split_punctuation
from tts_models.text.vocabulary import to_vocabulary


class EspeakG2P:
    """espeak-ng through misaki, aligned word by word.

    espeak sees the text in stretches between punctuation, as phonemizer gives it, so the symbols equal the reference
    package's. A stretch whose number of words changes on the way (a clitic, an abbreviation spelt out) is halved until
    written and spoken words correspond.

    Source: ``EspeakG2P`` of ``misaki/espeak.py``. The copy of the C library behind it is not thread safe: one lock each.
    """

    def __init__(self, voice: str) -> None:
        """Loads espeak-ng.

        Args:
            voice: espeak-ng's name of the language, such as ``pt-br``.
        """
        from misaki.espeak import EspeakG2P as MisakiEspeakG2P

        self._g2p: Any = MisakiEspeakG2P(language=voice)
        self._lock = threading.Lock()

    def __call__(self, text: str) -> list[Word]:
        """Phonemes of ``text``, word by word."""
        words: list[Word] = []
        for start, end, mark in split_punctuation(text):
            if mark is not None:
                words.append(Word(start, end, mark, text[end : end + 1].isspace()))
            else:
                words.extend(self._stretch(text, _written_words(text, start, end)))
        return words

    def _stretch(self, text: str, spans: list[tuple[int, int]]) -> list[Word]:
        if not spans:
            return []
        spoken = self._phonemize(" ".join(text[start:end] for start, end in spans))
        if len(spans) == 1:
            spoken = [" ".join(spoken)]
        if len(spoken) != len(spans):
            half = len(spans) // 2
            return self._stretch(text, spans[:half]) + self._stretch(text, spans[half:])
        return [
            Word(start, end, symbols, text[end : end + 1].isspace())
            for (start, end), symbols in zip(spans, spoken, strict=True)
        ]

    def _phonemize(self, text: str) -> list[str]:
        with self._lock:
            symbols, _ = self._g2p(text)
        return [to_vocabulary(word) for word in symbols.split()]


def _written_words(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Spans of the words with something to say in ``text[start:end]``."""
    spans = []
    position = start
    for piece in text[start:end].split():
        at = text.index(piece, position)
        position = at + len(piece)
        if is_pronounceable(piece):
            spans.append((at, position))
    return spans
