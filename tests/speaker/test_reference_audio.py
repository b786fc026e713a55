"""Reference audio: every format gives the same speech; whatever else comes is refused in words, and nothing breaks."""

from __future__ import annotations

import io
import random
import time

import av
import numpy as np
import pytest
import soundfile
import soxr

from tests.support.speech import Speech
from tts_models.errors import (
    NoSpeech,
    NotAudio,
    ReferenceAudioError,
    ReferenceClipped,
    ReferenceTooLong,
    ReferenceTooShort,
)
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.reference_audio import ReferenceAudioLimits, decode_audio, decode_reference_audio
from tts_models.types import FloatArray

SOURCE_RATE_HZ = 24_000
LIMITS = ReferenceAudioLimits()


@pytest.fixture(scope="module")
def said(speech: list[Speech]) -> FloatArray:
    return speech[0].samples


def glide(duration_s: float, rate_hz: int) -> FloatArray:
    """A tone from 200 Hz to 2 kHz: anything shifted, repeated, missing or at another rate shows."""
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    return (0.4 * np.sin(2 * np.pi * (200 * t + 900 * t**2 / duration_s))).astype(np.float32)


def sound_file(samples: FloatArray, rate_hz: int, container: str = "WAV", encoding: str | None = None) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate_hz, format=container, subtype=encoding)
    return out.getvalue()


def media_file(samples: FloatArray, container: str, codec: str, rate_hz: int = 48_000) -> bytes:
    """``samples`` at 24 kHz, in stereo, as FFmpeg packs them."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate_hz)
        stream.layout = "stereo"
        resampler = av.AudioResampler(stream.format.name, "stereo", rate_hz, frame_size=stream.frame_size or 1_024)
        frame = av.AudioFrame.from_ndarray(np.stack([samples, samples]), format="fltp", layout="stereo")
        frame.sample_rate = SOURCE_RATE_HZ
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return out.getvalue()


FORMATS = {
    "wav 16 bit": lambda x: sound_file(x, SOURCE_RATE_HZ),
    "wav 24 bit": lambda x: sound_file(x, SOURCE_RATE_HZ, encoding="PCM_24"),
    "wav float": lambda x: sound_file(x, SOURCE_RATE_HZ, encoding="FLOAT"),
    "wav 8 bit": lambda x: sound_file(x, SOURCE_RATE_HZ, encoding="PCM_U8"),
    "wav mu-law": lambda x: sound_file(x, SOURCE_RATE_HZ, encoding="ULAW"),
    "aiff": lambda x: sound_file(x, SOURCE_RATE_HZ, "AIFF"),
    "flac": lambda x: sound_file(x, SOURCE_RATE_HZ, "FLAC"),
    "ogg vorbis": lambda x: sound_file(x, SOURCE_RATE_HZ, "OGG", "VORBIS"),
    "ogg opus": lambda x: media_file(x, "ogg", "libopus"),
    "mp3": lambda x: media_file(x, "mp3", "libmp3lame", 44_100),
    "m4a aac": lambda x: media_file(x, "ipod", "aac", 44_100),
    "m4a alac": lambda x: media_file(x, "ipod", "alac"),
    "mp4": lambda x: media_file(x, "mp4", "aac"),
    "webm": lambda x: media_file(x, "webm", "libopus"),
    "aac": lambda x: media_file(x, "adts", "aac"),
}


def likeness(heard: FloatArray, expected: FloatArray) -> tuple[float, float]:
    """Correlation at the best delay up to 0.1 s, and the gain there."""
    best = (0.0, 0.0)
    for delay in range(ENCODER_RATE_HZ // 10):
        aligned = heard[delay : delay + len(expected)]
        target = expected[: len(aligned)]
        correlation = float(np.dot(aligned, target) / np.sqrt(np.dot(aligned, aligned) * np.dot(target, target)))
        best = max(best, (correlation, float(np.dot(aligned, target) / np.dot(target, target))))
    return best


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_sound(name: str) -> None:
    heard = decode_audio(FORMATS[name](glide(1.5, SOURCE_RATE_HZ)), LIMITS)
    expected = glide(1.5, ENCODER_RATE_HZ)
    assert heard.dtype == np.float32
    assert heard.ndim == 1
    assert abs(len(heard) - len(expected)) < 0.1 * ENCODER_RATE_HZ
    correlation, gain = likeness(heard, expected)
    assert correlation > 0.96
    assert gain == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 22_050, 44_100, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_rate(rate_hz: int, channels: int) -> None:
    data = sound_file(np.stack([glide(1.0, rate_hz)] * channels, axis=1), rate_hz)
    heard = decode_audio(data, LIMITS)
    assert len(heard) == pytest.approx(ENCODER_RATE_HZ, abs=16)
    correlation, gain = likeness(heard, glide(1.0, ENCODER_RATE_HZ))
    assert correlation > 0.99
    assert gain == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(("container", "channels"), [("WAV", 3), ("WAV", 6), ("FLAC", 8), ("OGG", 8), ("WAV", 11)])
def test_any_number_of_channels_is_averaged(container: str, channels: int) -> None:
    """Vorbis decodes to planes, and PyAV reads past the end of a list of eight: the process would end."""
    gains = np.linspace(0.2, 1.8, channels, dtype=np.float32)
    data = sound_file(glide(1.0, SOURCE_RATE_HZ)[:, None] * 0.5 * gains, SOURCE_RATE_HZ, container)
    correlation, gain = likeness(decode_audio(data, LIMITS), glide(1.0, ENCODER_RATE_HZ))
    assert correlation > 0.97
    assert gain == pytest.approx(0.5, abs=0.03)


def test_only_speech_is_kept(said: FloatArray) -> None:
    pause = np.zeros(2 * SOURCE_RATE_HZ, np.float32)
    waveform = np.concatenate([pause, said, pause, said, pause])
    speech = decode_reference_audio(sound_file(waveform, SOURCE_RATE_HZ))
    assert 1.2 * len(said) / SOURCE_RATE_HZ < len(speech) / ENCODER_RATE_HZ <= 2.1 * len(said) / SOURCE_RATE_HZ
    heard = soxr.resample(waveform, SOURCE_RATE_HZ, ENCODER_RATE_HZ)
    assert np.square(speech).sum() > 0.98 * np.square(heard).sum()


def test_a_file_that_changes_its_rate_on_the_way() -> None:
    first, second = (media_file(glide(1.0, SOURCE_RATE_HZ), "mp3", "libmp3lame", rate) for rate in (44_100, 32_000))
    heard = decode_audio(first + second, LIMITS)
    assert len(heard) == pytest.approx(2 * ENCODER_RATE_HZ, rel=0.08)
    correlation, _ = likeness(heard[-ENCODER_RATE_HZ - 1_500 :], glide(1.0, ENCODER_RATE_HZ))
    assert correlation > 0.9


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"This is text, and no audio. " * 99, id="text"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(999), id="picture"),
        pytest.param(bytes(50_000), id="zeros"),
        pytest.param(random.Random(0).randbytes(50_000), id="noise"),
        pytest.param(b"RIFF\xff\xff\xff\xffWAVE", id="wav without content"),
        pytest.param(b"ID3", id="stump"),
        pytest.param(b"{}", id="json"),
    ],
)
def test_what_is_not_audio_is_refused(data: bytes) -> None:
    with pytest.raises(NotAudio) as caught:
        decode_reference_audio(data)
    assert "reference audio" in caught.value.message
    assert caught.value.param == "audio_sample"


def test_no_other_file_is_opened(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Playlists name files and addresses; FFmpeg would follow them."""
    path = tmp_path_factory.mktemp("secret") / "secret.wav"
    path.write_bytes(sound_file(glide(2.0, SOURCE_RATE_HZ), SOURCE_RATE_HZ))
    for playlist in (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{path}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{path}'\n",
        f"v=0\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\na=control:file://{path}\n",
    ):
        with pytest.raises(ReferenceAudioError):
            decode_audio(playlist.encode(), LIMITS)


@pytest.mark.parametrize(
    ("seconds", "limits", "message"),
    [
        (31.0, LIMITS, "longer than 30 s"),
        (2.1, ReferenceAudioLimits(max_duration_s=2.0), "longer than 2 s"),
        (2.0, ReferenceAudioLimits(max_bytes=50_000), "MiB"),
    ],
)
def test_limits(seconds: float, limits: ReferenceAudioLimits, message: str) -> None:
    with pytest.raises(ReferenceTooLong, match=message):
        decode_reference_audio(sound_file(glide(seconds, SOURCE_RATE_HZ), SOURCE_RATE_HZ), limits)


def test_a_small_file_of_a_whole_day_is_not_decoded() -> None:
    frame = media_file(np.zeros(SOURCE_RATE_HZ * 60, np.float32), "adts", "aac", 24_000)
    bomb = frame * (LIMITS.max_bytes // len(frame))
    started_s = time.process_time()
    with pytest.raises(ReferenceTooLong, match="longer than 30 s"):
        decode_reference_audio(bomb)
    decoding_all_s = 60 * (LIMITS.max_bytes // len(frame)) / 500  # at 500 times real time
    assert time.process_time() - started_s < decoding_all_s / 3


def test_too_little_speech(said: FloatArray) -> None:
    with pytest.raises(NoSpeech, match="No speech"):
        decode_reference_audio(sound_file(glide(3.0, SOURCE_RATE_HZ), SOURCE_RATE_HZ))
    with pytest.raises(NoSpeech, match="No speech"):
        decode_reference_audio(sound_file(np.zeros(50_000, np.float32), SOURCE_RATE_HZ))
    with pytest.raises(ReferenceTooShort, match=r"holds 0\.\d s of speech"):
        decode_reference_audio(sound_file(said[10_000:25_000], SOURCE_RATE_HZ))
    with pytest.raises(NotAudio, match="is empty"):
        decode_reference_audio(b"")


def clipped(samples: FloatArray, share: float) -> FloatArray:
    """So loud that this share of the samples is cut off."""
    limit = np.quantile(np.abs(samples), 1 - share)
    return np.clip(samples, -limit, limit) * np.float32(0.9 / limit)


@pytest.mark.parametrize("name", ["wav 16 bit", "mp3", "ogg opus", "m4a aac"])
def test_clipping(speech: list[Speech], name: str) -> None:
    for one in speech:
        for share in (0.0, 0.001, 0.01):
            decode_reference_audio(FORMATS[name](clipped(one.samples, share)))
        for share in (0.15, 0.3):
            with pytest.raises(ReferenceClipped, match="heavily clipped"):
                decode_reference_audio(FORMATS[name](clipped(one.samples, share)))


def test_numbers_that_are_none(said: FloatArray) -> None:
    spoilt = said.copy()
    spoilt[10_000] = np.nan
    with pytest.raises(NotAudio, match="not numbers"):
        decode_reference_audio(sound_file(spoilt, SOURCE_RATE_HZ, encoding="FLOAT"))


@pytest.mark.parametrize("name", ["mp3", "flac", "ogg opus", "aac", "wav 16 bit"])
def test_what_arrived_of_a_cut_file_is_used(name: str) -> None:
    data = FORMATS[name](glide(2.0, SOURCE_RATE_HZ))
    heard = decode_audio(data[: len(data) // 2], LIMITS)
    assert 0.3 * ENCODER_RATE_HZ < len(heard) < 1.7 * ENCODER_RATE_HZ


def mutated(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.choice([1, 3, 20])):
        at = chance.randrange(min(len(out), chance.choice([200, 10**9])))
        match chance.randrange(4):
            case 0:
                out[at] = chance.randrange(256)
            case 1:
                out[at : at + 4] = chance.choice([b"\xff" * 4, b"\x00" * 4, b"\x7f\xff\xff\xff"])
            case 2:
                del out[at : at + chance.randrange(1, 500)]
            case _:
                out[at:at] = chance.randbytes(chance.randrange(1, 50))
        out = out or bytearray(b"x")
    return bytes(out)


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_read_or_refused(name: str) -> None:
    """Nothing else: no other exception, no crash, nothing that is not finite."""
    chance = random.Random(name)
    whole = FORMATS[name](glide(0.5, SOURCE_RATE_HZ))
    outcomes = {"read": 0, "refused": 0}
    for _ in range(60):
        try:
            waveform = decode_audio(mutated(whole, chance), LIMITS)
        except ReferenceAudioError:
            outcomes["refused"] += 1
        else:
            outcomes["read"] += 1
            assert waveform.dtype == np.float32
            assert np.isfinite(waveform).all()
    assert sum(outcomes.values()) == 60
