"""The deployments' classes over tiny random models, in this process: text frontend -> acoustic model -> vocoder."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from ray import serve

from deployments.acoustic import AcousticModel
from deployments.fair_queue import Flow
from deployments.settings import (
    AcousticSettings,
    AssetSettings,
    SpeakerSettings,
    StorageSettings,
    TextSettings,
    VocoderSettings,
)
from deployments.speaker_encoder import SpeakerEncoder
from deployments.storage.dictionaries import DictionaryStore
from deployments.storage.records import open_records
from deployments.text_frontend import TextFrontend
from deployments.vocoder import Vocoder
from serve_app.voicevox.waves import wav_bytes
from tts_models.acoustic.config import AcousticConfig
from tts_models.acoustic.model import AcousticModel as Acoustics
from tts_models.acoustic.network import AcousticNetwork
from tts_models.engine import choose_engine
from tts_models.errors import (
    ForbiddenText,
    InvalidRequest,
    ReferenceAudioError,
    SynthesisError,
    TtsError,
    UnsupportedLanguage,
)
from tts_models.text.dictionary import Entry
from tts_models.text.ssml import parse_ssml
from tts_models.types import (
    FRAME_SAMPLES,
    SPEAKER_EMBEDDING_DIM,
    STYLE_DIM,
    AcousticInput,
    FloatArray,
    Phonemes,
    ProsodyEdit,
    SpeakerEmbedding,
)
from tts_models.vocoder import Vocoder as Waves
from tts_models.vocoder import VocoderConfig, VocoderNetwork

CHANNELS = 32
ASSETS = AssetSettings()


def tiny_acoustic(*_: Any) -> Acoustics:
    torch.manual_seed(0)
    config = AcousticConfig(
        hidden_dim=CHANNELS, bert_embedding_dim=8, bert_hidden_dim=16, bert_heads=2, bert_ffn_dim=16, bert_passes=2
    )
    return Acoustics(AcousticNetwork(config), torch.device("cpu"))


def tiny_vocoder(*_: Any) -> Waves:
    torch.manual_seed(0)
    config = VocoderConfig(
        text_channels=CHANNELS, decoder_channels=32, residual_channels=8, generator_channels=16, resblock_kernels=(3,)
    )
    return Waves(VocoderNetwork(config), choose_engine("fp32", device="cpu"))


def segment(n_tokens: int, seed: int = 0, **changes: Any) -> AcousticInput:
    rng = np.random.default_rng(n_tokens)
    style = rng.standard_normal(STYLE_DIM).astype(np.float32)
    return AcousticInput(tuple(rng.integers(1, 178, n_tokens).tolist()), style, seed=seed, **changes)


@pytest.mark.usefixtures("replica_context")
async def test_segments_become_audio() -> None:
    acoustic = AcousticModel(AcousticSettings(), ASSETS, tiny_acoustic)
    vocoder = Vocoder(VocoderSettings(), ASSETS, tiny_vocoder)
    features = await asyncio.gather(*(acoustic.synthesize(segment(n)) for n in (3, 30, 9)))
    audio = await asyncio.gather(*(vocoder.synthesize(item) for item in features))
    assert [len(one.samples) for one in audio] == [item.n_frames * FRAME_SAMPLES for item in features]
    for stage in (acoustic, vocoder):
        await stage.check_health()


@pytest.mark.usefixtures("replica_context")
async def test_a_prediction_is_what_would_be_spoken() -> None:
    acoustic = AcousticModel(AcousticSettings(), ASSETS, tiny_acoustic)
    given = ProsodyEdit(np.array([[2, 5]]), np.array([17.0]), np.array([np.nan]))
    item = segment(9, prosody=given)
    predicted, features = await asyncio.gather(acoustic.predict(item), acoustic.synthesize(item))
    assert predicted.durations_frames[2:5].sum() == 17
    assert predicted.durations_frames.tolist() == features.durations_frames.tolist()
    np.testing.assert_allclose(predicted.f0_hz, features.f0_hz, atol=2e-3)  # the other item of a batch rounds
    np.testing.assert_allclose(predicted.energy, features.energy, atol=2e-3)
    with pytest.raises(InvalidRequest):
        await acoustic.predict(segment(2, prosody=given))


@pytest.mark.usefixtures("replica_context")
async def test_a_bad_segment_fails_alone() -> None:
    acoustic = AcousticModel(AcousticSettings(), ASSETS, tiny_acoustic)
    results = await asyncio.gather(
        *(acoustic.synthesize(segment(5, speed=speed)) for speed in (1.0, 99.0, 2.0)), return_exceptions=True
    )
    assert isinstance(results[1], InvalidRequest)
    assert not any(isinstance(results[n], Exception) for n in (0, 2))


@pytest.mark.usefixtures("replica_context")
async def test_not_a_number_does_not_leave_the_vocoder() -> None:
    acoustic = AcousticModel(AcousticSettings(), ASSETS, tiny_acoustic)
    vocoder = Vocoder(VocoderSettings(), ASSETS, tiny_vocoder)
    features = await acoustic.synthesize(segment(5, volume=float("nan")))
    with pytest.raises(SynthesisError):
        await vocoder.synthesize(features)


@pytest.mark.usefixtures("replica_context")
@pytest.mark.parametrize(
    "make",
    [
        lambda: AcousticModel(AcousticSettings(), ASSETS, tiny_acoustic),
        lambda: Vocoder(VocoderSettings(), ASSETS, tiny_vocoder),
        lambda: SpeakerEncoder(SpeakerSettings(), ASSETS, Listener),
    ],
)
async def test_a_wrong_user_config_is_refused_and_a_right_one_taken(make: Any) -> None:
    stage = make()
    stage.reconfigure({"max_items": 3, "max_padded_work": 10, "wait_s": 0.5, "max_run_s": 60})
    for wrong in ({"max_items": 3}, {"max_items": 3, "max_padded_work": 10, "wait": 0.5}, {}):
        with pytest.raises(ValidationError):
            stage.reconfigure(wrong)


class Listener:
    """A speaker encoder that hears nobody."""

    def __init__(self, *_: Any) -> None:
        self.heard: list[int] = []

    def embed(self, batch: Sequence[FloatArray]) -> list[SpeakerEmbedding | TtsError]:
        vector = np.full(SPEAKER_EMBEDDING_DIM, SPEAKER_EMBEDDING_DIM**-0.5, dtype=np.float32)
        return [SpeakerEmbedding(vector, len(waveform) / 16_000) for waveform in batch]


@pytest.mark.usefixtures("replica_context")
async def test_bytes_that_are_no_audio_reach_no_model() -> None:
    encoder = SpeakerEncoder(SpeakerSettings(), ASSETS, Listener)
    with pytest.raises(ReferenceAudioError):
        await encoder.profile([b"not audio"])


@pytest.mark.usefixtures("replica_context")
async def test_a_file_that_breaks_the_decoder_is_refused_and_the_next_one_is_heard() -> None:
    encoder = SpeakerEncoder(SpeakerSettings(), ASSETS, Listener, "tests.speaker.hostile_decoders:decode")
    silence = wav_bytes(np.zeros(24_000, np.float32), 24_000)
    for defect in (b"segfault", b"exit", b"nan"):
        with pytest.raises(ReferenceAudioError, match="its decoder failed"):
            await encoder.profile([defect])
        with pytest.raises(ReferenceAudioError, match="No speech was heard"):
            await encoder.profile([silence])


def test_the_text_frontend_in_rays_local_testing_mode() -> None:
    settings = TextSettings(warm_languages=("en-US",))
    app = serve.deployment(TextFrontend).bind(settings)
    handle = serve.run(app, name="local", route_prefix=None, _local_testing_mode=True)
    segments = handle.segments.remote("Hello there.", "en-US").result(timeout_s=60)
    assert "".join(segment.text for segment in segments).strip() == "Hello there."
    assert all(1 <= len(segment.token_ids) <= settings.max_segment_tokens for segment in segments)
    with pytest.raises(UnsupportedLanguage):
        handle.segments.remote("nuqneH", "tlh").result(timeout_s=60)
    (phrase,) = handle.accent_phrases.remote("世界。").result(timeout_s=60)
    assert ("".join(mora.text for mora in phrase.moras), phrase.accent, phrase.symbols) == ("セカイ", 1, "sekai. ")


class Reader:
    """A text frontend that notes what it was given."""

    def __init__(self, *_: Any) -> None:
        self.read: list[str] = []

    def segments(self, text: str, language: str) -> list[Phonemes]:
        self.read.append(text)
        return [Phonemes(text, "a", (1,), language)]

    def phrases(self, text: str) -> list[Any]:
        self.read.append(text)
        return []


async def test_texts_are_read_with_the_dictionaries_of_whose_they_are(tmp_path: Path) -> None:
    """And the word filter sees what they make of a text."""
    storage = StorageSettings(root=tmp_path)
    store = DictionaryStore(open_records(storage))
    store.add("a", Entry("GIF", "jif").checked(), most=9)
    store.add("b", Entry("GIF", "idiot").checked(), most=9)
    seen: list[tuple[str, Any]] = []

    class Model:
        def segments(self, text: str, language: str, dictionary: Any = None) -> list[Phonemes]:
            seen.append((text, dictionary and dictionary.respelt(text, language)))
            return []

    settings = TextSettings(forbidden={"insults": ("idiot",)})
    frontend = TextFrontend(settings, load=lambda _: Model(), storage=storage)
    await frontend.segments("A GIF.", "en-US", Flow(tenant="a"))
    await frontend.segments("A GIF.", "en-US", Flow(tenant="c"))
    with pytest.raises(ForbiddenText):
        await frontend.segments("A GIF.", "en-US", Flow(tenant="b"))
    assert seen == [("A GIF.", "A jif."), ("A GIF.", None)]


async def test_forbidden_words_reach_no_model() -> None:
    reader = Reader()
    settings = TextSettings(forbidden={"insults": ("idiot", "バカ")})
    frontend = TextFrontend(settings, lambda _: reader, lambda _: reader)
    forbidden = ["You i d i o t!", "i[pause:0.1s]diot", "[idiot](/ˈaɪ/)"]
    for text in forbidden:
        with pytest.raises(ForbiddenText, match="rule: insults"):
            await frontend.segments(text, "en-US")
    for ssml in (
        "You <p>id<emphasis>iot</emphasis></p>",
        "You <sub alias='idiot'>dear</sub>",
        "<lang xml:lang='ja'>バカ</lang>",
    ):
        markup = parse_ssml(f"<speak>{ssml}</speak>", "en-US", lambda wish: pytest.fail("no voice is asked for"))
        with pytest.raises(ForbiddenText, match="rule: insults"):
            await frontend.segments(markup.controlled, "en-US")
    with pytest.raises(ForbiddenText):
        await frontend.accent_phrases("このばかめ")
    assert reader.read == []
    assert await frontend.segments("Hello.", "en-US")
    assert await frontend.accent_phrases("こんにちは") == []
