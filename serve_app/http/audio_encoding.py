"""Waveforms into audio files, all at once or while they are being made.

::

    float32 samples -> frames of the codec's size -> [codec] -> [container] -> bytes

One encoder serves one whole response, whatever pieces the samples come in, so there are no joints to hear: any
division of the same samples gives the same file. mp3, opus, aac and flac are FFmpeg's encoders, through PyAV; wav and
pcm are written here. Two equal responses have equal bytes.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray

from serve_app.http.schemas import AudioFormat
from tts_models.types import SAMPLE_RATE_HZ, FloatArray

_UNKNOWN_LENGTH = 0xFFFFFFFF
_FULL_SCALE = 32767
_WAV_HEADER_BYTES = 44


class StreamEncoder(Protocol):
    """Samples in, bytes of one file out."""

    @property
    def content_type(self) -> str:
        """MIME type of the file."""
        ...

    def write(self, samples: FloatArray) -> bytes:
        """Takes the next samples.

        Args:
            samples: ``(n,)`` float32; what is outside [-1, 1] is clipped.

        Returns:
            The bytes that are ready, perhaps none: a codec holds back up to a frame or two, less than 0.2 s.
        """
        ...

    def finish(self) -> bytes:
        """Ends the file and returns the rest of it. The encoder cannot be used afterwards."""
        ...


def open_encoder(name: AudioFormat, sample_rate_hz: int = SAMPLE_RATE_HZ) -> StreamEncoder:
    """An encoder of a file whose length nobody knows yet, mono.

    A wav then says 0xFFFFFFFF bytes, as players that stream expect, and a flac says 0 samples, its word for unknown.
    """
    if name in _CODECS:
        return _CodecEncoder(name, sample_rate_hz, _Pipe())
    return _PcmEncoder(name, _wav_header(sample_rate_hz, None) if name == "wav" else b"")


def open_wav(sample_rate_hz: int, channels: int) -> StreamEncoder:
    """An encoder of a wav whose length nobody knows yet; the samples of its channels come one after the other."""
    return _PcmEncoder("wav", _wav_header(sample_rate_hz, None, channels))


def encode_once(name: AudioFormat, samples: FloatArray, sample_rate_hz: int = SAMPLE_RATE_HZ) -> bytes:
    """A whole mono file, which says how long it is wherever the format has a place for that.

    Args:
        name: The format.
        samples: ``(n,)`` float32; what is outside [-1, 1] is clipped.
        sample_rate_hz: Their rate.
    """
    if name in _CODECS:
        encoder = _CodecEncoder(name, sample_rate_hz, _SeekableFile())
        return encoder.write(samples) + encoder.finish()
    data = _to_int16(samples).tobytes()
    return _wav_header(sample_rate_hz, len(data)) + data if name == "wav" else data


class FileEncoder:
    """Makes the bytes of :func:`encode_once` in a file, from samples that come in pieces: any length, little memory.

    Args:
        name: The format.
        file: Empty, open for reading and writing; its position is at its end afterwards.
        sample_rate_hz: Of the samples.
    """

    def __init__(self, name: AudioFormat, file: io.FileIO, sample_rate_hz: int = SAMPLE_RATE_HZ) -> None:
        self._file = file
        self._rate_hz = sample_rate_hz
        self._has_header = name == "wav"
        self._codec = _CodecEncoder(name, sample_rate_hz, _DiskFile(file)) if name in _CODECS else None
        if self._has_header:
            _write_all(file, _wav_header(sample_rate_hz, None))

    def write(self, samples: FloatArray) -> None:
        """Takes the next samples, ``(n,)`` float32."""
        if self._codec:
            self._codec.write(samples)
        else:
            _write_all(self._file, _to_int16(samples).tobytes())

    def finish(self) -> None:
        """Ends the file. The encoder cannot be used afterwards."""
        if self._codec:
            self._codec.finish()
        data_bytes = self._file.seek(0, io.SEEK_END) - _WAV_HEADER_BYTES
        if self._has_header and data_bytes + _WAV_HEADER_BYTES < _UNKNOWN_LENGTH:
            self._file.seek(0)
            _write_all(self._file, _wav_header(self._rate_hz, data_bytes))
            self._file.seek(0, io.SEEK_END)


def _write_all(file: io.FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


CONTENT_TYPES: Mapping[AudioFormat, str] = MappingProxyType(
    {
        "mp3": "audio/mpeg",
        "opus": "audio/ogg",  # Opus in Ogg (RFC 7845); audio/opus is Opus without a container, in RTP
        "aac": "audio/aac",
        "flac": "audio/flac",
        "wav": "audio/wav",
        "pcm": "audio/pcm",
    }
)


def _to_int16(samples: FloatArray) -> NDArray[np.int16]:
    """Full scale is 32767 both ways, so that silence stays silence and the sign changes nothing."""
    integers: NDArray[np.int16] = np.rint(np.clip(samples, -1.0, 1.0) * np.float32(_FULL_SCALE)).astype("<i2")
    return integers


def _wav_header(sample_rate_hz: int, data_bytes: int | None, channels: int = 1) -> bytes:
    """The 44 bytes before 16-bit samples; ``None`` for a length that is not known yet."""
    riff_bytes = _UNKNOWN_LENGTH if data_bytes is None else 36 + data_bytes
    width = 2 * channels
    format_chunk = struct.pack(
        "<4sIHHIIHH", b"fmt ", 16, 1, channels, sample_rate_hz, width * sample_rate_hz, width, 16
    )
    data_chunk = struct.pack("<4sI", b"data", _UNKNOWN_LENGTH if data_bytes is None else data_bytes)
    return struct.pack("<4sI4s", b"RIFF", riff_bytes, b"WAVE") + format_chunk + data_chunk


class _PcmEncoder:
    """16-bit little-endian samples behind a header, if any; see :class:`StreamEncoder`."""

    def __init__(self, name: AudioFormat, header: bytes) -> None:
        self.content_type = CONTENT_TYPES[name]
        self._header = header

    def write(self, samples: FloatArray) -> bytes:
        header, self._header = self._header, b""
        return header + _to_int16(samples).tobytes()

    def finish(self) -> bytes:
        return self.write(np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True)
class _Codec:
    """How FFmpeg makes one format.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        container: FFmpeg's name of the muxer.
        sample_format: What the encoder takes; the lossy ones take float, so nothing is rounded before them.
        bit_rate: Bits a second, 0 where lossless. Mono speech at 24 kHz gains nothing audible from more.
        options: For the encoder.
        container_options: For the muxer.
        stream_options: For the muxer of a file of unknown length.
    """

    encoder: str
    container: str
    sample_format: str
    bit_rate: int = 0
    options: Mapping[str, str] = field(default_factory=dict)
    container_options: Mapping[str, str] = field(default_factory=dict)
    stream_options: Mapping[str, str] = field(default_factory=dict)


_CODECS: Mapping[str, _Codec] = MappingProxyType(
    {
        "mp3": _Codec(
            "libmp3lame",
            "mp3",
            "fltp",
            bit_rate=96_000,
            container_options={"id3v2_version": "0"},
            # The Xing frame holds the length and the encoder's delay. It is written last but lies first.
            stream_options={"write_xing": "0"},
        ),
        "opus": _Codec(
            "libopus",
            "ogg",
            "flt",
            bit_rate=48_000,
            options={"application": "audio", "frame_duration": "20"},
            container_options={"page_duration": "100000"},  # microseconds; FFmpeg's 1 s would hold the first sound back
        ),
        "aac": _Codec("aac", "adts", "fltp", bit_rate=96_000),
        "flac": _Codec("flac", "flac", "s16", container_options={"metadata_header_padding": "0"}),
    }
)


class _Pipe:
    """Where a container writes what will be sent at once: it cannot come back to what it has written."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken

    take_rest = take


class _SeekableFile(io.BytesIO):
    """Where a container writes a file that is sent when it is complete: it corrects its header at the end."""

    def take(self) -> bytes:
        return b""

    def take_rest(self) -> bytes:
        return self.getvalue()


class _DiskFile:
    """As :class:`_SeekableFile`, on a disk; never closed by the container."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.seek, self.tell, self.read = file.seek, file.tell, file.read

    def write(self, data: bytes) -> int:
        _write_all(self._file, data)
        return len(data)

    def take(self) -> bytes:
        return b""

    take_rest = take


class _CodecEncoder:
    """An FFmpeg encoder and container; see :class:`StreamEncoder`."""

    def __init__(self, name: AudioFormat, sample_rate_hz: int, file: _Pipe | _SeekableFile | _DiskFile) -> None:
        codec = _CODECS[name]
        self.content_type = CONTENT_TYPES[name]
        self._file = file
        self._rate_hz = sample_rate_hz
        self._sample_format = codec.sample_format
        options = dict(codec.container_options)
        if isinstance(file, _Pipe):
            options |= codec.stream_options
        # bitexact: no random stream number and no version of FFmpeg in the file.
        self._container = av.open(
            file, "w", format=codec.container, options={"fflags": "bitexact", "flush_packets": "1", **options}
        )
        stream = self._container.add_stream(codec.encoder, rate=sample_rate_hz, options=dict(codec.options))
        assert isinstance(stream, av.AudioStream)
        self._stream = stream
        self._stream.layout = "mono"
        self._stream.format = codec.sample_format
        if codec.bit_rate:
            self._stream.bit_rate = codec.bit_rate
        self._container.start_encoding()
        self._frame_samples = self._stream.frame_size
        self._waiting = np.zeros(0, np.float32)
        self._n_encoded = 0

    def write(self, samples: FloatArray) -> bytes:
        waiting = np.concatenate([self._waiting, np.clip(samples, -1.0, 1.0)], dtype=np.float32)
        whole = len(waiting) - len(waiting) % self._frame_samples
        for start in range(0, whole, self._frame_samples):
            self._encode(waiting[start : start + self._frame_samples])
        self._waiting = waiting[whole:]
        return self._file.take()

    def finish(self) -> bytes:
        if len(self._waiting):
            self._encode(self._waiting)
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._file.take_rest()

    def _encode(self, samples: FloatArray) -> None:
        """One frame; only the last may be shorter than the codec's."""
        data = _to_int16(samples) if self._sample_format == "s16" else samples
        frame = av.AudioFrame.from_ndarray(data[None], format=self._sample_format, layout="mono")
        frame.sample_rate = self._rate_hz
        frame.pts = self._n_encoded
        self._n_encoded += len(samples)
        self._container.mux(self._stream.encode(frame))
