"""The preset voices as the speaker encoder hears them, and the one that is nearest to a speaker.

The table is ``presets.safetensors`` beside this file, made by ``python -m bench.preset_voices``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from safetensors import safe_open

from tts_models.speaker.profile import ReferenceProfile
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.speaker.voices import LANGUAGE_OF_LETTER
from tts_models.types import FloatArray

PRESETS_FILE = Path(__file__).with_name("presets.safetensors")
MAX_SEMITONES = 12.0
MIN_RANGE_SCALE, MAX_RANGE_SCALE = 0.6, 1.5
_FREE_SEMITONES = 3.0
_PER_SEMITONE = 0.02
_OTHER_LANGUAGE = 0.1
_RANGE_TRUST = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class NearestVoice:
    """A voice made of presets that comes near a speaker.

    Attributes:
        recipe: How it is made; its F0 is the speaker's own.
        similarity: Cosine of the speaker encoder's embeddings of the two, before the F0 is changed; -1 to 1.
    """

    recipe: VoiceRecipe
    similarity: float


@dataclass(frozen=True, slots=True, eq=False)
class PresetVoices:
    """What is heard when each preset speaks its own language; the rows of all arrays are ``names``.

    Attributes:
        names: Names of the presets.
        embeddings: ``(P, 192)`` float32, unit length.
        median_f0_hz: ``(P,)`` float32, Hz.
        f0_range_semitones: ``(P,)`` float32, from the 10th to the 90th percentile.
    """

    names: tuple[str, ...]
    embeddings: FloatArray
    median_f0_hz: FloatArray
    f0_range_semitones: FloatArray

    @classmethod
    def load(cls, path: Path = PRESETS_FILE) -> PresetVoices:
        """Reads the table."""
        with safe_open(path, "np") as file:
            names = tuple(json.loads(file.metadata()["names"]))
            return cls(names, *(file.get_tensor(name) for name in cls.__slots__[1:]))

    def nearest(self, profile: ReferenceProfile, count: int = 1, language: str = "") -> list[NearestVoice]:
        """The presets that come nearest to a speaker, with the speaker's F0, the best first.

        One whose F0 is far from the speaker's is taken only where it is much more alike otherwise: a voice moved by
        many semitones sounds odd. So is one that was recorded in another language: it reads with an accent.

        Args:
            profile: The speaker.
            count: How many presets.
            language: BCP-47 tag of what the voice is to read; empty if nobody knows.
        """
        similarity = self.embeddings @ profile.embedding
        away = np.abs(self._semitones(profile))
        score = similarity - _PER_SEMITONE * np.maximum(away - _FREE_SEMITONES, 0)
        if language:
            score -= _OTHER_LANGUAGE * np.array([not _reads(name, language) for name in self.names])
        return [self._voice(row, profile, float(similarity[row])) for row in np.argsort(-score)[:count].tolist()]

    def _voice(self, row: int, profile: ReferenceProfile, similarity: float) -> NearestVoice:
        semitones = float(np.clip(self._semitones(profile)[row], -MAX_SEMITONES, MAX_SEMITONES))
        range_scale = 1.0
        if profile.f0_range_semitones > 0:
            range_scale = float(profile.f0_range_semitones / self.f0_range_semitones[row]) ** _RANGE_TRUST
        range_scale = min(max(range_scale, MIN_RANGE_SCALE), MAX_RANGE_SCALE)
        recipe = VoiceRecipe({self.names[row]: 1.0}, semitones=semitones, range_scale=range_scale)
        return NearestVoice(recipe, similarity)

    def _semitones(self, profile: ReferenceProfile) -> FloatArray:
        """``(P,)``, from each preset's median F0 up to the speaker's; 0 for a speaker without one."""
        if profile.median_f0_hz <= 0:
            return np.zeros(len(self.names), np.float32)
        semitones: FloatArray = 12 * np.log2(np.float32(profile.median_f0_hz) / self.median_f0_hz)
        return semitones


def _reads(preset: str, language: str) -> bool:
    """Whether a preset was recorded in that language, in whatever country."""
    return LANGUAGE_OF_LETTER.get(preset[0], "").partition("-")[0] == language.partition("-")[0]


@cache
def preset_voices() -> PresetVoices:
    """The table of the presets."""
    return PresetVoices.load()
