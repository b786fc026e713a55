"""``voicegraph doctor``: what this machine has, what it lacks, and what would be chosen."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from serve_app.cli.context import CliContext, CommandFailed, results, table_of, waiting_for
from serve_app.cli.machine import disk_problem, free_port, port_problem
from serve_app.cli.serve_command import DASHBOARD_PORT

Verdict = Literal["ok", "note", "problem"]
_FAST_CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16")
_SHARED_MEMORY = Path("/dev/shm")
_SHARED_MEMORY_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what, whether it is all right, and in words."""

    what: str
    verdict: Verdict
    detail: str


def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check this machine; exit with 1 if something keeps the server from starting."""
    with waiting_for("looking"):
        findings = list(_findings(context.obj))
    if as_json:
        results().print_json(json.dumps([asdict(finding) for finding in findings]))
    else:
        colours = {"ok": "green", "note": "yellow", "problem": "red"}
        table = table_of()
        for finding in findings:
            table.add_row(f"[{colours[finding.verdict]}]{finding.verdict}", finding.what, finding.detail)
        results().print(table)
    if problems := [finding.what for finding in findings if finding.verdict == "problem"]:
        raise CommandFailed(f"the server cannot start here: {', '.join(problems)}")


def _findings(options: CliContext) -> Iterator[Finding]:
    yield _python()
    yield from _libraries()
    yield _cpu()
    yield from _compute()
    yield _compiler()
    yield from _disks()
    yield from _assets(options)
    yield from _ports()


def _python() -> Finding:
    right = sys.version_info[:2] == (3, 11)
    return Finding(
        "python", "ok" if right else "problem", f"{platform.python_version()}{'' if right else ', 3.11 is needed'}"
    )


def _libraries() -> Iterator[Finding]:
    from importlib.metadata import PackageNotFoundError, version

    for name in ("torch", "torchaudio", "ray", "voicegraph"):
        try:
            yield Finding(name, "ok", version(name))
        except PackageNotFoundError:
            yield Finding(name, "note" if name == "voicegraph" else "problem", "not installed")


def _cpu() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split("flags", 1)[1].split("\n", 1)[0].split())
    except (OSError, IndexError):
        return Finding("cpu", "ok", f"{cores} cores, {platform.machine()}")
    has = [flag for flag in _FAST_CPU_FLAGS if flag in flags]
    return Finding("cpu", "ok", f"{cores} cores, {platform.machine()}, {' '.join(has) or 'no vector units known here'}")


def _compute() -> Iterator[Finding]:
    from serve_app.cli.config_file import choose_config

    try:
        import torch

        from tts_models.engine import choose_engine

        if torch.cuda.is_available():
            memory_bytes = torch.cuda.get_device_properties(0).total_memory
            yield Finding("gpu", "ok", f"{torch.cuda.get_device_name(0)}, {memory_bytes / 1e9:.0f} GB")
            yield _tier(memory_bytes)
        else:
            yield Finding("gpu", "note", "none that torch can use; the CPU computes")
        engine = choose_engine("auto")
        yield Finding("engine", "ok", f"{engine.name} on {engine.device}")
        choice = choose_config(None)
        yield Finding("config", "ok" if choice.path.is_file() else "problem", f"{choice.path} ({choice.reason})")
    except (ImportError, OSError, ValueError) as error:
        yield Finding("engine", "problem", str(error))


def _tier(memory_bytes: int) -> Finding:
    """What of the graph the GPU holds; see ``voicegraph plan --tiers``."""
    from deployments.tiers import FOOTPRINTS, most_work, tier_for

    tier = tier_for(memory_bytes)
    batches = ", ".join(
        f"{stage} {share:g} of it, batches of {most_work(stage, int(share * memory_bytes))} at most"
        for stage, share in tier.shares.items()
        if stage in FOOTPRINTS
    )
    return Finding("gpu memory", "ok" if batches else "note", batches or "too little for any of the models")


def _compiler() -> Finding:
    compiler = os.environ.get("CXX") or next(filter(None, map(shutil.which, ("g++", "clang++", "c++"))), None)
    if compiler:
        return Finding("compiler", "ok", compiler)
    return Finding("compiler", "note", "no C++ compiler: engines that compile kernels are not available")


def _disks() -> Iterator[Finding]:
    temporary = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir())
    problem = disk_problem(temporary)
    yield Finding(
        "disk", "problem" if problem else "ok", problem or f"{shutil.disk_usage(temporary).free / 1e9:,.0f} GB free"
    )
    if _SHARED_MEMORY.is_dir():
        free_bytes = shutil.disk_usage(_SHARED_MEMORY).free
        enough = free_bytes >= _SHARED_MEMORY_BYTES
        hint = "" if enough else "; in a container give it more with --shm-size"
        yield Finding("shared memory", "ok" if enough else "note", f"{free_bytes / 1e9:,.1f} GB free{hint}")


def _assets(options: CliContext) -> Iterator[Finding]:
    store = options.store()
    for name in store.manifest:
        state = store.state(name)
        verdict: Verdict = "ok" if state == "ready" else "note"
        hint = (
            str(store.path(name))
            if state == "ready"
            else f"{state}: `voicegraph assets fetch`, or the first start, gets it"
        )
        yield Finding(name, verdict, hint)
    if not shutil.which("npm"):
        yield Finding("npm", "note", "not installed: without the Hugging Face hub, weights cannot be fetched")


def _ports() -> Iterator[Finding]:
    from serve_app.cli.config_file import DEFAULT_HOST, DEFAULT_PORT

    problem = port_problem(DEFAULT_HOST, DEFAULT_PORT)
    hint = f"{problem}: voicegraph serve --port {free_port(DEFAULT_HOST, DEFAULT_PORT)}" if problem else "free"
    yield Finding(f"port {DEFAULT_PORT}", "note" if problem else "ok", hint)
    problem = port_problem("127.0.0.1", DASHBOARD_PORT)
    hint = f"{problem}: the dashboard takes the next free one" if problem else "free"
    yield Finding(f"port {DASHBOARD_PORT}", "note" if problem else "ok", hint)
