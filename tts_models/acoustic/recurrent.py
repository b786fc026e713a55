"""Bidirectional LSTMs over padded batches, exact."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tts_models.kernels.convolution import has_tiles

_FEW = 4
"""Items up to which a processor with tiles runs each alone: its oneDNN takes as long for two together as for four, some
105 ms for 50 tokens of Kokoro, and 22 ms for one."""


class BiLstm(nn.LSTM):
    """An untrained LSTM of one layer and ``dim_out / 2`` units a direction, for :func:`run_bilstm`.

    Attributes:
        threads: Says how many threads may compute on a CPU; with two or more the directions run side by side. What they
            compute does not depend on it.
    """

    def __init__(self, dim_in: int, dim_out: int) -> None:
        """Make one."""
        super().__init__(dim_in, dim_out // 2, batch_first=True, bidirectional=True)
        self.threads: Callable[[], int] = _one


def run_bilstm(lstm: BiLstm, x: Tensor, lengths: Tensor | None) -> Tensor:
    """Run both directions over every item's own positions.

    Args:
        lstm: What to run.
        x: ``(B, T, dim_in)``.
        lengths: ``(B,)`` int64 on ``x``'s device, or ``None`` when nothing is padded.

    Returns:
        ``(B, T, dim_out)``; meaningless in the padding.
    """
    if 1 < len(x) <= _FEW and not x.is_cuda and has_tiles(torch.bfloat16):
        return run_each(lstm, x, lengths)
    if lengths is None and (x.is_cuda or lstm.threads() == 1):
        output: Tensor = lstm(x)[0]
        return output
    if lengths is not None and x.is_cuda:
        return run_packed(lstm, x, lengths)
    return run_reversed(lstm, x, lengths)


def run_each(lstm: BiLstm, x: Tensor, lengths: Tensor | None) -> Tensor:
    """:func:`run_bilstm`, item by item, each as long as it is."""
    output = x.new_zeros(*x.shape[:2], 2 * lstm.hidden_size)
    for index, own in enumerate([x.shape[1]] * len(x) if lengths is None else lengths.tolist()):
        output[index, :own] = run_bilstm(lstm, x[index : index + 1, :own], None)[0]
    return output


def run_packed(lstm: BiLstm, x: Tensor, lengths: Tensor) -> Tensor:
    """:func:`run_bilstm` by packed sequences, which cuDNN reads natively."""
    packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=x.shape[1])[0]


def run_reversed(lstm: BiLstm, x: Tensor, lengths: Tensor | None) -> Tensor:
    """:func:`run_bilstm` by reversing every item within its own length for the backward direction.

    Padding *behind* an item cannot reach a forward direction, so two forward passes will do. On a CPU this is three
    times as fast as packed sequences, which leave oneDNN's LSTM for a loop over time steps.
    """
    weights = list(lstm.parameters())  # four of the forward direction, four of the backward one
    zeros = x.new_zeros(1, x.shape[0], lstm.hidden_size)

    def run_forward(sequence: Tensor, direction: list[nn.Parameter]) -> Tensor:
        # has_biases, num_layers, dropout, train, bidirectional, batch_first
        return torch.lstm(sequence, (zeros, zeros), [*direction], True, 1, 0.0, False, False, True)[0]

    def run_backward() -> Tensor:
        return _reversed(run_forward(_reversed(x, lengths), weights[4:]), lengths)

    if lstm.threads() == 1:
        return torch.cat((run_forward(x, weights[:4]), run_backward()), dim=-1)
    beside = _other_thread().submit(torch.inference_mode()(run_backward))
    return torch.cat((run_forward(x, weights[:4]), beside.result()), dim=-1)


def _reversed(x: Tensor, lengths: Tensor | None) -> Tensor:
    """``x`` ``(B, T, C)`` with every item's own positions in reverse."""
    if lengths is None:
        return x.flip(1)
    positions = torch.arange(x.shape[1], device=x.device)
    last = lengths[:, None] - 1
    order = torch.where(positions <= last, last - positions, positions)[..., None]
    return x.gather(1, order.expand_as(x))


def _one() -> int:
    return 1


@cache
def _other_thread() -> ThreadPoolExecutor:
    """Where backward directions run. One thread of torch's, as its sums depend on how many there are."""
    return ThreadPoolExecutor(1, thread_name_prefix="lstm", initializer=torch.set_num_threads, initargs=(1,))
