"""A fit that only counts its steps, for tests of what is around it; run as a program, a replica that is killed.

python -m tests.deployments.fake_fitter ROOT
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from deployments.settings import AssetSettings, FittingSettings, StorageSettings
from deployments.voice_fitter import VoiceFitter
from tts_models.fitting.plan import FitPlan, Fitted
from tts_models.fitting.state import FitState
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.types import FloatArray

STEPS = 30


@dataclass
class CountingFit:
    """Adds 1 to every number of the timbre in each step."""

    step_s: float = 0.0
    error: Exception | None = None
    began_at: list[int] = field(default_factory=list)
    heard: list[list[FloatArray]] = field(default_factory=list)

    def fit(
        self,
        clips: Sequence[FloatArray],
        start: VoiceRecipe,
        plan: FitPlan,
        state: bytes | None = None,
        on_step: Callable[[FitState], None] = lambda state: None,
    ) -> Fitted:
        now = FitState.from_bytes(state) if state else FitState.beginning(0, 1.0, 0.2)
        self.began_at.append(now.step)
        self.heard.append(list(clips))
        while now.step < plan.steps:
            time.sleep(self.step_s)
            if self.error:
                raise self.error
            now = replace(now, step=now.step + 1, best=now.best + 1, best_similarity=0.2 + 0.02 * now.step)
            on_step(now)
        offset = start.offset.copy()
        offset[: len(now.best)] += 0.1 * now.best
        return Fitted(replace(start, offset=offset), now.best_similarity, now.first_similarity, now.step)


def replica(root: Path, fit: CountingFit, **settings: object) -> VoiceFitter:
    """A replica's callable over the records in ``root``."""
    fitting = FittingSettings.model_validate({"steps": STEPS, "lease_s": 1, "only_idle": False, **settings})
    return VoiceFitter(fitting, AssetSettings(), StorageSettings(root=root), lambda *_: fit)


def reference() -> bytes:
    """Two seconds of something at 16 kHz, as flac."""
    from serve_app.http.audio_encoding import encode_once
    from tests.speaker.test_encoder import buzz

    return encode_once("flac", buzz(1, 2.0), 16_000)


if __name__ == "__main__":
    at_work = replica(Path(sys.argv[1]), CountingFit(step_s=0.2))
    time.sleep(60)
