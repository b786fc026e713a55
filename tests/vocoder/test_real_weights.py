"""The vocoder with Kokoro's weights: against the reference package, in batches, and fast against exact."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from tests.support.asr import SpeechRecogniser, word_error_rate
from tests.support.dnsmos import speech_quality
from tests.support.kokoro_reference import reference_model
from tests.support.speech import SENTENCES
from tests.vocoder.conftest import snr_db
from tts_models.acoustic import AcousticModel
from tts_models.assets import AssetStore
from tts_models.engine import Engine, choose_engine
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text.vocabulary import SYMBOL_IDS
from tts_models.types import SAMPLE_RATE_HZ, AcousticFeatures, AcousticInput, Audio
from tts_models.vocoder import Vocoder
from tts_models.vocoder.vocoder import seeded_noise

QUICK, SHE, PLEASE, WHEN = SENTENCES
ALL = " ".join(sentence.symbols for sentence in SENTENCES)
UTTERANCES = {
    "1 s": ("af_heart", "həlˈO.", 1.0),
    "3 s": ("am_michael", QUICK.symbols, 1.0),
    "5 s": ("jf_alpha", WHEN.symbols, 1.0),
    "8 s": ("zm_yunxi", f"{PLEASE.symbols} {SHE.symbols}", 0.9),
    "20 s": ("bf_emma", ALL, 0.64),
}


@dataclass(frozen=True, slots=True, eq=False)
class Models:
    """What the tests of this module share: loading takes seconds."""

    acoustic: AcousticModel
    vocoder: Vocoder
    inputs: dict[str, AcousticInput]
    features: dict[str, AcousticFeatures]
    waves: dict[str, torch.Tensor] = field(default_factory=dict)

    def alone(self, name: str) -> torch.Tensor:
        """The utterance's own waveform, exact."""
        if name not in self.waves:
            (self.waves[name],) = self.vocoder.waveforms([self.features[name]])
        return self.waves[name]


@pytest.fixture(scope="module")
def models(assets: AssetStore) -> Models:
    weights = assets.ensure("kokoro-82m-v1.0")
    voices = VoiceCatalogue.load(assets.ensure("voices-v1.0"))
    acoustic = AcousticModel.load(weights, torch.device("cpu"))
    inputs, features = {}, {}
    for name, (voice, symbols, speed) in UTTERANCES.items():
        token_ids = tuple(SYMBOL_IDS[symbol] for symbol in symbols)
        inputs[name] = AcousticInput(token_ids, voices.get(voice).style(len(token_ids)), speed=speed, seed=len(name))
        (made,) = acoustic.synthesize([inputs[name]])
        assert isinstance(made, AcousticFeatures)
        features[name] = made
    return Models(acoustic, Vocoder.load(weights, choose_engine("fp32", device="cpu")), inputs, features)


@pytest.fixture(autouse=True)
def two_threads(one_thread: None) -> None:
    torch.set_num_threads(2)


@torch.inference_mode()
def test_the_waveform_is_the_reference_packages_with_the_same_source(models: Models, assets: AssetStore) -> None:
    """Five voices, 1 to 20 s. Its own source cannot be compared: it draws noise without a seed."""
    reference = reference_model(assets.ensure("kokoro-82m-v1.0"))
    seconds = {}
    for name, features in models.features.items():
        f0_hz = torch.from_numpy(features.f0_hz)
        source = models.vocoder._source(f0_hz, seeded_noise(features), 300)
        reference.decoder.generator.m_source.forward = lambda _, source=source: (source[None, :, None], None, None)
        aligned = torch.from_numpy(np.repeat(features.text_encoding, features.durations_frames, axis=1))
        energy, timbre = torch.tensor(features.energy), torch.tensor(features.timbre)
        wanted = reference.decoder(aligned[None], f0_hz[None], energy[None], timbre[None])[0, 0]
        ours = models.alone(name)
        assert snr_db(wanted, ours) > 90, name
        seconds[name] = len(ours) / SAMPLE_RATE_HZ
    assert min(seconds.values()) < 1.6
    assert max(seconds.values()) > 20


@torch.inference_mode()
def test_in_a_padded_batch_every_item_is_itself_alone(models: Models) -> None:
    names = ("5 s", "1 s", "3 s")
    for name, wave in zip(names, models.vocoder.waveforms([models.features[name] for name in names]), strict=True):
        assert snr_db(models.alone(name), wave) > 100, name


@torch.inference_mode()
def test_beside_others_on_both_stages_an_utterance_sounds_the_same(models: Models) -> None:
    """F0 rounds otherwise in a batch, and integrates into phase; -40 dB is far below the hiss of the source noise."""
    names = ("3 s", "1 s", "5 s")
    # Of one voice and length an utterance would share its group; padded as on a GPU all share one.
    models.acoustic._min_length_ratio, kept = 0.0, models.acoustic._min_length_ratio
    try:
        together = models.acoustic.synthesize([models.inputs[name] for name in names])
    finally:
        models.acoustic._min_length_ratio = kept
    for name, features in zip(names, together, strict=True):
        assert isinstance(features, AcousticFeatures)
        assert features.durations_frames.tolist() == models.features[name].durations_frames.tolist()
        assert snr_db(models.alone(name), models.vocoder.waveforms([features])[0]) > 40, name


def test_equal_requests_give_equal_bytes(models: Models, fast: Engine, assets: AssetStore) -> None:
    vocoder = Vocoder.load(assets.ensure("kokoro-82m-v1.0"), fast)
    features = models.features["3 s"]
    one, same, other = (
        spoken(vocoder, item) for item in (features, features, replace(features, seed=features.seed + 1))
    )
    assert one.tobytes() == same.tobytes()
    assert one.tobytes() != other.tobytes()


def spoken(vocoder: Vocoder, features: AcousticFeatures) -> np.ndarray:
    (audio,) = vocoder.synthesize([features])
    assert isinstance(audio, Audio)
    return audio.samples


Clips = list[tuple[str, AcousticFeatures, np.ndarray]]
"""Text, features and samples."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Words misheard over words said, and the mean opinion that DNSMOS predicts."""

    word_errors: float
    opinion: float


def judge(recogniser: SpeechRecogniser, clips: Clips) -> Judgement:
    heard = [recogniser.transcribe(samples, SAMPLE_RATE_HZ) for _, _, samples in clips]
    opinions = [speech_quality(samples, SAMPLE_RATE_HZ).overall for _, _, samples in clips]
    return Judgement(word_error_rate([text for text, _, _ in clips], heard), float(np.mean(opinions)))


@pytest.fixture(scope="module")
def exact(models: Models, assets: AssetStore, recogniser: SpeechRecogniser) -> tuple[Clips, Judgement]:
    """Four sentences in two voices each, by the exact engine."""
    torch.set_num_threads(2)
    voices = VoiceCatalogue.load(assets.ensure("voices-v1.0"))
    clips = []
    for sentence in SENTENCES:
        for voice in (sentence.voice, "af_bella"):
            token_ids = tuple(SYMBOL_IDS[symbol] for symbol in sentence.symbols)
            item = AcousticInput(token_ids, voices.get(voice).style(len(token_ids)))
            (features,) = models.acoustic.synthesize([item])
            assert isinstance(features, AcousticFeatures)
            clips.append((sentence.text, features, spoken(models.vocoder, features)))
    return clips, judge(recogniser, clips)


def test_equal_requests_give_equal_audio_whoever_else_computes(
    models: Models, fast: Engine, assets: AssetStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last bit: the threads of the kernels are as many as others leave, while torch's stay as they are."""
    assert fast.kernels is not None
    vocoder = Vocoder.load(assets.ensure("kokoro-82m-v1.0"), fast)
    share = itertools.cycle([1, 2, 3])
    made = []
    for threads in (lambda: 1, lambda: 2, lambda: next(share)):
        monkeypatch.setattr(fast.kernels, "threads", threads)
        made.append(spoken(vocoder, models.features["3 s"]))
    assert all(np.array_equal(one, made[0]) for one in made)


def test_the_fast_engines_lose_no_quality(
    exact: tuple[Clips, Judgement], fast: Engine, assets: AssetStore, recogniser: SpeechRecogniser
) -> None:
    """Words heard and listeners' predicted opinion: at most one word in 84 more is misheard, and not 0.1 lost."""
    vocoder = Vocoder.load(assets.ensure("kokoro-82m-v1.0"), fast)
    clips, wanted = exact
    ours = [(text, features, spoken(vocoder, features)) for text, features, _ in clips]
    assert [len(samples) for _, _, samples in ours] == [len(samples) for _, _, samples in clips]
    judged = judge(recogniser, ours)
    print(f"\nexact {wanted}\n{fast.name} {judged}")
    assert judged.word_errors <= wanted.word_errors + 0.0125
    assert judged.opinion >= wanted.opinion - 0.1
