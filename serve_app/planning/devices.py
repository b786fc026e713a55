"""What computes: cores and GPUs, shared evenly by all that runs on them."""

from __future__ import annotations

from dataclasses import dataclass

import simpy


@dataclass(eq=False, slots=True)
class _Job:
    left_s: float
    demand: float
    done: simpy.Event


class Device:
    """Work on a device slows down evenly when more is asked of it than it has (processor sharing).

    Args:
        env: Simulated time.
        capacity: Cores, or 1 for a GPU.
    """

    def __init__(self, env: simpy.Environment, capacity: float) -> None:
        self._env = env
        self.capacity = capacity
        self._jobs: list[_Job] = []
        self._demand = 0.0
        self._since_s = 0.0
        self._schedule = 0
        self._busy_s = 0.0

    def run(self, seconds: float, demand: float = 1.0) -> simpy.Event:
        """Work that takes ``seconds`` alone and keeps ``demand`` of the capacity busy; the event is its end."""
        self._advance()
        job = _Job(max(seconds, 1e-9), demand, self._env.event())
        self._jobs.append(job)
        self._demand += demand
        self._plan()
        return job.done

    def busy_s(self) -> float:
        """Capacity-seconds that were used so far."""
        self._advance()
        return self._busy_s

    def _rate(self) -> float:
        return min(1.0, self.capacity / self._demand) if self._demand > 1e-12 else 1.0

    def _advance(self) -> None:
        passed_s = self._env.now - self._since_s
        self._since_s = self._env.now
        if passed_s and self._jobs:
            self._busy_s += passed_s * min(self._demand, self.capacity)
            worked_s = passed_s * self._rate()
            for job in self._jobs:
                job.left_s -= worked_s

    def _plan(self) -> None:
        """Wake up when the next job is done, unless others come or go before."""
        self._schedule += 1
        if not self._jobs:
            self._demand = 0.0
            return
        schedule = self._schedule
        first_s = max(0.0, min(job.left_s for job in self._jobs)) / self._rate()
        self._env.timeout(first_s).callbacks.append(lambda _: self._wake(schedule))

    def _wake(self, schedule: int) -> None:
        if schedule != self._schedule:
            return
        self._advance()
        done = [job for job in self._jobs if job.left_s <= 1e-9]
        self._jobs = [job for job in self._jobs if job.left_s > 1e-9]
        for job in done:
            self._demand -= job.demand
            job.done.succeed()
        self._plan()
