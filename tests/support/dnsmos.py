"""How good speech sounds, as DNSMOS P.835 predicts listeners to score it, 1 to 5.

Source: the model and the calibration of ``speechmos`` (Microsoft). Called directly, without the package's mel
spectrogram for its second model (P.808), because that imports librosa; and it loops for ever on an empty clip.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import onnxruntime
import soxr

from tests.support.asr import session_options
from tts_models.types import FloatArray

RATE_HZ = 16_000
_WINDOW = int(9.01 * RATE_HZ)
_HOP = RATE_HZ
# From the network's raw outputs to opinion scores: `get_polyfit_val` of speechmos.
_SIGNAL = np.poly1d([-0.08397278, 1.22083953, 0.0052439])
_BACKGROUND = np.poly1d([-0.13166888, 1.60915514, -0.39604546])
_OVERALL = np.poly1d([-0.06766283, 1.11546468, 0.04602535])


@dataclass(frozen=True, slots=True)
class SpeechQuality:
    """Predicted mean opinion scores, 1 (bad) to 5 (excellent).

    Attributes:
        overall: Overall quality; clean read speech is at 3.2 to 3.6 on this scale.
        signal: Quality of the speech itself.
        background: Absence of noise.
    """

    overall: float
    signal: float
    background: float


def speech_quality(samples: FloatArray, sample_rate_hz: int) -> SpeechQuality:
    """Scores one clip: the mean over windows of 9 s, one every second; a shorter clip is repeated.

    Args:
        samples: ``(n,)`` float32 mono in [-1, 1], at least a second.
        sample_rate_hz: Any rate.

    Raises:
        ValueError: If the clip is shorter than a second: repeating less says nothing.
    """
    if len(samples) < sample_rate_hz:
        raise ValueError(f"DNSMOS needs at least a second of audio, not {len(samples) / sample_rate_hz:.2f} s")
    audio = samples if sample_rate_hz == RATE_HZ else soxr.resample(samples, sample_rate_hz, RATE_HZ)
    while len(audio) < _WINDOW:
        audio = np.concatenate([audio, audio])
    scores = []
    for start in range(0, len(audio) - _WINDOW + 1, _HOP):
        window = audio[None, start : start + _WINDOW].astype(np.float32)
        signal, background, overall = _session().run(None, {"input_1": window})[0][0]
        scores.append((_OVERALL(overall), _SIGNAL(signal), _BACKGROUND(background)))
    return SpeechQuality(*(float(score) for score in np.mean(scores, axis=0)))


@cache
def _session() -> onnxruntime.InferenceSession:
    model = files("speechmos").joinpath("dnsmos_models", "sig_bak_ovr.onnx")
    return onnxruntime.InferenceSession(model.read_bytes(), session_options(threads=2))
