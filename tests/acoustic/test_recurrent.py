from __future__ import annotations

import pytest
import torch

from tts_models.acoustic.recurrent import bilstm, run_bilstm, run_packed, run_reversed

LENGTHS = (5, 12, 1, 12, 8)


@pytest.mark.parametrize("run", [run_bilstm, run_packed, run_reversed])
def test_every_item_is_read_as_if_alone_whatever_pads_it(run: object) -> None:
    torch.manual_seed(0)
    lstm = bilstm(6, 10).double()
    x = torch.randn(len(LENGTHS), max(LENGTHS), 6).double() * 3
    together = run(lstm, x, torch.tensor(LENGTHS))  # type: ignore[operator]
    assert together.shape == (len(LENGTHS), max(LENGTHS), 10)
    for row, length in enumerate(LENGTHS):
        alone, _ = lstm(x[row : row + 1, :length])
        torch.testing.assert_close(together[row, :length], alone[0], atol=1e-12, rtol=1e-12)
