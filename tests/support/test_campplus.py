"""The second judge of cloned voices, with weights of no meaning: its own are fetched by the bench."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.speaker.test_encoder import buzz
from tests.support.campplus import CamPlusPlus, _Network


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> CamPlusPlus:
    torch.manual_seed(0)
    weights: Path = tmp_path_factory.mktemp("campplus") / "weights.pt"
    torch.save(_Network().state_dict(), weights)
    return CamPlusPlus(weights)


@pytest.mark.parametrize("seconds", [0.5, 2.0, 3.37])
def test_any_length_becomes_a_unit_vector(judge: CamPlusPlus, seconds: float) -> None:
    vector = judge.embed(buzz(1, seconds))
    assert vector.shape == (192,)
    assert np.linalg.norm(vector) == pytest.approx(1)


def test_loudness_hardly_matters_and_the_speaker_does(judge: CamPlusPlus) -> None:
    one, quieter, another = (judge.embed(clip) for clip in (buzz(1, 2.0), 0.5 * buzz(1, 2.0), buzz(2, 2.0)))
    assert one @ quieter > 0.999
    assert one @ another < 0.99
