"""The cores of a machine, shared by those who compute."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from deployments.cores import Cores, sharing_cores

HOLD = """
import sys, time
from pathlib import Path
from deployments.cores import Cores
with Cores(Path(sys.argv[1])).computing():
    print("computing", flush=True)
    time.sleep(60)
"""


def test_whoever_computes_alone_has_all_cores_and_several_share_them(tmp_path: Path) -> None:
    one, two, three = (Cores(tmp_path, count=4) for _ in range(3))
    with one.computing() as first:
        with two.computing() as second, three.computing() as third:
            assert (first, second, third) == (4, 2, 1)
        with two.computing() as again:
            assert again == 2
    with two.computing() as alone:
        assert alone == 4


def test_more_replicas_than_cores_have_a_thread_each(tmp_path: Path) -> None:
    with Cores(tmp_path, count=1).computing(), Cores(tmp_path, count=1).computing() as share:
        assert share == 1


def test_a_killed_replica_no_longer_computes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    cores = Cores(tmp_path, count=2)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "computing\n"
        with cores.computing() as share:
            assert share == 1
        other.send_signal(signal.SIGKILL)
        other.wait(timeout=10)
    with cores.computing() as share:
        assert share == 2
    assert len(list(tmp_path.iterdir())) == 1


def test_a_model_computes_with_its_share_of_the_threads(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    run = sharing_cores(torch.get_num_threads, 3, Cores(tmp_path, count=4))
    try:
        assert run() == 3
        with Cores(tmp_path, count=4).computing():
            assert run() == 2
    finally:
        torch.set_num_threads(before)


def test_where_nobody_can_be_seen_each_takes_its_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "file"))

    assert sharing_cores(len, 2) is len
    assert "do not know of one another" in caplog.text
