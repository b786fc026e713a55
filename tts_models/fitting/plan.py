"""How a voice is fitted, in numbers, and what comes of it; without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tts_models.speaker.recipe import VoiceRecipe

_LEAST_LEARNING_RATE = 1e-3


@dataclass(frozen=True, slots=True)
class FitPlan:
    """How to fit.

    Attributes:
        steps: Most steps.
        starts: Voices of which the best is begun with: the one given, and the nearest presets.
        language: BCP-47 tag of what the voice is to read; such presets are begun with where they are about as near.
        seed: Decides which windows are taken.
        learning_rate: Of Adam, in deviations of the presets' timbres, at the start; it falls to nearly 0 at the end.
        window_frames: Length of what is said in a step, frames of 25 ms.
        layers_weight: Of the encoder's layers, beside 1 for its embedding.
        spectrum_weight: Of the spectrum.
        stay_weight: Of the squared distance from the voice it began with, in deviations of the presets.
        check_every: Steps between two looks at what is held out.
        patience: Looks without an improvement before it ends.
    """

    steps: int = 40
    starts: int = 3
    language: str = "en-US"
    seed: int = 0
    learning_rate: float = 0.2
    window_frames: int = 96
    layers_weight: float = 2.0
    spectrum_weight: float = 2.0
    stay_weight: float = 0.00075
    check_every: int = 10
    patience: int = 2

    def learning_rate_at(self, step: int) -> float:
        """Half a period of a cosine over all steps."""
        return self.learning_rate * (0.5 + 0.5 * math.cos(math.pi * step / self.steps)) + _LEAST_LEARNING_RATE


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A voice after its fit.

    Attributes:
        recipe: The voice.
        similarity: Cosine of its embedding and the speaker's, on text and (8 s and more) speech not fitted to.
        first_similarity: The same before.
        steps: Steps after which it was that good.
    """

    recipe: VoiceRecipe
    similarity: float
    first_similarity: float
    steps: int
