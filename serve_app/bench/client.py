"""Speech requests over HTTP, timed by a client that costs little: it shares its processors with what it measures."""

from __future__ import annotations

import asyncio
import io
import json
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType

import aiohttp

from serve_app.bench.texts import Line

BYTES_PER_S = 48_000
"""Of pcm: 24 kHz, 16 bit, one channel."""
FORMATS = ("pcm", "wav", "mp3", "opus", "aac", "flac")
_CONNECT_S = 10.0
_PAUSE_S = 0.005
"""What arrives without a longer pause is one chunk: sockets and proxies cut chunks where they like."""
_WAV_HEADER_BYTES = 44
_NOT_AUDIO = ("text/", "application/json")


@dataclass(frozen=True, slots=True)
class Target:
    """What is measured.

    Attributes:
        url: Of the server, with or without ``/v1``.
        model: Name of its model.
        voice: Who speaks lines that name nobody.
        key: API key, if any.
        format: ``response_format``, one of ``FORMATS``.
        stream: Whether the audio is to come while it is made; without, ``"stream": false`` is sent.
    """

    url: str
    model: str = "tts-1"
    voice: str = "af_heart"
    key: str | None = None
    format: str = "pcm"
    stream: bool = True

    @property
    def route(self) -> str:
        """Address of the speech route."""
        return f"{self.url.rstrip('/').removesuffix('/v1')}/v1/audio/speech"

    def body(self, line: Line) -> dict[str, object]:
        """The request for a line."""
        body: dict[str, object] = {
            "model": self.model,
            "voice": line.voice or self.voice,
            "input": line.text,
            "response_format": self.format,
        }
        if not self.stream:
            body["stream"] = False  # not in OpenAI's API: strict servers are not told what they do by default
        return body


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ended.

    Attributes:
        line: What was asked for.
        client: Who asked: number of the client in a closed loop.
        status: HTTP status; 0 if there was none.
        error: What went wrong: the ``code`` of an error in OpenAI's shape, or ``no_connection``, ``timeout``, ``cut``
            (the connection broke off in the middle), ``no_audio``; None if nothing did.
        message: The words of the error.
        sent_s: When it was sent, by ``time.monotonic``.
        first_s: Until the first audio, or the refusal, seconds.
        whole_s: Until the end.
        audio_s: Of speech received.
        gaps_s: Between chunks.
        stall_s: How long a listener who began with the first audio would have heard nothing; pcm and wav only.
    """

    line: Line
    client: int
    status: int
    error: str | None
    message: str
    sent_s: float
    first_s: float
    whole_s: float
    audio_s: float
    gaps_s: tuple[float, ...]
    stall_s: float

    @property
    def is_good(self) -> bool:
        """Whether all of the audio came."""
        return self.error is None

    @property
    def ended_s(self) -> float:
        """When it ended, by ``time.monotonic``."""
        return self.sent_s + self.whole_s


@dataclass(slots=True)
class _Listener:
    """Notes what arrives, as it arrives."""

    format: str
    sent_s: float
    first_s: float = 0.0
    last_s: float = 0.0
    received: int = 0
    stall_s: float = 0.0
    gaps_s: list[float] = field(default_factory=list)
    kept: list[bytes] = field(default_factory=list)

    def hear(self, data: bytes) -> None:
        now_s = time.monotonic() - self.sent_s
        if self.first_s:
            if (gap_s := now_s - self.last_s) > _PAUSE_S:
                self.gaps_s.append(gap_s)
            heard_until_s = self.first_s + self.received / BYTES_PER_S + self.stall_s
            if self.format in ("pcm", "wav"):
                self.stall_s += max(0.0, now_s - heard_until_s)
        self.received += len(data)
        if self.format != "pcm":
            self.kept.append(data)
        if not self.first_s and (self.format != "wav" or self.received > _WAV_HEADER_BYTES):
            self.first_s = now_s
        self.last_s = now_s

    def audio_s(self) -> float:
        """Seconds of audio in what has arrived."""
        if self.format == "pcm":
            return self.received / BYTES_PER_S
        data = b"".join(self.kept)
        return wav_s(data) if self.format == "wav" else encoded_s(data)


class SpeechClient:
    """Any number of requests at once to one server.

    Args:
        target: The server and what is asked of it.
        timeout_s: For a whole answer.
    """

    def __init__(self, target: Target, timeout_s: float = 600.0) -> None:
        self.target = target
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=_CONNECT_S)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> SpeechClient:
        headers = {"Authorization": f"Bearer {self.target.key}"} if self.target.key else {}
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout, headers=headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def speak(self, line: Line | str, client: int = 0) -> Answer:
        """Asks for a line and reads all of the answer; never raises for what a server or a network does."""
        assert self._session is not None
        line = Line(line) if isinstance(line, str) else line
        listener = _Listener(self.target.format, time.monotonic())
        status, error, message = 0, None, ""
        try:
            async with self._session.post(self.target.route, json=self.target.body(line)) as response:
                status = response.status
                if status == 200 and not response.content_type.startswith(_NOT_AUDIO):
                    async for data in response.content.iter_any():
                        listener.hear(data)
                else:
                    error, message = refusal(await response.text(errors="replace"), response.content_type)
        except TimeoutError:
            error, message = "timeout", "the answer did not come in time"
        except aiohttp.ClientConnectorError as fault:
            error, message = "no_connection", str(fault)
        except (aiohttp.ClientError, OSError) as fault:
            error = "cut" if status else "no_connection"
            message = f"{type(fault).__name__}: {fault}"
        whole_s = time.monotonic() - listener.sent_s
        if error is None and not listener.first_s:
            error, message = "no_audio", "the answer is empty"
        answer = Answer(
            line,
            client,
            status,
            error,
            message,
            sent_s=listener.sent_s,
            first_s=listener.first_s or whole_s,
            whole_s=whole_s,
            audio_s=0.0,
            gaps_s=tuple(listener.gaps_s),
            stall_s=listener.stall_s,
        )
        if error is not None:
            return answer
        try:
            return replace(answer, audio_s=listener.audio_s())
        except ValueError as fault:
            return replace(answer, error="no_audio", message=str(fault))


def refusal(body: str, content_type: str) -> tuple[str, str]:
    """Code and words of an answer that is no audio: OpenAI's shape, FastAPI's, or the start of the text."""
    try:
        told = json.loads(body)
    except ValueError:
        return "no_audio", f"{content_type}: {' '.join(body.split())[:200] or 'no words'}"
    told = told.get("error", told.get("detail", told)) if isinstance(told, Mapping) else told
    if not isinstance(told, Mapping):
        return "refused", str(told)[:200]
    code = told.get("code") or told.get("type") or told.get("error") or "refused"
    return str(code), str(told.get("message") or told)[:300]


def wav_s(data: bytes) -> float:
    """Seconds of audio in a WAV file, whose header may not know its length.

    Raises:
        ValueError: It is none.
    """
    start = data.find(b"data", 12) + 8
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE" or start < 44:
        raise ValueError("not a WAV file")
    (bytes_per_s,) = struct.unpack_from("<I", data, 28)
    if not bytes_per_s:
        raise ValueError("a WAV file of no rate")
    return (len(data) - start) / float(bytes_per_s)


def encoded_s(data: bytes) -> float:
    """Seconds of audio in an encoded file, by its packets; nothing is decoded.

    Raises:
        ValueError: It cannot be read.
    """
    import av

    try:
        with av.open(io.BytesIO(data), "r") as container:
            stream = container.streams.audio[0]
            assert stream.time_base is not None
            ticks: list[int] = [packet.duration or 0 for packet in container.demux(stream)]
            return float(sum(ticks) * stream.time_base)
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(f"the audio cannot be read: {error}") from error


async def first_answers(client: SpeechClient, lines: list[Line]) -> list[Answer]:
    """One answer for each line, at once: what a run begins with, to find the server awake or at fault."""
    return list(await asyncio.gather(*(client.speak(line) for line in lines)))
