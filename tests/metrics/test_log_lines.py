"""JSON lines with request, key and stage, and no texts."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import ray
from ray._common.formatters import JSONFormatter
from ray.serve._private.common import ServeComponentType
from ray.serve._private.logging_utils import ServeComponentFilter, ServeFormatter

from deployments import logs
from deployments.fair_queue import Flow, Priority
from deployments.fair_worker import FairWorker
from deployments.logs import log_with_serve
from deployments.settings import BatchLimits

KEY_ID = "0123456789ab"
LIMITS = BatchLimits(max_items=4, max_padded_work=1000, wait_s=0.05, max_run_s=60)


@pytest.fixture
def serve_log() -> Iterator[Any]:
    """Ray Serve's logger as a replica has it, writing here; call it with a formatter."""
    logger = logging.getLogger("ray.serve")
    before = logger.handlers[:], logger.level
    written = io.StringIO()

    def write_as(formatter: logging.Formatter) -> io.StringIO:
        handler = logging.StreamHandler(written)
        handler.setFormatter(formatter)
        handler.addFilter(ServeComponentFilter("voicegraph_Vocoder", "abc", ServeComponentType.REPLICA))
        logger.handlers[:] = [handler]
        logger.setLevel(logging.INFO)
        return written

    yield write_as
    logger.handlers[:], logger.level = before


async def works() -> None:
    work: FairWorker[int, int] = FairWorker(list, lambda item: item, ThreadPoolExecutor(1), LIMITS)
    await asyncio.gather(
        work(3, Flow("req_1", KEY_ID, segment=2)), work(3, Flow("job_1", "203.0.113.9", priority=Priority.BATCH))
    )


async def test_a_line_of_json_names_utterance_key_segment_and_stage(serve_log: Any) -> None:
    written = serve_log(JSONFormatter())
    await works()
    first, second = sorted(
        map(json.loads, written.getvalue().splitlines()), key=lambda line: line["priority"], reverse=True
    )
    assert (first["utterance"], first["key"], first["segment"]) == ("req_1", KEY_ID, 2)
    assert (first["deployment"], first["batch"], first["priority"]) == ("voicegraph_Vocoder", 2, "interactive")
    assert 0 <= first["waited_s"] < 60
    assert 0 <= first["ran_s"] < 60
    assert second["utterance"] == "job_1"
    assert not {"key", "segment"} & second.keys()
    assert "203.0.113.9" not in written.getvalue()


async def test_a_line_of_text_names_no_key(serve_log: Any) -> None:
    written = serve_log(ServeFormatter("Vocoder", "abc"))
    await works()
    assert written.getvalue().count("WORK waited") == 2
    assert KEY_ID not in written.getvalue()


@pytest.mark.usefixtures("replica_context")
def test_in_a_replica_our_lines_go_with_rays(serve_log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [logging.getLogger(name) for name in ("serve_app", "deployments", "tts_models")]
    before = [(logger.handlers, logger.level, logger.propagate) for logger in ours]
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    log_with_serve()
    try:
        written = serve_log(JSONFormatter())  # configured anew, as a new logging_config does
        logging.getLogger("serve_app.jobs.worker").info("job_1 has succeeded.")
        line = json.loads(written.getvalue())
        assert (line["message"], line["deployment"]) == ("job_1 has succeeded.", "voicegraph_Vocoder")
    finally:
        for logger, (handlers, level, propagate) in zip(ours, before, strict=True):
            logger.handlers, logger.level, logger.propagate = handlers, level, propagate


def test_elsewhere_logging_is_left_alone() -> None:
    logger = logging.getLogger("serve_app")
    before = logger.handlers, logger.level, logger.propagate
    assert not ray.is_initialized()
    logs.log_with_serve()
    assert (logger.handlers, logger.level, logger.propagate) == before
