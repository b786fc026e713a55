"""Compiling ``conv.cpp`` for the machine at hand, once, and loading it."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import torch

SOURCE = Path(__file__).with_name("conv.cpp")
HEADER = Path(__file__).with_name("tiles.h")
COMPILE_TIMEOUT_S = 300
FLAGS = ("-O3", "-march=native", "-std=gnu++17", "-fPIC", "-shared", "-fopenmp", "-w")
LIBRARIES = ("-ltorch_cpu", "-lc10")


class BuildError(Exception):
    """The kernels cannot be compiled or loaded here; args: why."""


def compiler() -> str | None:
    """Path of a C++ compiler, or ``None``."""
    # Not clang: its OpenMP is another library than torch's, and two would fight for the cores.
    return shutil.which("g++")


def load(cache_dir: Path) -> ctypes.CDLL:
    """Load the kernels, compiling them if no process has for this machine, compiler, torch and source.

    Args:
        cache_dir: Where the compiled library is kept; made if needed. Nodes of different processors may share it.

    Raises:
        BuildError: No compiler, or it failed; or the library cannot be loaded.
    """
    path = compiler()
    if path is None:
        raise BuildError("no C++ compiler (g++) found")
    library = cache_dir / f"conv-{_fingerprint(path)}.so"
    if not library.exists():
        _compile(path, library)
    try:
        return ctypes.CDLL(str(library))
    except OSError as error:
        raise BuildError(f"{library} cannot be loaded: {error}") from error


def _fingerprint(compiler_path: str) -> str:
    """What the library depends on: source, flags, compiler, torch and the processor's instruction sets."""
    version = subprocess.run([compiler_path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    processor = [platform.machine(), *(_processor().get(key, "") for key in ("model name", "flags"))]
    parts = [SOURCE.read_text(), HEADER.read_text(), *FLAGS, *LIBRARIES, version.stdout, torch.__version__, *processor]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@cache
def _processor() -> dict[str, str]:
    """What the system tells about the first processor; empty where it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {key.strip(): value.strip() for key, _, value in pairs}


def processor_flags() -> frozenset[str]:
    """Names of the processor's instruction sets as Linux spells them; empty where the system does not tell."""
    return frozenset(_processor().get("flags", "").split())


def _compile(compiler_path: str, library: Path) -> None:
    """Compile to a temporary file, then rename: another process sees the whole library or none."""
    root = Path(torch.__file__).parent
    try:
        library.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=library.parent, prefix=library.stem, suffix=".partial")
    except OSError as error:
        raise BuildError(f"kernels cannot be written to {library.parent}: {error}") from error
    os.close(handle)
    # No run path: the process has loaded torch, and the loader takes that one.
    paths = [f"-I{root / 'include'}", f"-L{root / 'lib'}"]
    command = [compiler_path, *FLAGS, *paths, str(SOURCE), "-o", name, *LIBRARIES]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S, check=False)
        if result.returncode != 0:
            raise BuildError(f"{' '.join(command)} failed: {result.stderr.strip()[-2000:]}")
        Path(name).replace(library)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"the compiler could not be run: {error}") from error
    finally:
        Path(name).unlink(missing_ok=True)
