"""Speech on its way out: encoded, held back until it exists, stopped when nobody listens.

::

    graph.speak --SpokenAudio--> streamed_file | whole_file | timed_file | event_stream --bytes--+
    graph.timelines --Timeline--> caption_file_of --bytes-----------------------------------> SpeechResponse
"""

from __future__ import annotations

import asyncio
import base64
import math
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, suppress

import numpy as np
from pydantic import BaseModel
from ray.exceptions import ActorDiedError, TaskCancelledError
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from deployments.errors import DeadlineExceeded
from serve_app.admission import Admits, Place
from serve_app.captions import CaptionFormat, caption_file
from serve_app.graph import SpokenAudio
from serve_app.http.audio_encoding import StreamEncoder, encode_once
from serve_app.http.context import Outcome
from serve_app.http.errors import Failure
from serve_app.http.metrics import Take
from serve_app.http.schemas import (
    AudioFormat,
    SpeechAudioDelta,
    SpeechAudioDone,
    SpeechAudioTimestamps,
    SpeechError,
    TimedSpeech,
    TimestampLevel,
    Timestamps,
    Usage,
)
from serve_app.http.timestamps import timestamps
from serve_app.http.turn import Turn
from tts_models.errors import SynthesisError
from tts_models.timing import Timeline
from tts_models.types import FRAME_SAMPLES

SSE_CHUNK_BYTES = 24 * 1024
"""Most audio in one event: 32 KB of base64 a line, half of what asyncio's line reader takes by default."""

SSE_EVENT_MARKS = 250
"""Most words, phonemes or visemes in one event, for the same reason: 130 bytes a pair of them."""

NOT_BUFFERED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""Without the second, nginx would collect the whole response before it passes any of it on."""

_LAST_WORDS_S = 0.2
"""From the event that tells an error to the end: what a page has not read when a connection breaks, browsers drop."""

_NO_AUDIO = "No audio was made of the text."


async def streamed_file(audio: AsyncGenerator[SpokenAudio], encoder: StreamEncoder) -> AsyncGenerator[bytes]:
    """The audio file, in the pieces in which it comes to exist.

    Encoding takes 10 ms and more of CPU a segment, so it runs beside the event loop that other streams wait for.

    Raises:
        SynthesisError: If there is no audio at all.
    """
    segments = 0
    async with aclosing(audio):
        async for segment in audio:
            segments += 1
            if data := await asyncio.to_thread(encoder.write, segment.samples):
                yield data
    if not segments:
        raise SynthesisError(_NO_AUDIO)
    if data := await asyncio.to_thread(encoder.finish):
        yield data


async def whole_file(audio: AsyncGenerator[SpokenAudio], audio_format: AudioFormat) -> AsyncGenerator[bytes]:
    """The audio file in one piece; its header says how long it is.

    Raises:
        SynthesisError: If there is no audio at all.
    """
    async with aclosing(audio):
        segments = [segment.samples async for segment in audio]
    if not segments:
        raise SynthesisError(_NO_AUDIO)
    yield await asyncio.to_thread(lambda: encode_once(audio_format, np.concatenate(segments)))


async def timed_file(
    audio: AsyncGenerator[SpokenAudio], audio_format: AudioFormat, text: str, level: TimestampLevel
) -> AsyncGenerator[bytes]:
    """The audio file and when what it says is heard, as one JSON document; see :class:`TimedSpeech`.

    Raises:
        SynthesisError: If there is no audio at all.
    """
    timelines: list[Timeline] = []

    async def noted() -> AsyncGenerator[SpokenAudio]:
        async with aclosing(audio):
            async for segment in audio:
                timelines.append(segment.timeline)
                yield segment

    async with aclosing(whole_file(noted(), audio_format)) as files:
        data = await anext(files)
    yield await asyncio.to_thread(_timed_speech, data, audio_format, text, timelines, level)


def _timed_speech(
    data: bytes, audio_format: AudioFormat, text: str, timelines: list[Timeline], level: TimestampLevel
) -> bytes:
    marks = timestamps(text, timelines, level)
    speech = TimedSpeech(
        **dict(marks),
        audio=base64.b64encode(data).decode("ascii"),
        format=audio_format,
        duration_s=round(timelines[-1].end_s, 6),
    )
    return speech.model_dump_json(exclude_none=True).encode()


async def caption_file_of(
    timelines: AsyncGenerator[Timeline], text: str, caption_format: CaptionFormat
) -> AsyncGenerator[bytes]:
    """The captions of an utterance in one piece."""
    async with aclosing(timelines):
        words = [word async for timeline in timelines for word in timeline.words()]
    yield (await asyncio.to_thread(caption_file, text, words, caption_format)).encode()


async def event_stream(
    audio: AsyncGenerator[SpokenAudio], encoder: StreamEncoder, text: str, level: TimestampLevel | None = None
) -> AsyncGenerator[bytes]:
    """The audio file as server-sent events, the last of which says what it cost; see :class:`Usage`.

    With a ``level``, each segment's timestamps come in an event of their own before its audio.

    Raises:
        SynthesisError: If there is no audio at all.
    """
    n_samples = 0
    marks: list[bytes] = []

    async def noted() -> AsyncGenerator[SpokenAudio]:
        nonlocal n_samples
        async with aclosing(audio):
            async for segment in audio:
                n_samples += len(segment.samples)
                if level:
                    found = timestamps(text, [segment.timeline], level)
                    marks.extend(map(event, _short_events(found)))
                yield segment

    async with aclosing(streamed_file(noted(), encoder)) as chunks:
        async for chunk in chunks:
            deltas = [
                event(SpeechAudioDelta(audio=base64.b64encode(chunk[start : start + SSE_CHUNK_BYTES]).decode("ascii")))
                for start in range(0, len(chunk), SSE_CHUNK_BYTES)
            ]
            yield b"".join([*marks, *deltas])
            marks.clear()
    n_input, n_output = len(text), math.ceil(n_samples / FRAME_SAMPLES)
    usage = Usage(input_tokens=n_input, output_tokens=n_output, total_tokens=n_input + n_output)
    yield b"".join([*marks, event(SpeechAudioDone(usage=usage))])


def _short_events(marks: Timestamps) -> Iterator[SpeechAudioTimestamps]:
    """``marks`` in events with a line short enough for every reader; nearly always one."""
    phonemes, visemes, named = marks.phonemes, marks.visemes, marks.marks
    longest = max(len(marks.words), len(phonemes or []), len(visemes or []), len(named or []))
    for start in range(0, longest or 1, SSE_EVENT_MARKS):
        here = slice(start, start + SSE_EVENT_MARKS)
        yield SpeechAudioTimestamps(
            words=marks.words[here],
            phonemes=phonemes and phonemes[here],
            visemes=visemes and visemes[here],
            marks=named and (named[here] or None),
        )


def event(content: BaseModel) -> bytes:
    """A server-sent event."""
    # Only timestamps that were not asked for are left out; OpenAI's events have no field that can be absent.
    return f"data: {content.model_dump_json(exclude_none=isinstance(content, Timestamps))}\n\n".encode()


class SpeechResponse(StreamingResponse):
    """Sends chunks as they come to exist, and nothing before the first of them does.

    So an error before any audio gets its own status. After that the status is out, and the only sign left is to end the
    connection without ending the body, which is what a server does when the exception reaches it. Whoever reads events
    is sent one with the error before that. When the client leaves, at any time, ``chunks`` is closed, which stops the
    stages.

    Args:
        chunks: The body; at least one.
        media_type: ``Content-Type``.
        admission: Where a place is taken for as long as this takes.
        turn: How the request is scheduled.
        work: What it takes; see :func:`~serve_app.http.turn.work_of`.
        explain: What a caller would be told about an error.
        count: Told how the response ended.
        whole: ``chunks`` is one chunk, so its length can be announced.
        events: The body is server-sent events.
        headers: More of them.
        take: Measures the speech in it.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes],
        media_type: str,
        *,
        admission: Admits,
        turn: Turn,
        work: int,
        explain: Callable[[Exception], Failure],
        count: Callable[[Outcome], None],
        whole: bool = False,
        events: bool = False,
        headers: Mapping[str, str] | None = None,
        take: Take | None = None,
    ) -> None:
        super().__init__(chunks, headers={**NOT_BUFFERED, **(headers or {})}, media_type=media_type)
        self._chunks = chunks
        self._admission = admission
        self._turn = turn
        self._work = work
        self._explain = explain
        self._count = count
        self._whole = whole
        self._events = events
        self._take = take

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Responds until done, or until the client is gone."""
        response = asyncio.ensure_future(self._respond(send))
        client_left = asyncio.ensure_future(_disconnect(receive))
        try:
            await asyncio.wait((response, client_left), return_when=asyncio.FIRST_COMPLETED)
            await (response if response.done() else client_left)  # raises what either of them raised
        finally:
            response.cancel()
            client_left.cancel()
            await asyncio.gather(response, client_left, return_exceptions=True)

    async def _respond(self, send: Send) -> None:
        started = False
        try:
            async with self._admission.place(self._turn.ask(self._work, whole=self._whole)) as place:
                send = _timed(send, place)
                async with aclosing(self._chunks) as chunks:
                    first = await self._first(chunks)
                    headers = self.raw_headers
                    if self._whole:
                        headers = [*headers, (b"content-length", str(len(first)).encode())]
                    await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
                    started = True
                    await send({"type": "http.response.body", "body": first, "more_body": True})
                    if self._take:
                        self._take.began(whole=self._whole)
                    async for chunk in chunks:
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            if self._take:
                self._take.ended(place.idle_s)
        except asyncio.CancelledError:
            self._count("disconnected")
            raise
        except Exception as error:
            failure = self._explain(error)
            if not started:
                is_refusal = failure.status < 500 or isinstance(error, DeadlineExceeded)
                self._count("rejected" if is_refusal else "failed")
                raise
            self._count("broken")
            if self._events:
                last_words = event(SpeechError(error=failure.body.error))
                await send({"type": "http.response.body", "body": last_words, "more_body": True})
                await asyncio.sleep(_LAST_WORDS_S)
            raise
        self._count("completed")

    async def _first(self, chunks: AsyncGenerator[bytes]) -> bytes:
        """The first chunk, if there is one in time."""
        limit = asyncio.timeout(self._turn.begin_by_s - time.time())
        try:
            async with limit:
                return await anext(chunks)
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeadlineExceeded("The time limit of the request passed before the speech was made.") from None


def _timed(send: Send, place: Place) -> Send:
    """``send``, the time that its listener takes noted."""

    async def send_noting_time(message: Message) -> None:
        started_s = time.monotonic()
        await send(message)
        place.idle_s += time.monotonic() - started_s

    return send_noting_time


async def _disconnect(receive: Receive) -> None:
    """Returns once the client has closed the connection, or the proxy that holds it has given up or died."""
    with suppress(ActorDiedError, TaskCancelledError):  # Serve's ``receive`` asks the proxy
        while (await receive())["type"] != "http.disconnect":
            pass
