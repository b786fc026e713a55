"""How a caller wants a text said, from the parts of a request that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tts_models.delivery import Delivery
from tts_models.instructions import Manner, Understanding
from tts_models.types import Emotion

EmotionName = Literal[
    "neutral", "happy", "excited", "sad", "angry", "fearful", "surprised", "calm", "whisper", "serious"
]

MANNERS = frozenset({"speed", "pitch", "energy", "intonation", "emotion", "intensity", "instructions"})
"""The fields of a request that are read here."""
INSTRUCTIONS_HEADER = "x-voicegraph-instructions"


@dataclass(frozen=True, slots=True)
class Asked:
    """How a text is to be said.

    Attributes:
        speed: Factor on the speaking rate.
        delivery: The rest.
    """

    speed: float
    delivery: Delivery


def asked_for(given: Mapping[str, Any], understanding: Understanding) -> Asked:
    """What a request asks for: what it says in numbers and names, and for the rest what its instructions say.

    Args:
        given: Those of ``MANNERS`` that the caller has sent, and no defaults.
        understanding: Of instructions.
    """
    manner = understanding(given.get("instructions") or "")
    emotion = Emotion(given["emotion"]) if "emotion" in given else manner.emotion
    return Asked(
        speed=given.get("speed", manner.speed),
        delivery=Delivery(
            pitch=given.get("pitch", manner.pitch),
            energy=given.get("energy", manner.energy),
            intonation=given.get("intonation", manner.intonation),
            emotion=Emotion(emotion.name, given.get("intensity", emotion.intensity)),
        ),
    )


def understood(manner: Manner) -> str:
    """What was understood of instructions, in ASCII, such as ``emotion=sad; intensity=0.45; speed=0.93``."""
    plain = Manner()
    parts = []
    if manner.emotion != plain.emotion:
        parts += [f"emotion={manner.emotion.name}", f"intensity={manner.emotion.intensity:g}"]
    for name in ("speed", "pitch", "energy", "intonation"):
        if (value := getattr(manner, name)) != getattr(plain, name):
            parts.append(f"{name}={value:g}")
    return "; ".join(parts) or ("neutral" if manner.heard else "nothing")
