"""Batched equals alone, shown in float64 on a tiny random network, where a leak from the padding cannot hide."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from tests.acoustic.conftest import TINY
from tts_models.acoustic.batches import whole_frames
from tts_models.acoustic.network import AcousticNetwork

LENGTHS = (7, 30, 3, 30, 18)


@pytest.fixture(scope="module")
def network(tiny_network: AcousticNetwork) -> AcousticNetwork:
    return copy.deepcopy(tiny_network).double()


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    """``(B, L)``; the padding holds other symbols, which must not matter."""
    torch.manual_seed(1)
    return torch.randint(0, TINY.n_symbols, (len(LENGTHS), max(LENGTHS)))


@pytest.fixture(scope="module")
def style() -> Tensor:
    torch.manual_seed(2)
    return torch.randn(len(LENGTHS), TINY.style_dim).double()


def assert_same(ours: Tensor, alone: Tensor) -> None:
    torch.testing.assert_close(ours, alone, atol=1e-9, rtol=1e-9)


@torch.inference_mode()
def test_each_item_is_what_it_is_alone(network: AcousticNetwork, tokens: Tensor, style: Tensor) -> None:
    lengths, speeds = torch.tensor(LENGTHS), torch.tensor([1.0, 0.5, 2.0, 4.0, 0.25])
    text = network.encode(tokens, lengths)
    prosody, durations = network.predict_durations(text, style)
    frames = whole_frames(durations, speeds, lengths)
    f0, energy = network.predict_curves(prosody, frames, style)
    for row, length in enumerate(LENGTHS):
        one = slice(row, row + 1)
        alone = network.encode(tokens[one, :length], None)
        assert_same(text.encoding[one, :, :length], alone.encoding)
        assert not text.encoding[row, :, length:].any()
        alone_prosody, alone_durations = network.predict_durations(alone, style[one])
        assert_same(durations[one, :length], alone_durations)
        alone_frames = whole_frames(alone_durations, speeds[one], None)
        assert torch.equal(frames[one, :length], alone_frames)
        assert not frames[row, length:].any()
        alone_f0, alone_energy = network.predict_curves(alone_prosody, alone_frames, style[one])
        end = 2 * int(alone_frames.sum())
        assert alone_f0.shape == alone_energy.shape == (1, end)
        assert_same(f0[one, :end], alone_f0)
        assert_same(energy[one, :end], alone_energy)
        assert not f0[row, end:].any()
        assert not energy[row, end:].any()


@torch.inference_mode()
def test_durations_and_style_can_be_given_instead_of_predicted(
    network: AcousticNetwork, tokens: Tensor, style: Tensor
) -> None:
    text = network.encode(tokens[:1, :5], None)
    prosody, _ = network.predict_durations(text, style[:1])
    given = torch.tensor([[4, 1, 9, 2, 3]])
    f0, _ = network.predict_curves(prosody, given, style[:1])
    assert f0.shape == (1, 2 * 19)
    # A token of no frames is not said: the curves are those of the others.
    without, _ = network.predict_curves(prosody, torch.tensor([[4, 0, 9, 2, 3]]), style[:1])
    others = [0, 2, 3, 4]
    assert_same(without, network.predict_curves(prosody[:, others], given[:, others], style[:1])[0])
    other_voice, _ = network.predict_curves(prosody, given, style[1:2])
    assert (other_voice - f0).abs().max() > 0.01


@torch.inference_mode()
def test_text_encoding_does_not_depend_on_the_neighbours_in_the_batch_but_on_those_in_the_text(
    network: AcousticNetwork, tokens: Tensor
) -> None:
    changed = tokens.clone()
    changed[1, 20] = (changed[1, 20] + 1) % TINY.n_symbols
    lengths = torch.tensor(LENGTHS)
    before, after = (network.encode(ids, lengths).encoding for ids in (tokens, changed))
    assert torch.equal(before[[0, 2, 3, 4]], after[[0, 2, 3, 4]])
    assert (before[1, :, 0] - after[1, :, 0]).abs().max() > 0
