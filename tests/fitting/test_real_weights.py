"""A few steps with the real models."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
import torch

from tests.support.speech import Speech
from tts_models.assets import AssetStore
from tts_models.fitting.fitter import VoiceFitter
from tts_models.fitting.plan import FitPlan
from tts_models.fitting.state import FitState
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.pitch import pitch_of
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.types import FloatArray


@pytest.mark.timeout(300)
def test_a_few_steps_bring_a_voice_nearer_to_another(assets: AssetStore, speech: list[Speech]) -> None:
    """From one preset to another: whom it sounds like is known, and what it was not fitted to is judged."""
    paths = (assets.ensure(name) for name in ("kokoro-82m-v1.0", "ecapa-tdnn-voxceleb", "voices-v1.0"))
    fitter = VoiceFitter.load(*paths, torch.device("cpu"))
    (target,) = (one for one in speech if one.sentence.voice == "bm_george")
    clip: FloatArray = soxr.resample(target.samples, 24_000, ENCODER_RATE_HZ).astype(np.float32)
    states: list[FitState] = []
    plan = FitPlan(steps=6, check_every=3, starts=1)
    fitted = fitter.fit([clip], VoiceRecipe({"am_michael": 1.0}), plan, on_step=states.append)

    assert fitted.steps == 6
    assert fitted.similarity > fitted.first_similarity
    assert states[-1].best_unlikeness < 0.95 * states[0].best_unlikeness
    assert abs(fitted.recipe.semitones - 12 * np.log2(pitch_of(clip).median_hz / 106)) < 4
