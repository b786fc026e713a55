"""What fits a GPU's memory: which stages run on it, with what share, and how large their batches may be.

A replica's share holds the CUDA context, the weights and what a batch computes, which grows with its padded work. The
shares of small GPUs go to the stages that gain most; the others compute on cores. Batches are kept to what is left.

What a batch takes was measured in float32 on a CPU (``python -m bench.service_times --memory``: 947 KB a frame and 192
KB a token), not on a GPU; should it be more there, ``OutOfMemory`` halves the batch and the limit is learned
(``fair_worker.py``).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from deployments.settings import BatchLimits

logger = logging.getLogger("ray.serve")

GB = 2**30
CUDA_CONTEXT_BYTES = 600 * 2**20
"""What a process takes of a GPU before its first tensor."""
RESERVE = 0.1
"""Of what is left in a share after the weights: freed blocks that no tensor fits into."""


@dataclass(frozen=True)
class Footprint:
    """Memory of one stage's model on a GPU.

    Attributes:
        weights_bytes: Of its parameters, as it keeps them there.
        work_bytes: For each unit of padded work in a batch: token, frame, sample; of samples it is assumed.
    """

    weights_bytes: int
    work_bytes: int


FOOTPRINTS: Mapping[str, Footprint] = {
    "AcousticModel": Footprint(28_000_000 * 4, 200_000),
    "Vocoder": Footprint(53_250_000 * 4, 1_000_000),
    "SpeakerEncoder": Footprint(20_800_000 * 4, 1_200),
}


@dataclass(frozen=True)
class Tier:
    """What runs on GPUs of at least some size.

    Attributes:
        from_gb: The smallest, GiB.
        shares: ``num_gpus`` of a replica of each stage; one that is missing computes on cores.
        max_running: ``admission.max_running`` at most; None leaves the configuration's.
    """

    from_gb: float
    shares: Mapping[str, float]
    max_running: int | None = None

    @property
    def title(self) -> str:
        """In words."""
        on_gpu = ", ".join(f"{stage} {share:g}" for stage, share in self.shares.items())
        return f"{self.from_gb:g} GB and more: {on_gpu or 'nothing'}"


TIERS = (
    Tier(0, {}),
    Tier(3.5, {"Vocoder": 1.0}, 32),
    Tier(5.5, {"Vocoder": 0.6, "AcousticModel": 0.4}, 64),
    Tier(7.5, {"Vocoder": 0.6, "AcousticModel": 0.4}, 128),
    Tier(13.5, {"Vocoder": 0.3, "AcousticModel": 0.2, "VoiceFitter": 0.2}),
)
"""By memory, the smallest first; from 13.5 GB on it is what ``config/serve.yaml`` says."""


def tier_for(memory_bytes: int) -> Tier:
    """The largest tier that a GPU of so much memory reaches."""
    return [tier for tier in TIERS if memory_bytes >= tier.from_gb * GB][-1]


def most_work(stage: str, share_bytes: int) -> int:
    """The most padded work in a batch of ``stage`` whose replica has so much of a GPU's memory; 0 if nothing fits."""
    model = FOOTPRINTS[stage]
    left = (share_bytes - CUDA_CONTEXT_BYTES - model.weights_bytes) * (1 - RESERVE)
    return max(0, int(left) // model.work_bytes)


def limits_that_fit(stage: str, limits: BatchLimits) -> BatchLimits:
    """``limits``, no larger than the share of this replica's process allows, with a line in the log if that is less."""
    if _share_bytes is None:
        return limits
    most = max(1, most_work(stage, _share_bytes))
    if most >= limits.max_padded_work:
        return limits
    logger.warning(
        "%s has %.1f GB of a GPU: batches of at most %d padded work instead of %d.",
        stage,
        _share_bytes / GB,
        most,
        limits.max_padded_work,
    )
    return limits.model_copy(update={"max_padded_work": most})


def note_share(share_bytes: int | None) -> None:
    """Told how much of a GPU's memory this process was given, its CUDA context included; None is no GPU."""
    global _share_bytes
    _share_bytes = share_bytes


_share_bytes: int | None = None
