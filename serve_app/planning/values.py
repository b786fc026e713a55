"""A plan as YAML to paste into ``config/serve.yaml``."""

from __future__ import annotations

import math
from typing import Any

import yaml

from serve_app.planning.plan import Plan

_STEADY = {"metrics_interval_s": 2, "look_back_period_s": 10, "upscale_delay_s": 10, "downscale_delay_s": 300}
_LEAST = 0.2
"""Of the planned replicas, that stay in the quietest hour."""


def values(plan: Plan) -> dict[str, Any]:
    """What changes in the application of ``config/serve.yaml``, of each of ``plan.cells``."""
    deployments = []
    for name, target in plan.targets.items():
        most = math.ceil(plan.replicas[name] / plan.cells)
        deployment: dict[str, Any] = {
            "name": name,
            "autoscaling_config": {
                "min_replicas": max(1, math.ceil(_LEAST * most)),
                "max_replicas": most,
                "target_ongoing_requests": target,
                **_STEADY,
            },
        }
        if limits := plan.limits.get(name):
            deployment["user_config"] = limits.model_dump()
        if name in plan.limits:
            deployment["ray_actor_options"] = {"num_cpus": 1, "num_gpus": plan.shares.get(name, 0)}
        deployments.append(deployment)
    admission = {"max_running": plan.max_running, "max_waiting": plan.max_running}
    return {"args": {"admission": admission}, "deployments": deployments}


def as_yaml(plan: Plan) -> str:
    """See :func:`values`; says of itself where it comes from."""
    demand = plan.demand
    head = (
        f"# {demand.rps:g} requests/s of {demand.characters} characters, p95 {demand.p95_s:g} s"
        f" to the {demand.what} audio\n# {plan.curves.source}\n"
    )
    return head + yaml.safe_dump(values(plan), sort_keys=False)
