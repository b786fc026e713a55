"""From what a caller wrote to what the acoustic model reads."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import regex

from tts_models.errors import EmptyText, UnpronounceableText
from tts_models.text.align import align
from tts_models.text.chunks import split_chunks, split_lines
from tts_models.text.controls import ControlledText, parse_controls
from tts_models.text.g2p.router import G2PRouter
from tts_models.text.g2p.words import Word, is_pronounceable, join_symbols
from tts_models.text.languages import resolve_language
from tts_models.text.segmenter import MIN_TOKENS, cut_into_segments
from tts_models.text.vocabulary import encode, has_sound
from tts_models.types import MAX_TOKENS, Phonemes

try:  # until tts_models/text/normalize lands
    from tts_models.text.normalize import normalize
except ImportError:

    def normalize(text: str, language: str) -> str:
        return text


FIRST_SEGMENT_TOKENS = 60
"""About four seconds of speech: soon made, and long enough to make the next segment meanwhile."""
MAX_SEGMENT_TOKENS = 300
"""Kokoro speaks best at 100 to 200 tokens and rushes above 400, so well below the model's 510."""
PARAGRAPH_PAUSE_S = 0.4
"""Silence for a blank line, in addition to what the model itself puts at the end of a sentence, seconds."""

_WARM_UP_TEXT = {
    "en-US": "Ready.", "en-GB": "Ready.", "es": "Listo.", "fr-FR": "Prêt.", "hi": "तैयार।", "it": "Pronto.",
    "ja": "準備。", "pt-BR": "Pronto.", "zh": "准备好了。",
}  # fmt: skip
_PARAGRAPH_BREAK = regex.compile(r"[^\S\n]*\n\s*\n\s*")
_COMPATIBILITY = regex.compile(r"[\p{L}\p{M}\p{N}ﾞﾟ]+")


class TextFrontend:
    """Normalisation, G2P and segmentation.

    Thread safe. Loads a language's dictionaries when first needed, or all at once with :meth:`warm_up`; never uses the
    network.
    """

    def __init__(
        self, first_segment_tokens: int = FIRST_SEGMENT_TOKENS, max_segment_tokens: int = MAX_SEGMENT_TOKENS
    ) -> None:
        """Sets the lengths of segments.

        Args:
            first_segment_tokens: Preferred length of an utterance's first segment; sound starts after it is made.
            max_segment_tokens: Longest segment, at most 510 tokens.

        Raises:
            ValueError: Not ``MIN_TOKENS <= first_segment_tokens <= max_segment_tokens <= MAX_TOKENS``.
        """
        if not MIN_TOKENS <= first_segment_tokens <= max_segment_tokens <= MAX_TOKENS:
            raise ValueError(
                f"segment lengths must satisfy {MIN_TOKENS} <= first ({first_segment_tokens}) "
                f"<= max ({max_segment_tokens}) <= {MAX_TOKENS}"
            )
        self._first_tokens = first_segment_tokens
        self._max_tokens = max_segment_tokens
        self._g2p = G2PRouter()

    def warm_up(self, languages: Iterable[str]) -> None:
        """Loads the dictionaries of ``languages`` now.

        Raises:
            UnsupportedLanguage: One of them is not ours.
        """
        for language in languages:
            tag = resolve_language(language).tag
            self.segments(_WARM_UP_TEXT[tag], tag)

    def segments(self, text: str, language: str) -> list[Phonemes]:
        """Cuts ``text`` into segments and says how each is pronounced.

        Args:
            text: What to say. ``[word](/ipa/)`` and ``[pause:1.5s]`` are obeyed, and a blank line is a short pause.
            language: BCP-47 tag of one of our languages.

        Returns:
            At least one segment, none empty; their texts hold every letter and digit of ``text`` in order.

        Raises:
            EmptyText: Nothing but white space.
            UnpronounceableText: No letter, digit or symbol that can be said.
            UnsupportedLanguage: Not one of ours.
            InvalidRequest: A pause or pronunciation that is not possible.
        """
        tag = resolve_language(language).tag
        if not text.strip():
            raise EmptyText("The text is empty: there is nothing to say.")
        controlled = parse_controls(text)
        result: list[Phonemes] = []
        pause = _Pause()
        for start, end, cut in _blocks(controlled):
            played = sum(len(phonemes.token_ids) for phonemes in result)
            block = self._block(controlled, start, end, tag, played)
            if block and result:
                result[-1] = replace(result[-1], pause_after_s=pause.seconds)
            elif block:
                block[0] = replace(block[0], pause_before_s=pause.asked_s)
            if block:
                result.extend(block)
                pause = _Pause()
            pause += cut
        if not result:
            raise UnpronounceableText("Nothing in the text can be spoken: it has no letters, digits or known symbols.")
        result[-1] = replace(result[-1], pause_after_s=pause.asked_s)
        return result

    def _block(self, controlled: ControlledText, start: int, end: int, tag: str, played: int) -> list[Phonemes]:
        """Segments of a stretch between pauses; none if nothing in it is spoken."""
        words = self._words(controlled, start, end, tag)
        if not any(has_sound(word.symbols) for word in words):
            return []
        cut = cut_into_segments(words, self._first_tokens, self._max_tokens, played)
        bounds = [start, *(segment[0].start for segment in cut[1:]), end]
        segments = []
        for segment, begin, stop in zip(cut, bounds, bounds[1:], strict=False):
            symbols = join_symbols(segment)
            text = controlled.text[begin:stop].strip()
            segments.append(Phonemes(text, symbols, encode(symbols), tag))
        return segments

    def _words(self, controlled: ControlledText, start: int, end: int, tag: str) -> list[Word]:
        """The words of ``controlled.text[start:end]``, those with a given pronunciation included."""
        words: list[Word] = []
        for given_start, given_end, symbols in controlled.pronunciations:
            if start <= given_start < end:
                words.extend(self._plain_words(controlled.text, start, given_start, tag))
                words.append(
                    Word(given_start, given_end, symbols, controlled.text[given_end : given_end + 1].isspace())
                )
                start = given_end
        words.extend(self._plain_words(controlled.text, start, end, tag))
        return words

    def _plain_words(self, text: str, start: int, end: int, tag: str) -> list[Word]:
        words: list[Word] = []
        for line_start, line_end in split_lines(text, start, end):
            line: list[Word] = []
            for chunk_start, chunk_end in split_chunks(text, line_start, line_end):
                line.extend(self._chunk_words(text[chunk_start:chunk_end], chunk_start, tag))
            if line_end < end and line and has_sound(line[-1].symbols):
                line[-1].symbols += "."  # the line break of a heading, a list or a verse is heard as a full stop
            if line_end < end and line:
                line[-1].space = True
            words.extend(line)
        return words

    def _chunk_words(self, written: str, offset: int, tag: str) -> list[Word]:
        """The words of a chunk, their offsets those of the whole text."""
        spoken = _COMPATIBILITY.sub(lambda match: unicodedata.normalize("NFKC", match.group()), normalize(written, tag))
        if is_pronounceable(written) and not is_pronounceable(spoken):
            spoken = written
        words = self._g2p(spoken, tag)
        to_written = align(written, spoken)
        for word in words:
            word.start, word.end = offset + to_written[word.start], offset + to_written[word.end]
        if words and written[-1:].isspace():
            words[-1].space = True
        return words


@dataclass(frozen=True, slots=True)
class _Pause:
    """Silence between two blocks: what was asked for, else what a paragraph break gives."""

    asked_s: float = 0.0
    paragraph_s: float = 0.0

    def __add__(self, other: _Pause) -> _Pause:
        return _Pause(self.asked_s + other.asked_s, max(self.paragraph_s, other.paragraph_s))

    @property
    def seconds(self) -> float:
        return self.asked_s or self.paragraph_s


def _blocks(controlled: ControlledText) -> Iterator[tuple[int, int, _Pause]]:
    """``(start, end, pause after it)`` of the stretches between pauses and blank lines."""
    cuts = [(offset, offset, _Pause(asked_s=seconds)) for offset, seconds in controlled.pauses]
    for match in _PARAGRAPH_BREAK.finditer(controlled.text):
        cuts.append((match.start(), match.end(), _Pause(paragraph_s=PARAGRAPH_PAUSE_S)))
    start = 0
    for cut_start, cut_end, pause in sorted(cuts, key=lambda cut: cut[:2]):
        yield start, max(start, cut_start), pause
        start = max(start, cut_end)
    yield start, len(controlled.text), _Pause()
