"""Utterances through the graph, event by event: what callers wait, what is busy, what the autoscaling does about it."""

from __future__ import annotations

import itertools
import math
import random
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import simpy

from deployments.fair_queue import Flow
from deployments.settings import AdmissionSettings, SynthesisSettings, TextSettings
from serve_app.planning.autoscaler import Autoscaler, simulated_clock
from serve_app.planning.curves import FRAMES_PER_S, Curves
from serve_app.planning.devices import Device
from serve_app.planning.placement import Machines, Placement
from serve_app.planning.stages import Process, Replica, Stage, StageSpec


@dataclass(frozen=True)
class System:
    """What is simulated.

    Attributes:
        stages: Ingress, TextFrontend, AcousticModel and Vocoder.
        curves: How long things take.
        machines: What they run on.
        synthesis: How the ingress drives the stages.
        text: How texts are cut.
        admission: How many utterances run.
        policy: The application's ``autoscaling_policy``; None leaves each deployment its own.
        tick_s: Between two rounds of Serve's controller.
    """

    stages: tuple[StageSpec, ...]
    curves: Curves
    machines: Machines
    synthesis: SynthesisSettings = field(default_factory=SynthesisSettings)
    text: TextSettings = field(default_factory=TextSettings)
    admission: AdmissionSettings = field(default_factory=AdmissionSettings)
    policy: Mapping[str, Any] | None = None
    tick_s: float = 0.1


@dataclass(slots=True)
class Spoken:
    """An utterance, and when what happened.

    Attributes:
        characters: Of its text.
        came_s: When its request came.
        first_s: Until the first audio; infinite if there was none before the end.
        whole_s: Until all of it.
        audio_s: What was heard.
    """

    characters: int
    came_s: float
    first_s: float = math.inf
    whole_s: float = math.inf
    audio_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """The system at one time.

    Attributes:
        at_s: When.
        replicas: Running, by deployment.
        targets: Wanted.
        ongoing: Calls at the replicas and on the way to them.
        gpus: There.
        listening: Utterances that run.
        waiting: That wait to run.
    """

    at_s: float
    replicas: Mapping[str, int]
    targets: Mapping[str, int]
    ongoing: Mapping[str, int]
    gpus: int
    listening: int
    waiting: int


@dataclass(frozen=True)
class Outcome:
    """What a simulation saw.

    Attributes:
        spoken: All utterances that came.
        timeline: Once a second.
        busy: Share of the time that a device was used, by what it is.
        batches: Mean calls in a batch, by deployment.
    """

    spoken: tuple[Spoken, ...]
    timeline: tuple[Moment, ...]
    busy: Mapping[str, float]
    batches: Mapping[str, float]

    def percentile(self, percent: float, what: str = "first_s", since_s: float = 0.0) -> float:
        """Of ``first_s`` or ``whole_s`` of those that came after ``since_s``; infinite if too few were done."""
        values = sorted(getattr(one, what) for one in self.spoken if one.came_s >= since_s)
        return values[max(0, math.ceil(percent / 100 * len(values)) - 1)] if values else math.nan


class Simulation:
    """One run.

    Args:
        system: What is simulated.
        seed: Of all that is random.
    """

    def __init__(self, system: System, seed: int = 0) -> None:
        self._system = system
        self._env = simpy.Environment()
        self._dice = random.Random(seed)
        self._stages = {spec.name: Stage(spec, self._dice) for spec in system.stages}
        self._placement = Placement(self._env, system.machines)
        self._desk = Device(self._env, 1.0) if system.machines.cores is None else self._placement.cores
        self._running = 0
        self._waiting: deque[simpy.Event] = deque()
        self._numbers = itertools.count()
        self._spoken: list[Spoken] = []
        self._timeline: list[Moment] = []
        self._all: dict[str, list[Replica]] = {name: [] for name in self._stages}
        self._autoscaler = Autoscaler(
            {spec.name: spec.autoscaling for spec in system.stages if spec.autoscaling}, system.policy
        )

    def run(self, arrivals: Iterable[tuple[float, int]], until_s: float) -> Outcome:
        """Let utterances come, ``(seconds, characters)`` in order, and watch until ``until_s``."""
        with simulated_clock(lambda: self._env.now):
            for name, stage in self._stages.items():
                wanted = self._autoscaler.targets.get(name, stage.spec.replicas)
                for _ in range(wanted):
                    self._start(stage, at_once=True)
            self._env.process(self._arrive(arrivals))
            self._env.process(self._control())
            self._env.run(until_s)
        busy = {"desk": self._desk.busy_s() / until_s / self._desk.capacity, **self._placement.busy(until_s)}
        for name, replicas in self._all.items():
            if replicas and self._stages[name].spec.num_gpus == 0 and self._system.machines.cores is None:
                busy[name] = sum(one.host.busy_s() for one in replicas) / until_s / len(replicas)
        batches = {
            name: sum(one.calls for one in replicas) / max(1, sum(one.batches for one in replicas))
            for name, replicas in self._all.items()
        }
        return Outcome(tuple(self._spoken), tuple(self._timeline), busy, batches)

    def _arrive(self, arrivals: Iterable[tuple[float, int]]) -> Process:
        for at_s, characters in arrivals:
            yield self._env.timeout(max(0.0, at_s - self._env.now))
            spoken = Spoken(characters, self._env.now)
            self._spoken.append(spoken)
            self._env.process(self._speak(spoken))

    def _speak(self, spoken: Spoken) -> Process:
        handling = self._system.curves.handling
        ingress = self._stages["Ingress"].pick()
        assert ingress is not None
        ingress.enter()
        yield ingress.host.run(handling.proxy_request_s + handling.ingress_request_s + handling.other_request_s)
        yield self._desk.run(handling.desk_request_s)
        if self._running >= self._system.admission.max_running:
            turn = self._env.event()
            self._waiting.append(turn)
            yield turn
        self._running += 1
        flow = Flow(id=str(next(self._numbers)))
        yield self._env.timeout(2 * handling.hop_s)
        yield from self._stages["TextFrontend"].call(self._env, spoken.characters, flow)
        segments = iter(self._cut(spoken.characters))
        in_flight: deque[tuple[float, simpy.Process]] = deque()
        while True:
            while len(in_flight) < self._system.synthesis.segments_in_flight and (tokens := next(segments, None)):
                frames = max(1, round(tokens * self._system.curves.speech.frames_per_token))
                segment = self._env.process(self._make(tokens, frames, flow))
                in_flight.append((frames / FRAMES_PER_S, segment))
            if not in_flight:
                break
            audio_s, segment = in_flight.popleft()
            yield segment
            if spoken.first_s == math.inf:  # a piece of it is encoded and sent before the rest
                yield ingress.host.run(min(audio_s, 1.0) * (handling.ingress_audio_s + handling.proxy_audio_s))
                spoken.first_s = self._env.now - spoken.came_s
                yield ingress.host.run(max(0.0, audio_s - 1) * (handling.ingress_audio_s + handling.proxy_audio_s))
            else:
                yield ingress.host.run(audio_s * (handling.ingress_audio_s + handling.proxy_audio_s))
            spoken.audio_s += audio_s
        spoken.whole_s = self._env.now - spoken.came_s
        self._running -= 1
        if self._waiting:
            self._waiting.popleft().succeed()
        ingress.leave()

    def _make(self, tokens: int, frames: int, flow: Flow) -> Process:
        hop_s = self._system.curves.handling.hop_s
        yield self._env.timeout(hop_s)
        yield from self._stages["AcousticModel"].call(self._env, tokens + 2, flow)
        yield self._env.timeout(hop_s)
        yield from self._stages["Vocoder"].call(self._env, frames, flow)
        yield self._env.timeout(hop_s)

    def _cut(self, characters: int) -> list[int]:
        """Tokens of each segment, about as the text frontend cuts."""
        text = self._system.text
        tokens = max(1, round(characters * self._system.curves.speech.tokens_per_character))
        if tokens <= text.first_segment_tokens * 1.5:
            return [tokens]
        rest = tokens - text.first_segment_tokens
        count = math.ceil(rest / text.max_segment_tokens)
        return [text.first_segment_tokens, *([math.ceil(rest / count)] * count)]

    def _control(self) -> Process:
        """Serve's controller."""
        next_moment_s = 0.0
        while True:
            now = float(self._env.now)
            for name, stage in self._stages.items():
                if stage.spec.autoscaling:
                    self._autoscaler.running(name, [one.name for one in stage.replicas])
                    ongoing = {one.name: one.ongoing for one in stage.replicas}
                    self._autoscaler.observe(name, now, ongoing, stage.unrouted)
                    for one in stage.replicas if self._system.policy and stage.spec.curve else ():
                        self._autoscaler.report(name, now, one.name, {"call_s": one.run_s / max(1, one.calls)})
            targets = self._autoscaler.decide()
            for name, target in targets.items():
                self._scale(self._stages[name], target)
            self._placement.tick()
            if now >= next_moment_s:
                next_moment_s = now + 1
                self._timeline.append(self._moment(targets))
            yield self._env.timeout(self._system.tick_s)

    def _moment(self, targets: Mapping[str, int]) -> Moment:
        return Moment(
            float(self._env.now),
            {name: len(stage.replicas) for name, stage in self._stages.items()},
            targets,
            {name: sum(one.ongoing for one in stage.replicas) + stage.unrouted for name, stage in self._stages.items()},
            self._placement.gpus,
            self._running,
            len(self._waiting),
        )

    def _scale(self, stage: Stage, target: int) -> None:
        while len(stage.replicas) + stage.starting < target:
            self._start(stage)
        while len(stage.replicas) + stage.starting > target:
            if stage.starting:  # those that take no calls yet go first
                stage.starting -= 1
                if not self._placement.cancel(stage.spec.name):
                    stage.unwanted += 1
            elif stage.replicas:
                self._stop(stage, stage.replicas.pop())
            else:
                break

    def _start(self, stage: Stage, at_once: bool = False) -> None:
        spec = replace(stage.spec, start_s=0.0) if at_once else stage.spec
        stage.starting += 1

        def placed(device: Device, host: Device, free: Any) -> None:
            name = f"{spec.name}-{len(self._all[spec.name])}"
            replica = Replica(self._env, name, spec, device, host, self._system.curves.handling.call_s)
            replica.stopped = free
            self._all[spec.name].append(replica)
            self._env.process(self._load(stage, replica, spec.start_s))

        self._placement.ask(spec.name, spec.num_gpus, placed)

    def _load(self, stage: Stage, replica: Replica, start_s: float) -> Process:
        if start_s:
            yield replica.host.run(start_s)
        if stage.unwanted:
            stage.unwanted -= 1
            replica.stopped()
            return
        stage.starting -= 1
        stage.started(replica)

    def _stop(self, stage: Stage, replica: Replica) -> None:
        replica.is_stopping = True
        if not replica.ongoing:
            replica.stopped()
