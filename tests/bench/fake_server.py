"""A server of OpenAI's speech API that obeys the test: it sends chunks of given seconds at given times."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

_LIMIT_S = 20.0
PCM = b"\x00\x01"


@dataclass
class Script:
    """What the server does.

    Attributes:
        chunks: Wait before each chunk, seconds, and its bytes.
        status: Of the answer.
        error: JSON sent instead of audio.
        cut: Whether the connection breaks off after the chunks.
        places: How many requests run at once; the others wait. 0 is any number.
        content_type: Of the audio.
        bodies: What it was asked for.
        keys: What it was asked with.
        most_at_once: Requests that ran at the same time.
    """

    chunks: list[tuple[float, bytes]] = field(default_factory=lambda: [(0.01, PCM * 12_000), (0.02, PCM * 12_000)])
    status: int = 200
    error: Any = None
    cut: bool = False
    places: int = 0
    content_type: str = "audio/pcm"
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    running: int = 0
    most_at_once: int = 0


@contextmanager
def served(script: Script) -> Iterator[str]:
    """Serves in a thread of its own; yields the address."""
    ready, addresses = threading.Event(), []
    loop = asyncio.new_event_loop()

    async def start() -> web.AppRunner:
        turn = asyncio.Semaphore(script.places or 10_000)

        async def speech(request: web.Request) -> web.StreamResponse:
            script.bodies.append(await request.json())
            script.keys.append(request.headers.get("Authorization"))
            if script.error is not None or script.status != 200:
                if isinstance(script.error, str):
                    return web.Response(text=script.error, status=script.status, content_type="text/html")
                return web.json_response(script.error, status=script.status)
            async with turn:
                script.running += 1
                script.most_at_once = max(script.most_at_once, script.running)
                try:
                    response = web.StreamResponse(headers={"Content-Type": script.content_type})
                    await response.prepare(request)
                    for wait_s, data in script.chunks:
                        await asyncio.sleep(wait_s)
                        await response.write(data)
                    if script.cut:
                        assert request.transport is not None
                        request.transport.close()
                    return response
                finally:
                    script.running -= 1

        app = web.Application()
        app.router.add_post("/v1/audio/speech", speech)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        addresses.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        return runner

    def work() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert ready.wait(_LIMIT_S)
    try:
        yield addresses[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_LIMIT_S)
        assert not thread.is_alive()
