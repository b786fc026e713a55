"""The values that cross a stage boundary.

::

    text -> Phonemes -> AcousticInput -> AcousticFeatures -> Audio
                            ^
                        style vector (from a Voice)

Everything here is frozen, holds numpy arrays (zero-copy out of Ray's object store) and no torch tensor, so it can be
sent to a process that never imports torch. Letters in shapes: ``L`` tokens including the padding token at either end
(``len(token_ids) + 2``), ``T`` frames (``durations_frames.sum()``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 24_000
"""Sample rate of every waveform this package makes, Hz."""
FRAME_SAMPLES = 600
"""Samples per acoustic frame (25 ms, 40 frames a second)."""
MAX_TOKENS = 510
"""Most tokens the acoustic model takes in one segment, without the padding token at either end."""
MIN_SPEED, MAX_SPEED = 0.25, 4.0
"""Speeds at which a segment can be said; 1 is the voice's own rate."""
STYLE_DIM = 256
"""Length of a style vector: ``[:TIMBRE_DIM]`` conditions the vocoder, the rest the acoustic model's predictors."""
TIMBRE_DIM = 128
SPEAKER_EMBEDDING_DIM = 192
"""Length of an ECAPA-TDNN speaker embedding."""

EMOTIONS = (
    "neutral", "happy", "excited", "sad", "angry", "fearful", "surprised", "calm", "whisper", "serious",
)  # fmt: skip
"""Moods to speak in; :mod:`tts_models.emotion` knows what each does to speech."""

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word as the caller wrote it, and the tokens that say it.

    What is written as one (``$5.20``, ``example.com``) is one word, however many are heard.

    Attributes:
        start: Offset of its first character in the text of the whole utterance, inline controls included.
        end: Offset after its last character.
        first_token: Index of its first token in ``Phonemes.token_ids``.
        end_token: Index after its last token.
    """

    start: int
    end: int
    first_token: int
    end_token: int


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A place that the caller named (SSML's ``mark``).

    Attributes:
        name: As the caller wrote it.
        position: Offset in the caller's text.
        bound: The token that begins there, counted with the padding token at the front (0): 0 is where the segment's
            audio starts, pause in front included, ``len(token_ids) + 2`` where it ends, pause behind included.
        after_s: Seconds from ``bound`` to the place, where it lies within a pause; may be negative.
    """

    name: str
    position: int
    bound: int
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ProsodyChange:
    """How a stretch of speech is said, relative to how it would be said otherwise; the default changes nothing.

    The stretch is of characters where a text is marked up, and of tokens, counted with the padding token at the front
    (0), in a segment. Stretches may overlap: each change works on what those before it have made.

    Attributes:
        start: Where it starts.
        end: Where it ends, exclusive.
        rate: Factor on the speaking rate: durations are divided by it.
        semitones: Shift of F0.
        shift_hz: Shift of the mean F0 by so many Hz, the rest of F0 in proportion.
        mean_f0_hz: Mean (geometric) F0 that the stretch is moved to as a whole.
        range_scale: Factor on the distance of F0 from the stretch's mean, in the logarithm; 0 is monotone.
        energy_gain: Factor on the energy that the vocoder is told, which changes effort rather than level.
        volume: Gain on the waveform.
    """

    start: int
    end: int
    rate: float = 1.0
    semitones: float = 0.0
    shift_hz: float = 0.0
    mean_f0_hz: float | None = None
    range_scale: float = 1.0
    energy_gain: float = 1.0
    volume: float = 1.0


@dataclass(frozen=True, slots=True)
class Emotion:
    """A mood to speak in.

    Attributes:
        name: One of :data:`EMOTIONS`.
        intensity: 0 is neutral, 1 all there is of it.
    """

    name: str
    intensity: float = 1.0


NEUTRAL = Emotion("neutral")


@dataclass(frozen=True, slots=True)
class Phonemes:
    """One segment of an utterance as the acoustic model reads it.

    Attributes:
        text: The graphemes this segment was made from, as the caller wrote them.
        symbols: Phoneme symbols, IPA as Kokoro's vocabulary spells it.
        token_ids: Vocabulary ids of ``symbols``, 1 to ``MAX_TOKENS`` of them, without padding tokens. Empty only for a
            segment that is nothing but a pause.
        language: BCP-47 tag of the segment, such as ``en-US``.
        pause_before_s: Silence asked for before the segment, seconds; heard from the sound before it on, exactly.
        pause_after_s: Silence asked for after the segment, seconds; heard up to the sound behind it.
        words: The words in it that are heard, in order; tokens between them are punctuation and spaces.
        gap_after_s: Silence to leave before the next segment where none is asked for, seconds at speed 1.
        voice: Name of the voice that says it where the text names one, else ``""``.
        changes: How stretches of its tokens are said.
        bookmarks: The places in it that the caller named, in order.
        emotion: The mood it is said in where the text names one.
    """

    text: str
    symbols: str
    token_ids: tuple[int, ...]
    language: str
    pause_before_s: float = 0.0
    pause_after_s: float = 0.0
    words: tuple[SpokenWord, ...] = ()
    gap_after_s: float = 0.0
    voice: str = ""
    changes: tuple[ProsodyChange, ...] = ()
    bookmarks: tuple[Bookmark, ...] = ()
    emotion: Emotion | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SpeakerEmbedding:
    """What the speaker encoder heard.

    Attributes:
        vector: ``(192,)`` float32, unit length.
        voiced_s: Seconds of speech it was computed from, silence excluded.
    """

    vector: FloatArray
    voiced_s: float


@dataclass(frozen=True, slots=True)
class Contour:
    """What is drawn over the F0 of a segment once it is as long as it will be heard; the default draws nothing.

    Attributes:
        tilt: By how many semitones the end is raised against the start, evenly in between; the mean stays.
        final: By how many semitones the last voiced third of a second is raised, growing towards its end.
        jitter: Standard deviation of a random movement of F0 from point to point (12.5 ms), semitones.
        tremor: Amplitude of a periodic movement of F0, 6 times a second, semitones.
        unvoiced: Whether nothing is voiced: a whisper.
        seed: Of the random movement.
    """

    tilt: float = 0.0
    final: float = 0.0
    jitter: float = 0.0
    tremor: float = 0.0
    unvoiced: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class ProsodyEdit:
    """What of a segment's prosody is given instead of predicted; the default gives nothing.

    Given for spans of tokens, so that one number can speak for a phone, a mora, a word or a pause: the model's own
    prediction is stretched and shifted to it as a whole. Tokens outside every span are as predicted. The order is:
    durations; ``range_scale``; ``semitones``; then ``log_f0``, which is what is heard in its span whatever came before.
    ``changes`` come next: what they ask is relative to all that; ``contour`` last.

    Attributes:
        spans: ``(S, 2)`` int64, token ranges ``[start, end)`` counted with the padding token at the front (0), in order
            and apart.
        frames: ``(S,)`` float64, length of each span in frames, speed no longer applied; NaN leaves it as predicted.
            Spans are rounded to whole frames so that their sum is, and have at least one frame a token.
        log_f0: ``(S,)`` float64, natural logarithm of the mean (geometric) F0 in Hz over each span's voiced part; NaN
            leaves it, minus infinity makes the span unvoiced. A span predicted unvoiced is voiced at the F0 given.
        range_scale: Factor on the distance of F0 from the segment's mean, in the logarithm; 0 is monotone.
        semitones: Shift of all F0.
        energy_gain: Factor on the energy that the vocoder is told, which changes effort rather than level.
        changes: What is changed relative to the rest, in any stretches of tokens, in the order in which it is done.
        contour: What is drawn over F0.
    """

    spans: IntArray = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    frames: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    log_f0: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    range_scale: float = 1.0
    semitones: float = 0.0
    energy_gain: float = 1.0
    changes: tuple[ProsodyChange, ...] = ()
    contour: Contour | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Prosody:
    """What the acoustic model predicts of how a segment is said, without what the vocoder needs besides.

    Attributes:
        durations_frames: ``(L,)`` int64, frames of each token, padding tokens included.
        f0_hz: ``(2T,)`` float32, Hz, near or below 0 where unvoiced; twice the frame rate.
        energy: ``(2T,)`` float32, the model's log-like energy curve; twice the frame rate.
    """

    durations_frames: IntArray
    f0_hz: FloatArray
    energy: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class AcousticInput:
    """One segment, in one voice, said one way.

    Attributes:
        token_ids: 1 to ``MAX_TOKENS`` vocabulary ids, without padding tokens.
        style: ``(256,)`` float32 style vector of the voice for a segment of this length.
        speed: 0.25 to 4; 1 is the voice's own rate. Predicted durations are divided by it.
        volume: Gain on the waveform, 0 to 4; 1 leaves it as the vocoder made it.
        seed: Seed of the vocoder's source noise; equal inputs with equal seeds give equal audio.
        prosody: What is given instead of predicted, if anything.
    """

    token_ids: tuple[int, ...]
    style: FloatArray
    speed: float = 1.0
    volume: float = 1.0
    seed: int = 0
    prosody: ProsodyEdit | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AcousticFeatures:
    """What the acoustic model predicts for one segment, and all that the vocoder needs.

    The text encoding is kept per token and repeated by ``durations_frames`` in the vocoder: 31 KB a second of audio
    instead of 82 KB aligned to frames, and exactly equal.

    Attributes:
        text_encoding: ``(512, L)`` float32, the text encoder's output per token.
        durations_frames: ``(L,)`` int64, frames of each token, padding tokens included, each >= 1.
        f0_hz: ``(2T,)`` float32, Hz, near or below 0 where unvoiced; twice the frame rate.
        energy: ``(2T,)`` float32, the model's log-like energy curve (Kokoro's ``N``); twice the frame rate.
        timbre: ``(128,)`` float32, the vocoder's half of the style vector.
        volume: Gain on the waveform; see :class:`AcousticInput`.
        seed: Seed of the source noise; see :class:`AcousticInput`.
        gain: ``(2T,)`` float32, gain on the waveform along the segment, on top of ``volume``; None is 1 throughout.
    """

    text_encoding: FloatArray
    durations_frames: IntArray
    f0_hz: FloatArray
    energy: FloatArray
    timbre: FloatArray
    volume: float = 1.0
    seed: int = 0
    gain: FloatArray | None = None

    @property
    def n_frames(self) -> int:
        """``T``, the length in frames of ``FRAME_SAMPLES``."""
        return int(self.durations_frames.sum())


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """A mono waveform.

    Attributes:
        samples: ``(n,)`` float32 in [-1, 1], finite.
        sample_rate_hz: Samples a second.
        durations_frames: ``(L,)`` int64, frames of each token it says, padding tokens included; None where the audio
            was not made of tokens.
        energy: ``(2T,)`` float32, the energy curve it was made with, which tells where it is silent; None where there
            was none.
    """

    samples: FloatArray
    sample_rate_hz: int = SAMPLE_RATE_HZ
    durations_frames: IntArray | None = None
    energy: FloatArray | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz


def silence_samples(duration_s: float) -> int:
    """Samples of a silence of ``duration_s`` seconds."""
    return round(duration_s * SAMPLE_RATE_HZ)


def silence(duration_s: float) -> Audio:
    """``duration_s`` seconds of digital silence."""
    return Audio(np.zeros(silence_samples(duration_s), dtype=np.float32))
