"""The model as the deployment calls it, tiny and random."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.acoustic.conftest import MakeItem
from tts_models.acoustic import AcousticModel
from tts_models.acoustic.network import AcousticNetwork
from tts_models.checkpoint import load_strict
from tts_models.errors import AssetError, InvalidRequest, SynthesisError
from tts_models.types import MAX_TOKENS, STYLE_DIM, TIMBRE_DIM, AcousticFeatures, AcousticInput

SPEEDS = (1.0, 0.25, 4.0, 0.8, 1.7, 1.0)
SIZES = (12, 12, 40, 11, 1, 200)


def one(model: AcousticModel, item: AcousticInput) -> AcousticFeatures:
    (features,) = model.synthesize([item])
    assert isinstance(features, AcousticFeatures)
    return features


def assert_same(ours: object, alone: AcousticFeatures) -> None:
    assert isinstance(ours, AcousticFeatures)
    assert ours.durations_frames.tolist() == alone.durations_frames.tolist()
    for name in ("text_encoding", "f0_hz", "energy"):
        np.testing.assert_allclose(getattr(ours, name), getattr(alone, name), atol=2e-3, rtol=2e-4)
    assert np.array_equal(ours.timbre, alone.timbre)
    assert (ours.volume, ours.seed) == (alone.volume, alone.seed)


def test_features_have_the_shapes_and_types_of_the_contract(tiny_model: AcousticModel, make_item: MakeItem) -> None:
    item = make_item(9, volume=0.5, seed=11)
    features = one(tiny_model, item)
    assert features.text_encoding.shape == (16, 11)
    assert features.durations_frames.shape == (11,)
    assert features.durations_frames.dtype == np.int64
    assert features.durations_frames.min() >= 1
    assert features.f0_hz.shape == features.energy.shape == (2 * features.n_frames,)
    assert {a.dtype for a in (features.text_encoding, features.f0_hz, features.energy, features.timbre)} == {
        np.dtype(np.float32)
    }
    assert np.array_equal(features.timbre, item.style[:TIMBRE_DIM])
    assert (features.volume, features.seed) == (0.5, 11)


@pytest.mark.parametrize("min_ratio", [0.0, 0.8])
def test_a_batch_of_any_lengths_voices_and_speeds_is_its_items_alone(
    tiny_model: AcousticModel, make_item: MakeItem, min_ratio: float
) -> None:
    """Grouped as on a CPU, and all padded together as on a GPU."""
    tiny_model._min_length_ratio = min_ratio
    batch = [make_item(n, speed=speed, seed=n) for n, speed in zip(SIZES, SPEEDS, strict=True)]
    together = tiny_model.synthesize(batch)
    assert len(together) == len(batch)
    for item, features in zip(batch, together, strict=True):
        assert_same(features, one(tiny_model, item))


def test_speed_divides_durations(tiny_model: AcousticModel, make_item: MakeItem) -> None:
    item = make_item(60)
    frames = {speed: one(tiny_model, replace(item, speed=speed)).n_frames for speed in (0.25, 0.5, 1.0, 2.0, 4.0)}
    assert list(frames.values()) == sorted(frames.values(), reverse=True)
    assert frames[0.25] == pytest.approx(4 * frames[1.0], rel=0.1)


def test_half_of_the_style_is_the_vocoders(tiny_model: AcousticModel, make_item: MakeItem) -> None:
    item = make_item(20)
    timbre, prosody = item.style.copy(), item.style.copy()
    timbre[:TIMBRE_DIM] += 1
    prosody[TIMBRE_DIM:] += 1
    said = one(tiny_model, item)
    other_timbre, other_prosody = (
        one(tiny_model, replace(item, style=timbre)),
        one(tiny_model, replace(item, style=prosody)),
    )
    assert np.array_equal(other_timbre.f0_hz, said.f0_hz)
    assert np.array_equal(other_timbre.timbre, timbre[:TIMBRE_DIM])
    assert np.array_equal(other_prosody.text_encoding, said.text_encoding)
    assert other_prosody.f0_hz.shape != said.f0_hz.shape or not np.allclose(other_prosody.f0_hz, said.f0_hz)


def with_style(value: float) -> dict[str, object]:
    style = np.ones(STYLE_DIM, dtype=np.float32)
    style[200] = value
    return {"style": style}


BAD = {
    "no tokens": ({"token_ids": ()}, InvalidRequest, "input"),
    "too many tokens": ({"token_ids": (1,) * (MAX_TOKENS + 1)}, InvalidRequest, "input"),
    "the padding token": ({"token_ids": (3, 0, 3)}, InvalidRequest, "input"),
    "a token past the vocabulary": ({"token_ids": (3, 20)}, InvalidRequest, "input"),
    "a negative token": ({"token_ids": (-1,)}, InvalidRequest, "input"),
    "a token that is no integer": ({"token_ids": (1.5,)}, InvalidRequest, "input"),
    "a short style": ({"style": np.ones(128, dtype=np.float32)}, InvalidRequest, "voice"),
    "a style of text": ({"style": np.array(["a"] * STYLE_DIM)}, InvalidRequest, "voice"),
    "a style with NaN": (with_style(np.nan), InvalidRequest, "voice"),
    "a style with infinity": (with_style(np.inf), InvalidRequest, "voice"),
    "too slow": ({"speed": 0.2}, InvalidRequest, "speed"),
    "too fast": ({"speed": 4.1}, InvalidRequest, "speed"),
    "a speed that is no number": ({"speed": float("nan")}, InvalidRequest, "speed"),
    "a style that overflows": (with_style(3e38), SynthesisError, None),
}


@pytest.mark.parametrize("fault", BAD)
@pytest.mark.parametrize("min_ratio", [0.0, 0.8])
def test_a_bad_item_fails_alone(tiny_model: AcousticModel, make_item: MakeItem, fault: str, min_ratio: float) -> None:
    tiny_model._min_length_ratio = min_ratio
    fields, error, param = BAD[fault]
    good, also_good = make_item(8), make_item(30)
    bad = replace(make_item(10), **fields)
    first, failed, last = tiny_model.synthesize([good, bad, also_good])
    assert type(failed) is error
    assert param is None or failed.param == param
    assert str(pickle.loads(pickle.dumps(failed))) == str(failed)
    assert_same(first, one(tiny_model, good))
    assert_same(last, one(tiny_model, also_good))


def test_an_empty_batch_and_one_of_failures_only(tiny_model: AcousticModel, make_item: MakeItem) -> None:
    assert tiny_model.synthesize([]) == []
    (failed,) = tiny_model.synthesize([make_item(5, speed=9)])
    assert isinstance(failed, InvalidRequest)


def test_the_longest_segment_fits(tiny_model: AcousticModel, make_item: MakeItem) -> None:
    assert len(one(tiny_model, make_item(MAX_TOKENS, speed=4)).durations_frames) == MAX_TOKENS + 2


def test_a_warm_model_answers_as_a_cold_one(tiny_network: AcousticNetwork, make_item: MakeItem) -> None:
    item = make_item(14)
    cold = one(AcousticModel(tiny_network, torch.device("cpu")), item)
    model = AcousticModel(tiny_network, torch.device("cpu"))
    model.warm_up()
    assert_same(one(model, item), cold)


def test_features_survive_the_way_to_another_process_and_hold_no_other_item(
    tiny_model: AcousticModel, make_item: MakeItem
) -> None:
    short, _ = tiny_model.synthesize([make_item(80), make_item(90)])
    assert isinstance(short, AcousticFeatures)
    arrays = [short.text_encoding, short.durations_frames, short.f0_hz, short.energy]
    assert all(array.base is None and array.flags.c_contiguous for array in arrays)
    assert len(pickle.dumps(short)) < sum(array.nbytes for array in arrays) + 2000
    assert_same(pickle.loads(pickle.dumps(short)), short)


class TestStrictLoading:
    """One part of a file fits one module exactly, or the error names the tensors."""

    PARTS = ("bert.", "bert_encoder.", "predictor.", "text_encoder.")

    @pytest.fixture
    def state(self, tiny_network: AcousticNetwork) -> dict[str, torch.Tensor]:
        return {**tiny_network.state_dict(), "decoder.weight": torch.zeros(3)}

    def test_loads_its_part_and_leaves_the_vocoders(
        self, tiny_network: AcousticNetwork, state: dict[str, torch.Tensor], tmp_path: Path
    ) -> None:
        save_file(state, tmp_path / "model.safetensors")
        network = AcousticNetwork(tiny_network.config)
        load_strict(network, tmp_path / "model.safetensors", self.PARTS)
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, state[name])

    def test_takes_the_root_off_the_names(self, tmp_path: Path) -> None:
        save_file({"decoder.weight": torch.ones(2, 3), "decoder.bias": torch.zeros(2)}, tmp_path / "model.safetensors")
        linear = torch.nn.Linear(3, 2)
        load_strict(linear, tmp_path / "model.safetensors", ["decoder."], root="decoder.")
        assert linear.weight.tolist() == [[1] * 3] * 2

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"bert_encoder.bias": None}, "bert_encoder.bias is missing"),
            ({"predictor.extra": torch.zeros(1)}, "predictor.extra has no place"),
            ({"bert_encoder.bias": torch.zeros(3)}, r"bert_encoder.bias is \(3,\) torch.float32, not \(16,\)"),
            ({"bert_encoder.bias": torch.zeros(16).half()}, r"bert_encoder.bias is \(16,\) torch.float16"),
        ],
    )
    def test_refuses_what_does_not_fit_exactly(
        self,
        tiny_network: AcousticNetwork,
        state: dict[str, torch.Tensor],
        tmp_path: Path,
        change: dict[str, torch.Tensor | None],
        complaint: str,
    ) -> None:
        changed = {name: tensor for name, tensor in {**state, **change}.items() if tensor is not None}
        save_file(changed, tmp_path / "model.safetensors")
        with pytest.raises(AssetError, match=complaint):
            load_strict(AcousticNetwork(tiny_network.config), tmp_path / "model.safetensors", self.PARTS)

    def test_refuses_what_is_no_safetensors_file(self, tiny_network: AcousticNetwork, tmp_path: Path) -> None:
        (tmp_path / "model.safetensors").write_bytes(b"not this")
        with pytest.raises(AssetError, match="cannot be read"):
            load_strict(tiny_network, tmp_path / "model.safetensors", self.PARTS)
        with pytest.raises(AssetError, match="cannot be read"):
            load_strict(tiny_network, tmp_path / "absent.safetensors", self.PARTS)

    def test_the_model_refuses_other_sizes(self, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
        save_file(state, tmp_path / "model.safetensors")
        with pytest.raises(AssetError, match="does not fit AcousticNetwork"):
            AcousticModel.load(tmp_path / "model.safetensors", torch.device("cpu"))
