from __future__ import annotations

import pytest
import torch

from tts_models.acoustic.recurrent import BiLstm, run_bilstm, run_each, run_packed, run_reversed

LENGTHS = (5, 12, 1, 12, 8)


@pytest.mark.parametrize("run", [run_bilstm, run_each, run_packed, run_reversed])
def test_every_item_is_read_as_if_alone_whatever_pads_it(run: object) -> None:
    torch.manual_seed(0)
    lstm = BiLstm(6, 10).double()
    x = torch.randn(len(LENGTHS), max(LENGTHS), 6).double() * 3
    together = run(lstm, x, torch.tensor(LENGTHS))  # type: ignore[operator]
    assert together.shape == (len(LENGTHS), max(LENGTHS), 10)
    for row, length in enumerate(LENGTHS):
        alone, _ = lstm(x[row : row + 1, :length])
        torch.testing.assert_close(together[row, :length], alone[0], atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_directions_side_by_side_are_equal_to_the_last_bit(lengths: tuple[int, ...] | None) -> None:
    torch.manual_seed(0)
    lstm, x = BiLstm(6, 10), torch.randn(len(LENGTHS), max(LENGTHS), 6)
    made = []
    with torch.inference_mode():
        for threads in (1, 2):
            lstm.threads = lambda threads=threads: threads  # type: ignore[misc]
            made.append(run_bilstm(lstm, x, None if lengths is None else torch.tensor(lengths)))
    for row, length in enumerate(lengths or (max(LENGTHS),) * len(LENGTHS)):
        assert torch.equal(made[0][row, :length], made[1][row, :length])
