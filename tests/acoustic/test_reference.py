"""The real weights: equal to the ``kokoro`` package and to the export in onnxruntime, and in any company to itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from tests.support.assets import KOKORO_ONNX, beside
from tests.support.kokoro_reference import OnnxExport, ReferenceFeatures, reference_features, reference_model
from tests.support.speech import SENTENCES
from tts_models.acoustic import AcousticModel
from tts_models.assets import AssetStore
from tts_models.engine import float32_kernels
from tts_models.kernels.convolution import has_tiles
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text.vocabulary import encode
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, AcousticFeatures, AcousticInput

F0_HZ = 0.05 if has_tiles(torch.bfloat16) else 0.01
"""With tiles the larger products' factors have 16 bits, without them float32's 24."""
ENCODING = 1e-5
ENERGY = 1e-3
VOICES = ("af_heart", "jm_kumo", "bf_emma", "am_michael", "zf_xiaoxiao")
TOKENS = (8, 40, 90, 160, 330)
"""From one second of speech to twenty."""
SPEEDS = (1.0, 1.25, 0.8, 1.0, 0.8)

Reference = Callable[[AcousticInput], ReferenceFeatures]
SYMBOLS = encode(" ".join([sentence.symbols for sentence in SENTENCES] * 2))


@pytest.fixture(scope="module")
def items(assets: AssetStore) -> list[AcousticInput]:
    """One a voice, each of another length."""
    voices = VoiceCatalogue.load(assets.ensure("voices-v1.0"))
    return [
        AcousticInput(SYMBOLS[:length], voices.get(voice).style(length), speed=speed)
        for voice, length, speed in zip(VOICES, TOKENS, SPEEDS, strict=True)
    ]


@pytest.fixture(scope="module", params=["torch", "kernels"])
def model(
    request: pytest.FixtureRequest, assets: AssetStore, tmp_path_factory: pytest.TempPathFactory
) -> AcousticModel:
    kernels = float32_kernels(tmp_path_factory.mktemp("kernels")) if request.param == "kernels" else None
    if request.param == "kernels" and kernels is None:
        pytest.skip("this machine has no compiler, or cannot compute what it makes")
    return AcousticModel.load(assets.ensure("kokoro-82m-v1.0"), torch.device("cpu"), kernels)


@pytest.fixture(scope="module")
def alone(model: AcousticModel, items: list[AcousticInput]) -> list[AcousticFeatures]:
    """The features of each item by itself."""
    return [
        features for item in items for features in model.synthesize([item]) if isinstance(features, AcousticFeatures)
    ]


@pytest.fixture(scope="module", params=["kokoro", "onnxruntime"])
def reference(request: pytest.FixtureRequest, assets: AssetStore) -> Iterator[Reference]:
    if request.param == "kokoro":
        package = reference_model(assets.ensure("kokoro-82m-v1.0"))
        yield lambda item: reference_features(package, item)
    else:
        yield OnnxExport(beside(assets).ensure(KOKORO_ONNX.name)).features


def test_the_items_are_from_one_second_to_twenty(alone: list[AcousticFeatures]) -> None:
    seconds = [features.n_frames * FRAME_SAMPLES / SAMPLE_RATE_HZ for features in alone]
    assert len(seconds) == len(VOICES) == 5
    assert min(seconds) < 1.5
    assert max(seconds) > 18


def test_features_are_the_references(
    reference: Reference, items: list[AcousticInput], alone: list[AcousticFeatures]
) -> None:
    for item, ours in zip(items, alone, strict=True):
        theirs = reference(item)
        assert ours.durations_frames.tolist() == theirs.durations_frames.tolist()
        aligned = np.repeat(ours.text_encoding, ours.durations_frames, axis=1)
        np.testing.assert_allclose(aligned, theirs.aligned, rtol=0, atol=ENCODING)
        np.testing.assert_allclose(ours.f0_hz, theirs.f0_hz, rtol=0, atol=F0_HZ)
        np.testing.assert_allclose(ours.energy, theirs.energy, rtol=0, atol=ENERGY)


@pytest.mark.parametrize("min_ratio", [0.0, 0.8])
def test_a_batch_of_all_of_them_is_each_of_them_alone(
    model: AcousticModel,
    items: list[AcousticInput],
    alone: list[AcousticFeatures],
    min_ratio: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All padded to the longest, as on a GPU, and grouped, as on a CPU."""
    monkeypatch.setattr(model, "_min_length_ratio", min_ratio)
    for together, own in zip(model.synthesize(items), alone, strict=True):
        assert isinstance(together, AcousticFeatures)
        assert together.durations_frames.tolist() == own.durations_frames.tolist()
        np.testing.assert_allclose(together.text_encoding, own.text_encoding, rtol=0, atol=ENCODING)
        np.testing.assert_allclose(together.f0_hz, own.f0_hz, rtol=0, atol=F0_HZ)
        np.testing.assert_allclose(together.energy, own.energy, rtol=0, atol=ENERGY)
