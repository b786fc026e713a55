"""With the real weights: a word's mark is where its sound begins, in nine languages and at other speeds.

Only words after a silence are judged, since a waveform alone shows where those begin: the first word of a segment, and
words behind a comma or a full stop where the model did fall silent.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from serve_app.graph import Utterance, acoustic_input, fold_pauses, spoken_audio
from tts_models.acoustic import AcousticModel
from tts_models.assets import AssetStore
from tts_models.engine import choose_engine
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text import TextFrontend
from tts_models.timing import LEAD_S
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, AcousticFeatures, Audio, FloatArray, Phonemes
from tts_models.vocoder import Vocoder

pytestmark = pytest.mark.timeout(600)

LIMIT_S = 0.080
HOP_S = 0.005
QUIET_DB = -35.0
"""Below the speech's own level; room for the breath before a word, none for its first consonant."""
SILENCE_S = 0.12
"""Longer than a stop consonant is closed."""

SENTENCES = {
    "en-US": ("af_heart", "Good morning, everyone.[pause:300ms] Heavy rain is coming.", 1.0),
    "en-GB": ("bm_george", "She opened the letter.[pause:300ms] Tea is ready now.", 1.0),
    "es": ("ef_dora", "Buenos días a todos.[pause:300ms] ¿Cómo estás hoy?", 1.0),
    "fr-FR": ("ff_siwis", "Bonjour à tous.[pause:300ms] Comment allez-vous ?", 1.0),
    "hi": ("hf_alpha", "नमस्ते दोस्तों।[pause:300ms] आज आप कैसे हैं?", 1.0),
    "it": ("if_sara", "Buongiorno a tutti.[pause:300ms] Come stai oggi?", 1.0),
    "ja": ("jf_alpha", "今日は元気ですか。[pause:300ms] 天気がいいですね。", 1.0),
    "pt-BR": ("pf_dora", "Bom dia a todos.[pause:300ms] Tudo bem, obrigado.", 1.0),
    "zh": ("zf_xiaoxiao", "你今天怎么样？[pause:300ms] 我很好，谢谢你。", 1.0),
    "slow": ("am_michael", "Please bring your umbrella. Heavy rain is coming.", 0.8),
    "fast": ("af_bella", "Please bring your umbrella. Heavy rain is coming.", 1.5),
}


class Models:
    def __init__(self, assets: AssetStore) -> None:
        kokoro = assets.ensure("kokoro-82m-v1.0")
        self.voices = VoiceCatalogue.load(assets.ensure("voices-v1.0"))
        self.text = TextFrontend(first_segment_tokens=30, max_segment_tokens=60)
        self.acoustic = AcousticModel.load(kokoro, torch.device("cpu"))
        self.vocoder = Vocoder.load(kokoro, choose_engine("fp32", device="cpu"))

    def say(self, text: str, voice: str, speed: float) -> Iterator[tuple[Phonemes, Audio]]:
        speaker = self.voices.get(voice)
        utterance = Utterance(text, speaker, speaker.language, speed)
        for index, segment in enumerate(fold_pauses(self.text.segments(text, speaker.language))):
            (features,) = self.acoustic.synthesize([acoustic_input(utterance, index, segment)])
            assert isinstance(features, AcousticFeatures)
            (audio,) = self.vocoder.synthesize([features])
            assert isinstance(audio, Audio)
            yield segment, audio


@pytest.fixture(scope="module")
def models(assets: AssetStore) -> Models:
    return Models(assets)


def silences(samples: FloatArray) -> NDArray[np.float64]:
    """``(n, 2)`` starts and ends of the silences, seconds; the first begins with the audio."""
    hop = round(HOP_S * SAMPLE_RATE_HZ)
    power = (samples[: len(samples) // hop * hop].reshape(-1, hop).astype(np.float64) ** 2).mean(axis=1)
    level_db = 10 * np.log10(np.convolve(power, [0.5, 0.5], "same") + 1e-12)
    quiet = level_db < np.percentile(level_db, 95) + QUIET_DB
    edges = np.flatnonzero(np.diff(quiet, prepend=False, append=False)).reshape(-1, 2) * HOP_S
    return edges[edges[:, 1] - edges[:, 0] >= SILENCE_S]


@cache
def onset_errors_s(models: Models, case: str) -> dict[str, float]:
    """How late each word's mark is, for every word of a case that comes after a silence."""
    voice, text, speed = SENTENCES[case]
    errors_s: dict[str, float] = {}
    start_sample = 0
    for segment, audio in models.say(text, voice, speed):
        spoken = spoken_audio(audio, segment, start_sample)
        assert audio.durations_frames is not None
        assert audio.durations_frames.sum() * FRAME_SAMPLES == len(audio.samples)
        base_s = start_sample / SAMPLE_RATE_HZ
        start_sample += len(spoken.samples)
        assert spoken.timeline.end_sample == start_sample
        quiet = silences(spoken.samples) + base_s
        before_s = base_s
        for word in spoken.timeline.words():
            # Silences that begin before the word does and end somewhere between the word before it and its own end.
            ends = [end for begin, end in quiet if begin < word.start_s and before_s < end < word.end_s]
            if ends:
                errors_s[text[word.start : word.end]] = word.start_s - ends[-1]
            assert ends or before_s > base_s, "every segment begins with silence"
            before_s = word.end_s
    return errors_s


@pytest.mark.parametrize("case", SENTENCES)
def test_a_words_mark_is_where_its_sound_begins(case: str, models: Models) -> None:
    errors_s = onset_errors_s(models, case)
    print(f"{case}: onset errors, ms: { {word: round(1000 * error) for word, error in errors_s.items()} }")
    assert len(errors_s) >= 2
    assert max(map(abs, errors_s.values())) <= LIMIT_S, errors_s


def test_the_lead_is_measured_not_chosen(models: Models) -> None:
    """Errors lie on both sides of none: without the lead, all marks would be late."""
    errors_s = [error for case in SENTENCES for error in onset_errors_s(models, case).values()]
    assert abs(np.median(errors_s)) < LEAD_S / 2, errors_s
