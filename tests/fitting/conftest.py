from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.speaker.test_encoder import SMALL, buzz, randomise
from tts_models.acoustic import AcousticModel
from tts_models.acoustic.config import AcousticConfig
from tts_models.acoustic.network import AcousticNetwork
from tts_models.fitting.fitter import VoiceFitter
from tts_models.fitting.plan import FitPlan
from tts_models.fitting.speech import FrozenVocoder
from tts_models.speaker.ecapa import EcapaTdnn
from tts_models.speaker.encoder import SpeakerEncoder
from tts_models.speaker.presets import PresetVoices
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.speaker.voices import Voice, VoiceCatalogue
from tts_models.types import MAX_TOKENS, SPEAKER_EMBEDDING_DIM, STYLE_DIM, FloatArray
from tts_models.vocoder import VocoderConfig, VocoderNetwork

CPU = torch.device("cpu")
PLAN = FitPlan(steps=6, window_frames=16, check_every=2, patience=9, starts=1)
NAMES = ("af_one", "am_two", "bf_three")
START = VoiceRecipe({"af_one": 1.0})


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors gain nothing from threads, and on a busy machine lose much to waiting for them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def catalogue() -> VoiceCatalogue:
    rng = np.random.default_rng(2)
    return VoiceCatalogue(
        Voice.from_table(name, np.repeat(rng.normal(size=(1, STYLE_DIM)).astype(np.float32), MAX_TOKENS, axis=0))
        for name in NAMES
    )


@pytest.fixture(scope="session")
def encoder() -> SpeakerEncoder:
    torch.manual_seed(3)
    network = EcapaTdnn(SMALL)
    randomise(network)
    return SpeakerEncoder(network, CPU)


@pytest.fixture(scope="session")
def vocoder() -> FrozenVocoder:
    torch.manual_seed(5)
    config = VocoderConfig(text_channels=16, decoder_channels=24, residual_channels=8, generator_channels=32)
    return FrozenVocoder(VocoderNetwork(config), CPU, torch.float32)


@pytest.fixture(scope="session")
def acoustic() -> AcousticModel:
    torch.manual_seed(7)
    config = AcousticConfig(
        hidden_dim=16,
        max_duration_frames=8,
        bert_embedding_dim=8,
        bert_hidden_dim=24,
        bert_heads=3,
        bert_ffn_dim=32,
        bert_passes=2,
    )
    network = AcousticNetwork(config)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.normal_(0, 0.3)
            if name.endswith("F0_proj.bias"):
                parameter.fill_(150.0)  # Hz: a voice, not a whisper
    return AcousticModel(network, CPU)


@pytest.fixture(scope="session")
def presets() -> PresetVoices:
    embeddings = np.random.default_rng(8).normal(size=(3, SPEAKER_EMBEDDING_DIM)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return PresetVoices(NAMES, embeddings, np.full(3, 150, np.float32), np.full(3, 6, np.float32))


@pytest.fixture(scope="session")
def fitter(
    acoustic: AcousticModel,
    vocoder: FrozenVocoder,
    encoder: SpeakerEncoder,
    catalogue: VoiceCatalogue,
    presets: PresetVoices,
) -> VoiceFitter:
    return VoiceFitter(acoustic, vocoder, encoder, catalogue, presets, CPU)


@pytest.fixture(scope="session")
def clips() -> list[FloatArray]:
    """Two clips of somebody."""
    return [buzz(11, 2.5), buzz(11, 1.5)]
