"""``voicegraph plan``: replicas, GPUs, settings and cost for a load; simulated, not promised."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serve_app.cli.context import CommandFailed, messages, results, table_of, waiting_for

if TYPE_CHECKING:
    from serve_app.planning.plan import Plan


class What(StrEnum):
    """What a request waits for."""

    FIRST = "first"
    WHOLE = "whole"


def plan(
    rps: Annotated[float | None, typer.Option(min=0.01, help="Requests a second.")] = None,
    text_length: Annotated[int, typer.Option(min=1, max=10_000, help="Characters of a text in the mean.")] = 80,
    p95: Annotated[float, typer.Option(min=0.01, help="What 95 of 100 requests may wait, seconds.")] = 1.2,
    until: Annotated[What, typer.Option(help="For the first audio, or the whole answer.")] = What.FIRST,
    gpu: Annotated[str, typer.Option(help="Kind of GPU: h200, a10g, l4, t4.")] = "l4",
    memory: Annotated[float | None, typer.Option(min=0.5, help="Memory of the GPU instead of its own, GB.")] = None,
    usd_per_hour: Annotated[
        float | None, typer.Option(min=0, show_default="of a price list", help="What one such GPU costs you, $/h.")
    ] = None,
    peak_share: Annotated[
        float | None,
        typer.Option(
            min=0.001, max=1, show_default="0.1", help="Of the GPU's peak that the models are taken to reach."
        ),
    ] = None,
    curves: Annotated[
        Path | None, typer.Option(help="Measured times (python -m bench.service_times) instead of estimated ones.")
    ] = None,
    cache_hits: Annotated[
        float, typer.Option(min=0, max=0.99, help="Share of requests answered from the text-audio cache.")
    ] = 0.0,
    headroom: Annotated[float, typer.Option(min=0, help="How much more is built than that takes.")] = 0.2,
    tiers: Annotated[bool, typer.Option("--tiers", help="Print what fits which GPU memory, and nothing else.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Plan machines and settings for a load, by simulating the graph with Ray Serve's own scaling code."""
    if tiers:
        _print_tiers(as_json)
        return
    if rps is None:
        raise CommandFailed("say how many requests a second: voicegraph plan --rps 100 (or --tiers)")
    with waiting_for("simulating"):
        made = _made(rps, text_length, p95, until, gpu, memory, usd_per_hour, peak_share, curves, cache_hits, headroom)
    if as_json:
        results().print_json(json.dumps(as_document(made)))
    else:
        _print(made)


def _made(
    rps: float,
    characters: int,
    p95_s: float,
    what: What,
    kind: str,
    memory_gb: float | None,
    usd_per_h: float | None,
    peak_share: float | None,
    measured: Path | None,
    cache_hits: float,
    headroom: float,
) -> Plan:
    from serve_app.planning.curves import PEAK_SHARE, estimated_curves, read_curves
    from serve_app.planning.hardware import GPUS
    from serve_app.planning.plan import Demand, UnreachableError, make_plan

    if kind not in GPUS:
        raise CommandFailed(f"no GPU {kind!r} is known; there are {', '.join(GPUS)}")
    gpu = GPUS[kind]
    if memory_gb is not None:
        gpu = replace(gpu, memory_bytes=int(memory_gb * 2**30))
    if usd_per_h is not None:
        gpu = replace(gpu, usd_per_h=usd_per_h, instance="your price")
    try:
        times = read_curves(measured) if measured else estimated_curves(gpu, peak_share or PEAK_SHARE)
        return make_plan(Demand(rps, characters, p95_s, what.value, cache_hits, headroom), gpu, times)
    except (OSError, UnreachableError, ValueError) as error:
        raise CommandFailed(str(error)) from error


def as_document(plan: Plan) -> dict[str, Any]:
    """The plan for programs."""
    from serve_app.planning.hardware import PRICES_DATE
    from serve_app.planning.values import values

    return {
        "source": plan.curves.source,
        "is_measured": plan.curves.is_measured,
        "gpu": plan.gpu.title,
        "gpus": plan.gpus,
        "requests_per_s_of_one_gpu": round(plan.rate_per_gpu, 1),
        "p95_s": round(plan.p95_s, 3),
        "cells": plan.cells,
        "replicas": dict(plan.replicas),
        "cores": plan.cores,
        "usd_per_h": round(plan.usd_per_h, 2),
        "usd_per_million_characters": round(plan.usd_per_million_characters, 4),
        "usd_per_audio_h": round(plan.usd_per_audio_h, 5),
        "prices": f"{PRICES_DATE}, {plan.gpu.instance}; check yours",
        "remarks": list(plan.remarks),
        "values": values(plan),
    }


def _print(plan: Plan) -> None:
    from serve_app.planning.hardware import PRICES_DATE
    from serve_app.planning.values import as_yaml

    demand = plan.demand
    audio_s = demand.characters * plan.curves.speech.audio_s_per_character
    out = results()
    colour = "green" if plan.curves.is_measured else "yellow"
    out.print(
        f"{demand.rps:g} requests/s of {demand.characters} characters ({audio_s:.1f} s of audio), p95 {demand.p95_s:g}"
        f" s to the {demand.what} audio, on {plan.gpu.title}"
    )
    out.print(f"[{colour}]{plan.curves.source}")
    table = table_of("", "replicas", "each", "requests at once", "batch")
    for name, count in plan.replicas.items():
        share = plan.shares.get(name)
        batch = plan.batches.get(name)
        table.add_row(
            name,
            str(count),
            f"{share:g} GPU" if share else "1 core" if name != "Admission" else "0 cores",
            f"{plan.targets[name]:g}" if name in plan.targets else "",
            f"{batch:.1f}" if batch and name in plan.limits else "",
        )
    out.print(table)
    out.print(
        f"[bold]{plan.gpus} GPUs[/] ({plan.rate_per_gpu:.0f} requests/s each, simulated p95 {plan.p95_s:.2f} s,"
        f" {demand.headroom:.0%} more than needed), {plan.cores} cores ({plan.proxy_cores} of them Ray's proxies),"
        f" {plan.cells} application{'s' * (plan.cells > 1)}"
    )
    out.print(
        f"[bold]${plan.usd_per_h:,.2f}/h[/], ${plan.usd_per_million_characters:.2f} per million characters,"
        f" ${plan.usd_per_audio_h:.4f} per hour of audio (prices of {PRICES_DATE}: {plan.gpu.instance}"
        f" ${plan.gpu.usd_per_h:g}/h; check yours: --usd-per-hour)"
    )
    out.print()
    out.print(as_yaml(plan), markup=False)
    for remark in plan.remarks:
        messages().print(f"[yellow]{remark}", soft_wrap=True)


def _print_tiers(as_json: bool) -> None:
    from deployments.tiers import TIERS, most_work

    rows: list[dict[str, Any]] = []
    for tier, following in zip(TIERS[1:], [*TIERS[2:], None], strict=True):
        smallest_bytes = int(tier.from_gb * 2**30)
        rows.append(
            {
                "from_gb": tier.from_gb,
                "to_gb": following.from_gb if following else None,
                "on_gpu": dict(tier.shares),
                "batch_limits": {
                    stage: most_work(stage, int(share * smallest_bytes))
                    for stage, share in tier.shares.items()
                    if stage != "VoiceFitter"
                },
                "max_running": tier.max_running,
            }
        )
    if as_json:
        results().print_json(json.dumps(rows))
        return
    table = table_of("GPU memory", "on the GPU", "most padded work of a batch", "utterances at once")
    for row in rows:
        table.add_row(
            f"{row['from_gb']:g} GB" + (f" to {row['to_gb']:g}" if row["to_gb"] else " and more"),
            ", ".join(f"{stage} {share:g}" for stage, share in row["on_gpu"].items()),
            ", ".join(f"{stage} {most}" for stage, most in row["batch_limits"].items()),
            str(row["max_running"] or "as configured"),
        )
    results().print(table)
