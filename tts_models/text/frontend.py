"""From what a caller wrote to what the acoustic model reads."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import regex

from tts_models.errors import EmptyText, UnpronounceableText
from tts_models.text.align import align
from tts_models.text.annotations import token_bookmarks, token_changes
from tts_models.text.chunks import Chunk, split_text
from tts_models.text.controls import Block, ControlledText, NamedPlace, Reading, parse_controls
from tts_models.text.dictionary import Dictionary
from tts_models.text.dictionary.entry import Alphabet, pronunciation_of
from tts_models.text.g2p.given import Given
from tts_models.text.g2p.router import G2PRouter
from tts_models.text.g2p.words import Break, Word, is_pronounceable, join_and_trace
from tts_models.text.gaps import gap_s
from tts_models.text.languages import resolve_language
from tts_models.text.normalize import normalize
from tts_models.text.phrases import mark_phrases
from tts_models.text.say_as import say_as
from tts_models.text.segmenter import MIN_TOKENS, cut_into_segments
from tts_models.text.spoken_words import as_written, spoken_words
from tts_models.text.vocabulary import encode, has_sound
from tts_models.types import MAX_TOKENS, Bookmark, Phonemes

FIRST_SEGMENT_TOKENS = 60
"""About four seconds of speech: soon made, and long enough to make the next segment meanwhile."""
MAX_SEGMENT_TOKENS = 300
"""Kokoro speaks best at 100 to 200 tokens and rushes above 400, so well below the model's 510."""

_WARM_UP_TEXT = {
    "en-US": "Ready.", "en-GB": "Ready.", "es": "Listo.", "fr-FR": "Prêt.", "hi": "तैयार।", "it": "Pronto.",
    "ja": "準備。", "pt-BR": "Pronto.", "zh": "准备好了。",
}  # fmt: skip
_LETTERS = regex.compile(r"[\p{L}\p{M}\p{N}ﾞﾟ]+")
_SPACES = regex.compile(r"\s+")
_BULLET = regex.compile(r"^\s*[-–—*•]\s+")
_STACKED_MARKS = regex.compile(r"(?<=\p{M}{6})\p{M}+")


class TextFrontend:
    """Normalisation, G2P and segmentation.

    Thread safe. Loads a language's dictionaries when first needed, or all at once with :meth:`warm_up`; never uses the
    network.
    """

    def __init__(
        self,
        first_segment_tokens: int = FIRST_SEGMENT_TOKENS,
        max_segment_tokens: int = MAX_SEGMENT_TOKENS,
        g2p: Callable[[Sequence[str], str, Mapping[int, Sequence[Given]]], list[list[Word]]] | None = None,
    ) -> None:
        """Sets the lengths of segments.

        Args:
            first_segment_tokens: Preferred length of an utterance's first segment; sound starts after it is made.
            max_segment_tokens: Longest segment, at most 510 tokens.
            g2p: Words of consecutive texts in a language, some of whose pronunciations are given; a
                :class:`G2PRouter` if not given.

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
        self._g2p = g2p or G2PRouter()

    def warm_up(self, languages: Iterable[str]) -> None:
        """Loads the dictionaries of ``languages`` now.

        Raises:
            UnsupportedLanguage: One of them is not ours.
        """
        for language in languages:
            tag = resolve_language(language).tag
            self.segments(_WARM_UP_TEXT[tag], tag)

    def segments(
        self, text: str | ControlledText, language: str, dictionary: Dictionary | None = None
    ) -> list[Phonemes]:
        """Cuts ``text`` into segments and says how each is pronounced.

        Args:
            text: What to say. In a string ``[word](/ipa/)``, ``[pause:1.5s]`` and ``[happy]...[/happy]`` are obeyed,
                and between segments there is the gap that the language has there.
            language: BCP-47 tag of one of our languages; for what ``text`` names no other for.
            dictionary: How words are read that it holds; what the text itself says about a word goes before.

        Returns:
            At least one segment, none without sound; their texts hold every letter and digit of ``text`` in order.

        Raises:
            EmptyText: Nothing but white space.
            UnpronounceableText: No letter, digit or symbol that can be said.
            UnsupportedLanguage: Not one of ours.
            InvalidRequest: A pause or pronunciation that is not possible.
        """
        tag = resolve_language(language).tag
        controlled = parse_controls(text) if isinstance(text, str) else text
        if not (text if isinstance(text, str) else controlled.text).strip():
            raise EmptyText("The text is empty: there is nothing to say.")
        spoken = self._words(controlled, split_text(controlled), tag, dictionary)
        result: list[Phonemes] = []
        pause_s: float | None = None
        passed: list[tuple[NamedPlace, float]] = []  # places since the last sound, and the pause before each
        for block, words in zip(controlled.blocks, spoken, strict=True):
            if any(has_sound(word.symbols) for word in words):
                played = sum(len(phonemes.token_ids) for phonemes in result)
                segments = self._block(controlled, block, words, tag, played)
                if result:
                    result[-1] = _paused(result[-1], pause_s, passed)
                else:
                    first = tuple(Bookmark(place.name, place.position, 0, after_s) for place, after_s in passed)
                    segments[0] = replace(
                        segments[0], pause_before_s=pause_s or 0.0, bookmarks=first + segments[0].bookmarks
                    )
                result.extend(segments)
                pause_s, passed = None, []
            else:
                passed.extend((place, pause_s or 0.0) for place in block.places)
            if block.pause_after_s is not None:
                pause_s = (pause_s or 0.0) + block.pause_after_s
        if not result:
            raise UnpronounceableText("Nothing in the text can be spoken: it has no letters, digits or known symbols.")
        result[-1] = _paused(result[-1], pause_s or 0.0, passed)
        return result

    def _block(
        self, controlled: ControlledText, block: Block, words: list[Word], tag: str, played: int
    ) -> list[Phonemes]:
        """Segments of a block of the text."""
        text = controlled.text
        cut = cut_into_segments(words, self._first_tokens, self._max_tokens, played)
        bounds = [block.start, *(segment[0].start for segment in cut[1:]), block.end]
        places = list(block.places)
        segments = []
        before: tuple[int, int] | None = None
        for index, segment in enumerate(cut):
            symbols, owners = join_and_trace(segment)
            language = controlled.language_at(segment[0].start, tag)
            gap = gap_s(symbols, segment[-1].ends, language)
            written = text[bounds[index] : bounds[index + 1]].strip()
            spoken = list(spoken_words(segment, symbols, owners, text, before))
            before = spoken[-1].start, spoken[-1].end
            marks = tuple(as_written(word, controlled) for word in spoken)
            segments.append(
                Phonemes(
                    written,
                    symbols,
                    encode(symbols),
                    language,
                    words=marks,
                    gap_after_s=gap,
                    voice=block.voice,
                    changes=token_changes(controlled.changes, segment, symbols, owners),
                    bookmarks=token_bookmarks(places, segment, symbols, owners, is_last=index == len(cut) - 1),
                    emotion=block.emotion,
                )
            )
        return segments

    def _words(
        self, controlled: ControlledText, blocks: Sequence[Sequence[Chunk]], tag: str, dictionary: Dictionary | None
    ) -> list[list[Word]]:
        """The words of each block, their offsets those of the text."""
        text = controlled.text
        plain = [chunk for chunks in blocks for chunk in chunks if chunk.symbols is None]
        languages = [controlled.language_at(chunk.start, tag) for chunk in plain]
        spoken: dict[int, list[Word]] = {}  # by where a chunk starts
        for language in dict.fromkeys(languages):
            mine = [chunk for chunk, other in zip(plain, languages, strict=True) if other == language]
            readings = [_reading(text, chunk, language, dictionary) for chunk in mine]
            given = {index: reading.given for index, reading in enumerate(readings) if reading.given}
            said = self._g2p([reading.said for reading in readings], language, given)
            for chunk, reading, words in zip(mine, readings, said, strict=True):
                mark_phrases(words, reading.said, language)
                _locate(words, reading.to_text)
                spoken[chunk.start] = words
        result = []
        for chunks in blocks:
            block: list[Word] = []
            for chunk in chunks:
                if chunk.symbols is not None:
                    words = [Word(chunk.start, chunk.end, chunk.symbols, space=False)]
                else:
                    words = spoken[chunk.start]
                if words:
                    _end(words[-1], chunk, text)
                elif block and text[chunk.start : chunk.end].isspace():
                    _end(block[-1], chunk, text)
                block.extend(words)
            result.append(block)
        return result


def _paused(segment: Phonemes, pause_s: float | None, passed: Sequence[tuple[NamedPlace, float]]) -> Phonemes:
    """``segment`` with the pause behind it, if one was asked for, and the named places in that."""
    end = len(segment.token_ids) + 1
    places = tuple(Bookmark(place.name, place.position, end, after_s) for place, after_s in passed)
    return replace(segment, pause_after_s=pause_s or 0.0, bookmarks=segment.bookmarks + places)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What to say for a chunk.

    Attributes:
        said: Normalised, in words.
        to_text: For each offset of ``said`` and its end: the one in the text.
        given: The words in ``said`` whose pronunciation is given.
    """

    said: str
    to_text: Sequence[int]
    given: Sequence[Given] = ()


def _reading(text: str, chunk: Chunk, tag: str, dictionary: Dictionary | None) -> _Reading:
    """What to say for a ``chunk`` of ``text``: entries of the dictionary as they have it, the rest normalised."""
    if chunk.reading:
        said = _read(chunk.reading, text[chunk.start : chunk.end], tag)
        return _Reading(said, [chunk.start, *[chunk.end] * len(said)])  # one written word
    matches = dictionary.matches(text, tag, chunk.start, chunk.end) if dictionary else []
    parts: list[str] = []
    to_text: list[int] = []
    given: list[Given] = []
    position = chunk.start
    for match in [*matches, None]:
        end = match.start if match else chunk.end
        written = text[position:end]
        said = _normalized(_BULLET.sub("", written) if position == chunk.start else written, tag) if written else ""
        parts.append(said)
        to_text.extend(position + offset for offset in align(written, said)[:-1])
        if match is None:
            break
        if match.entry.alphabet is Alphabet.TEXT:
            said = _normalized(match.entry.pronunciation, tag)
            to_text.extend([match.start, *[match.end] * (len(said) - 1)])
        else:
            said = text[match.start : match.end]
            given.append(Given(len(to_text), len(to_text) + len(said), pronunciation_of(match.entry)))
            to_text.extend(range(match.start, match.end))
        parts.append(said)
        position = match.end
    return _Reading("".join(parts), [*to_text, chunk.end], given)


def _read(reading: Reading, written: str, tag: str) -> str:
    """What to say for a stretch whose reading was given; as it is written if there is nothing to say in that."""
    said = _normalized(reading.alias, tag) if reading.alias else say_as(written, reading, tag)
    return said if said and is_pronounceable(said) else _normalized(written, tag)


def _normalized(written: str, tag: str) -> str:
    """What to say for ``written``, compatibility forms (ﬁ, Ａ, ｱ, 𝐇) as plain letters."""
    plain = _LETTERS.sub(lambda match: _composed(match.group()), _STACKED_MARKS.sub("", written))
    spoken = normalize(plain, tag)
    if is_pronounceable(plain) and not is_pronounceable(spoken):
        spoken = plain
    return _SPACES.sub(" ", spoken)


def _composed(letters: str) -> str:
    """Compatibility forms as plain letters, but for those that would be a blank and a mark: ﹰ is an Arabic vowel."""
    composed = unicodedata.normalize("NFKC", letters)
    return composed if is_pronounceable(composed) or not is_pronounceable(letters) else letters


def _locate(words: list[Word], to_text: Sequence[int]) -> None:
    """Changes the offsets of ``words`` from what is said to the text as it was written."""
    for word in words:
        word.start, word.end = to_text[word.start], to_text[word.end]


def _end(word: Word, chunk: Chunk, text: str) -> None:
    """Marks the last word of a chunk with what follows it."""
    word.ends = max(word.ends, chunk.ends)
    word.space |= chunk.ends > Break.NONE or text[chunk.end - 1].isspace() or text[chunk.end : chunk.end + 1].isspace()
    if chunk.ends > Break.NONE and has_sound(word.symbols[-1:]):
        word.symbols += "."  # the end of a heading, a list item or a verse is heard as a full stop
