"""Speech requests over HTTP, timed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

BYTES_PER_S = 48_000
"""Of pcm at 24 kHz."""
SHORT = "The next train to Cambridge leaves from platform four."
_PARAGRAPH = (
    "It was a bright cold day in April, and the clocks along the harbour were striking thirteen. The captain looked at"
    " the chart, folded it twice, and said that the wind would turn before the evening. Nobody answered. On the quay a"
    " boy was selling newspapers; the headlines spoke of a storm in the north, of prices, and of a singer who had"
    " married for the third time. "
)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ended.

    Attributes:
        status: HTTP status; 0 if there was none.
        first_s: Until the first audio, or the refusal, seconds.
        whole_s: Until the end.
        audio_s: Of speech received.
        sent_s: When it was sent, by ``time.monotonic``.
    """

    status: int
    first_s: float
    whole_s: float
    audio_s: float
    sent_s: float


def long_text(characters: int) -> str:
    """About so many characters of prose."""
    return (_PARAGRAPH * (characters // len(_PARAGRAPH) + 1))[:characters].rsplit(" ", 1)[0]


def client(url: str) -> httpx.AsyncClient:
    """For any number of requests at once."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=200)
    return httpx.AsyncClient(base_url=url, timeout=600, limits=limits)


async def speak(http: httpx.AsyncClient, text: str) -> Answer:
    """Asks for ``text`` as a stream and reads all of it."""
    body = {"model": "tts-1", "voice": "af_heart", "input": text, "response_format": "pcm"}
    started_s = time.monotonic()
    first_s = 0.0
    received = 0
    status = 0
    try:
        async with http.stream("POST", "/v1/audio/speech", json=body) as response:
            async for chunk in response.aiter_raw():
                first_s = first_s or time.monotonic() - started_s
                received += len(chunk)
            status = response.status_code
    except httpx.HTTPError:
        status = 0
    whole_s = time.monotonic() - started_s
    audio_s = received / BYTES_PER_S if status == 200 else 0.0
    return Answer(status, first_s or whole_s, whole_s, audio_s, started_s)


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """Half, 95 in 100 and all of ``values`` are no greater, rounded to milliseconds."""
    ordered = sorted(values)

    def at(percent: int) -> float | None:
        return round(ordered[-(-percent * len(ordered) // 100) - 1], 3) if ordered else None

    return {"p50": at(50), "p95": at(95), "max": at(100)}
