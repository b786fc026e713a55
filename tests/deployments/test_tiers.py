"""What fits a GPU's memory, and that replicas keep to it."""

from __future__ import annotations

import logging

import pytest

from deployments import tiers
from deployments.settings import BatchLimits
from deployments.tiers import FOOTPRINTS, GB, TIERS, limits_that_fit, most_work, note_share, tier_for

LIMITS = BatchLimits(max_items=16, max_padded_work=8000, wait_s=0, max_run_s=20)


@pytest.fixture
def share() -> object:
    yield note_share
    note_share(None)


def test_every_tier_fits_its_smallest_gpu() -> None:
    for tier in TIERS[1:]:
        assert sum(tier.shares.values()) <= 1 + 1e-9
        for stage, share in tier.shares.items():
            if stage in FOOTPRINTS:
                seconds = most_work(stage, int(share * tier.from_gb * GB)) / 40  # frames or, fewer, tokens a second
                assert seconds >= 10, f"{stage} on {tier.from_gb} GB holds {seconds:.0f} s"


def test_more_memory_is_never_a_lower_tier() -> None:
    assert [tier.from_gb for tier in TIERS] == sorted(tier.from_gb for tier in TIERS)
    assert tier_for(0).shares == {}
    assert set(tier_for(4 * GB).shares) == {"Vocoder"}
    assert tier_for(139 * GB) is TIERS[-1]


def test_without_a_gpu_limits_are_as_configured(share: object) -> None:
    note_share(None)
    assert limits_that_fit("Vocoder", LIMITS) is LIMITS


def test_a_large_share_changes_nothing(share: object) -> None:
    note_share(60 * GB)
    assert limits_that_fit("Vocoder", LIMITS) is LIMITS


def test_a_small_share_has_smaller_batches_and_says_so(share: object, caplog: pytest.LogCaptureFixture) -> None:
    note_share(2 * GB)
    logging.getLogger("ray.serve").addHandler(caplog.handler)
    try:
        limits = limits_that_fit("Vocoder", LIMITS)
    finally:
        logging.getLogger("ray.serve").removeHandler(caplog.handler)
    assert limits.max_padded_work == most_work("Vocoder", 2 * GB) < 8000
    assert limits.max_items == 16
    assert "instead of 8000" in caplog.text


def test_a_share_too_small_for_anything_runs_items_alone(share: object) -> None:
    note_share(tiers.CUDA_CONTEXT_BYTES)
    assert limits_that_fit("Vocoder", LIMITS).max_padded_work == 1
