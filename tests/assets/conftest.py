"""A web server with the habits of real ones, good and bad."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tts_models.assets.network import Network


@dataclass
class FileServer:
    """Serves ``content`` by path.

    Attributes:
        url: Base address.
        content: Bytes by path.
        ranges: Whether it honours range requests.
        break_after: Bytes after which it drops the connection, once for each entry.
        status: Answer of every request where not 200.
        requests: ``(path, Range header or "")`` of each request.
        types: Content type by path, where the client cares.
    """

    url: str = ""
    content: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    break_after: list[int] = field(default_factory=list)
    status: int = 200
    requests: list[tuple[str, str]] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def server() -> Iterator[FileServer]:
    state = FileServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0].replace("%2f", "/").replace("%2F", "/")
            requested = self.headers.get("Range", "")
            state.requests.append((path, requested))
            body = state.content.get(path)
            if state.status != 200 or body is None:
                self.send_error(state.status if state.status != 200 else 404)
                return
            start = 0
            match = re.fullmatch(r"bytes=(\d+)-", requested)
            if match and state.ranges:
                start = int(match[1])
                if start >= len(body):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(body) - start))
            if path in state.types:
                self.send_header("Content-Type", state.types[path])
            self.end_headers()
            rest = body[start:]
            if state.break_after:
                self.wfile.write(rest[: state.break_after.pop(0)])
                self.close_connection = True
                return
            self.wfile.write(rest)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that leaves in the middle is what some tests are about."""

    httpd = Server(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield state
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def network(server: FileServer) -> Network:
    return Network(hub_endpoint=server.url, connect_timeout_s=2, stall_timeout_s=20, attempts=3, retry_wait_s=0)
