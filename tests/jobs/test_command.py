"""``voicegraph jobs`` against a server over a socket, with a worker in the test."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from deployments.settings import HttpSettings
from serve_app.cli.app import main
from serve_app.http.app import create_app
from serve_app.http.context import Jobs
from tests.http.fakes import FakeGraph, catalogue, wait_until
from tests.jobs.conftest import Shop


@pytest.fixture
def url(shop: Shop) -> Iterator[str]:
    """A server whose jobs are made as soon as they are submitted."""

    def make(job_id: str) -> None:
        threading.Thread(target=lambda: asyncio.run(shop.work(shop.board.get(job_id))), daemon=True).start()

    app = create_app(FakeGraph(), catalogue(), HttpSettings(), records=shop.records, long_work=Jobs(shop.board, make))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=60)
    listener.close()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["jobs", *arguments])
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


def test_from_a_book_to_a_file(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "book.json").write_text(json.dumps(["It began.", {"title": "Two", "input": "It ended."}]))
    out = tmp_path / "book.mp3"
    code, printed, errors = run(capsys, "submit", str(tmp_path / "book.json"), "--wait", "-o", str(out), "--url", url)

    assert (code, errors.split(":")[0]) == (0, str(out)), errors
    assert out.stat().st_size > 1_000
    job_id = printed.strip()
    listed: list[dict[str, Any]] = json.loads(run(capsys, "list", "--json", "--url", url)[1])
    assert [job["id"] for job in listed] == [job_id]
    assert json.loads(run(capsys, "show", job_id, "--url", url)[1])["status"] == "succeeded"
    assert run(capsys, "cancel", job_id, "--url", url)[1] == "removed\n"


def test_what_goes_wrong_is_said(url: str, tmp_path: Path, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "stars.txt").write_text("***")
    code, printed, errors = run(capsys, "submit", str(tmp_path / "stars.txt"), "--wait", "--url", url)
    assert code == 1
    assert "the job has failed: Nothing in the text can be spoken." in errors
    assert run(capsys, "replay", printed.strip(), "--url", url)[:2] == (0, "queued\n")
    assert run(capsys, "dead", "--json", "--url", url)[1].strip() == "[]"
    for arguments, message in (
        (["show", "job_0"], "There is no job 'job_0'"),
        (["submit", str(tmp_path / "none.txt")], "cannot read"),
        (["submit", str(tmp_path / "stars.txt"), "-v", "nobody"], "no voice 'nobody'"),
    ):
        code, _, errors = run(capsys, *arguments, "--url", url)
        assert code == 1
        assert message in errors
    assert "no server answers" in run(capsys, "list", "--url", "http://127.0.0.1:9")[2]
