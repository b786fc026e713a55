"""Delivery and moods with the real weights: as much as asked, by the same speaker, in the same words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
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
from tts_models.emotion import EXPECTED
from tts_models.engine import choose_engine
from tts_models.prosody import VOICED_ABOVE_HZ
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.encoder import SpeakerEncoder
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text import TextFrontend
from tts_models.text.vocabulary import encode
from tts_models.types import (
    SAMPLE_RATE_HZ,
    AcousticFeatures,
    Audio,
    Emotion,
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

    def f0_st(self, plain: Heard) -> FloatArray:
        """F0 where ``plain`` is voiced: far down, some of its creak would not count as voiced any more."""
        f0: FloatArray = 12 * np.log2(self.features.f0_hz[plain.features.f0_hz > VOICED_ABOVE_HZ])
        return f0

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

    @lru_cache(maxsize=100)  # noqa: B019 - one speaker for the module
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
    assert np.median(heard.f0_st(plain)) - np.median(plain.f0_st(plain)) == pytest.approx(pitch, abs=0.01)
    assert heard.features.n_frames == plain.features.n_frames


@pytest.mark.parametrize("intonation", [0.0, 0.5, 1.6])
def test_intonation_scales_the_range_of_f0(speaker: Speaker, intonation: float) -> None:
    plain, heard = speaker.say(HER, aloud=False), speaker.say(HER, aloud=False, intonation=intonation)
    before, after = plain.f0_st(plain), heard.f0_st(plain)
    assert after.std() == pytest.approx(intonation * before.std(), abs=0.01)
    assert after.mean() == pytest.approx(before.mean(), abs=0.01)


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


TOWN = Sentence(
    "af_heart",
    "In the morning, the baker opens early, and the whole street smells of bread.",
    "ɪn ðə mˈɔɹnɪŋ, ðə bˈAkəɹ ˈOpᵊnz ˈɜɹli, ænd ðə hˈOl stɹˈit smˈɛlz ʌv bɹˈɛd.",
)


def properties(features: AcousticFeatures) -> dict[str, float]:
    """What a mood is expected to change, but for loudness, which takes the vocoder."""
    f0 = features.f0_hz
    voiced = np.flatnonzero(f0 > VOICED_ABOVE_HZ)
    semitones = 12 * np.log2(np.maximum(f0[voiced], 1))
    time = (voiced - voiced[0]) / (voiced[-1] - voiced[0])
    slope, start = np.polyfit(time, semitones, 1)
    marks = [at + 1 for at, symbol in enumerate(TOWN.symbols[:-1]) if symbol == ","]
    pauses = sum(features.durations_frames[mark : mark + 2].sum() for mark in marks)
    return {
        "f0": float(semitones.mean()),
        "range": float(np.ptp(np.percentile(semitones - np.polyval((slope, start), time), (15, 85)))),  # no creak
        "tilt": float(slope),
        "final": float(semitones[voiced > voiced[-1] - 26].mean() - semitones.mean()),
        "rate": 1 / (features.n_frames - pauses),
        "pauses": float(pauses),
        "loudness": features.volume,
    }


@pytest.mark.parametrize("name", sorted(set(EXPECTED) - {"whisper"}))
def test_a_mood_goes_where_the_literature_says_and_further_with_intensity(speaker: Speaker, name: str) -> None:
    changes: dict[str, list[float]] = {}
    for intensity in (0.5, 1.0):
        for voice in ("af_heart", "am_michael", "bm_george"):
            sentence = Sentence(voice, TOWN.text, TOWN.symbols)
            segment = Phonemes(sentence.text, sentence.symbols, encode(sentence.symbols), "en-US")
            plain = properties(speaker.predict(segment, voice))
            heard = properties(speaker.predict(segment, voice, emotion=Emotion(name, intensity)))
            for key, value in heard.items():
                changes.setdefault(key, []).append(value - plain[key])
    for key, sign in EXPECTED[name].items():
        half, full = np.mean(changes[key][:3]), np.mean(changes[key][3:])
        assert sign * half > 0, f"{key}: {changes[key]}"
        assert sign * full > 1.3 * sign * half, f"{key}: {changes[key]}"


def test_a_whisper_has_no_voice_and_a_faint_one_is_soft(speaker: Speaker) -> None:
    whisper, faint = (speaker.say(HER, aloud=False, emotion=Emotion("whisper", much)) for much in (1.0, 0.3))
    assert (whisper.features.f0_hz <= VOICED_ABOVE_HZ).all()
    assert (faint.features.f0_hz > VOICED_ABOVE_HZ).any()
    assert whisper.features.volume < faint.features.volume < 1


@pytest.mark.parametrize("name", ["happy", "sad", "fearful", "whisper"])
def test_moods_keep_the_words(speaker: Speaker, recogniser: SpeechRecogniser, name: str) -> None:
    heard = []
    for sentence in (HER, HIM):
        samples = speaker.say(sentence, emotion=Emotion(name)).samples
        assert samples is not None
        heard.append(recogniser.transcribe(samples, SAMPLE_RATE_HZ))
    assert word_error_rate([HER.text, HIM.text], heard) < 0.1, heard


HELLO = {
    "en-US": "Good morning, how are you?", "en-GB": "Good morning, how are you?", "es": "Buenos días, ¿cómo está?",
    "fr-FR": "Bonjour, comment allez-vous ?", "hi": "नमस्ते, आप कैसे हैं?", "it": "Buongiorno, come sta?",
    "ja": "おはようございます、お元気ですか。", "pt-BR": "Bom dia, como vai?", "zh": "早上好，你好吗？",
}  # fmt: skip


@pytest.mark.parametrize("tag", HELLO)
def test_moods_in_every_language(speaker: Speaker, frontend: TextFrontend, tag: str) -> None:
    text = f"[sad]{HELLO[tag]}[/sad] [happy:0.5]{HELLO[tag]}[/happy]"
    plain, *_ = frontend.segments(HELLO[tag], tag)
    sad, happy = frontend.segments(text, tag)
    assert sad.symbols == happy.symbols == plain.symbols, "no tag is read aloud, and marks stay"
    assert (sad.emotion, happy.emotion) == (Emotion("sad"), Emotion("happy", 0.5))
    voice = speaker.voices.like(tag)[0].name
    neutral, low, high = (speaker.predict(segment, voice) for segment in (plain, sad, happy))
    assert low.n_frames > neutral.n_frames >= high.n_frames
    means = [np.mean(np.log(f.f0_hz[f.f0_hz > VOICED_ABOVE_HZ])) for f in (low, neutral, high)]
    assert means == sorted(means)


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend()
