"""An S3 server for the tests: moto's, in a thread of this process."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from moto.server import ThreadedMotoServer

_NUMBERS = itertools.count()


class S3Server:
    """A server with one bucket; :meth:`stop` makes it go away.

    Args:
        address: Where it listens.

    Attributes:
        bucket: Its name.
        url: What ``storage.objects`` is set to.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.bucket = f"results-{next(_NUMBERS)}"  # all of moto's servers in a process share their buckets
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address=address, port=0, verbose=False)
        self._server.start()
        _, port = self._server.get_host_and_port()
        self.endpoint = f"http://{address}:{port}"
        self.url = f"s3://{self.bucket}/voice/graph?endpoint={self.endpoint}"
        httpx.put(f"{self.endpoint}/{self.bucket}", timeout=30).raise_for_status()

    def stop(self) -> None:
        self._server.stop()


CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@contextmanager
def s3_server(address: str = "127.0.0.1") -> Iterator[S3Server]:
    """A server, and credentials for it in the environment, where AWS's tools look for them."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        server = S3Server(address)
        try:
            yield server
        finally:
            server.stop()
