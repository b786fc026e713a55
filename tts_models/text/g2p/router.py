"""Sends each stretch of text to the engine of its script and language, and sees to it that nothing stays unsaid."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial

import regex
from anyascii import anyascii

from tts_models.text.g2p.given import Given, Masked, cut_around, exchanged, mask
from tts_models.text.g2p.japanese import JapaneseG2P
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
        self._alone = lru_cache(maxsize=256)(self._say_alone)

    def __call__(
        self, texts: Sequence[str], language: str, given: Mapping[int, Sequence[Given]] | None = None
    ) -> list[list[Word]]:
        """Phonemes of each of ``texts``, word by word.

        Args:
            texts: Consecutive pieces of one text, already normalised, of at most some hundred characters.
            language: Tag of one of our languages.
            given: By index of a text: the words in it whose pronunciation is given, in order.
        """
        if not given:
            return self._route(texts, language, {})
        masked = {index: mask(texts[index], words, language) for index, words in given.items()}
        shown = [masked[index].text if index in masked else text for index, text in enumerate(texts)]
        result = self._route(shown, language, masked)
        for index, mine in masked.items():
            words = self._exchange(result[index], mine, language)
            if words is None:
                say = partial(self._say, language=language)
                result[index] = quieten(cut_around(texts[index], given[index], say, spaced=language == "zh"))
                continue
            for word in words:
                word.start, word.end = mine.origin(word.start), mine.origin(word.end)
            result[index] = words
        return result

    def _exchange(self, words: list[Word], masked: Masked, language: str) -> list[Word] | None:
        """``words`` with the symbols of the given ones; None if their names are not all to be found in them."""
        for word in words:
            mine = [one for one in masked.given if one.start < word.end and one.end > word.start]
            if not mine:
                continue
            if any(one.start < word.start or one.end > word.end for one in mine):
                return None
            if language == "zh" and (word.start, word.end) != (mine[0].start, mine[0].end):
                return None  # jieba joins a name to what follows; a given word is one
            names = {masked.text[one.start : one.end] for one in mine}
            said = [one.pronunciation for one in mine]
            is_said = language == "ja" and all(one.katakana for one in said)  # Open JTalk was told
            if is_said:
                continue
            symbols = exchanged(word.symbols, self._alone(names.pop(), language), said) if len(names) == 1 else None
            if symbols is None:
                return None
            word.symbols = symbols
        return words

    def _say(self, text: str, language: str) -> list[Word]:
        return self._route([text], language, {})[0]

    def _say_alone(self, name: str, language: str) -> str:
        return " ".join(word.symbols for word in self._say(name, language))

    def _route(self, texts: Sequence[str], language: str, masked: Mapping[int, Masked]) -> list[list[Word]]:
        japanese = language == "ja" or any(map(_HAS_KANA.search, texts))
        runs = [(index, *run) for index, text in enumerate(texts) for run in _runs(text, language, japanese)]
        spoken: dict[int, list[Word]] = {}
        for name in dict.fromkeys(name for *_, name in runs):
            mine = [number for number, (*_, other) in enumerate(runs) if other == name]
            pieces = [texts[runs[number][0]][runs[number][1] : runs[number][2]] for number in mine]
            told = [_told(masked.get(runs[number][0]), runs[number]) for number in mine] if language == "ja" else []
            if name == "ja" and any(told):
                said = [self._japanese().analyse(*one)[0] for one in zip(pieces, told, strict=True)]
            else:
                said = self.engine(name)(pieces)
            for number, piece, words in zip(mine, pieces, said, strict=True):
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

    def _japanese(self) -> JapaneseG2P:
        engine = self.engine("ja")
        assert isinstance(engine, JapaneseG2P)
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
    from tts_models.text.g2p.mandarin import MandarinG2P

    if name in ("en-US", "en-GB"):
        return EnglishG2P(british=name == "en-GB")
    if name == "ja":
        return JapaneseG2P()
    if name == "zh":
        return MandarinG2P()
    return EspeakG2P(LANGUAGES[name].espeak if name in LANGUAGES else name)


def _told(masked: Masked | None, run: tuple[int, int, int, str]) -> list[Given]:
    """The given words of a run, with offsets in it, that Open JTalk can be told."""
    _, start, end, _ = run
    return [
        Given(one.start - start, one.end - start, one.pronunciation)
        for one in (masked.given if masked else ())
        if one.pronunciation.katakana and start <= one.start and one.end <= end
    ]


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
