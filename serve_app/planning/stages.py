"""A deployment in the simulation: replicas with fair queues, batches as ``deployments/fair_worker.py`` makes them."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from deployments.fair_queue import FairQueue, Flow
from deployments.settings import BatchLimits
from serve_app.planning.curves import LAUNCH_DEMAND, Curve
from serve_app.planning.devices import Device

Process = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class StageSpec:
    """A deployment, as the YAML has it and as the simulation needs it.

    Attributes:
        name: Of the deployment.
        curve: What its batches take; None for the ingress, which has no batches.
        limits: Of its batches.
        replicas: Where ``autoscaling`` does not say.
        autoscaling: ``autoscaling_config``; None for a fixed number.
        num_gpus: Share of a GPU; 0 runs on cores.
        threads: Cores that a batch keeps busy.
        start_s: What a replica that has its place takes to start, work of one core.
    """

    name: str
    curve: Curve | None
    limits: BatchLimits = field(default=BatchLimits(max_items=1, max_padded_work=1, wait_s=0, max_run_s=60))
    replicas: int = 1
    autoscaling: dict[str, Any] | None = None
    num_gpus: float = 0.0
    threads: float = 1.0
    start_s: float = 20.0


@dataclass(eq=False, slots=True)
class _Call:
    length: int
    done: simpy.Event
    since_s: float


class Replica:
    """One replica: a queue, and one batch at a time.

    Args:
        env: Simulated time.
        name: Of the replica.
        spec: Of its deployment.
        device: Where batches run.
        host: The cores where everything else of it runs.
        call_s: Processor seconds of a call beside the model.
    """

    def __init__(
        self, env: simpy.Environment, name: str, spec: StageSpec, device: Device, host: Device, call_s: float
    ) -> None:
        self.name = name
        self.host = host
        self.device = device
        self.ongoing = 0
        self.is_stopping = False
        self.stopped: Callable[[], None] = lambda: None
        self.calls = 0
        self.run_s = 0.0
        self.batches = 0
        self._env = env
        self._spec = spec
        self._call_s = call_s
        self._queue: FairQueue[_Call] = FairQueue(lambda: float(env.now))
        self._is_serving = False
        self._company: simpy.Event | None = None

    def call(self, length: int, flow: Flow) -> Process:
        """A call, from its arrival at the replica until its result is there."""
        self.ongoing += 1
        if self._call_s:
            yield self.host.run(self._call_s)
        call = _Call(max(1, length), self._env.event(), self._env.now)
        self._queue.put(call, flow, call.length)
        if not self._is_serving:
            self._is_serving = True
            self._env.process(self._serve())
        elif self._company and not self._company.triggered and self._is_enough():
            self._company.succeed()
        yield call.done
        self.leave()

    def enter(self) -> None:
        """An utterance that the ingress is busy with."""
        self.ongoing += 1

    def leave(self) -> None:
        """One fewer; the last one lets a replica go that is to stop."""
        self.ongoing -= 1
        if self.is_stopping and not self.ongoing:
            self.stopped()

    def _is_enough(self) -> bool:
        limits = self._spec.limits
        return len(self._queue) >= limits.max_items or self._queue.cost >= limits.max_padded_work

    def _serve(self) -> Process:
        curve = self._spec.curve
        assert curve is not None
        if self._spec.limits.wait_s and not self._is_enough():
            self._company = self._env.event()
            yield self._company | self._env.timeout(self._spec.limits.wait_s)
            self._company = None
        while calls := self._next_batch():
            since_s = self._env.now
            longest = max(call.length for call in calls)
            if curve.launch_s:
                yield self.device.run(curve.launch_s, LAUNCH_DEMAND)
            demand = 1.0 if self._spec.num_gpus else self._spec.threads
            yield self.device.run(curve.seconds(len(calls), longest), demand)
            self.run_s += self._env.now - since_s
            self.calls += len(calls)
            self.batches += 1
            for call in calls:
                call.done.succeed()
        self._is_serving = False

    def _next_batch(self) -> list[_Call]:
        limits = self._spec.limits
        calls: list[_Call] = []
        longest = 0
        while len(calls) < limits.max_items and (entry := self._queue.first()):
            longest = max(longest, entry.item.length)
            if calls and (len(calls) + 1) * longest > limits.max_padded_work:
                break
            self._queue.take(entry)
            calls.append(entry.item)
        return calls


class Stage:
    """The replicas of a deployment, as a handle sees them.

    Args:
        spec: What it is.
        dice: For the choice of replicas.
    """

    def __init__(self, spec: StageSpec, dice: random.Random) -> None:
        self.spec = spec
        self.replicas: list[Replica] = []
        self.starting = 0
        self.unwanted = 0
        self.unrouted = 0
        self._dice = dice
        self._waiting: list[simpy.Event] = []

    def pick(self) -> Replica | None:
        """As Ray's router does: two at random, the one with fewer calls."""
        if len(self.replicas) < 2:
            return self.replicas[0] if self.replicas else None
        one, other = self._dice.sample(self.replicas, 2)
        return one if one.ongoing <= other.ongoing else other

    def call(self, env: simpy.Environment, length: int, flow: Flow) -> Process:
        """A call through the handle."""
        while (replica := self.pick()) is None:
            yield from self._wait(env)
        yield from replica.call(length, flow)

    def _wait(self, env: simpy.Environment) -> Process:
        self.unrouted += 1
        event = env.event()
        self._waiting.append(event)
        yield event
        self.unrouted -= 1

    def started(self, replica: Replica) -> None:
        """A replica takes calls from now on."""
        self.replicas.append(replica)
        for event in self._waiting:
            event.succeed()
        self._waiting.clear()
