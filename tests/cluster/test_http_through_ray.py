"""HTTP as it comes out of Ray Serve's proxy, over models that sleep: what an in-process test cannot show."""

from __future__ import annotations

import json
import shutil
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import ray

from deployments.metrics import (
    EMBEDDING_LOOKUPS,
    METRICS,
    RETRIES,
    SPEECH_LOOKUPS,
    SPEECH_SAVED,
    STAGE_GIVEN_UP,
    STAGE_PADDING,
)
from tests.cluster.conftest import Cluster
from tests.support.prometheus import dashboard_queries, prometheus
from tests.support.waiting import at_rest, until
from tts_models.types import FRAME_SAMPLES

SPEECH = "/v1/audio/speech"
FRAME_BYTES = 2 * FRAME_SAMPLES
RAY_FORGETS_S = 25.0
"""A gauge that was not set for 20 s is gone."""
QUIET = {
    "Calls made again", "Work given up", "Embeddings by where they were found", "Speech kept and asked for again"
} | {f"GPU {what}" for what in ("busy", "memory", "temperature")}  # fmt: skip
"""Panels that are empty while all is well, no speech is kept and no GPU is there."""
STILL = 'deployment="SpeakerEncoder"'
"""Nobody enrols a voice here, so that what counts that stage's calls has counted none."""


def speech(text: str, **changes: Any) -> dict[str, Any]:
    return {"model": "tts-1", "voice": "af_test", "input": text, "response_format": "pcm", **changes}


def endpoint() -> str:
    """Where Ray's metrics are."""
    (node,) = ray.nodes()
    return f"http://127.0.0.1:{node['MetricsExportPort']}/metrics"


def exported() -> set[str]:
    """Names of all metrics there, as they are declared."""
    lines = httpx.get(endpoint(), timeout=10).text.splitlines()
    return {line.partition("{")[0].removesuffix("_bucket") for line in lines if not line.startswith("#")}


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> Cluster:
    cluster.deploy()
    return cluster


def test_speech(server: Cluster) -> None:
    response = httpx.post(server.url + SPEECH, json=speech("40 20 10"), timeout=60)

    assert response.status_code == 200
    assert len(response.content) == 70 * FRAME_BYTES
    assert response.headers["transfer-encoding"] == "chunked"


def test_audio_arrives_before_later_segments_are_made(server: Cluster) -> None:
    """The last segment is held back until the first is heard. It starts when the first is ready: three in flight."""
    server.log.clear()
    text = "40 30 20 10!vocoder-waits"
    with httpx.stream("POST", server.url + SPEECH, json=speech(text), timeout=60) as response:
        chunks = response.iter_raw()
        heard = 0
        while heard < 40 * FRAME_BYTES:
            heard += len(next(chunks))
        assert heard <= 90 * FRAME_BYTES
        server.log.open_gate()
        assert heard + sum(map(len, chunks)) == 100 * FRAME_BYTES


def test_every_response_has_one_request_id(server: Cluster) -> None:
    for path in ("/health", "/nowhere", "/v1/models/none"):
        made = httpx.get(server.url + path, timeout=60).headers.get_list("x-request-id")
        kept = httpx.get(server.url + path, headers={"x-request-id": "abc-1"}, timeout=60).headers.get_list(
            "x-request-id"
        )
        assert len(made) == 1
        assert kept == ["abc-1"]


def test_the_log_and_the_answer_name_the_same_request(server: Cluster) -> None:
    response = httpx.post(server.url + SPEECH, json=speech("1!vocoder-crashes"), timeout=60)

    assert response.status_code == 500
    error = response.json()["error"]
    assert error["code"] == "internal_error"
    request_id = response.headers["x-request-id"]
    assert request_id in error["message"]
    assert "defect" not in response.text
    logs = Path(ray._private.worker.global_worker.node.get_logs_dir_path())

    def logged() -> bool:
        texts = [path.read_text(errors="replace") for path in logs.rglob("*") if path.is_file()]
        in_ingress = any(f"request id {request_id}" in text and "RuntimeError" in text for text in texts)
        in_stage = any(request_id in text and "a defect of the model" in text for text in texts)
        return in_ingress and in_stage

    until(logged, 60, "the error and its request id are in the logs of the ingress, without its message, and the stage")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (speech("?"), 400, "unpronounceable_input"),
        (speech("1!vocoder-fails"), 500, "synthesis_failed"),
        (speech("1!acoustic-fails"), 500, "synthesis_failed"),
        (speech("1", voice="af_tset"), 404, "voice_not_found"),
        (speech("1", speed=9), 400, "invalid_value"),
        (speech("1", language="tlh"), 400, "unsupported_language"),
        (speech("1" * 16_000_000), 413, "request_too_large"),
    ],
)
def test_errors(body: dict[str, Any], status: int, code: str, server: Cluster) -> None:
    response = httpx.post(server.url + SPEECH, json=body, timeout=60)

    assert response.status_code == status, response.text
    assert response.json()["error"]["code"] == code


def test_a_failure_in_the_middle_does_not_look_like_the_end(server: Cluster) -> None:
    with httpx.stream("POST", server.url + SPEECH, json=speech("40 40 40!vocoder-fails 40"), timeout=60) as response:
        assert response.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            response.read()


def test_a_failure_in_the_middle_of_events_says_so_first(server: Cluster) -> None:
    received = b""
    request = speech("40 40!vocoder-crashes", stream_format="sse")
    with httpx.stream("POST", server.url + SPEECH, json=request, timeout=60) as response:
        try:
            for chunk in response.iter_raw():
                received += chunk
        except httpx.RemoteProtocolError:
            received += b"broken"

    assert received.endswith(b"broken")
    last = json.loads(received.removesuffix(b"broken").strip().split(b"\n\n")[-1].removeprefix(b"data: "))
    assert last["type"] == "error"
    assert last["error"]["code"] == "internal_error"


@pytest.mark.parametrize("options", [{}, {"stream": False}, {"stream_format": "sse"}])
def test_leaving_stops_the_work_of_later_segments(options: dict[str, Any], server: Cluster) -> None:
    server.log.clear()
    body = json.dumps(speech(" ".join(["300"] * 100), **options)).encode()
    address = urlsplit(server.url)
    head = f"POST {SPEECH} HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        until(lambda: server.log.read("vocoder"), 60, "a segment is in the vocoder")

    def made() -> tuple[int, int]:
        return len(server.log.read("acoustic")), len(server.log.read("vocoder"))

    # What was in the stages when the client left is finished; five more segments would be made meanwhile.
    _, in_vocoder = at_rest(made, still_s=1.5)
    assert in_vocoder < 50


def test_health_counts_replicas(server: Cluster) -> None:
    response = httpx.get(server.url + "/health", timeout=60)

    assert response.status_code == 200
    replicas = response.json()["replicas"]
    assert set(replicas) == {
        "Ingress", "Admission", "JobWorker", "VoiceFitter", "TextFrontend", "SpeakerEncoder", "AcousticModel", "Vocoder"
    }  # fmt: skip
    assert all(replicas.values())


UNEVENTFUL = {RETRIES, STAGE_GIVEN_UP, STAGE_PADDING, EMBEDDING_LOOKUPS, SPEECH_LOOKUPS, SPEECH_SAVED}
"""Of these nothing happens in a quiet run without a cache of speech; a counter that has not counted is absent."""


def test_what_is_counted_reaches_the_endpoint_and_stays(server: Cluster) -> None:
    httpx.post(server.url + SPEECH, json=speech("1"), timeout=60)
    httpx.post(server.url + SPEECH, json=speech(""), timeout=60)

    def missing() -> set[str]:
        return {metric.exported for metric in METRICS if metric not in UNEVENTFUL} - exported()

    until(lambda: not missing(), 90, "all of them are exported")
    time.sleep(RAY_FORGETS_S)
    assert missing() == set()


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus here; Debian has it")
def test_a_prometheus_answers_every_query_of_the_dashboard(server: Cluster, tmp_path: Path) -> None:
    httpx.post(server.url + SPEECH, json=speech("1 1"), timeout=60)
    httpx.post(server.url + SPEECH, json=speech(""), timeout=60)
    with prometheus(endpoint(), tmp_path) as ask:
        silent: list[tuple[str, str]] = []

        def all_answer() -> bool:
            silent[:] = [
                (title, query)
                for title, query in dashboard_queries()
                if title not in QUIET and STILL not in query and not ask(query)
            ]
            return not silent

        try:
            until(all_answer, 90, "every query returns data")
        except AssertionError as error:
            raise AssertionError(f"{error}; without data: {silent}; exported: {sorted(exported())}") from error


def test_keys_are_asked_of_clients_elsewhere(server: Cluster) -> None:
    """Replicas know that the proxy listens on the loopback interface, and see whom it was asked by."""
    elsewhere = {"X-Forwarded-For": "203.0.113.7"}

    assert httpx.post(server.url + SPEECH, json=speech("1"), timeout=60).status_code == 200
    refused = httpx.post(server.url + SPEECH, json=speech("1"), headers=elsewhere, timeout=60)
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "missing_api_key"
    assert httpx.get(server.url + "/v1/audio/voices", headers=elsewhere, timeout=60).status_code == 200
