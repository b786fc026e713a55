"""Sends each stretch of text to the engine of its script and language, and sees to it that nothing stays unsaid."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

import regex
from anyascii import anyascii

from tts_models.text.g2p.words import OPENING, PRONOUNCEABLE, PUNCTUATION_SYMBOLS, Engine, Word, is_pronounceable
from tts_models.text.languages import LANGUAGES
from tts_models.text.vocabulary import has_sound

MAX_MARKS = 3
"""Marks of punctuation in a row that are kept; more say no more."""

_ESPEAK_BY_SCRIPT = {
    "Arabic": "ar", "Armenian": "hy", "Bengali": "bn", "Cyrillic": "ru", "Devanagari": "hi", "Ethiopic": "am",
    "Georgian": "ka", "Greek": "el", "Gujarati": "gu", "Gurmukhi": "pa", "Hangul": "ko", "Hebrew": "he",
    "Kannada": "kn", "Malayalam": "ml", "Oriya": "or", "Sinhala": "si", "Tamil": "ta", "Telugu": "te", "Thai": "th",
}  # fmt: skip
_ESPEAK_BY_LETTER = (("Cyrillic", "іїєґ", "uk"), ("Arabic", "ٹڈڑں", "ur"), ("Arabic", "پچژگ", "fa"))
_NOT_LATIN = ("hi", "ja", "zh")

_KANA = r"[\p{Hiragana}\p{Katakana}ーｰ]"
_RUN = regex.compile(
    # Digits and marks inside a Latin word (GPT-4o, B2B, it's) stay with it.
    r"(?P<Latin>\p{Latin}\p{M}*(?:['’&.\-]?[\p{Latin}\p{Nd}\p{M}])*)"
    rf"|(?P<Kana>{_KANA}(?:{_KANA}|\p{{M}})*)|(?P<Han>\p{{Han}}+)|"
    + "|".join(rf"(?P<{script}>\p{{{script}}}(?:\p{{{script}}}|\p{{M}})*)" for script in _ESPEAK_BY_SCRIPT)
    + r"|(?P<Number>\p{N}+)|(?P<Other>[\p{L}\p{M}]+)"
)
_HAS_KANA = regex.compile(_KANA)
_OPENING_MARKS = tuple(mark for mark, symbol in PUNCTUATION_SYMBOLS.items() if symbol in OPENING)


class G2PRouter:
    """Graphemes to phonemes for any text in one of our languages.

    Latin script is read in the language of the text where that language is written in it, else as English; kana and,
    in a text with kana, kanji as Japanese; other hanzi as Mandarin; other scripts by espeak-ng in the language they
    suggest. What no engine can say is transliterated, and as the last resort called by its Unicode name.

    Engines load when first needed; calls from several threads are safe.
    """

    def __init__(self) -> None:
        self._engines: dict[str, Engine] = {}
        self._loading = threading.Lock()
        self._transliterated = lru_cache(maxsize=4096)(self._transliterate)

    def __call__(self, texts: Sequence[str], language: str) -> list[list[Word]]:
        """Phonemes of each of ``texts``, word by word.

        Args:
            texts: Consecutive pieces of one text, already normalised, of at most some hundred characters.
            language: Tag of one of our languages.
        """
        japanese = language == "ja" or any(map(_HAS_KANA.search, texts))
        runs = [(index, *run) for index, text in enumerate(texts) for run in _runs(text, language, japanese)]
        spoken: dict[int, list[Word]] = {}
        for name in dict.fromkeys(name for *_, name in runs):
            mine = [number for number, (*_, other) in enumerate(runs) if other == name]
            pieces = [texts[runs[number][0]][runs[number][1] : runs[number][2]] for number in mine]
            for number, piece, words in zip(mine, pieces, self.engine(name)(pieces), strict=True):
                spoken[number] = list(self._complete(piece, words))
        result: list[list[Word]] = [[] for _ in texts]
        for number, (index, start, _, _) in enumerate(runs):
            _append(result[index], spoken[number], start)
        return [quieten(words) for words in result]

    def engine(self, name: str) -> Engine:
        """The engine of one of our languages (its tag) or of an espeak-ng voice, loaded on first use."""
        engine = self._engines.get(name)
        if engine is None:
            with self._loading:
                engine = self._engines.get(name) or _load_engine(name)
                self._engines[name] = engine
        return engine

    def _complete(self, text: str, words: list[Word]) -> Iterator[Word]:
        """``words``, and what of ``text`` they leave out or silent."""
        position = 0
        for word in [*words, Word(len(text), len(text), "", space=False)]:
            missed = text[position : word.start]
            if is_pronounceable(missed):
                yield Word(position, word.start, self._transliterated(missed), space=True)
            if not has_sound(word.symbols) and is_pronounceable(text[word.start : word.end]):
                word.symbols = self._transliterated(text[word.start : word.end])
            if word.symbols:
                yield word
            position = max(position, word.end)

    def _transliterate(self, text: str) -> str:
        names = (unicodedata.name(char, "unknown character").lower() for char in PRONOUNCEABLE.findall(text))
        latin, named = self.engine("en-US")([anyascii(text), ", ".join(names)])
        return next(spoken for words in (latin, named) if has_sound(spoken := " ".join(word.symbols for word in words)))


def _load_engine(name: str) -> Engine:
    from tts_models.text.g2p.english import EnglishG2P
    from tts_models.text.g2p.espeak import EspeakG2P
    from tts_models.text.g2p.japanese import JapaneseG2P
    from tts_models.text.g2p.mandarin import MandarinG2P

    if name in ("en-US", "en-GB"):
        return EnglishG2P(british=name == "en-GB")
    if name == "ja":
        return JapaneseG2P()
    if name == "zh":
        return MandarinG2P()
    return EspeakG2P(LANGUAGES[name].espeak if name in LANGUAGES else name)


def _runs(text: str, language: str, japanese: bool) -> Iterator[tuple[int, int, str]]:
    """Cuts ``text`` into ``(start, end, engine name)``; marks between two runs go with the first, unless they open."""
    start, name = 0, ""
    for match in _RUN.finditer(text):
        found = _engine_name(str(match.lastgroup), match.group(), language, name, japanese)
        if name and found != name:
            cut = match.start()
            while cut > start and text[cut - 1] in _OPENING_MARKS:
                cut -= 1
            yield start, cut, name
            start = cut
        name = found
    yield start, len(text), name or language


def _engine_name(script: str, letters: str, language: str, previous: str, japanese: bool) -> str:
    if script == "Latin":
        return "en-US" if language in _NOT_LATIN else language
    if script == "Kana":
        return "ja"
    if script == "Han":
        return "ja" if japanese else "zh"
    if script == "Number":
        return language
    if script == "Other":
        return previous or language
    for other, marks, voice in _ESPEAK_BY_LETTER:
        if script == other and any(mark in letters for mark in marks):
            return voice
    return _ESPEAK_BY_SCRIPT[script]


def _append(words: list[Word], run: list[Word], offset: int) -> None:
    """Appends the words of a run that starts at ``offset``; words of different scripts have a space between them."""
    for word in run:
        word.start += offset
        word.end += offset
    if words and run and words[-1].symbols not in OPENING and (has_sound(run[0].symbols) or run[0].symbols in OPENING):
        words[-1].space = True
    words.extend(run)


def quieten(words: list[Word]) -> list[Word]:
    """``words`` with no more than ``MAX_MARKS`` marks in a row."""
    kept, marks = [], 0
    for word in words:
        marks = 0 if has_sound(word.symbols) else marks + 1
        if marks <= MAX_MARKS:
            kept.append(word)
        else:
            kept[-1].space |= word.space
    return kept
