"""How high a speaker speaks, and what makes a voice speak as high."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tts_models.acoustic import AcousticModel
from tts_models.errors import TtsError
from tts_models.speaker.profile import ReferenceProfile
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.speaker.voices import Voice, VoiceCatalogue
from tts_models.types import AcousticFeatures

_VOICED_HZ = 50.0
_MAX_SEMITONES = 18.0


def say(acoustic: AcousticModel, voice: Voice, texts: Sequence[tuple[int, ...]]) -> list[AcousticFeatures]:
    """The features of ``texts`` (token ids) in ``voice``, each with a seed of its own.

    Raises:
        TtsError: The model cannot say one of them.
    """
    results = acoustic.synthesize([voice.says(text, seed=seed) for seed, text in enumerate(texts)])
    for result in results:
        if isinstance(result, TtsError):
            raise result
    return [result for result in results if isinstance(result, AcousticFeatures)]


def delivered_as(
    recipe: VoiceRecipe,
    speaker: ReferenceProfile,
    acoustic: AcousticModel,
    catalogue: VoiceCatalogue,
    texts: Sequence[tuple[int, ...]],
) -> VoiceRecipe:
    """``recipe`` at the median F0 of the speaker.

    The range of F0 stays the preset's: ten seconds say little about a speaker's, and a flat one sounds worse without
    sounding more like the speaker.

    Args:
        recipe: The voice; unchanged if the speaker has no pitch, as in a whisper.
        speaker: The speaker.
        acoustic: Predicts what F0 the voice would have.
        catalogue: The presets.
        texts: What it says for that.

    Raises:
        TtsError: The model cannot say one of ``texts``.
    """
    if speaker.median_f0_hz <= 0:
        return recipe
    plain = replace(recipe, semitones=0.0, range_scale=1.0)
    curves = [features.f0_hz for features in say(acoustic, _voice(plain, catalogue), texts)]
    f0_hz = np.concatenate([curve[curve > _VOICED_HZ] for curve in curves])
    if not len(f0_hz):
        return recipe
    semitones = float(12 * np.log2(speaker.median_f0_hz / np.median(f0_hz)))
    return replace(plain, semitones=min(max(semitones, -_MAX_SEMITONES), _MAX_SEMITONES))


def _voice(recipe: VoiceRecipe, catalogue: VoiceCatalogue) -> Voice:
    return recipe.voice(catalogue, "fitted", "en-US", "female")
