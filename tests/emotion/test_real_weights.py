"""Delivery and moods with the real weights: as much as asked, by the same speaker, in the same words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import soxr
import torch

from serve_app.graph import Utterance, acoustic_input
from tests.support.asr import SpeechRecogniser, word_error_rate
from tests.support.speech import SENTENCES, Sentence
from tts_models.acoustic import AcousticModel
from tts_models.assets import AssetStore
from tts_models.delivery import Delivery
from tts_models.engine import choose_engine
from tts_models.prosody import VOICED_ABOVE_HZ
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.encoder import SpeakerEncoder
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text.vocabulary import encode
from tts_models.types import (
    SAMPLE_RATE_HZ,
    AcousticFeatures,
    Audio,
    FloatArray,
    Phonemes,
    SpeakerEmbedding,
)
from tts_models.vocoder import Vocoder

pytestmark = pytest.mark.timeout(600)
HER, HIM = SENTENCES[0], SENTENCES[3]


@dataclass(frozen=True)
class Heard:
    """What the models made of a sentence."""

    features: AcousticFeatures
    samples: FloatArray | None

    @property
    def f0_st(self) -> FloatArray:
        f0: FloatArray = self.features.f0_hz
        return 12 * np.log2(f0[f0 > VOICED_ABOVE_HZ])

    @property
    def loudness_db(self) -> float:
        assert self.samples is not None
        frames = self.samples[: len(self.samples) // 600 * 600].reshape(-1, 600).astype(np.float64)
        power = (frames**2).mean(axis=1)
        return float(10 * np.log10(power[power > power.max() * 1e-4].mean()))


class Speaker:
    def __init__(self, assets: AssetStore) -> None:
        kokoro = assets.ensure("kokoro-82m-v1.0")
        self.voices = VoiceCatalogue.load(assets.ensure("voices-v1.0"))
        self._acoustic = AcousticModel.load(kokoro, torch.device("cpu"))
        self._vocoder = Vocoder.load(kokoro, choose_engine("auto"))
        self._encoder = SpeakerEncoder.load(assets.ensure("ecapa-tdnn-voxceleb"), torch.device("cpu"))
        self._made: dict[Any, Heard] = {}

    def predict(self, segment: Phonemes, voice: str, **how: Any) -> AcousticFeatures:
        speed = how.pop("speed", 1.0)
        speaker = self.voices.get(voice)
        utterance = Utterance("", speaker, speaker.language, speed=speed, delivery=Delivery(**how))
        (features,) = self._acoustic.synthesize([acoustic_input(utterance, 0, segment)])
        assert isinstance(features, AcousticFeatures), features
        return features

    def say(self, sentence: Sentence, *, aloud: bool = True, **how: Any) -> Heard:
        key = (sentence.text, aloud, tuple(sorted(how.items())))
        if key not in self._made:
            segment = Phonemes(sentence.text, sentence.symbols, encode(sentence.symbols), "en-US")
            features = self.predict(segment, sentence.voice, **how)
            samples = None
            if aloud:
                (audio,) = self._vocoder.synthesize([features])
                assert isinstance(audio, Audio)
                samples = audio.samples
            self._made[key] = Heard(features, samples)
        return self._made[key]

    def likeness(self, one: Heard, other: Heard) -> float:
        assert one.samples is not None
        assert other.samples is not None
        waves = [soxr.resample(heard.samples, SAMPLE_RATE_HZ, ENCODER_RATE_HZ) for heard in (one, other)]
        a, b = (found for found in self._encoder.embed(waves) if isinstance(found, SpeakerEmbedding))
        return float(a.vector @ b.vector)


@pytest.fixture(scope="module")
def speaker(assets: AssetStore) -> Speaker:
    return Speaker(assets)


@pytest.mark.parametrize("sentence", [HER, HIM], ids=["her", "him"])
@pytest.mark.parametrize("pitch", [-4.0, 3.0])
def test_pitch_moves_the_median_of_f0(speaker: Speaker, sentence: Sentence, pitch: float) -> None:
    plain, heard = speaker.say(sentence, aloud=False), speaker.say(sentence, aloud=False, pitch=pitch)
    assert np.median(heard.f0_st) - np.median(plain.f0_st) == pytest.approx(pitch, abs=0.01)
    assert heard.features.n_frames == plain.features.n_frames


@pytest.mark.parametrize("intonation", [0.0, 0.5, 1.6])
def test_intonation_scales_the_range_of_f0(speaker: Speaker, intonation: float) -> None:
    plain, heard = speaker.say(HER, aloud=False), speaker.say(HER, aloud=False, intonation=intonation)
    assert heard.f0_st.std() == pytest.approx(intonation * plain.f0_st.std(), abs=0.01)
    assert heard.f0_st.mean() == pytest.approx(plain.f0_st.mean(), abs=0.01)


@pytest.mark.parametrize("speed", [0.7, 1.5])
def test_speed_divides_the_duration(speaker: Speaker, speed: float) -> None:
    plain, heard = speaker.say(HER, aloud=False), speaker.say(HER, aloud=False, speed=speed)
    assert heard.features.n_frames == pytest.approx(plain.features.n_frames / speed, rel=0.03)


@pytest.mark.parametrize("sentence", [HER, HIM], ids=["her", "him"])
@pytest.mark.parametrize("energy", [0.25, 0.5, 2.0])
def test_energy_changes_loudness_by_as_much(speaker: Speaker, sentence: Sentence, energy: float) -> None:
    plain, heard = speaker.say(sentence), speaker.say(sentence, energy=energy)
    assert heard.loudness_db - plain.loudness_db == pytest.approx(20 * np.log10(energy), abs=1.0)


def test_the_speaker_and_the_words_stay(speaker: Speaker, recogniser: SpeechRecogniser) -> None:
    for sentence in (HER, HIM):
        plain = speaker.say(sentence)
        for how in ({"pitch": 3.0}, {"pitch": -4.0}, {"energy": 0.5}, {"energy": 2.0}):
            heard = speaker.say(sentence, **how)
            assert heard.samples is not None
            text = recogniser.transcribe(heard.samples, SAMPLE_RATE_HZ)
            assert word_error_rate(sentence.text, text) == 0, f"{how}: {text}"
            assert speaker.likeness(plain, heard) > 0.6, f"{how}: other voices are at 0.1"
