"""From a batch's items to padded tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tts_models.layers import length_mask
from tts_models.types import AcousticInput

PAD_TOKEN = 0
"""Stands before and after the tokens of every segment; the vocabulary's own symbols are 1 and up."""


def n_tokens(item: AcousticInput) -> int:
    """``L``, the length of ``item`` to the model: its tokens and the padding token at either end."""
    return len(item.token_ids) + 2


def group_by_length(lengths: Sequence[int], min_ratio: float) -> list[list[int]]:
    """Cut a batch into groups in which no item is much longer than another.

    Args:
        lengths: Length of each item.
        min_ratio: Shortest in a group over longest, at least; 0 makes one group, 1 groups of equal length.

    Returns:
        Indices into ``lengths``, each in one group, longest first.
    """
    groups: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if groups and lengths[index] >= min_ratio * lengths[groups[-1][0]]:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def pad_tokens(items: Sequence[AcousticInput], device: torch.device) -> tuple[Tensor, Tensor | None]:
    """The items' tokens.

    Returns:
        ``(B, L)`` int64, and ``(B,)`` int64 lengths, or ``None`` when they are all ``L``; both on ``device``.
    """
    lengths = [n_tokens(item) for item in items]
    tokens = np.full((len(items), max(lengths)), PAD_TOKEN)
    for row, item in zip(tokens, items, strict=True):
        row[1 : 1 + len(item.token_ids)] = item.token_ids
    unequal = min(lengths) < max(lengths)
    return torch.from_numpy(tokens).to(device), torch.tensor(lengths, device=device) if unequal else None


def whole_frames(durations: Tensor, speeds: Tensor, lengths: Tensor | None) -> Tensor:
    """Durations in whole frames.

    Args:
        durations: ``(B, L)`` float32, frames at speed 1.
        speeds: ``(B,)`` float32.
        lengths: ``(B,)`` tokens of each item, or ``None`` when nothing is padded.

    Returns:
        ``(B, L)`` int64, >= 1; 0 in the padding.
    """
    # What is not a number belongs to an item that its curves will give away; here it must not become an index.
    frames = (durations / speeds[:, None]).nan_to_num(nan=1.0).round().clamp(min=1).long()
    if lengths is None:
        return frames
    return frames * length_mask(lengths, frames.shape[1], torch.int64)[:, 0]
