"""Times between, beyond and without measurements."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serve_app.planning.curves import MEASURED, MeasuredCurve, estimated_curves, read_curves
from serve_app.planning.hardware import GPUS

GRID = {(1, 10): 1.0, (1, 20): 2.0, (4, 10): 2.5, (4, 20): 5.0}


@pytest.mark.parametrize(
    ("items", "length", "seconds"),
    [(1, 10, 1.0), (4, 20, 5.0), (1, 15, 1.5), (2, 10, 1.5), (1, 40, 4.0), (7, 10, 4.0), (1, 5, 0.5)],
)
def test_between_and_beyond_the_points(items: int, length: int, seconds: float) -> None:
    assert MeasuredCurve(GRID).seconds(items, length) == pytest.approx(seconds)


def test_no_batch_takes_less_than_nothing() -> None:
    assert MeasuredCurve({(1, 10): 1.0, (1, 20): 3.0}).seconds(1, 1) > 0


def test_a_single_point_is_a_rate() -> None:
    assert MeasuredCurve({(1, 10): 1.0}).seconds(2, 30) == pytest.approx(6.0)


def test_what_was_measured_is_in_the_package() -> None:
    curves = read_curves()
    assert curves.is_measured
    assert "measured" in curves.source
    assert curves.vocoder.seconds(1, 200) > curves.acoustic.seconds(1, 100) > 0
    assert 8 < 1 / curves.speech.audio_s_per_character < 25  # characters a second
    assert 0 < curves.handling.desk_request_s < 0.1


def test_estimates_say_so_and_are_arithmetic() -> None:
    curves = estimated_curves(GPUS["h200"], 0.1)
    assert not curves.is_measured
    assert "estimated, not measured" in curves.source
    # A second of audio: 52 GFLOP at 98.9 TFLOP/s.
    assert curves.vocoder.seconds(1, 40) == pytest.approx(52e9 / 98.9e12)
    assert curves.vocoder.seconds(8, 40) == pytest.approx(8 * 52e9 / 98.9e12)
    assert estimated_curves(GPUS["h200"], 0.05).vocoder.seconds(1, 40) == pytest.approx(52e9 / 49.45e12)


def test_a_file_that_is_none_says_what_writes_one(tmp_path: Path) -> None:
    path = tmp_path / "curves.json"
    document = json.loads(MEASURED.read_text())
    del document["stages"]["Vocoder"]
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"bench\.service_times.*Vocoder"):
        read_curves(path)
