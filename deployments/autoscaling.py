"""One GPU budget for all stages: who needs it most by queue and measured time of a call gets it.

By themselves deployments scale without knowing of one another. When the GPUs do not do for all, whoever asks first
has them: in a burst the acoustic model, which every segment reaches first, and then its replicas wait for the vocoder,
which does 19 of 20 parts of the work. Here what waits for one stage counts for those behind it too, where it will be
next; and when all that would need more than the budget, each stage is given replicas so that its queue takes about as
long to work off as the others'. While the budget does for all, everything is as without it.

::

    applications:
      - autoscaling_policy:
          policy_function: deployments.autoscaling:SharedGpus
          policy_kwargs: {gpus: 2, shares: {AcousticModel: 0.15, Vocoder: 0.35}}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ray.serve._private.common import DeploymentID
from ray.serve.autoscaling_policy import replica_queue_length_autoscaling_policy
from ray.serve.config import AutoscalingContext

CALL_S = "call_s"
"""What replicas report: seconds that the model was busy for each call, lately."""

Decisions = tuple[dict[DeploymentID, float], dict[DeploymentID, dict[str, Any]]]


@dataclass(slots=True)
class _Claim:
    """What a stage asks of the budget.

    Attributes:
        share: Of a GPU, for each replica.
        wanted: Replicas it would have by itself for all that waits for it and for the stages before it.
        granted: Replicas it is given; its least at first.
        work_s: All that takes.
    """

    share: float
    wanted: int
    granted: int
    work_s: float


class SharedGpus:
    """An application's autoscaling policy.

    Deployments that are not in ``shares`` scale by their own policies.

    Args:
        gpus: All that the stages may use together.
        shares: Of the stages that share them, in the order of the data: ``num_gpus`` of a replica, by name of the
            deployment.

    Raises:
        ValueError: There is nothing to share.
    """

    def __init__(self, gpus: float, shares: Mapping[str, float]) -> None:
        if gpus <= 0 or not shares or min(shares.values()) <= 0:
            raise ValueError("gpus and every share must be above 0")
        self._gpus = gpus
        self._shares = dict(shares)

    def __call__(self, contexts: dict[DeploymentID, AutoscalingContext]) -> Decisions:
        """Replicas wanted of each deployment; Ray applies factors, delays and bounds to them."""
        decisions: dict[DeploymentID, float] = {}
        states: dict[DeploymentID, dict[str, Any]] = {}
        for deployment, context in contexts.items():
            decisions[deployment], states[deployment] = _alone(context)
        claims = self._claims(contexts)
        if sum(claim.wanted * claim.share for claim in claims.values()) > self._gpus + 1e-9:
            self._grant(list(claims.values()))
            for deployment, claim in claims.items():
                decisions[deployment] = min(decisions[deployment], float(claim.granted))
        return decisions, states

    def _claims(self, contexts: dict[DeploymentID, AutoscalingContext]) -> dict[DeploymentID, _Claim]:
        by_name = {deployment.name: deployment for deployment in contexts}
        claims: dict[DeploymentID, _Claim] = {}
        calls = 0.0
        for name, share in self._shares.items():
            if name not in by_name:
                continue
            context = contexts[by_name[name]]
            assert context.config is not None
            calls += context.total_num_requests  # those that wait for a stage come to the next one after it
            least, most = context.capacity_adjusted_min_replicas, context.capacity_adjusted_max_replicas
            wanted = max(least, min(most, math.ceil(calls / context.config.get_target_ongoing_requests())))
            claims[by_name[name]] = _Claim(share, wanted, least, calls * _call_s(context))
        return claims

    def _grant(self, claims: list[_Claim]) -> None:
        """One replica at a time to whose queue takes longest for what it costs, until nothing more fits."""
        left = self._gpus - sum(claim.granted * claim.share for claim in claims)
        while asking := [claim for claim in claims if claim.granted < claim.wanted and claim.share <= left + 1e-9]:
            neediest = max(asking, key=lambda claim: claim.work_s / max(claim.granted, 1e-3))
            neediest.granted += 1
            left -= neediest.share


def _alone(context: AutoscalingContext) -> tuple[float, dict[str, Any]]:
    """What the deployment's own policy says; Ray keeps it in the configuration where the application has one too."""
    policy = context.config.policy if context.config else None
    if policy is None or policy.is_default_policy_function():
        wanted, state = replica_queue_length_autoscaling_policy(context)
    else:
        wanted, state = policy.get_policy()(context)
    return float(wanted), dict(state or {})


def _call_s(context: AutoscalingContext) -> float:
    """Mean over the replicas that have measured any; 1 before."""
    measured = [value for value in (context.aggregated_metrics or {}).get(CALL_S, {}).values() if value > 0]
    return sum(measured) / len(measured) if measured else 1.0
