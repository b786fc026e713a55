"""Speech for the judges and the speaker encoder: four sentences in four voices, from phonemes written down here."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from tts_models.assets import AssetStore
from tts_models.types import AcousticFeatures, AcousticInput, Audio, FloatArray


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said, how it sounds in Kokoro's symbols, and by whom."""

    voice: str
    text: str
    symbols: str


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """A sentence and its ``(n,)`` float32 samples at 24 kHz."""

    sentence: Sentence
    samples: FloatArray


SENTENCES = (
    Sentence(
        "af_heart",
        "The quick brown fox jumps over the lazy dog.",
        "ðə kwˈɪk bɹˈWn fˈɑks ʤˈʌmps ˈOvəɹ ðə lˈAzi dˈɔɡ.",
    ),
    Sentence(
        "am_michael",
        "She had your dark suit in greasy wash water all year.",
        "ʃˌi hæd jʊɹ dˈɑɹk sˈut ɪn ɡɹˈisi wˈɔʃ wˈɔTəɹ ˈɔl jˈɪɹ.",
    ),
    Sentence(
        "bf_emma",
        "Please call Stella and ask her to bring these things.",
        "plˈiːz kˈɔːl stˈɛlə and ˈɑːsk hɜː tə bɹˈɪŋ ðiːz θˈɪŋz.",
    ),
    Sentence(
        "bm_george",
        "When the sunlight strikes raindrops in the air, they form a rainbow.",
        "wˌɛn ðə sˈʌnlIt stɹˈIks ɹˈAndɹɒps ɪn ði ˈɛː, ðA fˈɔːm ɐ ɹˈAnbQ.",
    ),
)


def speak_sentences(assets: AssetStore) -> list[Speech]:
    """Every sentence of ``SENTENCES``, spoken by the models under test."""
    from tts_models.acoustic import AcousticModel
    from tts_models.engine import choose_engine
    from tts_models.speaker.voices import VoiceCatalogue
    from tts_models.text.vocabulary import SYMBOL_IDS
    from tts_models.vocoder import Vocoder

    weights = assets.ensure("kokoro-82m-v1.0")
    voices = VoiceCatalogue.load(assets.ensure("voices-v1.0"))
    acoustic = AcousticModel.load(weights, torch.device("cpu"))
    vocoder = Vocoder.load(weights, choose_engine("fp32", device="cpu"))
    inputs = []
    for sentence in SENTENCES:
        token_ids = tuple(SYMBOL_IDS[symbol] for symbol in sentence.symbols)
        inputs.append(AcousticInput(token_ids, voices.get(sentence.voice).style(len(token_ids))))
    features = [item for item in acoustic.synthesize(inputs) if isinstance(item, AcousticFeatures)]
    audio = [item for item in vocoder.synthesize(features) if isinstance(item, Audio)]
    return [Speech(sentence, item.samples) for sentence, item in zip(SENTENCES, audio, strict=True)]
