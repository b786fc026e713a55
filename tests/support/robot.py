"""Speech out of nothing but the espeak-ng library that the text frontend brings: plain, but speech to who listens."""

from __future__ import annotations

import ctypes
from functools import cache

import espeakng_loader
import numpy as np

from tts_models.types import FloatArray

_RETRIEVAL = 1
_UTF8 = 1
_OUT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@cache
def robot_speech(text: str) -> tuple[FloatArray, int]:
    """``(n,)`` float32 of somebody reading an English text, and the rate, Hz."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate_hz = library.espeak_Initialize(_RETRIEVAL, 0, espeakng_loader.get_data_path().encode(), 0)
    assert rate_hz > 0, "espeak-ng does not start"
    parts: list[FloatArray] = []

    def take(samples: ctypes.Array[ctypes.c_short], n: int, _: object) -> int:
        if samples and n:
            parts.append(np.ctypeslib.as_array(samples, (n,)).astype(np.float32) / 32768)
        return 0

    callback = _OUT(take)
    library.espeak_SetSynthCallback(callback)
    data = text.encode() + b"\0"
    library.espeak_Synth(data, len(data), 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    return np.concatenate(parts), int(rate_hz)
