"""The cores of a machine, shared by those who compute."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from deployments.cores import Cores, stand_back

HOLD = """
import sys, time
from pathlib import Path
from deployments.cores import Cores
Cores(Path(sys.argv[1])).seen_by_others(lambda: (print("computing", flush=True), time.sleep(60)))()
"""


@pytest.fixture(autouse=True)
def looks_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.cores.LOOK_AGAIN_S", 0)


@contextmanager
def computing(cores: Cores) -> Iterator[None]:
    begun, ended = threading.Event(), threading.Event()

    @cores.seen_by_others
    def run() -> None:
        begun.set()
        assert ended.wait(60)

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(60)
    try:
        yield
    finally:
        ended.set()
        thread.join(60)


def test_whoever_computes_alone_has_all_cores_and_several_share_them(tmp_path: Path) -> None:
    one, two, three = (Cores(tmp_path, count=4) for _ in range(3))
    with computing(one):
        assert one.share() == 4
        with computing(two):
            assert (one.share(), two.share()) == (2, 2)
            with computing(three):
                assert (one.share(), two.share(), three.share()) == (1, 1, 1)
        assert one.share() == 4


def test_more_replicas_than_cores_have_a_thread_each(tmp_path: Path) -> None:
    with ExitStack() as all_of_them:
        replicas = [Cores(tmp_path, count=2) for _ in range(3)]
        for replica in replicas:
            all_of_them.enter_context(computing(replica))
        assert [replica.share() for replica in replicas] == [1, 1, 1]


def test_what_fails_no_longer_computes(tmp_path: Path) -> None:
    one, two = Cores(tmp_path, count=2), Cores(tmp_path, count=2)

    @one.seen_by_others
    def run() -> None:
        assert two.share() == 1
        raise MemoryError

    with pytest.raises(MemoryError):
        run()
    assert two.share() == 2


def test_a_killed_replica_no_longer_computes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    cores = Cores(tmp_path, count=2)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "computing\n"
        assert cores.share() == 1
        other.send_signal(signal.SIGKILL)
        other.wait(timeout=10)
    assert cores.share() == 2
    assert len(list(tmp_path.iterdir())) == 1


def test_where_idle_scheduling_is_refused_a_thread_stands_back_by_niceness(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    seen: list[int] = []

    def work() -> None:
        stand_back()
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert seen == [19]
    assert "SCHED_IDLE is refused" in caplog.text
