"""FFmpeg in a process of its own: what a stranger's file does to it, it does to nobody else.

::

    replica  -- header line, file -->  decoder process     its memory, processor time, open files are limited;
             <-- header line, samples --                   it writes no file, starts no other process

A header is a line of JSON. A decoder that crashed, hung or ran into a limit is replaced by the next request; one that
has decoded some hundred files is too, so that what it leaks goes with it. No model is loaded in it: it starts in a
quarter of a second.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from types import TracebackType
from typing import IO, Any

import numpy as np

from tts_models import errors
from tts_models.errors import NotAudio, ReferenceAudioError
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.reference_audio import ReferenceAudioLimits, require_size
from tts_models.types import FloatArray

Decode = Callable[[bytes, ReferenceAudioLimits], FloatArray]
"""A file to ``(n,)`` float32 mono at 16 kHz; raises ``ReferenceAudioError``."""

_DECODE_AUDIO = "tts_models.speaker.reference_audio:decode_audio"
_MAX_HEADER_BYTES = 4096
_DYING_S = 0.2
_ENVIRONMENT = ("LANG", "LD_LIBRARY_PATH")  # nothing that might be a secret


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What one decoder process may take.

    Attributes:
        cpu_s: Processor time for one file, seconds; an ordinary one takes a tenth.
        wall_s: Time for one file, its way there and back included, seconds.
        memory_bytes: Address space, libraries included.
        max_files: Files after which it is replaced.
    """

    cpu_s: int = 10
    wall_s: float = 30.0
    memory_bytes: int = 2**30
    max_files: int = 500


class _Died(Exception):
    """The process ended, or said what it never says."""


class DecoderProcess:
    """One decoder process, started when first needed unless before. Not for several threads at once.

    Args:
        limits: What it may take.
        decode: Import path of the function it runs, ``module:name``.
    """

    def __init__(self, limits: ProcessLimits, decode: str = _DECODE_AUDIO) -> None:
        self._limits = limits
        self._decode = decode
        self._process: subprocess.Popen[bytes] | None = None
        self._files = 0

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return self._process.pid if self._process else None

    def __call__(self, data: bytes, limits: ReferenceAudioLimits) -> FloatArray:
        """The samples of a file.

        Raises:
            ReferenceAudioError: What the function says of the file, or that the process did not survive it.
        """
        for _ in range(2):  # the first time it may have been something else that ended the process
            is_late = threading.Event()
            try:
                return self._ask(data, limits, is_late)
            except _Died:
                if self.close() == -signal.SIGXCPU or is_late.is_set():
                    raise NotAudio("The reference audio took too long to decode. Send it in another format.") from None
        raise NotAudio("The reference audio could not be decoded: its decoder failed. Send it again as wav or flac.")

    def start(self) -> None:
        """Starts the process: what it imports takes most of a second, which no file then waits for."""
        if self._process is None:
            self._files = 0
            paths = [path or os.getcwd() for path in sys.path]  # noqa: PTH109
            code = f"from {__name__} import serve; serve({self._decode!r}, {self._limits.memory_bytes})"
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={
                    "PYTHONPATH": os.pathsep.join(paths),
                    "OPENBLAS_NUM_THREADS": "1",
                    **{name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                },
                cwd="/",
            )

    def close(self) -> int | None:
        """Ends the process; its exit code, or minus the signal that had ended it before."""
        if (process := self._process) is None:
            return None
        self._process = None
        if process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_DYING_S)  # its end is seen by its pipes before it is known how it came
        process.kill()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        return process.wait()

    def _ask(self, data: bytes, limits: ReferenceAudioLimits, is_late: threading.Event) -> FloatArray:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None

        def stop() -> None:
            is_late.set()
            process.kill()

        timer = threading.Timer(self._limits.wall_s, stop)
        timer.daemon = True
        timer.start()
        try:
            header = {"bytes": len(data), "cpu_s": self._limits.cpu_s, **asdict(limits)}
            process.stdin.write(json.dumps(header).encode() + b"\n" + data)
            process.stdin.flush()
            answer = _header(process.stdout)
            if "error" in answer:
                raise _error(answer)
            n_samples = int(answer["samples"])
            # One packet may reach over the limit; nothing more is believed.
            if not 0 < n_samples <= (limits.max_duration_s + 10) * ENCODER_RATE_HZ:
                raise _Died
            samples = np.frombuffer(_exactly(process.stdout, 4 * n_samples), np.float32)
            if not np.isfinite(samples).all():
                raise _Died
            return samples
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _Died from error
        finally:
            timer.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._files >= self._limits.max_files:
            self.close()
        self.start()
        assert self._process is not None
        self._files += 1
        return self._process


class Decoders:
    """A few decoder processes; whoever comes when all of them work waits. For any number of threads.

    Args:
        count: How many.
        limits: What each may take.
        decode: Import path of the function they run.
    """

    def __init__(self, count: int = 2, limits: ProcessLimits | None = None, decode: str = _DECODE_AUDIO) -> None:
        self._all = [DecoderProcess(limits or ProcessLimits(), decode) for _ in range(count)]
        # The last one used first: whatever was not started before is started under load only.
        self._free: queue.LifoQueue[DecoderProcess] = queue.LifoQueue()
        for decoder in self._all:
            self._free.put(decoder)

    @property
    def pids(self) -> list[int]:
        """Of the running processes."""
        return [pid for decoder in self._all if (pid := decoder.pid)]

    def __call__(self, data: bytes, limits: ReferenceAudioLimits) -> FloatArray:
        """The samples of a file; see :class:`DecoderProcess`."""
        require_size(data, limits)
        with self._one() as decoder:
            return decoder(data, limits)

    def __enter__(self) -> Decoders:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def start(self) -> None:
        """Starts the processes, so that no file waits for one."""
        for decoder in self._all:
            decoder.start()

    def close(self) -> None:
        """Ends the processes."""
        for decoder in self._all:
            decoder.close()

    @contextlib.contextmanager
    def _one(self) -> Iterator[DecoderProcess]:
        decoder = self._free.get()
        try:
            yield decoder
        finally:
            self._free.put(decoder)


def serve(decode: str, memory_bytes: int) -> None:
    """What the process does: decodes what comes on standard input until that ends.

    Args:
        decode: Import path of the function.
        memory_bytes: Address space it may take.
    """
    module, _, name = decode.partition(":")
    function: Decode = getattr(import_module(module), name)
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever a library prints is no answer
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_NOFILE, 16)
    while line := requests.readline(_MAX_HEADER_BYTES):
        header: dict[str, Any] = json.loads(line)
        data = _exactly(requests, header.pop("bytes"))
        used_s = resource.getrusage(resource.RUSAGE_SELF)
        cpu_s = int(used_s.ru_utime + used_s.ru_stime) + 1 + header.pop("cpu_s")
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, resource.RLIM_INFINITY))
        try:
            samples = np.ascontiguousarray(function(data, ReferenceAudioLimits(**header)), np.float32)
            answers.write(json.dumps({"samples": len(samples)}).encode() + b"\n" + samples.tobytes())
        except ReferenceAudioError as error:
            answer = {"error": type(error).__name__, "message": error.message}
            answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _error(answer: dict[str, Any]) -> ReferenceAudioError:
    kind = getattr(errors, str(answer["error"]), None)
    if not (isinstance(kind, type) and issubclass(kind, ReferenceAudioError)):
        raise _Died
    return kind(str(answer["message"]))


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _header(stream: IO[bytes]) -> dict[str, Any]:
    line = stream.readline(_MAX_HEADER_BYTES)
    if not line.endswith(b"\n"):
        raise _Died
    header = json.loads(line)
    if not isinstance(header, dict):
        raise _Died
    return header


def _exactly(stream: IO[bytes], n_bytes: int) -> bytes:
    data = stream.read(n_bytes)
    if len(data) != n_bytes:
        raise _Died
    return data
