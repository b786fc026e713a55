"""What the routes count, with Ray's metrics: they reach Prometheus from every replica without more code."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import Any

from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.metrics import FIRST_AUDIO, HTTP_ERRORS, REAL_TIME, SPEECH_RESPONSES
from serve_app.graph import SpokenAudio
from serve_app.http.context import MeasuresSpeech, Outcome

UNKNOWN = "other"
"""In a label: a route that does not exist, an error without a code."""


def outcome_counter() -> Callable[[Outcome], None]:
    """A function that counts the outcome of a speech request; without a running Ray it counts for nobody."""
    counter = SPEECH_RESPONSES.make()

    def count(outcome: Outcome) -> None:
        counter.inc(tags={"outcome": outcome})

    return count


class SpeechMeter:
    """How soon and how fast speech is made."""

    def __init__(self) -> None:
        self._first_audio = FIRST_AUDIO.make()
        self._real_time = REAL_TIME.make()

    def began(self, after_s: float, *, whole: bool) -> None:
        """The first audio of a request was sent so long after it came."""
        self._first_audio.observe(after_s, {"mode": "whole" if whole else "stream"})

    def ended(self, audio_s: float, made_s: float) -> None:
        """All of it was made."""
        if audio_s > 0 and made_s > 0:
            self._real_time.observe(audio_s / made_s)


class Take:
    """The making of one speech, measured.

    Args:
        meter: Told of it.
        came_s: When the request came, ``time.monotonic``.
    """

    def __init__(self, meter: MeasuresSpeech, came_s: float) -> None:
        self._meter = meter
        self._came_s = came_s
        self._audio_s = 0.0

    async def noted(self, audio: AsyncGenerator[SpokenAudio]) -> AsyncGenerator[SpokenAudio]:
        """The same audio, its length noted."""
        async with aclosing(audio):
            async for segment in audio:
                self._audio_s += segment.duration_s
                yield segment

    def began(self, *, whole: bool) -> None:
        """Its first audio has just been sent."""
        self._meter.began(time.monotonic() - self._came_s, whole=whole)

    def ended(self, idle_s: float) -> None:
        """All of it has just been sent; ``idle_s`` of the time its listener was waited for."""
        self._meter.ended(self._audio_s, time.monotonic() - self._came_s - idle_s)


class ErrorCountMiddleware:
    """Counts answers that are errors, by route and code. Inside the request id's, outside of what makes errors.

    Args:
        app: The application behind.
        routes: All there are, for requests that were refused before they came to one; mounted applications are found.
        count: Told route, status and code; Ray's metrics where absent.
    """

    def __init__(
        self, app: ASGIApp, routes: Iterable[BaseRoute] = (), count: Callable[[str, int, str], None] | None = None
    ) -> None:
        self.app = app
        self._routes = tuple(routes)
        self._count = count or _error_counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the application behind."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = dict(scope)  # as it came; routing changes it

        async def send_counting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                code = scope.get("state", {}).get("error_code", UNKNOWN)
                self._count(self._route_of(asked, scope), message["status"], code)
            await send(message)

        await self.app(scope, receive, send_counting)

    def _route_of(self, asked: Scope, scope: Scope) -> str:
        """The route as the API's description has it, so that there are no more values than routes."""
        if (route := scope.get("route")) is not None:
            return str(scope.get("root_path", "")).removeprefix(asked.get("root_path", "")) + str(route.path)
        mounts = [route for route in asked["app"].routes if isinstance(route, Mount)]
        for route in (*self._routes, *mounts):
            if route.matches(asked)[0] is not Match.NONE:
                return f"{route.path}/*" if isinstance(route, Mount) else str(getattr(route, "path", UNKNOWN))
        return UNKNOWN


def _error_counter() -> Callable[[str, int, str], None]:
    counter: Any = HTTP_ERRORS.make()

    def count(route: str, status: int, code: str) -> None:
        counter.inc(1, {"route": route, "status": str(status), "code": code})

    return count
