"""From a load and a target to replicas, GPUs, settings and cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deployments.settings import AdmissionSettings, BatchLimits
from deployments.tiers import TIERS, Tier, most_work, tier_for
from serve_app.planning.curves import LAUNCH_DEMAND, Curve, Curves
from serve_app.planning.hardware import USD_PER_CORE_H, Gpu
from serve_app.planning.placement import Machines
from serve_app.planning.simulation import Outcome, Simulation, System
from serve_app.planning.stages import StageSpec
from serve_app.planning.workload import poisson

BUSY = 0.6
"""Share of the time that cores are to be busy: beyond it waits grow long."""
_REQUESTS = 1500
_WARM_S = 5.0
_ROUNDS = 6
_LIMITS = {
    "AcousticModel": BatchLimits(max_items=32, max_padded_work=8192, wait_s=0.005, max_run_s=20),
    "Vocoder": BatchLimits(max_items=16, max_padded_work=8000, wait_s=0.005, max_run_s=20),
}
_PLENTY = AdmissionSettings(max_running=1_000_000, max_waiting=1_000_000)


@dataclass(frozen=True)
class Demand:
    """What is asked of the servers.

    Attributes:
        rps: Requests a second.
        characters: Of a text in the mean.
        p95_s: 95 of 100 requests wait no longer.
        what: For what: ``first`` audio or the ``whole`` answer.
        cache_hits: Share of the requests that is answered from the text-audio cache.
        headroom: More than that is built, for what comes while machines start or one is lost.
    """

    rps: float
    characters: int
    p95_s: float
    what: str = "first"
    cache_hits: float = 0.0
    headroom: float = 0.2


@dataclass(frozen=True)
class Plan:
    """What that takes.

    Attributes:
        demand: What was asked for.
        gpu: The kind of GPU.
        curves: What was reckoned with.
        rate_per_gpu: Requests a second that one GPU answers within the target, simulated.
        p95_s: Of requests at that rate, simulated.
        gpus: GPUs.
        replicas: By deployment.
        shares: ``num_gpus`` by deployment.
        limits: Of batches, by deployment.
        targets: ``target_ongoing_requests`` by deployment.
        proxy_cores: Processor cores that Ray's proxies need, which nobody counts.
        cells: Applications beside each other, each with an admission of its own.
        max_running: ``admission.max_running`` of each of them.
        batches: Mean calls in a batch, simulated.
        remarks: What limits, and what to know.
    """

    demand: Demand
    gpu: Gpu
    curves: Curves
    rate_per_gpu: float
    p95_s: float
    gpus: int
    replicas: Mapping[str, int]
    shares: Mapping[str, float]
    limits: Mapping[str, BatchLimits]
    targets: Mapping[str, float]
    proxy_cores: int
    cells: int
    max_running: int
    batches: Mapping[str, float]
    remarks: tuple[str, ...]

    @property
    def cores(self) -> int:
        """Processor cores of everything that is not on a GPU."""
        return self.proxy_cores + sum(n for name, n in self.replicas.items() if not self.shares.get(name))

    @property
    def usd_per_h(self) -> float:
        """All machines together."""
        return self.gpus * self.gpu.usd_per_h + self.cores * USD_PER_CORE_H

    @property
    def usd_per_million_characters(self) -> float:
        """At the load that was asked for, every hour of the day."""
        return self.usd_per_h / (self.demand.rps * self.demand.characters * 3600) * 1e6

    @property
    def usd_per_audio_h(self) -> float:
        """As above, an hour of speech heard."""
        audio_s = self.demand.characters * self.curves.speech.audio_s_per_character
        return self.usd_per_h / (self.demand.rps * audio_s)


class UnreachableError(ValueError):
    """No number of machines does it: one request alone already takes longer."""


@dataclass(frozen=True)
class OneGpu:
    """What one GPU bears.

    Attributes:
        tier: Which models are on it.
        limits: Of their batches.
        layout: Replicas of each.
        rate: Requests a second within the target.
        outcome: Of the simulation at that rate.
    """

    tier: Tier
    limits: Mapping[str, BatchLimits]
    layout: Mapping[str, int]
    rate: float
    outcome: Outcome


def make_plan(demand: Demand, gpu: Gpu, curves: Curves) -> Plan:
    """Find the rate that one GPU bears within the target, and build as many as that takes.

    Raises:
        UnreachableError: The target cannot be met.
    """
    return build_plan(demand, gpu, curves, one_gpu(demand, gpu, curves))


def one_gpu(demand: Demand, gpu: Gpu, curves: Curves) -> OneGpu:
    """What one GPU bears, whatever ``demand.rps`` is.

    Raises:
        UnreachableError: Not even one request meets the target.
    """
    tier = tier_for(gpu.memory_bytes)
    layouts = _layouts(tier)
    if not layouts:
        raise UnreachableError(f"{gpu.memory_bytes / 2**30:.0f} GB of GPU memory hold none of the models")
    limits = {
        stage: limit.model_copy(
            update={"max_padded_work": min(limit.max_padded_work, most_work(stage, int(share * gpu.memory_bytes)))}
        )
        if (share := tier.shares.get(stage, 0.0))
        else limit
        for stage, limit in _LIMITS.items()
    }
    return max((_bears(demand, curves, tier, layout, limits) for layout in layouts), key=lambda found: found.rate)


def _layouts(tier: Tier) -> list[dict[str, int]]:
    """Replicas of the models for each GPU, as many as its shares hold."""
    if not (vocoder := tier.shares.get("Vocoder")):
        return []
    if not (acoustic := tier.shares.get("AcousticModel")):
        return [{"Vocoder": int(1 / vocoder + 1e-9), "AcousticModel": 0}]
    room = 1 - sum(share for name, share in tier.shares.items() if name not in _LIMITS)
    layouts = []
    for n_acoustic in range(1, int((room - vocoder) / acoustic + 1e-9) + 1):
        layouts.append({"AcousticModel": n_acoustic, "Vocoder": int((room - n_acoustic * acoustic) / vocoder + 1e-9)})
    return [layout for layout in layouts if layout["Vocoder"] > 0]


def _bears(
    demand: Demand, curves: Curves, tier: Tier, layout: Mapping[str, int], limits: Mapping[str, BatchLimits]
) -> OneGpu:
    """The most requests a second that one GPU answers within the target, by halving, each try simulated."""
    most = _upper_rate(demand, curves, tier, limits)
    system = _one_gpu(demand, curves, tier, layout, limits, most)
    alone_s = _simulated(system, demand, most / 1000).percentile(50, _field(demand))
    low, high, best = 0.0, most, None
    for _ in range(_ROUNDS):
        rate = (low + high) / 2
        outcome = _simulated(system, demand, rate)
        if outcome.percentile(95, _field(demand), _WARM_S) <= demand.p95_s:
            low, best = rate, outcome
        else:
            high = rate
    if best is None:
        raise UnreachableError(
            f"one request alone takes {alone_s:.2f} s to its {demand.what} audio on this GPU;"
            f" a p95 of {demand.p95_s:g} s cannot be reached"
        )
    return OneGpu(tier, limits, layout, low, best)


def _simulated(system: System, demand: Demand, rate: float) -> Outcome:
    until_s = _WARM_S + min(600.0, max(10.0, _REQUESTS / rate))
    arrivals = poisson(rate, demand.characters, until_s - demand.p95_s - 1)
    return Simulation(system).run(arrivals, until_s)


def _one_gpu(
    demand: Demand,
    curves: Curves,
    tier: Tier,
    layout: Mapping[str, int],
    limits: Mapping[str, BatchLimits],
    rate: float,
) -> System:
    """One GPU, and as much beside it as ``rate`` can need."""

    def needed(seconds: float) -> int:
        return max(1, math.ceil(rate * seconds / BUSY))

    def model(name: str, replicas: int) -> StageSpec:
        curve = curves.vocoder if name == "Vocoder" else curves.acoustic
        return StageSpec(name, curve, limits[name], replicas=replicas, num_gpus=tier.shares.get(name, 0.0))

    text = StageSpec("TextFrontend", curves.text, replicas=needed(_text_s(curves, demand)))
    return System(
        stages=(
            StageSpec("Ingress", None, replicas=needed(_ingress_s(curves, demand) + _proxy_s(curves, demand))),
            text,
            model("AcousticModel", layout["AcousticModel"] or needed(_acoustic_s(curves, demand, limits))),
            model("Vocoder", layout["Vocoder"]),
        ),
        curves=curves,
        machines=Machines(gpus=1),
        admission=_PLENTY,
        tick_s=1.0,
    )


def build_plan(demand: Demand, gpu: Gpu, curves: Curves, found: OneGpu) -> Plan:
    """As many GPUs as ``demand`` takes, each of which bears what ``found`` says, and all that belongs to them."""
    tier, limits = found.tier, found.limits
    made_rps = demand.rps * (1 - demand.cache_hits) * (1 + demand.headroom)
    gpus = max(1, math.ceil(made_rps / found.rate - 1e-9))
    all_rps = demand.rps * (1 + demand.headroom)
    desk_s = curves.handling.desk_request_s
    cells = max(1, math.ceil(all_rps * desk_s / BUSY)) if desk_s else 1

    def cores(rate: float, seconds: float) -> int:
        return max(cells, math.ceil(rate * seconds / BUSY))

    on_gpu = {name: gpus * count for name, count in found.layout.items() if tier.shares.get(name)}
    replicas = {
        "Ingress": cores(all_rps, _ingress_s(curves, demand)),
        "Admission": cells,
        "TextFrontend": cores(made_rps, _text_s(curves, demand)),
        "AcousticModel": on_gpu.get("AcousticModel") or cores(made_rps, _acoustic_s(curves, demand, limits)),
        "Vocoder": on_gpu["Vocoder"],
        "SpeakerEncoder": cells,
        "JobWorker": cells,
        "VoiceFitter": cells,
    }
    settled = [moment for moment in found.outcome.timeline if moment.at_s >= _WARM_S]
    scale = made_rps / (1 + demand.headroom) / gpus / found.rate  # of the load for which the GPU was simulated
    targets = {
        name: max(1.0, round(scale * sum(m.ongoing[name] / m.replicas[name] for m in settled) / len(settled), 1))
        for name in ("Ingress", "TextFrontend", "AcousticModel", "Vocoder")
    }
    running = sum(moment.listening for moment in settled) / len(settled) * made_rps / found.rate
    return Plan(
        demand=demand,
        gpu=gpu,
        curves=curves,
        rate_per_gpu=found.rate,
        p95_s=found.outcome.percentile(95, _field(demand), _WARM_S),
        gpus=gpus,
        replicas=replicas,
        shares={name: share for name, share in tier.shares.items() if name in replicas},
        limits=limits,
        targets=targets,
        proxy_cores=max(1, math.ceil(all_rps * _proxy_s(curves, demand) / BUSY)),
        cells=cells,
        max_running=max(16, math.ceil(2 * running / cells)),
        batches=found.outcome.batches,
        remarks=tuple(_remarks(demand, gpu, curves, cells, found)),
    )


def _remarks(demand: Demand, gpu: Gpu, curves: Curves, cells: int, found: OneGpu) -> Iterator[str]:
    if not curves.is_measured:
        yield "The times of the models are estimated, not measured: measure them with `python -m bench.service_times`."
    if found.tier is not TIERS[-1]:
        yield f"{gpu.title} is a small GPU: {found.tier.title}."
    if cells > 1:
        most = BUSY / curves.handling.desk_request_s
        yield (
            f"One application's admission answers {most:.0f} requests a second at {BUSY:.0%} of a core; {cells}"
            " applications (clusters) share the load behind a load balancer."
        )
    if demand.cache_hits:
        yield f"{demand.cache_hits:.0%} of the requests are taken to be answered from the text-audio cache."
    if found.outcome.busy.get("gpus", 0) < 0.5:
        yield "The target leaves GPUs idle for more than half of the time: a larger p95 costs less."


def _field(demand: Demand) -> str:
    return f"{demand.what}_s"


def _audio_s(curves: Curves, demand: Demand) -> float:
    return demand.characters * curves.speech.audio_s_per_character


def _ingress_s(curves: Curves, demand: Demand) -> float:
    return curves.handling.ingress_request_s + _audio_s(curves, demand) * curves.handling.ingress_audio_s


def _proxy_s(curves: Curves, demand: Demand) -> float:
    return curves.handling.proxy_request_s + _audio_s(curves, demand) * curves.handling.proxy_audio_s


def _text_s(curves: Curves, demand: Demand) -> float:
    return curves.text.seconds(1, demand.characters) + curves.handling.call_s


def _acoustic_s(curves: Curves, demand: Demand, limits: Mapping[str, BatchLimits]) -> float:
    """Of one request in a full batch, on the device of the acoustic model."""
    tokens = max(1, round(demand.characters * curves.speech.tokens_per_character))
    return _in_batches_s(curves.acoustic, tokens, limits["AcousticModel"])


def _in_batches_s(curve: Curve, length: int, limits: BatchLimits) -> float:
    items = max(1, min(limits.max_items, limits.max_padded_work // length))
    return (curve.seconds(items, length) + LAUNCH_DEMAND * curve.launch_s) / items


def _upper_rate(demand: Demand, curves: Curves, tier: Tier, limits: Mapping[str, BatchLimits]) -> float:
    """Requests a second that keep one GPU busy all the time in full batches; no queue bears that."""
    tokens = max(1, round(demand.characters * curves.speech.tokens_per_character))
    frames = max(1, round(tokens * curves.speech.frames_per_token))
    seconds = _in_batches_s(curves.vocoder, frames, limits["Vocoder"])
    if tier.shares.get("AcousticModel"):
        seconds += _acoustic_s(curves, demand, limits)
    return 1 / seconds
