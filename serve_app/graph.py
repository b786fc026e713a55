"""The order of the stages, and the only place that knows it.

::

    text --TextFrontend--> Phonemes --AcousticModel--> AcousticFeatures --Vocoder--> Audio
                              ^                        (replica to replica, through the object store)
                         style vector of the voice
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from tts_models.errors import TtsError
from tts_models.speaker.voices import Voice
from tts_models.types import Audio, Phonemes, SpeakerEmbedding


@dataclass(frozen=True, slots=True)
class Utterance:
    """One thing to say.

    Attributes:
        text: What the caller wrote.
        voice: Who says it.
        language: BCP-47 tag the text is read in.
        speed: 0.25 to 4; 1 is the voice's own rate.
        volume: Gain, 0 to 4.
        seed: Equal utterances with equal seeds sound alike to the byte.
    """

    text: str
    voice: Voice
    language: str
    speed: float = 1.0
    volume: float = 1.0
    seed: int = 0


class Overloaded(TtsError):
    """A stage has as many requests waiting as it accepts; args: message, seconds to wait before a new try."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message, retry_after_s)

    @property
    def retry_after_s(self) -> float:
        """Seconds after which a new try makes sense."""
        return float(self.args[1])


class StageUnavailable(TtsError):
    """A stage has no replica that could do the work, tried often enough; args: message."""


class SpeechGraph(Protocol):
    """What the HTTP layer sees of the graph; :class:`RaySpeechGraph` is the real one, tests bring their own.

    Every method raises errors of the :class:`~tts_models.errors.TtsError` tree as themselves (never wrapped by Ray),
    among them :class:`Overloaded` and :class:`StageUnavailable`.
    """

    async def segments(self, text: str, language: str) -> list[Phonemes]:
        """The segments ``text`` is spoken in."""
        ...

    def speak(self, utterance: Utterance) -> AsyncGenerator[Audio]:
        """Audio of ``utterance``, a segment (or a pause) at a time, in order, while later segments are being made.

        Closing the generator (``aclose``) stops the work on every stage.
        """
        ...

    async def embed(self, reference_audio: bytes) -> SpeakerEmbedding:
        """The speaker embedding of an audio file's contents."""
        ...
