"""The cores of a machine, shared by the replicas that compute on them at the moment.

::

    one replica computes      all of its threads     an utterance alone is as fast as the machine
    several compute           cores / replicas each  as many threads as cores: nobody waits for a core but at its end

More threads than cores make no more speech, and keep the ingress, the proxy and the desk from their turn. On
two cores, three replicas of two threads each kept a process that wants a core now and then waiting for up to a second.
"""

from __future__ import annotations

import fcntl
import functools
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

logger = logging.getLogger(__name__)

LOOK_AGAIN_S = 0.005
"""How old a share may be: a short operation of a model."""

P = ParamSpec("P")
R = TypeVar("R")


class Cores:
    """Who computes on this machine.

    Everyone has a file, and a lock on it while he computes: the kernel takes it back from whoever dies.

    Args:
        folder: Where the files are, the same for all.
        count: Cores that there are.

    Raises:
        OSError: The folder cannot be written to.
    """

    def __init__(self, folder: Path | None = None, count: int | None = None) -> None:
        self._count = count or len(os.sched_getaffinity(0))
        self._folder = folder or Path(tempfile.gettempdir()) / f"voicegraph-{os.getuid()}-cores"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        # A name that says whose it is; the file goes with its owner, or when another finds its owner dead.
        self._own = tempfile.NamedTemporaryFile(dir=self._folder, prefix=f"{os.getpid()}-")  # noqa: SIM115
        self._share = self._count
        self._share_until = 0.0

    def seen_by_others(self, run: Callable[P, R]) -> Callable[P, R]:
        """``run``, one call at a time; while it runs, the others know that somebody computes."""

        @functools.wraps(run)
        def seen(*args: P.args, **kwargs: P.kwargs) -> R:
            fcntl.flock(self._own, fcntl.LOCK_EX)
            try:
                return run(*args, **kwargs)
            finally:
                fcntl.flock(self._own, fcntl.LOCK_UN)

        return seen

    def share(self) -> int:
        """How many threads are a fair share for who computes here: cores over all who compute now, at least one."""
        now = time.monotonic()
        if now >= self._share_until:
            others = (file for file in self._folder.iterdir() if file != Path(self._own.name))
            self._share = max(1, self._count // (1 + sum(map(_computes, others))))
            self._share_until = now + LOOK_AGAIN_S
        return self._share


@functools.cache
def this_machine() -> Cores:
    """What this process shares with the others of this user here."""
    return Cores()


def stand_back() -> None:
    """Lets this thread, and those it starts, compute only while nothing else wants the core.

    Not by niceness: since Linux 6.6 a thread of nice 19 is let end its turn of 3 ms before one that wakes up may have
    the core, and a vocoder's threads wake up hundreds of times a second. It is for a sandbox without SCHED_IDLE.
    """
    thread = threading.get_native_id()
    try:
        os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
    except OSError as error:
        os.setpriority(os.PRIO_PROCESS, thread, 19)
        logger.warning("SCHED_IDLE is refused here (%s): what works in the background may slow what speaks.", error)


def _computes(file: Path) -> bool:
    """Whether somebody computes under the name of ``file``."""
    with suppress(FileNotFoundError), file.open() as probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        if not Path("/proc", file.name.partition("-")[0]).exists():
            file.unlink(missing_ok=True)
    return False
