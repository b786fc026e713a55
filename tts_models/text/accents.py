"""Japanese text to accent phrases, and to exactly the symbols that the text frontend would speak.

::

    text -> TextFrontend over Open JTalk alone -> segments (symbols)  --+
                          |                                            +-> accent phrases
                          +-> readings, accents -> moras  -------------+
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import regex
from anyascii import anyascii

from tts_models.errors import SynthesisError
from tts_models.text.dictionary import Dictionary
from tts_models.text.frontend import FIRST_SEGMENT_TOKENS, MAX_SEGMENT_TOKENS, TextFrontend
from tts_models.text.g2p.given import Given, Masked, mask
from tts_models.text.g2p.japanese import JapaneseG2P, word_reading
from tts_models.text.g2p.router import quieten
from tts_models.text.g2p.words import Word
from tts_models.text.moras import CUT, AccentPhrase, Mora, phrases_of, plain_symbols, read_moras

_GIVEN_PRONUNCIATION = regex.compile(r"\[([^\[\]\n]+)\]\(/[^()\n]*?/\)")
_FOREIGN = regex.compile(r"[\p{L}--[\p{Han}\p{Hiragana}\p{Katakana}ー]]", regex.VERSION1)
_DEVOICED = "’"


class AccentAnalyser:
    """Accent phrases of Japanese text; thread safe. Everything is read in Japanese, as VOICEVOX's engine does.

    Source of readings, accents and accent phrases: Open JTalk's NJD features (pyopenjtalk-plus).
    """

    def __init__(
        self, first_segment_tokens: int = FIRST_SEGMENT_TOKENS, max_segment_tokens: int = MAX_SEGMENT_TOKENS
    ) -> None:
        """Loads Open JTalk's dictionary; lengths of segments as for :class:`TextFrontend`."""
        self._g2p = JapaneseG2P()
        self._lock = threading.Lock()
        self._reading = _Reading(self._g2p)
        self._frontend = TextFrontend(first_segment_tokens, max_segment_tokens, g2p=self._reading)

    def phrases(self, text: str, dictionary: Dictionary | None = None) -> list[AccentPhrase]:
        """The accent phrases of ``text``.

        Words that the dictionary has in katakana or as other text are read, and accented, as it has them; IPA has no
        moras and is left out of account.

        Their symbols, one after the other and cut at ``CUT``, are those of the segments that
        :meth:`TextFrontend.segments` makes of the text as long as it is written in kana, kanji and digits. Latin
        letters are read in Japanese here. A pronunciation given in brackets is left out of account.

        Raises:
            EmptyText, UnpronounceableText, InvalidRequest: As :meth:`TextFrontend.segments`.
        """
        with self._lock:
            reading = self._reading
            reading.moras, reading.begins = [], []
            segments = self._frontend.segments(_GIVEN_PRONUNCIATION.sub(r"\1", text), "ja", dictionary)
            moras, begins = reading.moras, reading.begins
        symbols = CUT.join(segment.symbols for segment in segments) + " "
        pauses = [
            segment.pause_after_s + following.pause_before_s or segment.gap_after_s
            for segment, following in pairwise(segments)
        ]
        pauses.append(segments[-1].pause_after_s)
        phrases = phrases_of(moras, begins, symbols, pauses)
        if phrases is None:
            # A word the frontend had to change, such as one longer than a segment: its moras alone then.
            phrases = phrases_of(moras, begins, plain_symbols(moras, "."), [])
        if not phrases:
            raise SynthesisError("the text could not be read as Japanese")
        return phrases


def _in_japanese(masked: Masked) -> tuple[str, list[Given]]:
    """The text with foreign letters spelt out, and the given words where they then are."""
    parts: list[str] = []
    given: list[Given] = []
    length = position = 0
    for one in [*masked.given, None]:
        end = one.start if one else len(masked.text)
        parts.append(_FOREIGN.sub(lambda match: anyascii(match.group()), masked.text[position:end]))
        length += len(parts[-1])
        if one:
            position = one.end
            parts.append(masked.text[one.start : position])
            given.append(Given(length, length + position - one.start, one.pronunciation))
            length += position - one.start
    return "".join(parts), given


class _Reading:
    """Open JTalk in the place of all G2P engines; remembers the moras of what it reads.

    Attributes:
        moras: Of everything read since it was emptied.
        begins: Of each accent phrase: the index of its first mora, and its accent.
    """

    def __init__(self, g2p: JapaneseG2P) -> None:
        self._g2p = g2p
        self.moras: list[Mora] = []
        self.begins: list[tuple[int, int]] = []

    def __call__(self, texts: Sequence[str], language: str, given: Mapping[int, Sequence[Given]]) -> list[list[Word]]:
        result = []
        for index, text in enumerate(texts):
            masked = mask(text, [one for one in given.get(index, ()) if one.pronunciation.katakana], language)
            words, features = self._g2p.analyse(*_in_japanese(masked))
            fresh = True  # another chunk is another phrase
            for group in features:
                fresh = self._note(group, fresh)
            for word in words:  # what was written otherwise may have made the text longer
                word.start, word.end = (min(masked.origin(offset), len(text)) for offset in (word.start, word.end))
            result.append(quieten(words))
        return result

    def _note(self, group: Sequence[Mapping[str, Any]], fresh: bool) -> bool:
        """Notes the moras of one word; returns whether what follows begins a phrase."""
        readings = [word_reading(feature) for feature in group]
        if not any(readings):
            return True
        first = len(self.moras)
        devoiced: set[int] = set()
        starts: list[tuple[int, int]] = []  # offset in the reading and accent of each phrase that begins here
        offset = 0
        for feature, reading in zip(group, readings, strict=True):
            if fresh or int(feature["chain_flag"]) != 1:
                starts.append((offset, int(feature["acc"])))
            fresh = False
            marks = 0
            for index, char in enumerate(str(feature["pron"])):
                if char == _DEVOICED:
                    marks += 1
                    devoiced.add(offset + index - marks)
            offset += len(reading)
        whole = "".join(readings)
        self.moras.extend(read_moras(whole, frozenset(devoiced)))
        for start, accent in starts:
            begin = first + len(read_moras(whole[:start]))
            if begin < len(self.moras):
                self.begins.append((begin, accent))
        return fresh
