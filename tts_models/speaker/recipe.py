"""What a voice is made of: presets in proportion, an offset in style space, and a delivery.

::

    styles = sum of weight * styles of the preset  +  offset        (one row per number of tokens, as a preset's)

A mix of presets, a cloned voice and a mix of both are all of this form, so that each can be mixed, saved, sent and
spoken with like any other. The numbers are small (a kilobyte); the tables of the presets are never copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from tts_models.speaker.voices import Gender, Voice, VoiceCatalogue
from tts_models.types import MAX_TOKENS, STYLE_DIM, FloatArray


def _no_offset() -> FloatArray:
    return np.zeros(STYLE_DIM, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class VoiceRecipe:
    """How a voice is made of presets.

    Attributes:
        presets: Weight of each preset by its name; they add up to 1, some may be negative.
        offset: ``(256,)`` float32 added to every style vector; ``[:128]`` is timbre, the rest prosody.
        semitones: See :class:`~tts_models.speaker.voices.Voice`.
        range_scale: Likewise.
        rate: Likewise.
    """

    presets: Mapping[str, float]
    offset: FloatArray = field(default_factory=_no_offset)
    semitones: float = 0.0
    range_scale: float = 1.0
    rate: float = 1.0

    def voice(self, catalogue: VoiceCatalogue, name: str, language: str, gender: Gender) -> Voice:
        """The voice itself.

        Raises:
            VoiceNotFound: ``catalogue`` has not all of the presets.
        """
        styles = np.repeat(self.offset[None], MAX_TOKENS, axis=0)
        for preset, weight in self.presets.items():
            styles += np.float32(weight) * catalogue.get(preset).styles
        styles.flags.writeable = False
        return Voice(name, language, gender, styles, self.semitones, self.range_scale, self.rate)


def mixed(parts: Iterable[tuple[VoiceRecipe, float]]) -> VoiceRecipe:
    """Several recipes in proportion.

    Args:
        parts: Recipes and their weights, which need not add up to 1 but to more than 0.
    """
    parts = list(parts)
    total = sum(weight for _, weight in parts)
    presets: dict[str, float] = {}
    for recipe, weight in parts:
        for name, share in recipe.presets.items():
            presets[name] = presets.get(name, 0.0) + share * weight / total

    def mean(values: Iterable[float]) -> float:
        return sum(value * weight for value, (_, weight) in zip(values, parts, strict=True)) / total

    return VoiceRecipe(
        presets={name: share for name, share in presets.items() if share},
        offset=np.sum([recipe.offset * np.float32(weight / total) for recipe, weight in parts], axis=0),
        semitones=mean(recipe.semitones for recipe, _ in parts),
        range_scale=float(np.exp(mean(np.log(recipe.range_scale) for recipe, _ in parts))),
        rate=float(np.exp(mean(np.log(recipe.rate) for recipe, _ in parts))),
    )
