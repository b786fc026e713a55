"""How an utterance is said, on top of what its voice does by itself: pitch, energy, intonation, mood.

::

    AcousticInput of the voice --delivered--> AcousticInput as it is to be said

Everything acts on what the acoustic model predicts (durations, F0, energy) or is conditioned on. One thing cannot: the
vocoder normalises away nearly all of what its energy curve says about level, so the rest of a change in loudness is a
gain; see :data:`HEARD_OF_EFFORT`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tts_models.types import NEUTRAL, AcousticInput, Emotion, ProsodyEdit

MAX_PITCH = 12.0
"""Semitones up or down."""
MIN_ENERGY, MAX_ENERGY = 0.25, 2.0
MAX_INTONATION = 2.0
HEARD_OF_EFFORT = 0.045
"""How much of a change of the energy curve is heard as loudness, in decibels of decibels: 0.03 to 0.05 in five voices,
the same up and down, and without any change in brightness."""
_MAX_RANGE_SCALE = 4.0  # what the acoustic model takes, all factors together
_MAX_SEMITONES = 36.0
_MIN_ENERGY_GAIN, _MAX_ENERGY_GAIN = 0.1, 10.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """How an utterance is said; the default is as its voice says it.

    Attributes:
        pitch: Shift of F0, semitones.
        energy: Factor on the loudness, by the energy curve as far as that is heard.
        intonation: Factor on the range of F0, in the logarithm; 0 is monotone.
        emotion: The mood, where the text itself names no other.
    """

    pitch: float = 0.0
    energy: float = 1.0
    intonation: float = 1.0
    emotion: Emotion = NEUTRAL


AS_IT_IS = Delivery()


def delivered(item: AcousticInput, delivery: Delivery) -> AcousticInput:
    """``item`` with the pitch, energy and intonation of ``delivery``; itself where that asks for nothing.

    Args:
        item: As the voice would say it.
        delivery: How it is to be said; its emotion is not looked at.
    """
    if delivery.pitch or delivery.intonation != 1:
        edit = item.prosody or ProsodyEdit()
        edit = replace(
            edit, semitones=edit.semitones + delivery.pitch, range_scale=edit.range_scale * delivery.intonation
        )
        item = replace(item, prosody=clipped(edit))
    return at_energy(item, delivery.energy)


def at_energy(item: AcousticInput, factor: float) -> AcousticInput:
    """``item`` said ``factor`` times as loud, and so told to the vocoder."""
    if factor == 1:
        return item
    edit = item.prosody or ProsodyEdit()
    edit = replace(edit, energy_gain=edit.energy_gain * factor)
    return replace(item, prosody=clipped(edit), volume=item.volume * factor ** (1 - HEARD_OF_EFFORT))


def clipped(edit: ProsodyEdit) -> ProsodyEdit:
    """``edit`` within what the acoustic model takes: what a voice, a request and a mood ask for adds up."""
    return replace(
        edit,
        range_scale=min(edit.range_scale, _MAX_RANGE_SCALE),
        semitones=min(max(edit.semitones, -_MAX_SEMITONES), _MAX_SEMITONES),
        energy_gain=min(max(edit.energy_gain, _MIN_ENERGY_GAIN), _MAX_ENERGY_GAIN),
    )
