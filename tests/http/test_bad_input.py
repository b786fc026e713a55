"""Bad input is refused with a message that helps, in OpenAI's shape, before anything reaches a stage."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from deployments.settings import HttpSettings, VoiceSettings
from serve_app.graph import Overloaded, StageUnavailable
from tests.http.fakes import Served, speech
from tts_models.errors import (
    AssetError,
    InvalidRequest,
    ReferenceAudioError,
    SynthesisError,
    TtsError,
    UnpronounceableText,
    UnsupportedLanguage,
)

JSON = {"Content-Type": "application/json"}
SPEECH = "/v1/audio/speech"


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The error of a response, after checking what holds for every one."""
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"]
    error: dict[str, Any] = body["error"]
    assert error["message"].endswith((".", "?"))
    return error


@pytest.mark.parametrize(
    ("changes", "status", "param", "code", "hint"),
    [
        ({"input": ""}, 400, "input", "empty_input", "empty"),
        ({"input": " \t\n\u3000\u00a0"}, 400, "input", "empty_input", "empty"),
        ({"input": "a" * 10_001}, 400, "input", "input_too_long", "10,001 characters; this server accepts 10,000"),
        ({"input": "a\0b"}, 400, "input", "invalid_value", "null character at position 1"),
        ({"input": "\ud800"}, 400, "input", "invalid_value", "surrogate"),
        ({"input": "a" * 9_999 + "\udfff"}, 400, "input", "invalid_value", "at position 9999"),
        ({"language": "en-\ud83d"}, 400, "language", "invalid_value", "surrogate"),
        ({"input": 5}, 400, "input", "invalid_value", "valid string, not 5"),
        ({"input": ["a"]}, 400, "input", "invalid_value", "valid string"),
        ({"input": None}, 400, "input", "missing_required_parameter", "'input' is missing"),
        ({"voice": None}, 400, "voice", "missing_required_parameter", "'voice' is missing"),
        ({"model": None}, 400, "model", "missing_required_parameter", "'model' is missing"),
        ({"voice": "af_hart"}, 404, "voice", "voice_not_found", "Did you mean af_heart"),
        ({"voice": "heart"}, 404, "voice", "voice_not_found", "Did you mean af_heart"),
        ({"voice": "x" * 5_000}, 404, "voice", "voice_not_found", "af_bella"),
        ({"voice": {"id": "nobody"}}, 404, "voice", "voice_not_found", "'nobody'"),
        ({"voice": {"name": "af_heart"}}, 400, "voice", "invalid_value", "valid string"),
        ({"voice": {"id": 3}}, 400, "voice", "invalid_value", "valid string, not 3"),
        ({"voice": "\udfff"}, 400, "voice", "invalid_value", "surrogate"),
        ({"model": "tts-9"}, 404, "model", "model_not_found", "kokoro-82m, tts-1"),
        ({"model": "m" * 5_000}, 404, "model", "model_not_found", "kokoro-82m, tts-1"),
        ({"response_format": "ogg"}, 400, "response_format", "invalid_value", "'mp3', 'opus', 'aac', 'flac', 'wav'"),
        ({"response_format": ["mp3"]}, 400, "response_format", "invalid_value", "'mp3', 'opus'"),
        ({"stream_format": "chunks"}, 400, "stream_format", "invalid_value", "'audio' or 'sse', not 'chunks'"),
        ({"stream_format": "sse", "stream": False}, 400, "stream", "invalid_value", "stream"),
        ({"stream": "yes"}, 400, "stream", "invalid_value", "valid boolean"),
        ({"speed": 0.24}, 400, "speed", "invalid_value", "greater than or equal to 0.25, not 0.24"),
        ({"speed": 4.01}, 400, "speed", "invalid_value", "less than or equal to 4, not 4.01"),
        ({"speed": float("nan")}, 400, "speed", "invalid_value", "not nan"),
        ({"speed": float("inf")}, 400, "speed", "invalid_value", "not inf"),
        ({"speed": "NaN"}, 400, "speed", "invalid_value", "valid number, not 'NaN'"),
        ({"speed": "fast"}, 400, "speed", "invalid_value", "valid number, not 'fast'"),
        ({"speed": True}, 400, "speed", "invalid_value", "valid number, not True"),
        ({"volume": -0.1}, 400, "volume", "invalid_value", "greater than or equal to 0"),
        ({"volume": 4.5}, 400, "volume", "invalid_value", "less than or equal to 4"),
        ({"seed": -1}, 400, "seed", "invalid_value", "greater than or equal to 0"),
        ({"seed": 2**32}, 400, "seed", "invalid_value", "less than or equal to 4294967295"),
        ({"seed": 1.5}, 400, "seed", "invalid_value", "valid integer"),
        ({"seed": "1"}, 400, "seed", "invalid_value", "valid integer, not '1'"),
        ({"language": "x" * 36}, 400, "language", "invalid_value", "at most 35 characters"),
        ({"language": "tlh"}, 400, "language", "unsupported_language", "en-GB (British English), es (Spanish)"),
        ({"language": 5}, 400, "language", "invalid_value", "valid string"),
        ({"instructions": "a" * 4_097}, 400, "instructions", "invalid_value", "at most 4096 characters"),
        ({"speed": 9, "seed": -1}, 400, "speed", "invalid_value", "'seed'"),
    ],
)
async def test_a_bad_field(
    changes: dict[str, Any],
    status: int,
    param: str,
    code: str,
    hint: str,
    served: Served,
    client: httpx.AsyncClient,
) -> None:
    response = await client.post(SPEECH, content=json.dumps(speech() | changes), headers=JSON)

    assert response.status_code == status
    error = error_of(response)
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert hint in error["message"]
    assert len(error["message"]) < 400
    assert served.graph.spoken == []


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code", "hint"),
    [
        (b"{", "application/json", 400, "invalid_json", "not valid JSON"),
        (b'{"model": "tts-1", }', "application/json", 400, "invalid_json", "at character 19"),
        (b"", "application/json", 400, "invalid_body", "must be a JSON object"),
        (b"null", "application/json", 400, "invalid_body", "must be a JSON object"),
        (b"[1]", "application/json", 400, "invalid_body", "must be a JSON object"),
        (b'"hello"', "application/json", 400, "invalid_body", "must be a JSON object"),
        (b'{"input": "\xff"}', "application/json", 400, "invalid_body", "JSON object in UTF-8"),
        (b"[" * 100_000, "application/json", 400, "invalid_body", "JSON"),
        (b'{"speed": ' + b"9" * 5_000 + b"}", "application/json", 400, "invalid_body", "JSON"),
        (json.dumps(speech()).encode(), "text/plain", 415, "unsupported_media_type", "text/plain"),
        (json.dumps(speech()).encode(), None, 415, "unsupported_media_type", "application/json"),
        (
            json.dumps(speech()).encode(),
            "application/x-www-form-urlencoded",
            415,
            "unsupported_media_type",
            "application/json",
        ),
        (b"\0" * 1_000, "audio/wav", 415, "unsupported_media_type", "audio/wav"),
    ],
)
async def test_a_bad_body(
    body: bytes,
    content_type: str | None,
    status: int,
    code: str,
    hint: str,
    served: Served,
    client: httpx.AsyncClient,
) -> None:
    response = await client.post(SPEECH, content=body, headers={"Content-Type": content_type} if content_type else {})

    assert response.status_code == status, response.text
    error = error_of(response)
    assert (error["type"], error["code"]) == ("invalid_request_error", code)
    assert hint in error["message"]
    assert served.graph.spoken == []


async def test_a_limit_is_a_setting() -> None:
    served = Served(HttpSettings(max_input_characters=5, max_body_bytes=200, voices=VoiceSettings(max_sample_bytes=1)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(served.app), base_url="http://test") as client:
        assert (await client.post(SPEECH, json=speech(input="12345"))).status_code == 200
        assert (await client.post(SPEECH, json=speech(input="123456"))).status_code == 400
        response = await client.post(SPEECH, json=speech(instructions="a" * 200))
        assert response.status_code == 413
        assert "larger than the 201 bytes" in error_of(response)["message"]


@pytest.mark.parametrize("path", [SPEECH, "/v1/nowhere", "/health"])
async def test_a_body_that_says_it_is_too_large_is_not_read(path: str, client: httpx.AsyncClient) -> None:
    async def body() -> Any:
        raise AssertionError("the body was read")
        yield b""

    headers = JSON | {"Content-Length": str(50_000_000)}
    response = await client.request("POST", path, content=body(), headers=headers)

    assert response.status_code == 413
    assert error_of(response)["code"] == "request_too_large"


@pytest.mark.parametrize("length", ["9" * 6_000, "-5", "many"])
async def test_a_content_length_that_is_no_length(length: str, served: Served) -> None:
    """A server would have refused it; behind a careless one it must not break us either: the bytes that come count."""
    messages: list[Any] = []
    body = [{"type": "http.request", "body": json.dumps(speech()).encode(), "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not body:
            await asyncio.Event().wait()  # as a server does: after the body comes nothing until the client leaves
        return body.pop()

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": SPEECH,
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", length.encode())],
    }
    await served.app(scope, receive, send)

    assert messages[0]["status"] == (413 if length.isdecimal() else 200)


async def test_a_body_in_chunks_is_cut_off_at_the_limit(served: Served, client: httpx.AsyncClient) -> None:
    sent = 0

    async def body() -> Any:
        nonlocal sent
        for _ in range(50):
            sent += 1_000_000
            yield b" " * 1_000_000

    response = await client.post(SPEECH, content=body(), headers=JSON)

    assert response.status_code == 413
    assert error_of(response)["code"] == "request_too_large"
    assert sent < 20_000_000  # a voice sample may be in it
    assert served.graph.spoken == []


@pytest.mark.parametrize(
    ("error", "status", "kind", "code", "param", "retry_after"),
    [
        (UnsupportedLanguage("No tlh here."), 400, "invalid_request_error", "unsupported_language", "language", None),
        (UnpronounceableText("Only dots."), 400, "invalid_request_error", "unpronounceable_input", "input", None),
        (ReferenceAudioError("Silent."), 400, "invalid_request_error", "invalid_reference_audio", "audio_sample", None),
        (InvalidRequest("A bad tag.", "input"), 400, "invalid_request_error", "invalid_value", "input", None),
        (Overloaded("Busy.", 1.2), 429, "rate_limit_error", "overloaded", None, "2"),
        (Overloaded("Busy.", 0.0), 429, "rate_limit_error", "overloaded", None, "1"),
        (SynthesisError("Silence came out."), 500, "server_error", "synthesis_failed", None, None),
        (StageUnavailable("No vocoder."), 503, "server_error", "unavailable", None, "5"),
    ],
)
async def test_an_error_of_a_stage_before_any_audio(
    error: TtsError,
    status: int,
    kind: str,
    code: str,
    param: str | None,
    retry_after: str | None,
    served: Served,
    client: httpx.AsyncClient,
) -> None:
    served.script(error)

    response = await client.post(SPEECH, json=speech())

    assert response.status_code == status
    told = error_of(response)
    assert told == {"message": error.message, "type": kind, "param": param, "code": code}
    assert response.headers.get("retry-after") == retry_after
    assert served.outcomes == {"rejected" if status < 500 else "failed": 1}


@pytest.mark.parametrize("error", [RuntimeError("secret: /root/key"), AssetError("secret: /root/key is gone")])
@pytest.mark.parametrize("options", [{}, {"stream": False}, {"stream_format": "sse"}])
async def test_an_unknown_error_tells_the_caller_nothing_and_the_log_everything(
    error: Exception,
    options: dict[str, Any],
    served: Served,
    client: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    served.script(error)

    response = await client.post(SPEECH, json=speech(**options), headers={"x-request-id": "abc-1"})

    assert response.status_code == 500
    told = error_of(response)
    assert "secret" not in response.text
    assert "abc-1" in told["message"]
    assert (told["type"], told["code"]) == ("server_error", "internal_error")
    (record,) = [record for record in caplog.records if record.name.startswith("serve_app")]
    assert "abc-1" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert served.outcomes == {"failed": 1}


async def test_no_audio_at_all_is_an_error_and_not_an_empty_file(served: Served, client: httpx.AsyncClient) -> None:
    served.script()

    for options in ({"response_format": "wav"}, {"stream": False}, {"stream_format": "sse"}):
        response = await client.post(SPEECH, json=speech(**options))
        assert response.status_code == 500
        assert error_of(response)["code"] == "synthesis_failed"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nowhere", 404, "not_found"),
        ("GET", "/v1/readyz", 404, "not_found"),  # would make wyoming_openai take us for LocalAI
        ("POST", "/v1/audio/speech/x", 404, "not_found"),
        ("GET", SPEECH, 405, "method_not_allowed"),
        ("DELETE", "/v1/models", 405, "method_not_allowed"),
        ("GET", "/v1/models/nope", 404, "model_not_found"),
        ("GET", "/" + "x" * 3_000, 404, "not_found"),
    ],
)
async def test_a_wrong_address(
    method: str, path: str, status: int, code: str, served: Served, client: httpx.AsyncClient
) -> None:
    response = await client.request(method, path)

    assert response.status_code == status
    error = error_of(response)
    assert error["code"] == code
    assert len(error["message"]) < 200
    assert ("allow" in response.headers) is (status == 405)
