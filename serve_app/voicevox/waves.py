"""Waveforms: silences of an exact length, other sample rates, WAV files in and out."""

from __future__ import annotations

import base64
import binascii
import io
import wave
from collections.abc import Sequence

import av
import numpy as np

from tts_models.types import SAMPLE_RATE_HZ, FloatArray

_FADE_S = 0.005
_QUIET_S = 0.01
_FULL_SCALE = 32767


class BadWave(Exception):
    """What cannot be read as WAV files that go together; args: the message."""


def cut_start(samples: FloatArray, length: int) -> FloatArray:
    """The last ``length`` samples, faded in; silence before them where there are not as many."""
    return cut_end(samples[::-1], length)[::-1]


def cut_end(samples: FloatArray, length: int) -> FloatArray:
    """The first ``length`` samples, faded out; silence behind them where there are not as many."""
    if length >= len(samples):
        return np.concatenate([samples, np.zeros(length - len(samples), np.float32)])
    return _faded_out(samples[:length])


def cut_middle(samples: FloatArray, length: int) -> FloatArray:
    """``samples`` shortened or lengthened with silence at their quietest place; unchanged where the length is right."""
    if length == len(samples):
        return samples
    at = _quietest(samples)
    if length > len(samples):
        gap = np.zeros(length - len(samples), np.float32)
        return np.concatenate([_faded_out(samples[:at]), gap, _faded_out(samples[at:][::-1])[::-1]])
    head = round(at * length / max(len(samples), 1))
    tail = samples[len(samples) - (length - head) :]
    return np.concatenate([_faded_out(samples[:head]), _faded_out(tail[::-1])[::-1]])


def resample(samples: FloatArray, rate_hz: int, to_hz: int) -> FloatArray:
    """``samples`` ``(n,)`` at another rate, ``round(n * to_hz / rate_hz)`` of them."""
    resampler = Resampler(rate_hz, to_hz)
    return np.concatenate([resampler.write(samples), resampler.finish()])


class Resampler:
    """What :func:`resample` makes of samples, whatever pieces they come in.

    Args:
        rate_hz: Of the samples that are given.
        to_hz: Of those that are made.
    """

    def __init__(self, rate_hz: int, to_hz: int) -> None:
        self._rate_hz, self._to_hz = rate_hz, to_hz
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=to_hz) if rate_hz != to_hz else None
        self._given = self._made = 0

    def write(self, samples: FloatArray) -> FloatArray:
        """Takes ``(n,)`` samples; those that are ready, some milliseconds behind."""
        if self._resampler is None or not len(samples):
            return samples
        self._given += len(samples)
        frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="flt", layout="mono")
        frame.sample_rate = self._rate_hz
        return self._next(frame)

    def finish(self) -> FloatArray:
        """The rest, to the length that all of them should have; nothing can be given afterwards."""
        left = max(round(self._given * self._to_hz / self._rate_hz) - self._made, 0)
        made = self._next(None)[:left] if self._given else np.zeros(0, np.float32)
        return np.pad(made, (0, left - len(made)))

    def _next(self, frame: av.AudioFrame | None) -> FloatArray:
        assert self._resampler is not None
        made = [part.to_ndarray()[0] for part in self._resampler.resample(frame)]
        samples = np.concatenate([np.zeros(0, np.float32), *made]).astype(np.float32)
        self._made += len(samples)
        return samples


def wav_bytes(samples: FloatArray, rate_hz: int, *, stereo: bool = False) -> bytes:
    """A 16-bit WAV file of ``samples`` ``(n,)`` or ``(n, 2)``."""
    data = np.rint(np.clip(samples, -1.0, 1.0) * np.float32(_FULL_SCALE)).astype("<i2")
    if stereo and data.ndim == 1:
        data = np.repeat(data[:, None], 2, axis=1)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(data.shape[1] if data.ndim == 2 else 1)
        writer.setsampwidth(2)
        writer.setframerate(rate_hz)
        writer.writeframes(data.tobytes())
    return file.getvalue()


def connect(waves: Sequence[str]) -> bytes:
    """One WAV file of several in base64, at the highest of their rates, in stereo if one of them is.

    Raises:
        BadWave: One of them is no WAV file of one or two channels, or there is none.
    """
    if not waves:
        raise BadWave("wavファイルが含まれていません")
    decoded = [_decoded(text) for text in waves]
    rate_hz = max(rate for _, rate in decoded)
    stereo = any(samples.shape[1] == 2 for samples, _ in decoded)
    parts = []
    for samples, rate in decoded:
        channels = [resample(channel, rate, rate_hz) for channel in samples.T]
        parts.append(np.stack(channels * (2 if stereo and len(channels) == 1 else 1), axis=1))
    return wav_bytes(np.concatenate(parts), rate_hz)


def _decoded(text: str) -> tuple[FloatArray, int]:
    """``(n, channels)`` float32 and their rate."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadWave("base64デコードに失敗しました") from None
    try:
        with wave.open(io.BytesIO(data)) as reader:
            width, channels, rate = reader.getsampwidth(), reader.getnchannels(), reader.getframerate()
            raw = reader.readframes(reader.getnframes())
    except (wave.Error, EOFError):
        raise BadWave("wavファイルを読み込めませんでした") from None
    if width not in (1, 2, 4) or channels not in (1, 2) or not 1_000 <= rate <= 384_000:
        raise BadWave("wavファイルを読み込めませんでした")
    raw = raw[: len(raw) // (width * channels) * (width * channels)]
    if width == 1:
        samples = np.frombuffer(raw, np.uint8).astype(np.float64) / 128 - 1
    else:
        samples = np.frombuffer(raw, f"<i{width}").astype(np.float64) / (2.0 ** (8 * width - 1) - 1)
    return samples.reshape(-1, channels).astype(np.float32), rate


def _faded_out(samples: FloatArray) -> FloatArray:
    n_fade = min(round(_FADE_S * SAMPLE_RATE_HZ), len(samples))
    if not n_fade:
        return samples
    faded = samples.copy()
    faded[-n_fade:] *= np.linspace(1, 0, n_fade, dtype=np.float32)
    return faded


def _quietest(samples: FloatArray) -> int:
    """Where ``samples`` are quietest over some milliseconds."""
    window = round(_QUIET_S * SAMPLE_RATE_HZ)
    if len(samples) <= window:
        return len(samples) // 2
    power = np.convolve(np.square(samples.astype(np.float64)), np.ones(window), "valid")
    return int(power.argmin()) + window // 2
