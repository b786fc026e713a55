"""The clip a voice is enrolled from: bytes as a client sent them -> speech at 16 kHz.

::

    bytes -> [container, codec] -> mono -> 16 kHz -> speech only

The bytes are a stranger's. Only the containers and codecs named here are opened, no other file or address is ever
followed, and decoding stops as soon as a limit is passed, whatever the header promised.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import av
import av.error
import numpy as np

from tts_models.errors import NoSpeech, NotAudio, ReferenceClipped, ReferenceTooLong, ReferenceTooShort
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.types import FloatArray

if TYPE_CHECKING:
    from tts_models.speaker.voice_activity import VoiceActivityDetector

_CONTAINERS = "wav,aiff,caf,mp3,flac,ogg,mov,matroska,aac"
_CODECS = (
    "mp3float,mp3,flac,opus,libopus,vorbis,aac,alac,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,"
    "pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_u8,pcm_s8,pcm_alaw,pcm_mulaw,adpcm_ima_wav,adpcm_ms"
)
_FORMATS_IN_WORDS = "wav, mp3, flac, ogg (Opus or Vorbis), m4a, webm or aac"
_MIN_RATE_HZ, _MAX_RATE_HZ = 4_000, 384_000
_MAX_CHANNELS = 64
_MAX_DAMAGED_SHARE = 0.1
_CREST_FRAME = round(0.03 * ENCODER_RATE_HZ)
_LOUD = 0.7
_MIN_CREST = 1.65
_DECODER_ERRORS = (av.error.FFmpegError, ValueError, OSError, EOFError, MemoryError, OverflowError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class ReferenceAudioLimits:
    """What a clip must keep to.

    Attributes:
        max_bytes: Largest file.
        max_duration_s: Longest clip, silence included, seconds.
        min_speech_s: Least speech in it, seconds.
    """

    max_bytes: int = 10 * 2**20
    max_duration_s: float = 30.0
    min_speech_s: float = 1.0


def decode_reference_audio(
    data: bytes,
    limits: ReferenceAudioLimits | None = None,
    decode: Callable[[bytes, ReferenceAudioLimits], FloatArray] | None = None,
) -> FloatArray:
    """The speech in a recording, whatever its format, rate and channels.

    Args:
        data: The file: wav, aiff, mp3, flac, ogg (Opus, Vorbis), m4a/mp4, webm or aac, told by its content.
        limits: What it must keep to.
        decode: Does what :func:`decode_audio` does, perhaps in another process.

    Returns:
        ``(n,)`` float32 mono at 16 kHz, finite: the stretches of speech one after another, short pauses included.

    Raises:
        NotAudio: It is no audio, damaged, or in an unknown format.
        ReferenceTooLong: It is larger or longer than the limits.
        NoSpeech: Nobody speaks in it.
        ReferenceTooShort: There is too little speech.
        ReferenceClipped: It is heavily clipped.
    """
    limits = limits or ReferenceAudioLimits()
    waveform = (decode or decode_audio)(data, limits)
    speech = speech_of(waveform)
    if not len(speech):
        raise NoSpeech("No speech was heard in the reference audio. Send a clear recording of one speaker.")
    if len(speech) < limits.min_speech_s * ENCODER_RATE_HZ:
        raise ReferenceTooShort(
            f"The reference audio holds {len(speech) / ENCODER_RATE_HZ:.1f} s of speech; "
            f"a voice needs at least {limits.min_speech_s:g} s."
        )
    if crest(speech) < _MIN_CREST:
        raise ReferenceClipped(
            "The reference audio is heavily clipped: it was much too loud for whatever recorded it. Record it again, "
            "further from the microphone or with less gain."
        )
    return speech


def crest(speech: FloatArray) -> float:
    """Peak over root mean square in the loud parts of a recording: 2 and more in speech, near 1 where it is clipped.

    Unlike a count of samples at the limit, it survives resampling and lossy formats.

    Args:
        speech: ``(n,)`` float32 at 16 kHz, not silent, n of 30 ms or more.
    """
    frames = speech[: len(speech) // _CREST_FRAME * _CREST_FRAME].reshape(-1, _CREST_FRAME)
    level = np.sqrt(np.square(frames).mean(axis=1))
    is_loud = level >= np.quantile(level, _LOUD)
    return float(np.median(np.abs(frames[is_loud]).max(axis=1) / level[is_loud]))


def speech_of(waveform: FloatArray) -> FloatArray:
    """The stretches of speech one after another, short pauses included; nothing where there are none.

    Args:
        waveform: ``(n,)`` float32 at 16 kHz, n > 0.
    """
    stretches = _detector().speech(waveform)
    return np.concatenate([waveform[start:end] for start, end in stretches] or [waveform[:0]])


def decode_audio(data: bytes, limits: ReferenceAudioLimits) -> FloatArray:
    """All of a recording, silence included; see :func:`decode_reference_audio`.

    Returns:
        ``(n,)`` float32 mono at 16 kHz, finite, n > 0.

    Raises:
        NotAudio: It is no audio, damaged, or in an unknown format.
        ReferenceTooLong: It is larger or longer than the limits.
    """
    require_size(data, limits)
    pieces = []
    n_samples = 0
    for piece in _Decoder(data).pieces():
        pieces.append(piece)
        n_samples += len(piece)
        if n_samples > limits.max_duration_s * ENCODER_RATE_HZ:
            raise ReferenceTooLong(
                f"The reference audio is longer than {limits.max_duration_s:g} s. Send a shorter part of it."
            )
    if not n_samples:
        raise NotAudio("There is no sound in the reference audio.")
    waveform = np.concatenate(pieces)
    if not np.isfinite(waveform).all():
        raise NotAudio("The reference audio holds samples that are not numbers.")
    return waveform


def require_size(data: bytes, limits: ReferenceAudioLimits) -> None:
    """Passes if a file is not empty and not over the limit.

    Raises:
        ReferenceAudioError: Otherwise.
    """
    if not data:
        raise NotAudio("The reference audio is empty.")
    if len(data) > limits.max_bytes:
        raise ReferenceTooLong(
            f"The reference audio has {len(data) / 2**20:.1f} MiB; "
            f"at most {limits.max_bytes / 2**20:g} MiB are accepted."
        )


class _Decoder:
    """FFmpeg over bytes in memory, one frame at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._shape: tuple[int, str, str] | None = None
        self._resampler: av.AudioResampler | None = None

    def pieces(self) -> Iterator[FloatArray]:
        """Mono float32 at 16 kHz, in order.

        Raises:
            ReferenceAudioError: If this is no audio, or much of it is damaged.
        """
        try:
            with av.open(
                io.BytesIO(self._data),
                options={"format_whitelist": _CONTAINERS, "codec_whitelist": _CODECS, "protocol_whitelist": ""},
                metadata_errors="replace",
            ) as container:
                assert isinstance(container, av.container.InputContainer)
                yield from self._decoded(container)
        except _DECODER_ERRORS as error:
            raise NotAudio(
                f"The reference audio could not be read. Send a complete file in {_FORMATS_IN_WORDS}."
            ) from error

    def _decoded(self, container: av.container.InputContainer) -> Iterator[FloatArray]:
        # PyAV has a stream without a codec context where FFmpeg has no decoder, or the whitelist none to allow.
        streams = [stream for stream in container.streams.audio if stream.codec_context]
        if not streams:
            raise NotAudio("There is no sound in the reference audio, or none in a format known here.")
        stream = streams[0]
        stream.codec_context.thread_count = 1
        n_packets = n_damaged = 0
        for packet in container.demux(stream):
            n_packets += 1
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                # One bad packet, such as the stump of a frame where an mp3 was cut, does not spoil a recording.
                n_damaged += 1
                continue
            for frame in frames:
                yield from self._resampled(frame)
        yield from self._resampled_rest()
        if n_damaged > max(1, _MAX_DAMAGED_SHARE * n_packets):
            raise NotAudio("The reference audio is damaged. Send it again, or in another format.")

    def _resampled(self, frame: av.AudioFrame) -> Iterator[FloatArray]:
        rate_hz, n_channels = frame.sample_rate, len(frame.layout.channels)
        if not _MIN_RATE_HZ <= rate_hz <= _MAX_RATE_HZ or not 0 < n_channels <= _MAX_CHANNELS:
            raise NotAudio(
                f"The reference audio has {n_channels} channels at {rate_hz} Hz; up to {_MAX_CHANNELS} channels and "
                f"{_MIN_RATE_HZ} to {_MAX_RATE_HZ} Hz are accepted."
            )
        if (shape := (rate_hz, frame.layout.name, frame.format.name)) != self._shape:
            # Chained ogg files, and mp3 files stuck together, change on the way.
            yield from self._resampled_rest()
            self._shape = shape
            self._resampler = av.AudioResampler(format="flt", layout=frame.layout, rate=ENCODER_RATE_HZ)
        assert self._resampler is not None
        frame.pts = None  # a gap in the time stamps, such as a bad packet leaves, is not to be filled
        yield from map(_mono, self._resampler.resample(frame))

    def _resampled_rest(self) -> Iterator[FloatArray]:
        if self._resampler is not None:
            yield from map(_mono, self._resampler.resample(None))


def _mono(frame: av.AudioFrame) -> FloatArray:
    """The mean of the channels, ``(n,)`` float32.

    The resampler could mix them as well, but makes the sum louder, and refuses layouts it has no name for. Frames come
    from it interleaved: PyAV reads past the end of the list of channels of a planar frame that has eight or more.
    """
    mean: FloatArray = frame.to_ndarray().reshape(-1, len(frame.layout.channels)).mean(axis=1, dtype=np.float32)
    return mean


@cache
def _detector() -> VoiceActivityDetector:
    # Not above: the graph's builder imports this module and has no use for torch.
    from tts_models.speaker.voice_activity import VoiceActivityDetector

    return VoiceActivityDetector.load()
