"""The lists that clients read before they speak, in the shapes those clients expect."""

from __future__ import annotations

import httpx
import pytest

from deployments.settings import HttpSettings
from tests.http.fakes import VOICES, Served

NAMES = ["kokoro-82m", "tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "kokoro"]


async def test_models_as_openai_lists_them(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1/models")).json()

    assert body["object"] == "list"
    assert [model["id"] for model in body["data"]] == NAMES
    assert all(model["object"] == "model" and model["created"] > 0 and model["owned_by"] for model in body["data"])


@pytest.mark.parametrize("name", NAMES)
async def test_a_model_and_its_voices(name: str, client: httpx.AsyncClient) -> None:
    body = (await client.get(f"/v1/models/{name}")).json()

    assert body["id"] == name
    # wyoming_openai sends back the `name` it finds here.
    assert sorted(voice["name"] for voice in body["voices"]) == sorted(VOICES)
    assert {"name": "jf_alpha", "language": "ja", "gender": "female"} in body["voices"]


async def test_an_unknown_model_with_a_slash(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/models/hexgrad/Kokoro-82M")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"


async def test_model_names_are_settings() -> None:
    served = Served(HttpSettings(model="ours", model_aliases=("theirs",)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(served.app), base_url="http://test") as client:
        assert (await client.get("/v1/audio/models")).json() == {"models": [{"id": "ours"}, {"id": "theirs"}]}
        assert (await client.get("/health")).json()["model"] == "ours"


async def test_models_as_open_webui_reads_them(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/audio/models")).json() == {"models": [{"id": name} for name in NAMES]}


async def test_voices(client: httpx.AsyncClient) -> None:
    voices = (await client.get("/v1/audio/voices")).json()["voices"]

    assert [voice["id"] for voice in voices] == sorted(VOICES)
    heart = next(voice for voice in voices if voice["id"] == "af_heart")
    assert {name: heart[name] for name in ("name", "language", "gender", "aliases")} == {
        "name": "Heart (en-US, female)",
        "language": "en-US",
        "gender": "female",
        "aliases": ["marin"],
    }


async def test_every_voice_and_alias_that_is_listed_can_be_asked_for(served: Served, client: httpx.AsyncClient) -> None:
    voices = (await client.get("/v1/audio/voices")).json()["voices"]
    for name in [name for voice in voices for name in (voice["id"], *voice["aliases"])]:
        response = await client.post("/v1/audio/speech", json={"model": "tts-1", "input": "Hi.", "voice": name})
        assert response.status_code == 200, name


async def test_health(served: Served, client: httpx.AsyncClient) -> None:
    served.replicas = {"Vocoder": 2, "TextFrontend": 1}

    response = await client.get("/health")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "model": "kokoro-82m",
        "voices": len(VOICES),
        "replicas": {"Vocoder": 2, "TextFrontend": 1},
    }
    assert response.text != "OK"  # would make wyoming_openai take us for Speaches


async def test_health_without_the_desk_of_admission(served: Served, client: httpx.AsyncClient) -> None:
    served.replicas = {"Vocoder": 1, "Admission": 0}

    assert (await client.get("/health")).status_code == 200


async def test_health_without_a_stage(
    served: Served, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    served.replicas = {"Vocoder": 0, "TextFrontend": 1}

    response = await client.get("/health")

    assert response.status_code == 503
    assert response.json()["error"]["message"] == "No replica is running of: Vocoder."
    assert response.headers["retry-after"]
    (record,) = [record for record in caplog.records if record.name.startswith("serve_app")]
    assert record.getMessage().endswith("No replica is running of: Vocoder.")
    assert record.exc_info is None  # it is asked again every second while a stage starts


async def test_the_probe_by_which_wyoming_openai_learns_that_it_may_read_the_voices(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/test")).json() == {"status": "ok"}
