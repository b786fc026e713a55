"""Sends each stretch of text to the engine of its script and language, and sees to it that nothing stays unsaid."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable, Iterator

import regex

from tts_models.text.g2p.words import (
    OPENING,
    PRONOUNCEABLE,
    PUNCTUATION_SYMBOLS,
    UNBROKEN_MAX_CHARS,
    Word,
    is_pronounceable,
)
from tts_models.text.languages import LANGUAGES
from tts_models.text.vocabulary import has_sound

Engine = Callable[[str], list[Word]]

_KANA = r"[\p{Hiragana}\p{Katakana}ーｰ]"
_ESPEAK_BY_SCRIPT = {
    "Arabic": "ar", "Armenian": "hy", "Bengali": "bn", "Cyrillic": "ru", "Devanagari": "hi", "Ethiopic": "am",
    "Georgian": "ka", "Greek": "el", "Gujarati": "gu", "Gurmukhi": "pa", "Hangul": "ko", "Hebrew": "he", "Kannada": "kn",
    "Malayalam": "ml", "Oriya": "or", "Sinhala": "si", "Tamil": "ta", "Telugu": "te", "Thai": "th",
}  # fmt: skip
_ESPEAK_BY_LETTER = (("Cyrillic", "іїєґ", "uk"), ("Arabic", "پچژگ", "fa"), ("Arabic", "ٹڈڑں", "ur"))

_RUN = regex.compile(
    # Digits and marks inside a Latin word (GPT-4o, B2B, it's) stay with it.
    r"(?P<Latin>\p{Latin}\p{M}*(?:['’&.\-]?[\p{Latin}\p{Nd}\p{M}])*)"
    rf"|(?P<Kana>{_KANA}(?:{_KANA}|\p{{M}})*)|(?P<Han>\p{{Han}}+)|"
    + "|".join(rf"(?P<{script}>\p{{{script}}}(?:\p{{{script}}}|\p{{M}})*)" for script in _ESPEAK_BY_SCRIPT)
    + r"|(?P<Number>\p{N}+)|(?P<Other>[\p{L}\p{M}]+)"
)
_OPENING_MARKS = tuple(mark for mark, symbol in PUNCTUATION_SYMBOLS.items() if symbol in OPENING)


class G2PRouter:
    """Graphemes to phonemes for any text in one of our languages.

    Latin script is read in the language of the text where that language is written in it, else as English; kana and,
    beside kana, kanji as Japanese; other hanzi as Mandarin; other scripts by espeak-ng in the language they suggest. What
    no engine can say is transliterated, and as the last resort called by its Unicode name. Engines load when first
    needed; calls from several threads are safe.
    """

    def __init__(self) -> None:
        self._engines: dict[str, Engine] = {}
        self._lock = threading.Lock()

    def engine(self, name: str) -> Engine:
        """The engine of one of our languages (its tag) or of an espeak-ng voice, loaded on first use."""
        engine = self._engines.get(name)
        if engine is None:
            with self._lock:
                engine = self._engines.get(name)
                if engine is None:
                    engine = self._engines[name] = _load_engine(name)
        return engine

    def __call__(self, text: str, language: str) -> list[Word]:
        """Phonemes of ``text``, word by word.

        Args:
            text: At most some hundred characters, already normalised.
            language: Tag of one of our languages.
        """
        words: list[Word] = []
        for start, end, name in _runs(text, language):
            spoken = self._spoken(text[start:end], name)
            for word in spoken:
                word.start += start
                word.end += start
            if (
                words
                and spoken
                and words[-1].symbols not in OPENING
                and has_sound(spoken[0].symbols + "ə"[: _opens(spoken[0])])
            ):
                words[-1].space = True
            words.extend(spoken)
        return words

    def _spoken(self, text: str, name: str) -> list[Word]:
        """The words of one run, the ones that its engine left silent transliterated."""
        words: list[Word] = []
        for start, end in _unbroken(text) if name not in ("ja", "zh") else [(0, len(text))]:
            piece = text[start:end]
            for word in self._complete(piece, self.engine(name)(piece)):
                word.start += start
                word.end += start
                words.append(word)
            if words and text[end : end + 1].isspace():
                words[-1].space = True
        return words

    def _complete(self, text: str, words: list[Word]) -> Iterator[Word]:
        position = 0
        for word in [*words, Word(len(text), len(text), "", False)]:
            missed = text[position : word.start]
            if is_pronounceable(missed):
                yield Word(position, word.start, self._transliterated(missed), True)
            if not has_sound(word.symbols) and is_pronounceable(text[word.start : word.end]):
                word.symbols = self._transliterated(text[word.start : word.end])
            if word.end > word.start:
                yield word
            position = max(position, word.end)

    def _transliterated(self, text: str) -> str:
        from anyascii import anyascii

        english = self.engine("en-US")
        for candidate in (anyascii(text), " ".join(_name(char) for char in text if PRONOUNCEABLE.match(char))):
            symbols = " ".join(word.symbols for word in english(candidate) if has_sound(word.symbols))
            if symbols:
                return symbols
        raise AssertionError(f"Unicode names are spoken: {text!r}")


def _name(char: str) -> str:
    return unicodedata.name(char, "unknown character").lower()


def _opens(word: Word) -> int:
    return int(word.symbols in OPENING and bool(word.symbols))


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


def _runs(text: str, language: str) -> Iterator[tuple[int, int, str]]:
    """Cuts ``text`` into ``(start, end, engine name)``; what lies between two words goes with the first."""
    japanese = language == "ja" or regex.search(_KANA, text) is not None
    start, name = 0, ""
    for match in _RUN.finditer(text):
        script = str(match.lastgroup)
        found = _engine_name(script, match.group(), language, name, japanese)
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
        return language if language not in ("hi", "ja", "zh") else "en-US"
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


def _unbroken(text: str) -> Iterator[tuple[int, int]]:
    """Cuts ``text`` only where it goes on without a space for longer than an engine can take."""
    start = 0
    for match in regex.finditer(rf"\S{{{UNBROKEN_MAX_CHARS},}}", text):
        cut = match.start() + UNBROKEN_MAX_CHARS
        while cut < match.end():
            while cut > start + 1 and unicodedata.category(text[cut])[0] == "M":
                cut -= 1
            yield start, cut
            start = cut
            cut += UNBROKEN_MAX_CHARS
    if start < len(text):
        yield start, len(text)
