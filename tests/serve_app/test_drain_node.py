"""A spot machine is taken back: what the metadata services say, and what is made of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from serve_app.drain_node import AwsMetadata, GcpMetadata, Notice, own_address, wait_for_notice

TOKEN = "a-token"


class Metadata(ThreadingHTTPServer):
    """The metadata services of both clouds, as they document them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.goes_in_s: float | None = None
        self.tokens = 0
        self.broken = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Metadata

    def do_PUT(self) -> None:
        ok = self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        self.server.tokens += 1
        self._answer(200 if ok else 400, TOKEN)

    def do_GET(self) -> None:
        goes_in_s = self.server.goes_in_s
        if self.server.broken:
            self._answer(500, "")
        elif self.path == "/latest/meta-data/spot/instance-action":
            if self.headers["X-aws-ec2-metadata-token"] != TOKEN:
                self._answer(401, "")
            elif goes_in_s is None:
                self._answer(404, "")
            else:
                at = datetime.now(UTC) + timedelta(seconds=goes_in_s)
                self._answer(200, json.dumps({"action": "terminate", "time": f"{at:%Y-%m-%dT%H:%M:%SZ}"}))
        elif self.path == "/computeMetadata/v1/instance/preempted" and self.headers["Metadata-Flavor"] == "Google":
            self._answer(200, "FALSE" if goes_in_s is None else "TRUE")
        else:
            self._answer(403, "")

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def metadata() -> Iterator[Metadata]:
    with Metadata() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


def test_aws_says_when(metadata: Metadata) -> None:
    aws = AwsMetadata(metadata.url)
    assert aws.notice() is None
    metadata.goes_in_s = 120
    notice = aws.notice()
    assert notice is not None
    assert 117 <= notice.left_s <= 120
    assert notice.reason.startswith("AWS: terminate at ")
    metadata.goes_in_s = -5
    assert aws.notice() == Notice(0, aws.notice().reason)  # type: ignore[union-attr]
    assert metadata.tokens == 1


def test_google_says_that(metadata: Metadata) -> None:
    google = GcpMetadata(metadata.url)
    assert google.notice() is None
    metadata.goes_in_s = 30
    assert google.notice() == Notice(30, "Google: preempted")


def test_a_metadata_service_that_is_away_is_asked_again(metadata: Metadata) -> None:
    metadata.broken = True
    metadata.goes_in_s = 100
    asked = []

    def ask() -> Notice | None:
        asked.append(1)
        metadata.broken = len(asked) < 3
        return AwsMetadata(metadata.url).notice()

    assert wait_for_notice(ask, poll_s=0.01).left_s > 90
    assert len(asked) == 3


def test_the_address_that_the_head_is_reached_from() -> None:
    assert own_address("127.0.0.1:6380") == "127.0.0.1"
