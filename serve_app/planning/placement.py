"""Where replicas go: shares of GPUs, packed; machines that come when a share is missing and go when they are idle."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import simpy

from serve_app.planning.devices import Device

Placed = Callable[[Device, Device, Callable[[], None]], None]
"""Told where batches run, where the rest runs, and how to give the place back."""


@dataclass(frozen=True)
class Machines:
    """What there is.

    Attributes:
        cores: That everything without a GPU shares; None gives each replica a core of its own.
        gpus: At the beginning, and at least.
        max_gpus: That Ray's cluster autoscaler may add up to; the beginning's unless given.
        node_start_s: From when a GPU is missing until its machine has joined.
        idle_s: How long a machine stays that nobody needs.
    """

    cores: float | None = None
    gpus: int = 0
    max_gpus: int = 0
    node_start_s: float = 180.0
    idle_s: float = 300.0


@dataclass(eq=False)
class _Gpu:
    device: Device
    free: float = 1.0
    idle_since_s: float = 0.0


@dataclass(eq=False)
class _Asked:
    stage: str
    share: float
    placed: Placed = field(repr=False)


class Placement:
    """Gives replicas their places, first come first served, as Ray's scheduler does.

    Args:
        env: Simulated time.
        machines: What there is.
    """

    def __init__(self, env: simpy.Environment, machines: Machines) -> None:
        self._env = env
        self._machines = machines
        self.cores = Device(env, machines.cores or math.inf)
        self._gpus = [_Gpu(Device(env, 1.0)) for _ in range(machines.gpus)]
        self._coming = 0
        self._asked: list[_Asked] = []
        self._gone_busy_s = 0.0
        self._gpu_s = 0.0
        self._since_s = 0.0

    @property
    def gpus(self) -> int:
        """That are there."""
        return len(self._gpus)

    def ask(self, stage: str, share: float, placed: Placed) -> None:
        """Find a place for a replica, at once or when there is one."""
        self._asked.append(_Asked(stage, share, placed))
        self._place()

    def cancel(self, stage: str) -> bool:
        """Forget the last replica of a deployment that waits for a place; whether there was one."""
        for asked in reversed(self._asked):
            if asked.stage == stage:
                self._asked.remove(asked)
                return True
        return False

    def tick(self) -> None:
        """Add machines for those that wait, and take away what is idle."""
        now = float(self._env.now)
        self._gpu_s += len(self._gpus) * (now - self._since_s)
        self._since_s = now
        self._place()
        missing = math.ceil(sum(asked.share for asked in self._asked) - 1e-9)
        while self._coming < missing and len(self._gpus) + self._coming < self._machines.max_gpus:
            self._coming += 1
            self._env.timeout(self._machines.node_start_s).callbacks.append(lambda _: self._join())
        for gpu in list(self._gpus):
            if gpu.free < 1 - 1e-9:
                gpu.idle_since_s = now
            elif len(self._gpus) > self._machines.gpus and now - gpu.idle_since_s >= self._machines.idle_s:
                self._gone_busy_s += gpu.device.busy_s()
                self._gpus.remove(gpu)

    def busy(self, until_s: float) -> Mapping[str, float]:
        """Share of the time that GPUs and shared cores were used."""
        busy = {}
        if gpu_s := self._gpu_s + len(self._gpus) * (until_s - self._since_s):
            busy["gpus"] = (self._gone_busy_s + sum(gpu.device.busy_s() for gpu in self._gpus)) / gpu_s
        if self._machines.cores:
            busy["cores"] = self.cores.busy_s() / until_s / self._machines.cores
        return busy

    def _join(self) -> None:
        self._coming -= 1
        self._gpus.append(_Gpu(Device(self._env, 1.0), idle_since_s=float(self._env.now)))
        self._place()

    def _place(self) -> None:
        for asked in list(self._asked):
            if asked.share == 0:
                host = self.cores if self._machines.cores else Device(self._env, 1.0)
                self._asked.remove(asked)
                asked.placed(host, host, lambda: None)
                continue
            fits = [gpu for gpu in self._gpus if gpu.free >= asked.share - 1e-9]
            if not fits:
                continue
            gpu = min(fits, key=lambda one: one.free)  # packed: the fullest that has room
            gpu.free -= asked.share
            self._asked.remove(asked)
            host = self.cores if self._machines.cores else Device(self._env, 1.0)
            asked.placed(gpu.device, host, partial(self._free, gpu, asked.share))

    def _free(self, gpu: _Gpu, share: float) -> None:
        gpu.free += share
