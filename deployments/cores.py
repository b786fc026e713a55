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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

logger = logging.getLogger("ray.serve")

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

    @contextmanager
    def computing(self) -> Iterator[int]:
        """Compute with this many threads, the fair share of one who begins now; at least one."""
        fcntl.flock(self._own, fcntl.LOCK_EX)
        try:
            yield max(1, self._count // max(1, sum(map(_computes, self._folder.iterdir()))))
        finally:
            fcntl.flock(self._own, fcntl.LOCK_UN)


def sharing_cores(run: Callable[P, R], threads: int | None, cores: Cores | None = None) -> Callable[P, R]:
    """``run``, with as many of torch's threads as others leave.

    Args:
        run: Computes with torch.
        threads: At most; None is as many as torch takes.
        cores: What is shared; by default this machine's.
    """
    import torch  # in the replica only

    try:
        shared = cores or Cores()
    except OSError as error:
        logger.warning("Replicas do not know of one another, and each takes all of its threads: %s", error)
        return run
    most = threads or torch.get_num_threads()

    @functools.wraps(run)
    def considerate(*args: P.args, **kwargs: P.kwargs) -> R:
        with shared.computing() as share:
            torch.set_num_threads(min(most, share))
            return run(*args, **kwargs)

    return considerate


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
