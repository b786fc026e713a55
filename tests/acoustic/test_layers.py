"""The shared blocks against the ``kokoro`` package's, and padded against alone."""

from __future__ import annotations

import pytest
import torch
from kokoro.istftnet import AdainResBlk1d as ReferenceBlock
from torch import Tensor

from tts_models.layers import AdainResBlk1d, apply_mask, instance_norm, length_mask, upsample_mask

LENGTHS = (9, 23, 1, 16)
STYLE_DIM = 6


def random_block(dim_out: int, upsample: bool) -> AdainResBlk1d:
    torch.manual_seed(5)
    block = AdainResBlk1d(8, dim_out, STYLE_DIM, upsample).double()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.normal_(0, 0.5)
    return block


def test_length_mask_is_one_on_the_items_and_zero_behind_them() -> None:
    mask = length_mask(torch.tensor([3, 0, 4]), 4)
    assert mask.dtype == torch.float32
    assert mask.tolist() == [[[1, 1, 1, 0]], [[0, 0, 0, 0]], [[1, 1, 1, 1]]]
    doubled = upsample_mask(mask, 2)
    assert doubled is not None
    assert torch.equal(doubled, length_mask(torch.tensor([6, 0, 8]), 8))
    assert upsample_mask(None, 2) is None


def test_instance_norm_is_torchs() -> None:
    x, scale, shift = torch.randn(2, 5, 40), torch.randn(2, 5, 1), torch.randn(2, 5, 1)
    expected = torch.nn.functional.instance_norm(x) * scale + shift
    torch.testing.assert_close(instance_norm(x, scale, shift), expected)


def test_instance_norm_counts_long_items_exactly_in_half_precision() -> None:
    """2,049 is no bfloat16: a count in the mask's own dtype would be wrong."""
    lengths = torch.tensor([2049, 3000])
    mask = length_mask(lengths, 3000, torch.bfloat16)
    x = apply_mask(torch.randn(2, 3, 3000).bfloat16() + 4, mask)
    one, zero = torch.ones(2, 3, 1), torch.zeros(2, 3, 1)
    alone = instance_norm(x[:1, :, :2049], one[:1], zero[:1])
    assert alone.dtype == torch.bfloat16
    torch.testing.assert_close(instance_norm(x, one, zero, mask)[:1, :, :2049], alone, atol=0.02, rtol=0)


@pytest.mark.parametrize(("dim_out", "upsample"), [(8, False), (4, False), (8, True), (4, True)])
def test_block_is_the_reference_packages(dim_out: int, upsample: bool) -> None:
    ours = random_block(dim_out, upsample)
    reference = ReferenceBlock(8, dim_out, STYLE_DIM, upsample=True if upsample else "none").double().eval()
    for module in reference.modules():
        if hasattr(module, "weight_g"):
            torch.nn.utils.remove_weight_norm(module)
    outcome = reference.load_state_dict(ours.state_dict(), strict=False)
    assert not outcome.unexpected_keys
    assert all(".norm." in name for name in outcome.missing_keys)
    x, style = torch.randn(2, 8, 31).double(), torch.randn(2, STYLE_DIM).double()
    torch.testing.assert_close(ours(x, style), reference(x, style))


@pytest.mark.parametrize(("dim_out", "upsample"), [(8, False), (4, False), (8, True), (4, True)])
def test_padded_items_come_out_as_if_alone(dim_out: int, upsample: bool) -> None:
    block = random_block(dim_out, upsample)
    factor = 2 if upsample else 1
    mask = length_mask(torch.tensor(LENGTHS), max(LENGTHS), torch.float64)
    x = torch.randn(len(LENGTHS), 8, max(LENGTHS)).double() * mask
    style = torch.randn(len(LENGTHS), STYLE_DIM).double()
    together: Tensor = block(x, style, mask)
    for row, length in enumerate(LENGTHS):
        alone = block(x[row : row + 1, :, :length], style[row : row + 1])[0]
        torch.testing.assert_close(together[row, :, : factor * length], alone, atol=1e-10, rtol=1e-10)
        assert not together[row, :, factor * length :].any()
