"""When each word and each phoneme is heard: arithmetic on the durations that the acoustic model gives.

::

    pause_before  | pad |  t1 | t2 |  ...  | tN |  pad   | pause_after      durations: frames of 25 ms
                  |<- 40 ms: every token is heard that much before its place
    silence        silence  t1  t2   ...   tN    silence                    timeline: covers every sample once

The predicted durations sum to the audio's length exactly, but a token is heard earlier than the sum of the durations
before it says. Measured over nine languages: speech after a silence begins 5 to 110 ms before its first token (median
35 ms), the energy of sibilants and of vowels within speech 45 to 90 ms before theirs; faster speech has less of it
after a silence, and a long padding in front more. (Kokoro's own ``join_timestamps`` takes three frames off the first
padding token for the same reason.) So inner boundaries are moved ``LEAD_S`` forward, the first one at least
``PADDING_LEAD`` of the padding before it, which shortens the padding in front, lengthens the one behind, and leaves the
sum as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tts_models.errors import SynthesisError
from tts_models.prosody import LEAD_S
from tts_models.text.vocabulary import PUNCTUATION, is_sound
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, IntArray, Phonemes, silence_samples

PADDING_LEAD = 0.1
"""The part of the padding in front in which the first token is heard already, where that is more than ``LEAD_S``."""

_LEAD_SAMPLES = round(LEAD_S * SAMPLE_RATE_HZ)

_STRESS = frozenset("ˈˌ")
_SILENT = PUNCTUATION | {" "}


@dataclass(frozen=True, slots=True)
class WordMark:
    """A word as the caller wrote it, and when it is heard.

    Attributes:
        start: Offset of its first character in the text of the utterance, inline controls included.
        end: Offset after its last character.
        start_s: When it begins, seconds from the start of the utterance's audio.
        end_s: When it ends.
    """

    start: int
    end: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class PhonemeMark:
    """A sound with its stress before it and its length, colour and tone after it, or else a silence.

    Attributes:
        symbols: In Kokoro's symbols; of a silence its punctuation, ``" "`` between two words, empty where nothing is
            written: the ends of a segment and its pauses.
        start_s: When it begins, seconds from the start of the utterance's audio.
        end_s: When it ends.
    """

    symbols: str
    start_s: float
    end_s: float

    @property
    def is_silence(self) -> bool:
        """Whether nothing is heard."""
        return _SILENT.issuperset(self.symbols)


@dataclass(frozen=True, slots=True)
class BookmarkMark:
    """A place that the caller named, and when it is reached.

    Attributes:
        name: As the caller wrote it.
        position: Offset of its tag in the text of the utterance.
        at_s: When, seconds from the start of the utterance's audio.
    """

    name: str
    position: int
    at_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """When what a segment says is heard.

    Attributes:
        segment: What is said, and the pauses around it.
        durations_frames: ``(L,)`` int64, frames of each token, the padding token at either end included.
        start_sample: Where the segment's audio, its pause in front included, starts in the utterance's.
    """

    segment: Phonemes
    durations_frames: IntArray | None
    start_sample: int = 0

    @property
    def end_sample(self) -> int:
        """Where the segment's audio ends, and the next segment's starts."""
        pauses = silence_samples(self.segment.pause_before_s) + silence_samples(self.segment.pause_after_s)
        return self.start_sample + pauses + int(self._durations().sum()) * FRAME_SAMPLES

    @property
    def end_s(self) -> float:
        """``end_sample`` in seconds."""
        return self.end_sample / SAMPLE_RATE_HZ

    def words(self) -> list[WordMark]:
        """The words of the segment, in order."""
        bounds = self._bounds_s()
        return [
            WordMark(word.start, word.end, bounds[word.first_token + 1], bounds[word.end_token + 1])
            for word in self.segment.words
        ]

    def phonemes(self) -> list[PhonemeMark]:
        """The sounds and silences of the segment, in order; together they cover all of its audio."""
        bounds = self._bounds_s()
        return [PhonemeMark(symbols, bounds[start], bounds[end]) for symbols, start, end in _sounds(self.segment)]

    def bookmarks(self) -> list[BookmarkMark]:
        """The named places of the segment, in order."""
        marks = self.segment.bookmarks
        bounds = self._bounds_s() if marks else []
        return [BookmarkMark(mark.name, mark.position, bounds[mark.bound] + mark.after_s) for mark in marks]

    def _durations(self) -> IntArray:
        durations = self.durations_frames
        if durations is None or len(durations) != len(self.segment.token_ids) + 2:
            raise SynthesisError("the audio of a segment came without the durations of its tokens")
        return durations

    def _bounds_s(self) -> list[float]:
        """Start of each token, padding included, and the end of the last, seconds; pauses belong to the padding."""
        sums = np.cumsum(self._durations())[:-1] * FRAME_SAMPLES
        inner = np.maximum(sums - _LEAD_SAMPLES, 0)
        inner[0] = min(inner[0], round((1 - PADDING_LEAD) * sums[0]))
        inner += self.start_sample + silence_samples(self.segment.pause_before_s)
        bounds: list[float] = (np.array([self.start_sample, *inner, self.end_sample]) / SAMPLE_RATE_HZ).tolist()
        return bounds


def _sounds(segment: Phonemes) -> Iterator[tuple[str, int, int]]:
    """Sounds and silences as ``(symbols, first bound, last bound)``; bound ``i`` is where padded token ``i`` starts."""
    symbols, start, waiting = "", 0, False  # waiting: a stress mark for its sound
    for index, symbol in enumerate([*segment.symbols, ""], start=1):
        silent = symbol in _SILENT or not symbol
        if silent:
            begins = not _SILENT.issuperset(symbols)
        elif symbol in _STRESS or is_sound(symbol):
            begins = not waiting
        else:  # belongs to the sound before it
            begins = _SILENT.issuperset(symbols)
        if begins:
            yield symbols, start, index
            symbols, start = "", index
        symbols += symbol
        waiting = not silent and (symbol in _STRESS or (waiting and not is_sound(symbol)))
    yield symbols, start, len(segment.token_ids) + 2
