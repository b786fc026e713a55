"""An application whose sound tells which weights and which code made it, to watch an upgrade."""

# No ``from __future__ import annotations``: Ray reads the class of ``build``'s argument from its signature.

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ray.serve import Application

from deployments.settings import AppSettings, AssetSettings, VocoderSettings
from serve_app.builder import Loaders, assemble
from tests.cluster import doubles
from tts_models.errors import TtsError
from tts_models.types import AcousticFeatures, Audio

CODE = 1
"""Changed by a release."""


class Vocoder(doubles.VocoderDouble):
    """Makes samples of 0.1 for each version of the weights, and 0.01 for each of the code."""

    def __init__(self, assets: AssetSettings) -> None:
        super().__init__(doubles.Log(assets.root))
        assert assets.root is not None
        self._level = 0.1 * int((assets.root / "weights-version").read_text()) + 0.01 * CODE

    def synthesize(self, batch: Sequence[AcousticFeatures]) -> list[Audio | TtsError]:
        made = super().synthesize(batch)
        return [
            replace(each, samples=np.full_like(each.samples, self._level)) if isinstance(each, Audio) else each
            for each in made
        ]


def load_vocoder(_: VocoderSettings, assets: AssetSettings) -> Vocoder:
    return Vocoder(assets)


def build(args: AppSettings) -> Application:
    """The import path that a config names."""
    loaders = Loaders(doubles.load_text, doubles.load_speaker, doubles.load_acoustic, load_vocoder, doubles.load_voices)
    return assemble(args, loaders)
