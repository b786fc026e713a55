"""Six formats, whole and streamed: what comes out decodes to what went in, however it was cut."""

from __future__ import annotations

import io
import struct
import wave
from typing import get_args

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_app.http.audio_encoding import CONTENT_TYPES, encode_once, open_encoder
from serve_app.http.schemas import AudioFormat
from tts_models.types import FloatArray

RATE_HZ = 24_000
FORMATS: tuple[AudioFormat, ...] = get_args(AudioFormat)
LOSSLESS: tuple[AudioFormat, ...] = ("flac", "wav", "pcm")
# Decoders give what an encoder puts before the first sample, and fills the last frame up with, where the file does not
# say how much that is: an mp3 says it in a frame that a stream cannot have, aac (adts) has no place for it.
MAX_EXTRA_S = {"mp3": 0.1, "aac": 0.13}


def tone(n_samples: int) -> FloatArray:
    """A buzz that glides and swells, so that a shift, a gap or a repetition shows."""
    t = np.arange(n_samples) / RATE_HZ
    phase = 2 * np.pi * (180 * t + 60 * np.sin(2 * np.pi * 0.7 * t))
    swell = 0.35 + 0.25 * np.sin(2 * np.pi * 1.3 * t)
    return (swell * sum(np.sin(k * phase) / k for k in range(1, 8)) / 1.6).astype(np.float32)


def decode(name: AudioFormat, data: bytes) -> FloatArray:
    """``(n,)`` float32 at 24 kHz."""
    if name == "pcm":
        return np.frombuffer(data, "<i2").astype(np.float32) / 32767
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
    with av.open(io.BytesIO(data)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])


def stream(name: AudioFormat, samples: FloatArray, cuts: list[int]) -> list[bytes]:
    """The bytes of every write, and of the end."""
    encoder = open_encoder(name, RATE_HZ)
    pieces = [encoder.write(piece) for piece in np.split(samples, sorted(cuts))]
    return [*pieces, encoder.finish()]


def delay_and_likeness(heard: FloatArray, said: FloatArray) -> tuple[int, float]:
    """By how many samples ``heard`` is late, and its correlation with ``said`` there."""
    n_fft = 1 << int(np.ceil(np.log2(len(heard) + len(said))))
    correlation = np.fft.irfft(np.fft.rfft(heard, n_fft) * np.conj(np.fft.rfft(said, n_fft)))
    delay = int(correlation[: len(heard)].argmax())
    aligned = heard[delay : delay + len(said)]
    return delay, float(np.corrcoef(aligned, said[: len(aligned)])[0, 1])


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "streamed"])
def test_what_comes_out_is_what_went_in(name: AudioFormat, whole: bool) -> None:
    said = tone(71_234)
    data = encode_once(name, said, RATE_HZ) if whole else b"".join(stream(name, said, [10_000, 10_001, 50_000]))
    heard = decode(name, data)
    extra_s = (len(heard) - len(said)) / RATE_HZ
    delay, likeness = delay_and_likeness(heard, said)
    if name in LOSSLESS:
        assert len(heard) == len(said)
        np.testing.assert_allclose(heard, said, atol=1.6 / 32767)
    elif name == "opus" or (name == "mp3" and whole):
        assert abs(len(heard) - len(said)) <= 1
        assert delay <= 2
        assert likeness > 0.98
    else:
        assert 0 <= extra_s <= MAX_EXTRA_S[name]
        assert delay / RATE_HZ <= MAX_EXTRA_S[name]
        assert likeness > 0.98


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=12, deadline=None)
@given(n_samples=st.integers(0, 9_000), cuts=st.lists(st.integers(0, 9_000), max_size=6))
def test_any_division_gives_the_same_file(name: AudioFormat, n_samples: int, cuts: list[int]) -> None:
    said = tone(n_samples)
    assert b"".join(stream(name, said, cuts)) == b"".join(stream(name, said, []))


@pytest.mark.parametrize("name", FORMATS)
def test_sound_comes_out_while_more_goes_in(name: AudioFormat) -> None:
    encoder = open_encoder(name, RATE_HZ)
    first = encoder.write(tone(RATE_HZ // 4))
    assert len(decode(name, first)) > 0.04 * RATE_HZ


@pytest.mark.parametrize("name", FORMATS)
def test_no_sample_is_lost_at_the_end(name: AudioFormat) -> None:
    said = np.zeros(30_011, np.float32)
    said[-240:] = tone(240 + 2_000)[2_000:]
    heard = decode(name, b"".join(stream(name, said, [20_000])))
    assert np.square(heard).sum() > 0.5 * np.square(said).sum()


@pytest.mark.parametrize("name", FORMATS)
def test_too_loud_is_clipped_not_wrapped(name: AudioFormat) -> None:
    said = 5 * tone(24_000)
    heard = decode(name, encode_once(name, said, RATE_HZ))
    _, likeness = delay_and_likeness(heard, np.clip(said, -1.0, 1.0))
    assert likeness > 0.98


@pytest.mark.parametrize("name", LOSSLESS)
def test_sixteen_bits_are_rounded_and_symmetric(name: AudioFormat) -> None:
    said = np.float32([0, 1, -1, 0.6 / 32767, -0.6 / 32767, 0.4 / 32767, 2, -2])
    heard = decode(name, encode_once(name, said, RATE_HZ)) * (32767 if name == "pcm" else 32768)
    assert np.rint(heard).astype(int).tolist() == [0, 32767, -32767, 1, -1, 0, 32767, -32767]


def test_a_whole_wav_says_how_long_it_is() -> None:
    with wave.open(io.BytesIO(encode_once("wav", tone(1_234), RATE_HZ))) as file:
        assert (file.getnframes(), file.getframerate(), file.getnchannels(), file.getsampwidth()) == (
            1_234,
            RATE_HZ,
            1,
            2,
        )


def test_a_streamed_wav_says_that_nobody_knows() -> None:
    pieces = stream("wav", tone(1_234), [100])
    assert [len(piece) for piece in pieces] == [44 + 200, 2 * 1_134, 0]
    assert struct.unpack_from("<I", pieces[0], 4) == struct.unpack_from("<I", pieces[0], 40) == (0xFFFFFFFF,)
    whole = bytearray(encode_once("wav", tone(1_234), RATE_HZ))
    whole[4:8] = whole[40:44] = b"\xff" * 4
    assert b"".join(pieces) == bytes(whole)


def test_flac_says_how_long_it_is_where_it_can() -> None:
    def total_samples(data: bytes) -> int:
        assert data[:4] == b"fLaC"
        return int.from_bytes(data[8 + 13 : 8 + 18], "big") & (1 << 36) - 1

    assert total_samples(encode_once("flac", tone(5_001), RATE_HZ)) == 5_001
    assert total_samples(b"".join(stream("flac", tone(5_001), []))) == 0


def test_a_whole_mp3_says_how_long_it_is() -> None:
    data = encode_once("mp3", tone(RATE_HZ * 2), RATE_HZ)
    assert b"Info" in data[:64] or b"Xing" in data[:64]
    with av.open(io.BytesIO(data)) as container:
        assert container.duration is not None
        assert container.duration / av.time_base == pytest.approx(2.0, abs=0.03)


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_said_is_still_an_end(name: AudioFormat) -> None:
    start = {"wav": b"RIFF", "flac": b"fLaC", "opus": b"OggS"}.get(name, b"")
    streamed = open_encoder(name, RATE_HZ).finish()
    whole = encode_once(name, np.zeros(0, np.float32), RATE_HZ)
    assert streamed[: len(start)] == whole[: len(start)] == start
    assert len(streamed) < 1_000
    assert len(whole) < 1_000


@pytest.mark.parametrize("name", FORMATS)
def test_equal_speech_has_equal_bytes(name: AudioFormat) -> None:
    assert encode_once(name, tone(9_999), RATE_HZ) == encode_once(name, tone(9_999), RATE_HZ)


@pytest.mark.parametrize("name", FORMATS)
def test_content_types(name: AudioFormat) -> None:
    assert open_encoder(name, RATE_HZ).content_type == CONTENT_TYPES[name]
    assert CONTENT_TYPES[name].startswith("audio/")
