"""When each word and each phoneme is heard: arithmetic on the durations and the energy that the acoustic model gives.

::

                  |  pad  |  t1 | t2 |  ...  | tN |  pad   |                durations: frames of 25 ms
                      |<- where sound begins   |<- where it ends            energy: see tts_models.edges
                    |<- cut                        |<- cut
    pause_before    silence  t1  t2   ...   tN  silence     pause_after     timeline: covers every sample once

The predicted durations sum to the length of the vocoder's audio exactly, but a token is heard earlier than the sum of
the durations before it says: within speech the energy of sibilants and of vowels rises 45 to 90 ms before theirs,
whence ``LEAD_S``. Where a segment begins and ends to sound is read off its energy: the durations are 400 ms late at
half speed, 100 to 200 ms early at three times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tts_models.edges import Edges, cut, edges
from tts_models.errors import SynthesisError
from tts_models.prosody import LEAD_S
from tts_models.text.vocabulary import PUNCTUATION, is_sound
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, FloatArray, IntArray, Phonemes

CATCH_UP = 3
"""A segment that begins late by some time is on time again after so many times that."""

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
        energy: ``(2T,)`` the curve that tells where the segment is silent; where there is none nothing of it is cut.
    """

    segment: Phonemes
    durations_frames: IntArray | None
    start_sample: int = 0
    energy: FloatArray | None = None

    @property
    def end_sample(self) -> int:
        """Where the segment's audio ends, and the next segment's starts."""
        before, at, after = self._layout()
        return self.start_sample + before + at.end - at.start + after

    @property
    def end_s(self) -> float:
        """``end_sample`` in seconds."""
        return self.end_sample / SAMPLE_RATE_HZ

    def played(self, samples: FloatArray) -> FloatArray:
        """What is heard of the vocoder's ``(600T,)`` samples of the segment: its pauses for its silent ends."""
        before, at, after = self._layout()
        return np.concatenate([np.zeros(before, np.float32), cut(samples, at), np.zeros(after, np.float32)])

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

    def _layout(self) -> tuple[int, Edges, int]:
        """Samples of silence in front, what is played of the vocoder's audio, samples of silence behind."""
        at = edges(self.energy, int(self._durations().sum()))
        return at.gap_before(self.segment.pause_before_s), at, at.gap_after(self.segment.pause_after_s)

    def _bounds_s(self) -> list[float]:
        """Start of each token, padding included, and the end of the last, seconds; pauses belong to the padding."""
        before, at, _ = self._layout()
        inner = np.cumsum(self._durations())[:-1] * FRAME_SAMPLES - _LEAD_SAMPLES
        if self.energy is not None:
            inner = _begun_at(inner, _first_heard(self.segment), at.sound_start)
            inner = np.minimum(inner, at.sound_end)
        inner = np.clip(inner, at.start, at.end) + (self.start_sample + before - at.start)
        bounds: list[float] = (np.array([self.start_sample, *inner, self.end_sample]) / SAMPLE_RATE_HZ).tolist()
        return bounds


def _first_heard(segment: Phonemes) -> int:
    """Index of the first token that is more than a mark."""
    return next((index for index, symbol in enumerate(segment.symbols) if symbol not in _SILENT), 0)


def _begun_at(bounds: IntArray, first: int, start: int) -> IntArray:
    """Token bounds, in samples, with that of token ``first`` at ``start``; what follows is late too, less and less."""
    late = start - bounds[first]
    moved = bounds + np.maximum(late - (bounds - bounds[first]) // CATCH_UP, 0) if late > 0 else bounds.copy()
    moved[: first + 1] = np.minimum(moved[: first + 1], start)
    moved[first] = start
    return moved


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
