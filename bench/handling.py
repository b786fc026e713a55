"""Processor time of a server: what is no model (HTTP, Ray, our ingress, the desk, calls), and models in replicas."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import Any

import numpy as np
import psutil

from bench.prose import SHORT, long_text
from serve_app.bench.client import SpeechClient, Target

ROLES = {
    "proxy": "ray::ProxyActor",
    "controller": "ray::ServeController",
    "ingress": ":Ingress",
    "desk": ":Admission",
    "text": ":TextFrontend",
    "acoustic": ":AcousticModel",
    "vocoder": ":Vocoder",
}
_MODELS = {"acoustic": "AcousticModel", "vocoder": "Vocoder"}
_CALLS = 5
"""Times that something goes from one process to another until the first sound: desk, text, acoustic, vocoder, back."""


def cpu_s() -> dict[str, float]:
    """Processor seconds that the server's processes have taken so far, by what they are, and the whole machine."""
    used: defaultdict[str, float] = defaultdict(float)
    machine = psutil.cpu_times()
    used["machine"] = machine.user + machine.nice + machine.system + machine.irq + machine.softirq
    for process in psutil.process_iter(["cmdline"]):
        title = " ".join(process.info["cmdline"] or [])
        for role, part in ROLES.items():
            if title.startswith("ray::") and part in title:
                try:
                    times = process.cpu_times()
                except psutil.Error:
                    continue
                used[role] += times.user + times.system
    return used


async def measure_handling(url: str, curves: dict[str, Any]) -> None:
    """What the server takes beside its models, and its models in their replicas, written into ``curves``.

    Args:
        url: Of a server on this machine that nobody else uses, with as many threads a model as ``curves`` has.
        curves: As :mod:`bench.service_times` measured them, without a server.
    """
    stages = curves["stages"]
    async with SpeechClient(Target(url)) as speaker:
        for text in (SHORT, long_text(400)):
            await speaker.speak(text)
        idle = await _used(_idle())
        short = await _used(_ask(speaker, SHORT, 24))
        long = await _used(_ask(speaker, long_text(800), 3))
    idle_s = {role: idle["cpu"][role] / idle["wall"] for role in idle["cpu"]}
    of_short = {role: (short["cpu"][role] - idle_s[role] * short["wall"]) / short["requests"] for role in idle_s}
    result: dict[str, float] = {}
    for role in ("proxy", "ingress"):
        # Two unknowns, two runs: a x requests + b x audio seconds.
        spent = [run["cpu"][role] - idle_s[role] * run["wall"] for run in (short, long)]
        amounts = [[run["requests"], run["audio"]] for run in (short, long)]
        of_request, of_audio = np.linalg.solve(np.array(amounts), np.array(spent))
        result[f"{role}_request_s"] = round(max(float(of_request), 0.0), 5)
        result[f"{role}_audio_s"] = round(max(float(of_audio), 0.0), 6)
    text_s = min(seconds for _, _, seconds in stages["TextFrontend"]["points"][1:2])
    result["desk_request_s"] = round(max(of_short["desk"], 0.0), 5)
    result["call_s"] = round(max(of_short["text"] - text_s, 0.0005), 5)
    for role, name in _MODELS.items():
        stages[name]["in_a_replica"] = round(max(1.0, (of_short[role] - result["call_s"]) / _model_s(stages, name)), 3)
    worked_s = result["proxy_request_s"] + result["ingress_request_s"] + result["desk_request_s"] + 3 * result["call_s"]
    models_s = text_s + sum(_model_s(stages, name) * stages[name]["in_a_replica"] for name in _MODELS.values())
    result["hop_s"] = round(max((short["first_p50"] - worked_s - models_s) / _CALLS, 0.0005), 5)
    result["controller_idle_s"] = round(idle_s["controller"], 4)
    result["idle_s"] = round(idle_s["machine"], 4)
    result["other_request_s"] = round(max(of_short["machine"] - sum(of_short[role] for role in ROLES), 0.0), 5)
    curves["handling"] = result


def _model_s(stages: dict[str, Any], name: str) -> float:
    """Seconds for a segment as short as ``SHORT``, of 50 tokens: the second shortest measured alone."""
    return float(stages[name]["points"][1][2])


async def _idle() -> dict[str, float]:
    await asyncio.sleep(5)
    return {}


async def _ask(speaker: SpeechClient, text: str, times: int) -> dict[str, float]:
    answers = [await speaker.speak(text) for _ in range(times)]
    assert all(answer.status == 200 for answer in answers), answers
    first = sorted(answer.first_s for answer in answers)
    return {
        "requests": times,
        "audio": sum(answer.audio_s for answer in answers),
        "first_p50": first[len(first) // 2],
    }


async def _used(work: Any) -> dict[str, Any]:
    before, start_s = cpu_s(), time.monotonic()
    done = await work
    after = cpu_s()
    used = {role: after[role] - before[role] for role in (*ROLES, "machine")}
    return {**done, "wall": time.monotonic() - start_s, "cpu": used}
