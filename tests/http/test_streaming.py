"""Over a real socket: audio leaves as it is made, work stops when nobody listens, and broken audio looks broken."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from ray.exceptions import TaskCancelledError
from starlette.types import Message, Scope

from deployments.settings import AdmissionSettings
from tests.http.fakes import Gate, Served, speech, tone, uvicorn_server, wait_until
from tts_models.errors import SynthesisError, UnpronounceableText
from tts_models.types import Audio

SPEECH = "/v1/audio/speech"
SECOND_BYTES = 48_000  # of pcm


def ask(served: Served, **changes: Any) -> socket.socket:
    """A connection on which a request was sent, and nothing read."""
    body = json.dumps(speech(**changes)).encode()
    address = urlsplit(served.base_url)
    connection = socket.create_connection((address.hostname, address.port), timeout=60)
    head = (
        f"POST {SPEECH} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


def status_line(connection: socket.socket) -> bytes:
    return connection.recv(64).split(b"\r\n")[0]


def read_until_broken(served: Served, request: dict[str, Any]) -> tuple[str, bytes]:
    """The request id, and what could be read of an answer that must break off."""
    received = b""
    with httpx.stream("POST", served.base_url + SPEECH, json=request, timeout=60) as response:
        try:
            for chunk in response.iter_raw():
                received += chunk
        except httpx.RemoteProtocolError:
            return response.headers["x-request-id"], received
    raise AssertionError("the answer came to a proper end")


@pytest.mark.parametrize("audio_format", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_audio_arrives_before_later_segments_are_made(audio_format: str, live: Served) -> None:
    rest = Gate()
    live.script(tone(2.0), rest, tone(2.0))

    with httpx.stream(
        "POST", live.base_url + SPEECH, json=speech(response_format=audio_format), timeout=60
    ) as response:
        chunks = response.iter_raw()
        assert next(chunks)
        assert live.graph.ended == []
        rest.open()
        assert sum(map(len, chunks)) > 0

    assert live.graph.ended == ["done"]


def test_events_arrive_before_later_segments_are_made(live: Served) -> None:
    rest = Gate()
    live.script(tone(0.1), rest, tone(0.1))

    request = speech(response_format="pcm", stream_format="sse")
    with httpx.stream("POST", live.base_url + SPEECH, json=request, timeout=60) as response:
        lines = response.iter_lines()
        delta = json.loads(next(lines).removeprefix("data: "))
        assert len(base64.b64decode(delta["audio"])) == SECOND_BYTES // 10
        assert live.graph.ended == []
        rest.open()
        assert sum("speech.audio.delta" in line for line in lines) == 1


def test_headers_wait_for_the_first_audio(live: Served) -> None:
    first = Gate()
    live.script(first, UnpronounceableText("Only dots."))

    with ask(live) as connection:
        wait_until(lambda: bool(live.graph.spoken))
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        first.open()
        connection.settimeout(60)
        assert status_line(connection) == b"HTTP/1.1 400 Bad Request"


@pytest.mark.parametrize("options", [{}, {"stream": False}, {"stream_format": "sse"}])
def test_leaving_before_any_audio_stops_the_work(options: dict[str, Any], live: Served) -> None:
    live.script(Gate(), tone(1.0))

    with ask(live, **options):
        wait_until(lambda: bool(live.graph.spoken))

    assert live.wait_for_ending() == "closed"
    wait_until(lambda: live.outcomes == {"disconnected": 1})


@pytest.mark.parametrize("options", [{}, {"stream_format": "sse"}])
def test_leaving_in_the_middle_stops_the_work(options: dict[str, Any], live: Served) -> None:
    live.script(tone(1.0), Gate(), tone(1.0))

    with ask(live, **options) as connection:
        assert status_line(connection) == b"HTTP/1.1 200 OK"

    assert live.wait_for_ending() == "closed"
    wait_until(lambda: live.outcomes == {"disconnected": 1})


def test_leaving_while_a_large_answer_waits_to_be_read_stops_the_work(live: Served) -> None:
    """The response is then stuck in ``send``, not in the graph, whose generator must be closed all the same."""
    live.script(*[tone(20.0)] * 50)

    with ask(live, response_format="pcm"):
        wait_until(lambda: bool(live.graph.spoken))
        assert live.graph.ended == []

    assert live.wait_for_ending() == "closed"
    wait_until(lambda: live.outcomes == {"disconnected": 1})


async def test_a_proxy_that_is_gone_is_a_client_that_left() -> None:
    """Serve's ``receive`` asks the proxy, and raises what became of that."""
    served = Served()
    served.script(tone(1.0), Gate(), tone(1.0))
    sent: list[Message] = []

    async def receive() -> Message:
        if not served.graph.spoken:
            return {"type": "http.request", "body": json.dumps(speech()).encode()}
        await asyncio.sleep(0.1)
        raise TaskCancelledError

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"test"), (b"content-type", b"application/json")]
    request: Scope = {"type": "http", "method": "POST", "path": SPEECH, "query_string": b"", "headers": headers}
    await asyncio.wait_for(served.app(request, receive, send), 60)

    assert sent[0]["status"] == 200
    assert served.graph.ended == ["closed"]
    assert served.outcomes == {"disconnected": 1}


def test_a_slow_reader_does_not_make_the_server_collect_audio(live: Served) -> None:
    taken = 0

    def script() -> Iterator[Audio]:
        nonlocal taken
        for _ in range(50):
            taken += 1
            yield tone(20.0)  # 960 kB

    live.graph.script = script()

    with ask(live, response_format="pcm"):
        wait_until(lambda: bool(live.graph.spoken))
        before = -1
        while before != taken:  # until the socket's buffers are full
            before = taken
            time.sleep(0.5)
        assert taken < 25


def test_when_every_place_is_taken_the_next_caller_is_told_so() -> None:
    with uvicorn_server(Served(places=AdmissionSettings(max_running=2, max_waiting=0))) as served:
        rest = Gate()
        served.script(tone(0.5), rest, tone(0.5))
        with ask(served) as one, ask(served) as two:
            assert status_line(one) == status_line(two) == b"HTTP/1.1 200 OK"
            refused = httpx.post(served.base_url + SPEECH, json=speech(), timeout=60)
            assert httpx.get(served.base_url + "/health", timeout=60).status_code == 200
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert refused.headers["retry-after-ms"] == "1000"
        assert refused.json()["error"]["code"] == "overloaded"
        wait_until(lambda: served.outcomes == {"rejected": 1, "disconnected": 2})
        assert len(served.graph.spoken) == 2

        rest.open()
        assert httpx.post(served.base_url + SPEECH, json=speech(), timeout=60).status_code == 200


@pytest.mark.parametrize("audio_format", ["mp3", "wav", "pcm"])
def test_a_failure_in_the_middle_does_not_look_like_the_end(audio_format: str, live: Served) -> None:
    live.script(tone(1.0), SynthesisError("NaN came out."))

    request = speech(response_format=audio_format)
    with httpx.stream("POST", live.base_url + SPEECH, json=request, timeout=60) as response:
        assert response.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            response.read()

    wait_until(lambda: live.outcomes == {"broken": 1})
    assert live.graph.ended == ["raised"]


def test_a_failure_in_the_middle_of_events_says_so_first(live: Served) -> None:
    live.script(tone(0.1), SynthesisError("NaN came out."))

    _, received = read_until_broken(live, speech(response_format="pcm", stream_format="sse"))

    delta, error = [json.loads(event.removeprefix(b"data: ")) for event in received.strip().split(b"\n\n")]
    assert delta["type"] == "speech.audio.delta"
    assert error == {
        "type": "error",
        "error": {"message": "NaN came out.", "type": "server_error", "param": None, "code": "synthesis_failed"},
    }


def test_an_unknown_failure_in_the_middle_tells_nothing_more(live: Served) -> None:
    live.script(tone(0.1), RuntimeError("secret"))

    request_id, received = read_until_broken(live, speech(stream_format="sse"))

    assert b"secret" not in received
    assert request_id.encode() in received


def test_the_connection_is_good_for_another_request(live: Served) -> None:
    address = urlsplit(live.base_url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    headers = {"Content-Type": "application/json"}
    for body, status in [(speech(), 200), (speech(input=""), 400), (speech(stream=False), 200)]:
        connection.request("POST", SPEECH, json.dumps(body), headers)
        response = connection.getresponse()
        assert response.read()
        assert response.status == status
        assert connection.sock is not None
    connection.close()


@pytest.mark.parametrize("chunked", [False, True])
def test_fifty_megabytes_are_refused_with_an_answer(chunked: bool, live: Served) -> None:
    body = b'{"input": "' + b"a" * 50_000_000 + b'"}'
    content = iter([body[i : i + 65_536] for i in range(0, len(body), 65_536)]) if chunked else body

    response = httpx.post(
        live.base_url + SPEECH, content=content, headers={"Content-Type": "application/json"}, timeout=60
    )

    assert response.status_code == 413
    assert response.json()["error"]["code"] == "request_too_large"
    assert live.graph.spoken == []
