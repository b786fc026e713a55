"""The network's larger products by the compiled kernels: torch's, whatever the company and however many threads."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.acoustic.conftest import MakeItem
from tts_models.acoustic import AcousticModel
from tts_models.acoustic.native import use_kernels
from tts_models.acoustic.network import AcousticNetwork
from tts_models.engine import float32_kernels
from tts_models.kernels.convolution import Kernels, has_tiles
from tts_models.types import AcousticFeatures

CLOSE = 1e-3 if has_tiles(torch.bfloat16) else 2e-5
"""Of the largest number there is: factors of 16 bits, or float32's 24."""


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    made = float32_kernels(tmp_path_factory.mktemp("kernels"))
    if made is None:
        pytest.skip("this machine has no compiler, or cannot compute what it makes")
    return made


@pytest.fixture
def model(tiny_network: AcousticNetwork, kernels: Kernels) -> AcousticModel:
    return AcousticModel(copy.deepcopy(tiny_network), torch.device("cpu"), kernels)


def one(model: AcousticModel, item: object) -> AcousticFeatures:
    (features,) = model.synthesize([item])  # type: ignore[list-item]
    assert isinstance(features, AcousticFeatures)
    return features


@pytest.mark.parametrize("n", [1, 7, 50, 300])
def test_features_are_those_of_plain_torch(
    model: AcousticModel, tiny_model: AcousticModel, make_item: MakeItem, n: int
) -> None:
    item = make_item(n)
    plain, native = one(tiny_model, item), one(model, item)
    np.testing.assert_array_equal(native.durations_frames, plain.durations_frames)
    for name in ("text_encoding", "f0_hz", "energy"):
        wanted = getattr(plain, name)
        np.testing.assert_allclose(getattr(native, name), wanted, atol=CLOSE * np.abs(wanted).max(), err_msg=name)


def test_a_batch_is_its_items_alone(model: AcousticModel, make_item: MakeItem) -> None:
    items = [make_item(n) for n in (40, 38, 33, 12)]
    for item, features in zip(items, model.synthesize(items), strict=True):
        assert isinstance(features, AcousticFeatures)
        alone = one(model, item)
        np.testing.assert_array_equal(features.durations_frames, alone.durations_frames)
        np.testing.assert_allclose(features.f0_hz, alone.f0_hz, atol=2e-5 * np.abs(alone.f0_hz).max())


def test_equal_to_the_last_bit_for_any_number_of_threads(
    model: AcousticModel, kernels: Kernels, make_item: MakeItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, made = make_item(90), []
    for threads in (1, 2, 3, 5):
        monkeypatch.setattr(kernels, "threads", lambda threads=threads: threads)
        made.append(one(model, item))
    for other in made[1:]:
        np.testing.assert_array_equal(other.f0_hz, made[0].f0_hz)
        np.testing.assert_array_equal(other.energy, made[0].energy)


def test_every_linear_layer_of_pl_bert_and_every_block_is_replaced(
    tiny_network: AcousticNetwork, kernels: Kernels
) -> None:
    network = copy.deepcopy(tiny_network)
    use_kernels(network, kernels)
    left = [name for name, module in network.bert.named_modules() if isinstance(module, torch.nn.Linear)]
    assert left == []
    assert not any("AdainResBlk1d" in type(block).__name__ for block in (*network.predictor.F0, *network.predictor.N))


def test_without_a_compiler_plain_torch_computes_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tts_models.kernels.build.compiler", lambda: None)
    assert float32_kernels(tmp_path) is None
    assert "no C++ compiler" in caplog.text
