"""Given durations and F0: heard as given, and nothing changes that is not given."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.acoustic.conftest import MakeItem
from tests.acoustic.test_model import assert_same, one
from tts_models.acoustic import AcousticModel
from tts_models.acoustic.network import AcousticNetwork
from tts_models.errors import InvalidRequest
from tts_models.prosody import edited_f0, mean_log_f0, share_out, span_points, whole_spans
from tts_models.types import AcousticFeatures, ProsodyEdit

NAN = math.nan


def edit(*spans: tuple[int, int, float, float], **fields: Any) -> ProsodyEdit:
    """Of spans ``(start, end, frames, log F0)``."""
    table = np.array(spans, dtype=np.float64).reshape(-1, 4)
    return ProsodyEdit(table[:, :2].astype(np.int64), table[:, 2], table[:, 3], **fields)


@pytest.fixture
def voiced_model(tiny_network: AcousticNetwork) -> AcousticModel:
    """The tiny model with an F0 around 200 Hz instead of around 0."""
    model = AcousticModel(tiny_network, torch.device("cpu"))
    curves = tiny_network.predict_curves

    def audible(*inputs: Any) -> Any:
        f0, energy = curves(*inputs)
        return 200 * torch.exp(0.3 * torch.tanh(f0)), energy

    class Audible:
        def __getattr__(self, name: str) -> Any:
            return audible if name == "predict_curves" else getattr(tiny_network, name)

    model._network = Audible()  # type: ignore[assignment]
    return model


def assert_identical(ours: AcousticFeatures, theirs: AcousticFeatures) -> None:
    for name in ("text_encoding", "durations_frames", "f0_hz", "energy", "timbre"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name


def test_an_edit_that_gives_nothing_changes_no_bit(voiced_model: AcousticModel, make_item: MakeItem) -> None:
    item = make_item(30, speed=1.3)
    alone = one(voiced_model, item)
    nothing = edit((0, 3, NAN, NAN), (5, 9, NAN, NAN))
    assert_identical(one(voiced_model, replace(item, prosody=ProsodyEdit())), alone)
    assert_identical(one(voiced_model, replace(item, prosody=nothing)), alone)


def test_giving_what_is_predicted_changes_no_bit(voiced_model: AcousticModel, make_item: MakeItem) -> None:
    item = make_item(30)
    alone = one(voiced_model, item)
    spans = [(start, start + 2) for start in range(0, 32, 2)]
    points = span_points(alone.durations_frames, np.array(spans))
    own = edit(
        *(
            (start, end, float(alone.durations_frames[start:end].sum()), mean_log_f0(alone.f0_hz[slice(*where)]))
            for (start, end), where in zip(spans, points, strict=True)
        )
    )
    assert_identical(one(voiced_model, replace(item, prosody=own)), alone)


def test_given_lengths_are_the_lengths(voiced_model: AcousticModel, make_item: MakeItem) -> None:
    item = make_item(20, speed=2.0)
    alone = one(voiced_model, item)
    features = one(voiced_model, replace(item, prosody=edit((0, 1, 7, NAN), (3, 6, 40, NAN), (21, 22, 0, NAN))))
    durations = features.durations_frames
    assert durations[0] == 7
    assert durations[3:6].sum() == 40
    assert durations[21] == 1  # no token is shorter than a frame
    untouched = np.r_[1:3, 6:21]
    assert durations[untouched].tolist() == alone.durations_frames[untouched].tolist()
    assert len(features.f0_hz) == len(features.energy) == 2 * durations.sum()


def test_given_pitches_are_heard_and_the_rest_moves_evenly_between(
    voiced_model: AcousticModel, make_item: MakeItem
) -> None:
    item = make_item(20)
    low, high = math.log(120), math.log(330)
    features = one(voiced_model, replace(item, prosody=edit((2, 5, NAN, low), (5, 8, NAN, high), (12, 14, NAN, low))))
    points = span_points(features.durations_frames, np.array([(2, 5), (5, 8), (12, 14)]))
    heard = [mean_log_f0(features.f0_hz[start:end]) for start, end in points]
    assert heard == pytest.approx([low, high, low], abs=2e-3)
    shift = np.log(features.f0_hz / one(voiced_model, item).f0_hz)
    assert np.abs(np.diff(shift)).max() < 0.6


def test_a_span_is_silenced_or_given_a_voice() -> None:
    f0 = np.array([150, 160, 0, -2, 0, 1, 170, 180], np.float32)
    durations = np.array([1, 1, 1, 1])
    changed = edited_f0(edit((0, 1, NAN, -math.inf), (1, 2, NAN, math.log(200))), durations, f0)
    assert changed.tolist() == pytest.approx([0, 0, 200, 200, 0, 1, 170, 180])
    assert edited_f0(edit((1, 3, NAN, -math.inf)), durations, f0).tolist() == f0.tolist()  # already unvoiced


def test_shift_and_range_move_the_voiced_part_about_its_mean() -> None:
    f0 = np.array([100, 200, 0, -3, 400, 200], np.float32)
    durations = np.array([1, 1, 1])
    octave = edited_f0(ProsodyEdit(semitones=12), durations, f0)
    assert octave.tolist() == pytest.approx([200, 400, 0, -3, 800, 400], rel=1e-5)
    flat = edited_f0(ProsodyEdit(range_scale=0), durations, f0)
    assert flat.tolist() == pytest.approx([200, 200, 0, -3, 200, 200], rel=1e-5)
    wide = edited_f0(ProsodyEdit(range_scale=2), durations, f0)
    assert wide.tolist() == pytest.approx([50, 200, 0, -3, 800, 200], rel=1e-5)


def test_energy_is_a_logarithm(voiced_model: AcousticModel, make_item: MakeItem) -> None:
    item = make_item(9)
    louder = one(voiced_model, replace(item, prosody=ProsodyEdit(energy_gain=2)))
    np.testing.assert_allclose(louder.energy - one(voiced_model, item).energy, math.log(2), atol=1e-5)


@pytest.mark.parametrize("min_ratio", [0.0, 0.8])
def test_edited_items_in_a_batch_are_what_they_are_alone(
    voiced_model: AcousticModel, make_item: MakeItem, min_ratio: float
) -> None:
    voiced_model._min_length_ratio = min_ratio
    batch = [
        make_item(12),
        make_item(30, prosody=edit((1, 4, 60, math.log(300)), (9, 10, 3, NAN))),
        make_item(11, prosody=ProsodyEdit(semitones=5, range_scale=0.5, energy_gain=1.5)),
        make_item(1, prosody=edit((0, 3, 90, NAN))),
        make_item(40, speed=0.7),
    ]
    for item, features in zip(batch, voiced_model.synthesize(batch), strict=True):
        assert_same(features, one(voiced_model, item))


BAD = {
    "an end past the segment": edit((3, 13, NAN, NAN)),
    "an empty span": edit((3, 3, NAN, NAN)),
    "spans that overlap": edit((1, 4, NAN, NAN), (3, 5, NAN, NAN)),
    "spans out of order": edit((6, 7, NAN, NAN), (3, 5, NAN, NAN)),
    "a negative start": edit((-1, 2, NAN, NAN)),
    "a negative length": edit((1, 2, -1, NAN)),
    "an infinite length": edit((1, 2, math.inf, NAN)),
    "lengths without end": edit((1, 2, 8000, NAN), (2, 3, 1, NAN)),
    "a pitch too high": edit((1, 2, NAN, 9)),
    "an infinite pitch": edit((1, 2, NAN, math.inf)),
    "a length too few": ProsodyEdit(np.array([[1, 2]]), np.zeros(0), np.zeros(1)),
    "spans that are no integers": ProsodyEdit(np.array([[1.0, 2.0]]), np.zeros(1), np.zeros(1)),  # type: ignore[arg-type]
    "a range that is no number": ProsodyEdit(range_scale=NAN),
    "a shift too far": ProsodyEdit(semitones=40),
    "no energy": ProsodyEdit(energy_gain=0),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_edit_fails_alone(voiced_model: AcousticModel, make_item: MakeItem, fault: str) -> None:
    good, also_good = make_item(8), make_item(30, prosody=edit((1, 4, 9, NAN)))
    first, failed, last = voiced_model.synthesize([good, replace(make_item(10), prosody=BAD[fault]), also_good])
    assert isinstance(failed, InvalidRequest)
    assert failed.param == "prosody"
    assert_same(first, one(voiced_model, good))
    assert_same(last, one(voiced_model, also_good))


def test_an_edit_survives_the_way_to_another_process() -> None:
    sent = edit((1, 4, 9, NAN), semitones=2.0)
    received = pickle.loads(pickle.dumps(sent))
    assert np.array_equal(received.spans, sent.spans)
    assert np.array_equal(received.log_f0, sent.log_f0, equal_nan=True)
    assert received.semitones == 2.0


@given(st.lists(st.floats(1, 60), min_size=1, max_size=80))
def test_rounding_keeps_the_sum(lengths: list[float]) -> None:
    whole = whole_spans(np.array(lengths), np.ones(len(lengths), np.int64))
    ends = np.cumsum(whole) - np.cumsum(lengths)
    assert np.abs(ends).max() <= 0.5 + 1e-6
    assert whole.min() >= 1


@given(st.lists(st.floats(0.03125, 50, width=32), min_size=1, max_size=12), st.integers(0, 200))
def test_a_length_is_shared_out_whole(weights: list[float], spare: int) -> None:
    shares = share_out(len(weights) + spare, np.array(weights, np.float32))
    assert shares.sum() == len(weights) + spare
    assert shares.min() >= 1
