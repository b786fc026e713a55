from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.acoustic.conftest import MakeItem
from tts_models.acoustic.batches import group_by_length, n_tokens, pad_tokens, whole_frames


@given(st.lists(st.integers(1, 600), max_size=20), st.floats(0, 1))
def test_groups_hold_every_item_once_and_none_much_longer_than_another(lengths: list[int], min_ratio: float) -> None:
    groups = group_by_length(lengths, min_ratio)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    for group in groups:
        members = [lengths[index] for index in group]
        assert min(members) >= min_ratio * max(members)


def test_groups_are_no_smaller_than_they_must_be() -> None:
    assert group_by_length([10, 8, 9], 0.8) == [[0, 2, 1]]
    assert group_by_length([10, 7, 9], 0.8) == [[0, 2], [1]]
    assert group_by_length([1, 500], 0.0) == [[1, 0]]


def test_tokens_get_a_padding_token_at_either_end(make_item: MakeItem) -> None:
    items = [make_item(2, tokens=(4, 5)), make_item(1, tokens=(6,))]
    tokens, lengths = pad_tokens(items, torch.device("cpu"))
    assert tokens.tolist() == [[0, 4, 5, 0], [0, 6, 0, 0]]
    assert tokens.dtype == torch.int64
    assert lengths is not None
    assert lengths.tolist() == [n_tokens(item) for item in items] == [4, 3]
    assert pad_tokens(items[:1], torch.device("cpu"))[1] is None


def test_frames_are_durations_over_speed_rounded_and_never_none() -> None:
    durations = torch.tensor([[3.4, 0.1, 7.6], [3.4, 0.1, 99.0]])
    frames = whole_frames(durations, torch.tensor([1.0, 0.25]), torch.tensor([3, 2]))
    assert frames.tolist() == [[3, 1, 8], [14, 1, 0]]


def test_frames_of_what_is_no_number_are_still_a_length() -> None:
    assert whole_frames(torch.full((1, 2), torch.nan), torch.ones(1), None).tolist() == [[1, 1]]
