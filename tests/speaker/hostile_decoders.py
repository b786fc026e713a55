"""Decoders with the defects that a file may bring out in a real one; the file's first word says which."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tts_models.speaker.reference_audio import ReferenceAudioLimits, decode_audio
from tts_models.types import FloatArray


def decode(data: bytes, limits: ReferenceAudioLimits) -> FloatArray:
    match data.split()[:1]:
        case [b"segfault"]:
            ctypes.string_at(0)
        case [b"abort"]:
            os.abort()
        case [b"kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case [b"kill-once"]:
            mark = Path(data.split()[1].decode())
            if mark.exists():
                mark.rmdir()
                os.kill(os.getpid(), signal.SIGKILL)
            return np.full(16_000, 0.5, np.float32)
        case [b"exit"]:
            sys.exit(0)
        case [b"memory"]:
            hoard = [bytearray(2**24) for _ in range(2**10)]
            return np.full(len(hoard), 0.5, np.float32)
        case [b"spin"]:
            while True:
                pass
        case [b"sleep"]:
            time.sleep(3600)
        case [b"raise"]:
            raise RuntimeError("a defect")
        case [b"write"]:
            Path(data.split()[1].decode()).write_bytes(b"x")
        case [b"fork"]:
            subprocess.run([b"/bin/touch", data.split()[1]], check=True)
        case [b"print"]:
            print('{"samples": 3}', flush=True)
            os.write(1, b'{"samples": 3}\n')
            return np.full(2, 0.5, np.float32)
        case [b"huge"]:
            return np.zeros(100_000_000, np.float32)
        case [b"nan"]:
            return np.full(100, np.nan, np.float32)
        case [b"nothing"]:
            return np.zeros(0, np.float32)
    return decode_audio(data, limits)
