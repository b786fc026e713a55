"""A way of speaking, as words describe it."""

from __future__ import annotations

from dataclasses import dataclass

from tts_models.types import NEUTRAL, Emotion

MIN_SPEED, MAX_SPEED = 0.6, 1.6
MAX_PITCH = 6.0
MIN_ENERGY, MAX_ENERGY = 0.4, 2.0
MAX_INTONATION = 1.8
"""How far words alone may move speech; who wants more says it in numbers."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one word or phrase asks for.

    Attributes:
        emotion: Name of a mood, or ``""``.
        intensity: Of it, without a word of degree beside it.
        speed: Factor.
        pitch: Semitones.
        energy: Factor.
        intonation: Factor.
        weight: How much it counts against other moods in the same text; a trade says less of a mood than an adjective.
    """

    emotion: str = ""
    intensity: float = 0.8
    speed: float = 1.0
    pitch: float = 0.0
    energy: float = 1.0
    intonation: float = 1.0
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Manner:
    """A way of speaking.

    Attributes:
        emotion: The mood.
        speed: Factor on the speaking rate.
        pitch: Semitones.
        energy: Factor on loudness.
        intonation: Factor on the range of F0.
        heard: The words that said so, as they were written, in order.
    """

    emotion: Emotion = NEUTRAL
    speed: float = 1.0
    pitch: float = 0.0
    energy: float = 1.0
    intonation: float = 1.0
    heard: tuple[str, ...] = ()
