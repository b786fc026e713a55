"""Processor time of a server: what is no model (HTTP, Ray, our ingress, the desk, calls), and models in replicas.

Who takes what is measured with one request at a time; how much it is in all, and what models take in their replicas,
while all cores are busy, because that is when it matters: caches, memory and a host that others use are then shared.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import numpy as np
import psutil

from bench.prose import SHORT, long_text
from serve_app.bench.client import SpeechClient, Target
from serve_app.planning.curves import MeasuredCurve

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
_CLIENTS = 2
"""That keep two cores busy, and want no second replica."""


def newest_cpu_s(role: str) -> float:
    """Processor seconds that the youngest process of a role has taken since it began; 0 without one."""
    of_role = [(process.create_time(), used_s) for process, (is_of, used_s) in _by_process().items() if is_of == role]
    return max(of_role)[1] if of_role else 0.0


def _process_cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:  # it has ended
        return 0.0
    return float(times.user + times.system)


async def measure_handling(url: str, curves: dict[str, Any]) -> None:
    """What the server takes beside its models, and its models in their replicas, written into ``curves``.

    Args:
        url: Of a server on this machine that nobody else uses, with as many threads a model as ``curves`` has.
        curves: As :mod:`bench.service_times` measured them, without a server.
    """
    if "short" not in curves:
        raise SystemExit("the curves are of an older bench.service_times, which did not measure `short`; measure again")
    stages = curves["stages"]
    async with SpeechClient(Target(url)) as speaker:
        for text in (SHORT, long_text(400)):
            await speaker.speak(text)
        idle = await _used(_idle())
        short = await _used(_ask(speaker, SHORT, 24))
        long = await _used(_ask(speaker, long_text(800), 3))
        busy = await _used(_ask_together(speaker, url, 20))
    idle_s = {role: idle["cpu"][role] / idle["wall"] for role in idle["cpu"]}
    of_short, of_busy = (
        {role: (run["cpu"][role] - idle_s[role] * run["wall"]) / run["requests"] for role in idle_s}
        for run in (short, busy)
    )
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
        took_s = of_busy[role] - result["call_s"]
        stages[name]["in_a_replica"] = round(max(1.0, took_s / _model_s(curves, name, busy["batches"][name])), 3)
    worked_s = result["proxy_request_s"] + result["ingress_request_s"] + result["desk_request_s"] + 3 * result["call_s"]
    models_s = text_s + sum(of_short[role] - result["call_s"] for role in _MODELS)
    result["hop_s"] = round(max((short["first_p50"] - worked_s - models_s) / _CALLS, 0.0005), 5)
    result["controller_idle_s"] = round(idle_s["controller"], 4)
    result["idle_s"] = round(idle_s["machine"], 4)
    audio_s = busy["audio"] / busy["requests"] * (result["proxy_audio_s"] + result["ingress_audio_s"])
    requests_s = result["proxy_request_s"] + result["ingress_request_s"] + result["desk_request_s"]
    named_s = requests_s + audio_s + text_s + result["call_s"] + sum(of_busy[role] for role in _MODELS)
    result["other_request_s"] = round(max(of_busy["machine"] - named_s, 0.0), 5)
    curves["handling"] = result


def _model_s(curves: dict[str, Any], name: str, items: float = 1.0) -> float:
    """Seconds for ``SHORT``, alone in this process, for each of ``items``."""
    curve = MeasuredCurve({(size, units): seconds for size, units, seconds in curves["stages"][name]["points"]})
    return curve.seconds(items, curves["short"][name]) / items


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


async def _ask_together(speaker: SpeechClient, url: str, times: int) -> dict[str, Any]:
    """``_CLIENTS`` at once, each ``times``; and how many items the models' batches had."""
    answers = await asyncio.gather(*(_ask(speaker, SHORT, times) for _ in range(_CLIENTS)))
    async with httpx.AsyncClient(base_url=url) as http:
        load = (await http.get("/v1/load")).json()
    return {
        "requests": sum(answer["requests"] for answer in answers),
        "audio": sum(answer["audio"] for answer in answers),
        "batches": {stage["name"]: stage["batch"] for stage in load["stages"]},
    }


async def _used(work: Any) -> dict[str, Any]:
    """What ``work`` says, how long it took, and the processor seconds of the processes that there were before it."""
    before, machine_s, start_s = _by_process(), _machine_cpu_s(), time.monotonic()
    done = await work
    used = dict.fromkeys(ROLES, 0.0)
    for process, (role, seconds) in _by_process().items():
        if process in before:  # a replica that begins meanwhile does something else
            used[role] += seconds - before[process][1]
    return {**done, "wall": time.monotonic() - start_s, "cpu": {**used, "machine": _machine_cpu_s() - machine_s}}


def _by_process() -> dict[psutil.Process, tuple[str, float]]:
    """What each of the server's processes is, and the processor seconds it has taken."""
    found = {}
    for process in psutil.process_iter(["cmdline"]):
        title = " ".join(process.info["cmdline"] or [])
        for role, part in ROLES.items():
            if title.startswith("ray::") and part in title:
                found[process] = role, _process_cpu_s(process)
    return found


def _machine_cpu_s() -> float:
    machine = psutil.cpu_times()
    return float(machine.user + machine.nice + machine.system + machine.irq + machine.softirq)
