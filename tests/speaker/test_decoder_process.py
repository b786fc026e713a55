"""A decoder of a process of its own: the same samples, and nothing that happens in it happens to its caller."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.speaker.test_reference_audio import FORMATS, SOURCE_RATE_HZ, glide, sound_file
from tts_models.errors import ReferenceAudioError
from tts_models.speaker.decoder_process import DecoderProcess, Decoders, ProcessLimits
from tts_models.speaker.reference_audio import ReferenceAudioLimits, decode_audio

LIMITS = ReferenceAudioLimits()
HOSTILE = "tests.speaker.hostile_decoders:decode"
QUICK = ProcessLimits(cpu_s=4, wall_s=20.0)


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    with Decoders(1) as decoders:
        yield decoders


@pytest.fixture
def hostile() -> Iterator[DecoderProcess]:
    decoder = DecoderProcess(QUICK, HOSTILE)
    yield decoder
    decoder.close()


@pytest.fixture(scope="module")
def clip() -> bytes:
    return sound_file(glide(1.0, SOURCE_RATE_HZ), SOURCE_RATE_HZ)


@pytest.mark.parametrize("name", FORMATS)
def test_it_hears_what_a_decoder_here_hears(name: str, decoders: Decoders) -> None:
    data = FORMATS[name](glide(0.7, SOURCE_RATE_HZ))
    np.testing.assert_array_equal(decoders(data, LIMITS), decode_audio(data, LIMITS))


def test_one_process_decodes_many_files_and_its_own_errors_leave_it_alive(decoders: Decoders, clip: bytes) -> None:
    decoders(clip, LIMITS)
    before = decoders.pids
    with pytest.raises(ReferenceAudioError, match="could not be read"):
        decoders(b"no audio", LIMITS)
    with pytest.raises(ReferenceAudioError, match="is empty"):
        decoders(b"", LIMITS)
    with pytest.raises(ReferenceAudioError, match=r"longer than 0\.5 s"):
        decoders(clip, ReferenceAudioLimits(max_duration_s=0.5))
    with pytest.raises(ReferenceAudioError, match=r"has 11\.0 MiB; at most 10 MiB"):
        decoders(bytes(11 * 2**20), LIMITS)
    assert len(decoders(clip, LIMITS)) == 16_000
    assert decoders.pids == before


@pytest.mark.parametrize("defect", ["segfault", "abort", "kill", "exit", "memory", "raise", "huge", "nan", "nothing"])
def test_a_decoder_that_dies_is_the_files_fault_and_nobody_elses(
    defect: str, hostile: DecoderProcess, clip: bytes
) -> None:
    hostile(clip, LIMITS)
    first = hostile.pid
    with pytest.raises(ReferenceAudioError, match="its decoder failed"):
        hostile(defect.encode(), LIMITS)
    assert len(hostile(clip, LIMITS)) == 16_000
    assert hostile.pid != first


@pytest.mark.parametrize("defect", ["spin", "sleep"])
def test_a_decoder_that_hangs_is_stopped(defect: str, clip: bytes) -> None:
    limits = ProcessLimits(cpu_s=60, wall_s=1.5)
    decoder = DecoderProcess(limits, HOSTILE)
    try:
        decoder(clip, LIMITS)
        with pytest.raises(ReferenceAudioError, match="took too long"):
            decoder(defect.encode(), LIMITS)
        assert len(decoder(clip, LIMITS)) == 16_000
    finally:
        decoder.close()


def test_processor_time_is_limited_for_each_file(hostile: DecoderProcess, clip: bytes) -> None:
    for _ in range(3):
        hostile(clip, LIMITS)
    with pytest.raises(ReferenceAudioError, match="took too long"):
        hostile(b"spin", LIMITS)
    assert len(hostile(clip, LIMITS)) == 16_000


def test_a_process_that_something_else_ended_is_tried_again(
    hostile: DecoderProcess, clip: bytes, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    mark.mkdir()
    assert len(hostile(f"kill-once {mark}".encode(), LIMITS)) == 16_000
    assert not mark.exists()

    hostile(clip, LIMITS)
    assert hostile.pid is not None
    os.kill(hostile.pid, signal.SIGKILL)
    assert len(hostile(clip, LIMITS)) == 16_000


@pytest.mark.parametrize("defect", ["write", "fork"])
def test_it_leaves_the_machine_alone(defect: str, hostile: DecoderProcess, tmp_path: Path) -> None:
    file = tmp_path / "made"
    with pytest.raises(ReferenceAudioError):
        hostile(f"{defect} {file}".encode(), LIMITS)
    if defect == "write" or os.geteuid() != 0:  # the superuser may start processes whatever the limit
        assert not file.exists() or file.read_bytes() == b""


def test_what_a_library_prints_is_no_answer(hostile: DecoderProcess) -> None:
    assert len(hostile(b"print", LIMITS)) == 2


def test_a_process_is_replaced_after_some_files(clip: bytes) -> None:
    decoder = DecoderProcess(ProcessLimits(max_files=2))
    try:
        pids = []
        for _ in range(5):
            decoder(clip, LIMITS)
            pids.append(decoder.pid)
    finally:
        decoder.close()
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [2, 2, 1]


def test_several_threads_share_a_few_processes(clip: bytes) -> None:
    with Decoders(2) as decoders, ThreadPoolExecutor(6) as threads:
        lengths = {len(samples) for samples in threads.map(lambda _: decoders(clip, LIMITS), range(24))}
        assert lengths == {16_000}
        assert 1 <= len(decoders.pids) <= 2
        pids = decoders.pids
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_they_can_be_started_before_the_first_file(clip: bytes) -> None:
    with Decoders(2) as decoders:
        assert decoders.pids == []
        decoders.start()
        before = decoders.pids
        assert len(before) == 2
        assert len(decoders(clip, LIMITS)) == 16_000
        assert decoders.pids == before


def test_it_ends_with_its_owner(clip: bytes, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    owner = os.fork()
    if owner == 0:  # a replica that is killed closes nothing
        decoder = DecoderProcess(ProcessLimits())
        decoder(clip, LIMITS)
        note.write_text(str(decoder.pid))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(owner, 0)
    pid = int(note.read_text())
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_no_timer_is_left(decoders: Decoders, clip: bytes) -> None:
    before = set(threading.enumerate())
    decoders(clip, LIMITS)
    deadline = time.monotonic() + 20
    while set(threading.enumerate()) - before:
        assert time.monotonic() < deadline
        time.sleep(0.02)
