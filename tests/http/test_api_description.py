"""The API's description is true, and its page needs nothing from elsewhere."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import jsonschema
import pytest

from serve_app.http.audio_encoding import CONTENT_TYPES
from tests.http.fakes import Served, speech, tone

JOB = "/v1/audio/jobs/{job_id}"
JOB_PATHS = {"/v1/audio/jobs", JOB, *(f"{JOB}/{what}" for what in ("audio", "captions", "events", "manifest", "retry"))}
PATHS = {
    "/v1/audio/captions",
    "/v1/audio/speech",
    "/v1/audio/speech/{request_id}/captions",
    "/v1/audio/voices",
    "/v1/audio/voices/import",
    "/v1/audio/voices/{voice}",
    "/v1/audio/voices/{voice}/export",
    "/v1/audio/voices/{voice}/sample",
    "/v1/audio/voice_consents",
    "/v1/audio/voice_consents/{consent}",
    "/v1/audio/voice_consents/{consent}/recording",
    "/v1/audio/models",
    "/v1/models",
    "/v1/models/{model}",
    "/v1/dictionaries",
    "/v1/dictionaries/preview",
    "/v1/dictionaries/{dictionary}/entries",
    "/v1/dictionaries/{dictionary}/entries/{entry_id}",
    "/v1/dictionaries/{dictionary}/export",
    "/v1/dictionaries/{dictionary}/import",
    "/v1/load",
    "/v1/load/events",
    "/v1/stats",
    "/health",
}


@pytest.fixture
async def description(client: httpx.AsyncClient) -> dict[str, Any]:
    body: dict[str, Any] = (await client.get("/openapi.json")).json()
    return body


def check(value: Any, schema: dict[str, Any], description: dict[str, Any]) -> None:
    """``value`` is of the form that ``schema`` describes."""
    jsonschema.Draft202012Validator({**schema, "components": description["components"]}).validate(value)


async def test_every_route_is_described(description: dict[str, Any]) -> None:
    assert set(description["paths"]) == PATHS | JOB_PATHS
    for operations in description["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert operation["description"]
            assert "422" not in operation["responses"]  # FastAPI's own shape, which we never send


_POSTED = {"/v1/audio/speech", "/v1/audio/captions", "/v1/dictionaries/preview"}
_ENDS = (
    "/import", "/events", "/{entry_id}", "/{request_id}/captions", "/sample", "/{consent}", "/recording",
    "/{voice}/export",
)  # fmt: skip
_NOT_PLAIN = {path for path in PATHS if path.endswith(_ENDS)} | _POSTED


@pytest.mark.parametrize("path", sorted(PATHS - _NOT_PLAIN))
async def test_answers_are_as_described(path: str, client: httpx.AsyncClient, description: dict[str, Any]) -> None:
    response = await client.get(path.format(model="tts-1", dictionary="own", voice="af_heart"))

    described = description["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    check(response.json(), described, description)


async def test_speech_is_described_as_it_is_sent(client: httpx.AsyncClient, description: dict[str, Any]) -> None:
    described = description["paths"]["/v1/audio/speech"]["post"]["responses"]["200"]["content"]

    sent = {"text/event-stream"}
    for audio_format in CONTENT_TYPES:
        response = await client.post("/v1/audio/speech", json=speech(response_format=audio_format))
        sent.add(response.headers["content-type"])
    timed = await client.post("/v1/audio/speech", json=speech(timestamps="viseme"))
    check(timed.json(), described["application/json"]["schema"], description)
    sent.add(timed.headers["content-type"])
    assert set(described) == sent
    assert all(described[kind]["schema"]["format"] == "binary" for kind in sent if kind.startswith("audio"))


@pytest.mark.parametrize(
    "body",
    [
        speech(voice="nobody"),
        speech(model="none"),
        speech(speed=9),
        speech(input=""),
        speech(input="a" * 10_001),
        speech(input="a" * 1_000_001),
    ],
)
async def test_errors_are_as_described(
    body: dict[str, Any], client: httpx.AsyncClient, description: dict[str, Any]
) -> None:
    response = await client.post("/v1/audio/speech", json=body)

    responses = description["paths"]["/v1/audio/speech"]["post"]["responses"]
    described = responses[str(response.status_code)]["content"]["application/json"]
    check(response.json(), described["schema"], description)
    assert response.json()["error"]["code"] in described["examples"]


async def test_examples_are_of_the_form_that_they_illustrate(description: dict[str, Any]) -> None:
    operation = description["paths"]["/v1/audio/speech"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    request = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for example in request["examples"]:
        check(example, request, description)
    for status, response in operation["responses"].items():
        if status not in ("200", "default"):
            content = response["content"]["application/json"]
            for example in content["examples"].values():
                check(example["value"], content["schema"], description)


async def test_the_request_schema_takes_what_the_server_takes(
    served: Served, client: httpx.AsyncClient, description: dict[str, Any]
) -> None:
    served.script(tone(0.05))
    schema = {"$ref": "#/components/schemas/SpeechRequest"}
    for body in (speech(), speech(voice={"id": "af_heart"}), speech(speed=0.25, seed=1, volume=0, stream=False)):
        check(body, schema, description)
        assert (await client.post("/v1/audio/speech", json=body)).status_code == 200
    for body in (speech(speed=5), speech(voice=3), {"input": "a", "model": "tts-1"}):
        with pytest.raises(jsonschema.ValidationError):
            check(body, schema, description)
        assert (await client.post("/v1/audio/speech", json=body)).status_code == 400


async def test_the_documentation_page_needs_no_other_server(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")

    assert page.status_code == 200
    sources = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page.text)
    assert len(sources) >= 3
    for source in sources:
        assert source.startswith("/"), source
        assert (await client.get(source)).status_code == 200
    assert json.dumps("/openapi.json") in page.text or "'/openapi.json'" in page.text
