"""Ray Serve's autoscaling as its controller runs it, in simulated time and without a running Ray.

The decisions are Ray's own code: ``ApplicationAutoscalingState`` takes the reports of handles, merges them over the
look-back window, calls the policies, applies factors, delays and bounds. Only the clock it looks at is ours, and the
reports are made by the simulation, at the times and with the points that Ray's router gives them.
"""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from ray.serve import autoscaling_policy
from ray.serve._private import autoscaling_metrics_codec as codec
from ray.serve._private import autoscaling_state
from ray.serve._private.autoscaling_state import ApplicationAutoscalingState
from ray.serve._private.common import (
    RUNNING_REQUESTS_KEY,
    DeploymentHandleSource,
    DeploymentID,
    HandleMetricReport,
    ReplicaID,
    ReplicaMetricReport,
    TimeStampedValue,
)
from ray.serve._private.config import DeploymentConfig, ReplicaConfig
from ray.serve._private.constants import RAY_SERVE_AUTOSCALING_METRIC_RECORD_INTERVAL_FACTOR
from ray.serve._private.deployment_info import DeploymentInfo
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy

_EPOCH_S = 1_000_000.0
"""Simulated time 0; Ray takes the time 0 for none."""


@contextmanager
def simulated_clock(now: Callable[[], float]) -> Iterator[None]:
    """Ray's autoscaling code looks at ``now`` instead of the clock, in this process, as long as this lasts."""

    class Clock:
        @staticmethod
        def time() -> float:
            return _EPOCH_S + now()

        monotonic = time

    with ExitStack() as stack:
        for module in (autoscaling_policy, autoscaling_state):
            stack.enter_context(mock.patch.object(module, "time", Clock))
        yield


class Autoscaler:
    """The part of Serve's controller that says how many replicas each deployment should have.

    Args:
        configs: ``autoscaling_config`` of each deployment that has one, as in the YAML.
        policy: The application's, as ``autoscaling_policy`` in the YAML; None leaves each deployment its own.
    """

    def __init__(self, configs: Mapping[str, Mapping[str, Any]], policy: Mapping[str, Any] | None = None) -> None:
        self._app = ApplicationAutoscalingState("app")
        if policy:
            self._app.register(AutoscalingPolicy(**policy))
        self._ids = {name: DeploymentID(name, "app") for name in configs}
        self._windows: dict[tuple[str, str], _Window] = {}
        self._configs: dict[str, AutoscalingConfig] = {}
        self.targets: dict[str, int] = {}
        """Replicas wanted, by deployment."""
        for name, options in configs.items():
            config = self._configs[name] = AutoscalingConfig(**options)
            info = DeploymentInfo(
                DeploymentConfig(autoscaling_config=config), ReplicaConfig.create(_Nothing), 0, "", version="1"
            )
            first = config.initial_replicas or config.min_replicas
            self.targets[name] = self._app.register_deployment(self._ids[name], info, first)

    def running(self, name: str, replicas: Sequence[str]) -> None:
        """Which replicas of a deployment run."""
        self._app.update_running_replica_ids(self._ids[name], [self._replica(name, one) for one in replicas])

    def observe(
        self, name: str, now_s: float, ongoing: Mapping[str, float], queued: float = 0.0, handle: str = ""
    ) -> None:
        """What a handle of a deployment sees: calls at each of its replicas, and those that no replica took yet.

        To be called often; Ray is told as often as its routers tell it.
        """
        window = self._windows.setdefault((name, handle), _Window(self._configs[name]))
        if not window.note(_EPOCH_S + now_s, ongoing, queued):
            return
        running = {self._replica(name, one).to_full_id_str(): list(series) for one, series in window.running.items()}
        report = HandleMetricReport(
            deployment_id=self._ids[name],
            handle_id=f"{name}{handle}",
            actor_id="",
            handle_source=DeploymentHandleSource.UNKNOWN,
            queued_requests=list(window.queued),
            metrics={RUNNING_REQUESTS_KEY: running},
            timestamp=_EPOCH_S + now_s,
        )
        frame = codec.decode_handle_flat(codec.encode(report))  # as it travels to the controller
        self._app.record_columnar_metrics_for_handle(frame)

    def report(self, name: str, now_s: float, replica: str, metrics: Mapping[str, float]) -> None:
        """What a replica's ``record_autoscaling_stats`` says."""
        at_s = _EPOCH_S + now_s
        series = {key: [TimeStampedValue(at_s, value)] for key, value in metrics.items()}
        self._app.record_request_metrics_for_replica(ReplicaMetricReport(self._replica(name, replica), series, at_s))

    def decide(self) -> dict[str, int]:
        """Take a decision, as the controller does ten times a second; :attr:`targets` after it."""
        wanted = {self._ids[name]: target for name, target in self.targets.items()}
        for deployment, target in self._app.get_decision_num_replicas(wanted).items():
            self.targets[deployment.name] = target
        return dict(self.targets)

    def _replica(self, name: str, replica: str) -> ReplicaID:
        return ReplicaID(replica, self._ids[name])


class _Nothing:
    """Stands for the class of a deployment, of which the autoscaling wants to know nothing."""


class _Window:
    """The points that a router keeps of its queue and its replicas, and when it sends them."""

    def __init__(self, config: AutoscalingConfig) -> None:
        self._look_back_s = config.look_back_period_s
        self._push_s = config.metrics_interval_s
        record_s = config.look_back_period_s * RAY_SERVE_AUTOSCALING_METRIC_RECORD_INTERVAL_FACTOR
        self._record_s = min(record_s, config.metrics_interval_s)
        self._next_record_s = self._next_push_s = 0.0
        self.queued: deque[TimeStampedValue] = deque()
        self.running: defaultdict[str, deque[TimeStampedValue]] = defaultdict(deque)

    def note(self, at_s: float, ongoing: Mapping[str, float], queued: float) -> bool:
        """Take a point if it is time for one; whether it is time to send them."""
        if at_s >= self._next_record_s:
            self._next_record_s = at_s + self._record_s
            self.queued.append(TimeStampedValue(at_s, queued))
            for replica, calls in ongoing.items():
                self.running[replica].append(TimeStampedValue(at_s, calls))
            for series in itertools.chain([self.queued], self.running.values()):
                while series and series[0].timestamp < at_s - self._look_back_s:
                    series.popleft()
            for gone in [replica for replica, series in self.running.items() if not series]:
                del self.running[gone]
        if at_s < self._next_push_s:
            return False
        self._next_push_s = at_s + self._push_s
        return True
