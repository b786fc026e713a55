"""npm and pip as subprocesses that deliver one file each.

Both run with their temporary files in a folder beside the target: what grows there is the progress, and a client that
is interrupted leaves nothing behind elsewhere.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tts_models.assets.network import Network, SourceFailed

_POLL_S = 0.1
_FULL_DISK_BYTES = 1_000_000


def npm_pack(spec: str, target: Path, on_bytes: Callable[[int], None], network: Network) -> None:
    """Download the tarball of one npm package, ``name@version``; nothing is installed and no script runs.

    Raises:
        SourceFailed: npm is missing, fails or stalls.
        OSError: The disk cannot take it.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise SourceFailed("npm is not installed")
    command = [npm, "pack", spec, "--ignore-scripts", "--loglevel=error", "--pack-destination=.", "--cache=cache"]
    command += ["--update-notifier=false"]
    # npm's own waits between attempts start at 10 s; without a network that is a minute of silence.
    command += ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-factor=2"]
    # Only the finished tarball carries the right name; npm keeps a second copy of the bytes in its cache.
    _deliver(command, "*.tgz", target, on_bytes, network)


def pip_download(requirement: str, target: Path, on_bytes: Callable[[int], None], network: Network) -> None:
    """Download the wheel of one requirement, ``name==version``, without its dependencies.

    Raises:
        SourceFailed: pip is missing, fails or stalls.
        OSError: The disk cannot take it.
    """
    if importlib.util.find_spec("pip"):
        pip = [sys.executable, "-m", "pip"]
    elif found := shutil.which("pip3") or shutil.which("pip"):
        pip = [found]
    else:
        raise SourceFailed("pip is not installed")
    command = [*pip, "download", requirement, "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--dest=."]
    command += ["--progress-bar=off", "--quiet", "--no-input", "--disable-pip-version-check", "--retries=1"]
    _deliver(command, "*.whl", target, on_bytes, network)


def _deliver(
    command: Sequence[str], pattern: str, target: Path, on_bytes: Callable[[int], None], network: Network
) -> None:
    """Run ``command`` in an empty folder and move the one file it leaves there that matches ``pattern``."""
    folder = target.with_name(target.name + ".tmp")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = folder / "log"
    try:
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "TMPDIR": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                _watch(process, folder, on_bytes, network.stall_timeout_s)
            finally:
                _end(process)
        delivered = list(folder.glob(pattern))
        if process.returncode or len(delivered) != 1:
            reason = _last_words(log)
            # On a full disk a client may not even be able to write down why it failed.
            full = shutil.disk_usage(folder).free < _FULL_DISK_BYTES
            if full or "ENOSPC" in reason or "No space left" in reason:
                raise OSError(errno.ENOSPC, reason)
            raise SourceFailed(reason or f"{Path(command[0]).name} left no file")
        delivered[0].replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _watch(
    process: subprocess.Popen[bytes], folder: Path, on_bytes: Callable[[int], None], stall_timeout_s: float
) -> None:
    """Report the largest file below ``folder`` until the process ends.

    Raises:
        SourceFailed: Nothing grew for ``stall_timeout_s``.
    """
    largest_bytes = 0
    grew_at = time.monotonic()
    while process.poll() is None:
        time.sleep(_POLL_S)
        now_bytes = _largest_file_bytes(folder)
        if now_bytes > largest_bytes:
            largest_bytes, grew_at = now_bytes, time.monotonic()
            on_bytes(largest_bytes)
        elif time.monotonic() - grew_at > stall_timeout_s:
            raise SourceFailed(f"no data for {stall_timeout_s:g} s")


def _largest_file_bytes(folder: Path) -> int:
    largest = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                largest = max(largest, Path(parent, name).stat().st_size)
            except FileNotFoundError:
                continue
    return largest


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop the client and its children, if they still run."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)


def _last_words(log: Path) -> str:
    """The line of a client's output that says why it failed."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    telling = [
        line
        for line in lines
        if re.search(r"ENOSPC|No space left|reason:|^ERROR: |npm error \d{3} |npm error code", line)
    ]
    return max(telling or lines[-1:], key=len, default="")
