"""Changes of stretches of a segment: as much as asked, where asked, and nothing else moves."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.acoustic.conftest import MakeItem
from tests.acoustic.test_model import assert_same, one
from tests.acoustic.test_prosody_edits import assert_identical, edit, voiced_model
from tts_models.acoustic import AcousticModel
from tts_models.errors import InvalidRequest
from tts_models.prosody import mean_log_f0, span_points
from tts_models.prosody_changes import (
    RAMP_POINTS,
    changed_durations,
    changed_energy,
    changed_f0,
    gain_curve,
    stretched,
)
from tts_models.types import ProsodyChange, ProsodyEdit

__all__ = ["voiced_model"]  # a fixture

DURATIONS = np.array([4, 6, 5, 10, 8, 7])
F0 = (150 + 40 * np.sin(np.arange(80) / 7)).astype(np.float32)


def changed(*changes: ProsodyChange, **fields: Any) -> ProsodyEdit:
    return ProsodyEdit(changes=changes, **fields)


def test_a_change_of_nothing_changes_no_bit(voiced_model: AcousticModel, make_item: MakeItem) -> None:
    item = make_item(30, speed=1.3)
    alone = one(voiced_model, item)
    features = one(voiced_model, replace(item, prosody=changed(ProsodyChange(0, 32), ProsodyChange(3, 9))))
    assert_identical(features, alone)
    assert features.gain is None


@pytest.mark.parametrize("rate", [0.25, 0.5, 0.8, 1.7, 2.0])
def test_a_rate_divides_the_length_of_its_stretch_and_of_no_other(rate: float) -> None:
    after = changed_durations([ProsodyChange(2, 5, rate=rate)], DURATIONS)
    assert after[2:5].sum() == pytest.approx(23 / rate, abs=0.5)
    assert after[[0, 1, 5]].tolist() == [4, 6, 7]
    assert changed_durations([ProsodyChange(2, 5)], DURATIONS) is DURATIONS


def test_rates_multiply_where_stretches_overlap() -> None:
    after = changed_durations([ProsodyChange(0, 6, rate=0.5), ProsodyChange(3, 4, rate=2)], DURATIONS)
    assert (after[:3].sum(), after[3], after[4:].sum()) == (30, 10, 30)


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.integers(1, 30), st.floats(0.1, 10)), max_size=5),
)
def test_every_token_keeps_a_frame(frames: list[int], spans: list[tuple[int, int, float]]) -> None:
    durations = np.array(frames)
    changes = [ProsodyChange(start, end, rate=rate) for start, end, rate in spans if start < end <= len(frames)]
    after = changed_durations(changes, durations)
    assert after.min() >= 1
    curve = np.arange(2 * durations.sum(), dtype=np.float32)
    longer = stretched(curve, durations, after)
    assert len(longer) == 2 * after.sum()
    assert np.diff(longer).min(initial=0) >= 0, "time never runs backwards"


def test_curves_of_other_tokens_are_as_they_were() -> None:
    after = changed_durations([ProsodyChange(2, 3, rate=0.5)], DURATIONS)
    longer = stretched(F0, DURATIONS, after)
    assert longer[:20].tolist() == F0[:20].tolist()
    assert longer[40:].tolist() == F0[30:].tolist()
    assert mean_log_f0(longer[20:40]) == pytest.approx(mean_log_f0(F0[20:30]), abs=0.01)
    halves = np.array([100, 0, 200, 0], np.float32)
    assert set(stretched(halves, np.array([2]), np.array([5]), voiced_only=True).tolist()) == {0, 100, 200}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (ProsodyChange(2, 4, semitones=4), lambda mean: mean * 2 ** (4 / 12)),
        (ProsodyChange(2, 4, shift_hz=-20), lambda mean: mean - 20),
        (ProsodyChange(2, 4, mean_f0_hz=220), lambda mean: 220),
        (ProsodyChange(2, 4, range_scale=0.2), lambda mean: mean),
    ],
)
def test_pitch_moves_by_what_is_asked_in_its_stretch(change: ProsodyChange, expected: Any) -> None:
    after = changed_f0([change], DURATIONS, F0)
    (start, end), glide = span_points(DURATIONS, np.array([(2, 4)]))[0], RAMP_POINTS
    before = math.exp(mean_log_f0(F0[start:end]))
    assert math.exp(mean_log_f0(after[start:end])) == pytest.approx(expected(before), rel=1e-4)
    assert after[: start - glide].tolist() == F0[: start - glide].tolist()
    assert after[end + glide :].tolist() == F0[end + glide :].tolist()
    if change.range_scale != 1:
        spread = np.std(np.log(after[start:end])) / np.std(np.log(F0[start:end]))
        assert spread == pytest.approx(0.2, rel=1e-3)


def test_pitch_has_no_jumps_and_gives_no_voice_to_what_has_none() -> None:
    f0 = F0.copy()
    f0[30:40] = 0
    after = changed_f0([ProsodyChange(1, 4, semitones=12)], DURATIONS, f0)
    assert (after[30:40] == 0).all()
    jumps = np.abs(np.diff(np.log(after[:30]))).max()
    assert jumps < math.log(2) / RAMP_POINTS + 0.05
    unvoiced = np.zeros(80, np.float32)
    assert changed_f0([ProsodyChange(1, 4, semitones=12)], DURATIONS, unvoiced) is unvoiced


def test_energy_and_level_come_in_and_go_out_evenly() -> None:
    change = ProsodyChange(2, 4, energy_gain=2, volume=0.5)
    energy = changed_energy([change], DURATIONS, np.zeros(80, np.float32))
    assert energy[25:45].tolist() == pytest.approx([math.log(2)] * 20)
    assert (energy[:17] == 0).all()
    assert (energy[53:] == 0).all()
    gain = gain_curve([change, ProsodyChange(3, 6, volume=2)], DURATIONS)
    assert gain is not None
    assert len(gain) == 80
    assert (gain[:14] == 1).all()
    assert gain[20:24].tolist() == pytest.approx([0.5] * 4)
    assert gain[32:42].tolist() == pytest.approx([1.0] * 10)
    assert gain[60:].tolist() == pytest.approx([2.0] * 20), "to the very end of the segment"
    assert np.abs(np.diff(gain)).max() <= 0.25 + 1e-6
    middles = np.flatnonzero(np.diff(gain[10:26]))
    assert np.mean(middles) + 10 == pytest.approx(20 - 3.2, abs=1), "40 ms before the sum of durations"


def test_changed_items_in_a_batch_are_what_they_are_alone(voiced_model: AcousticModel, make_item: MakeItem) -> None:
    change = ProsodyChange(3, 8, rate=0.6, semitones=3, range_scale=1.5, energy_gain=1.2, volume=2)
    batch = [
        make_item(12),
        make_item(30, prosody=changed(change)),
        make_item(9, prosody=changed(change, semitones=-2.0)),
        make_item(20, prosody=replace(edit((1, 4, 60, math.log(300))), changes=(change,))),
    ]
    for item, features in zip(batch, voiced_model.synthesize(batch), strict=True):
        alone = one(voiced_model, item)
        assert_same(features, alone)
        if item.prosody:
            assert features.gain is not None
            assert features.gain.tolist() == alone.gain.tolist()  # type: ignore[union-attr]


BAD = {
    "an end past the segment": ProsodyChange(3, 13),
    "an empty stretch": ProsodyChange(3, 3),
    "a negative start": ProsodyChange(-1, 3),
    "no rate": ProsodyChange(1, 3, rate=0),
    "a rate that is no number": ProsodyChange(1, 3, rate=math.nan),
    "a shift too far": ProsodyChange(1, 3, semitones=40),
    "a pitch too low": ProsodyChange(1, 3, mean_f0_hz=0),
    "a range below none": ProsodyChange(1, 3, range_scale=-1),
    "no energy": ProsodyChange(1, 3, energy_gain=0),
    "a level too high": ProsodyChange(1, 3, volume=9),
    "a shift in Hz that is no number": ProsodyChange(1, 3, shift_hz=math.nan),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_change_fails_alone(voiced_model: AcousticModel, make_item: MakeItem, fault: str) -> None:
    good = make_item(8)
    failed, first = voiced_model.synthesize([replace(make_item(10), prosody=changed(BAD[fault])), good])
    assert isinstance(failed, InvalidRequest)
    assert_same(first, one(voiced_model, good))


def test_speech_is_not_slowed_without_end(voiced_model: AcousticModel, make_item: MakeItem) -> None:
    slow = changed(ProsodyChange(1, 9, rate=0.5), ProsodyChange(2, 3, rate=0.5))
    (failed,) = voiced_model.synthesize([make_item(10, speed=0.25, prosody=slow)])
    assert isinstance(failed, InvalidRequest)
    assert failed.param == "speed"


def test_a_change_survives_the_way_to_another_process() -> None:
    sent = changed(ProsodyChange(1, 4, rate=0.5, mean_f0_hz=200.0))
    assert pickle.loads(pickle.dumps(sent)).changes == sent.changes
