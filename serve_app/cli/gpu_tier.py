"""``config/serve.yaml`` for the GPU that is there: small ones hold fewer of the models."""

from __future__ import annotations

import copy
from typing import Any

from deployments.tiers import TIERS, Tier, tier_for


def gpu_here() -> tuple[str, int, int] | None:
    """Name, memory in bytes and number of this machine's GPUs; None where torch can use none."""
    import torch

    if not torch.cuda.is_available():
        return None
    properties = torch.cuda.get_device_properties(0)
    return torch.cuda.get_device_name(0), int(properties.total_memory), torch.cuda.device_count()


def fitted(document: dict[str, Any], memory_bytes: int, gpus: int) -> dict[str, Any]:
    """``document``, its shares of a GPU, replicas and utterances at once as the GPU's tier has them.

    The largest tier leaves it as it is. Batches are kept to a share's memory by its replica.
    """
    tier = tier_for(memory_bytes)
    if tier is TIERS[-1]:
        return document
    document = copy.deepcopy(document)
    (application,) = document["applications"]
    for deployment in application["deployments"]:
        _fit(deployment, tier, gpus)
    if tier.max_running is not None:
        admission = application.setdefault("args", {}).setdefault("admission", {})
        for key in ("max_running", "max_waiting"):
            admission[key] = min(admission.get(key, tier.max_running), tier.max_running)
    return document


def _fit(deployment: dict[str, Any], tier: Tier, gpus: int) -> None:
    options = deployment.get("ray_actor_options", {})
    if not options.get("num_gpus"):
        return
    share = tier.shares.get(deployment["name"], 0.0)
    options["num_gpus"] = share
    if share and (scaling := deployment.get("autoscaling_config")):
        room = gpus * max(1, int(1 / sum(tier.shares.values()) + 1e-9))
        scaling["max_replicas"] = max(scaling.get("min_replicas", 1), min(scaling["max_replicas"], room))
