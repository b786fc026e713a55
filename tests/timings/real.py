"""The real models one after the other, and where their audio is silent."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from serve_app.graph import Utterance, acoustic_input, fold_pauses
from tts_models.acoustic import AcousticModel
from tts_models.assets import AssetStore
from tts_models.engine import choose_engine
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text import TextFrontend
from tts_models.timing import Timeline
from tts_models.types import SAMPLE_RATE_HZ, AcousticFeatures, Audio, FloatArray, Phonemes
from tts_models.vocoder import Vocoder

HOP_S = 0.005
QUIET_DB = -35.0
"""Below the speech's own level; room for the breath before a word, none for its first consonant."""
SILENCE_S = 0.12
"""Longer than a stop consonant is closed."""


class Models:
    def __init__(self, assets: AssetStore) -> None:
        kokoro = assets.ensure("kokoro-82m-v1.0")
        self.voices = VoiceCatalogue.load(assets.ensure("voices-v1.0"))
        self.text = TextFrontend(first_segment_tokens=30, max_segment_tokens=60)
        self.acoustic = AcousticModel.load(kokoro, torch.device("cpu"))
        self.vocoder = Vocoder.load(kokoro, choose_engine(device="cpu"))

    def say(self, text: str, voice: str, speed: float) -> Iterator[tuple[Phonemes, Audio]]:
        speaker = self.voices.get(voice)
        utterance = Utterance(text, speaker, speaker.language, speed)
        for index, segment in enumerate(fold_pauses(self.text.segments(text, speaker.language), speed)):
            (features,) = self.acoustic.synthesize([acoustic_input(utterance, index, segment)])
            assert isinstance(features, AcousticFeatures)
            (audio,) = self.vocoder.synthesize([features])
            assert isinstance(audio, Audio)
            yield segment, audio

    def timelines(self, text: str, voice: str, speed: float) -> list[Timeline]:
        """As captions are made: predicted, all in one batch, without audio."""
        speaker = self.voices.get(voice)
        utterance = Utterance(text, speaker, speaker.language, speed)
        segments = fold_pauses(self.text.segments(text, speaker.language), speed)
        batch = [acoustic_input(utterance, index, segment) for index, segment in enumerate(segments)]
        result: list[Timeline] = []
        for segment, features in zip(segments, self.acoustic.synthesize(batch), strict=True):
            assert isinstance(features, AcousticFeatures)
            start_sample = result[-1].end_sample if result else 0
            result.append(Timeline(segment, features.durations_frames, start_sample, features.energy))
        return result


def silences(samples: FloatArray) -> NDArray[np.float64]:
    """``(n, 2)`` starts and ends of the silences, seconds; the first begins with the audio."""
    hop = round(HOP_S * SAMPLE_RATE_HZ)
    power = (samples[: len(samples) // hop * hop].reshape(-1, hop).astype(np.float64) ** 2).mean(axis=1)
    level_db = 10 * np.log10(np.convolve(power, [0.5, 0.5], "same") + 1e-12)
    quiet = level_db < np.percentile(level_db, 95) + QUIET_DB
    edges = np.flatnonzero(np.diff(quiet, prepend=False, append=False)).reshape(-1, 2) * HOP_S
    return edges[edges[:, 1] - edges[:, 0] >= SILENCE_S]
