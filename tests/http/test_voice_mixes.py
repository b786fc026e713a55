"""Mixes wherever a voice is named: speech, captions, SSML, jobs."""

from __future__ import annotations

import httpx
import pytest

from tests.http.fakes import Served, speech

MIX = "af_bella(2)+am_michael(1)"


@pytest.mark.parametrize("voice", [MIX, {"id": MIX}, "af_bella:2, am_michael:1", "coral(2)+ash(1)"])
@pytest.mark.parametrize("route", ["speech", "captions"])
async def test_a_mix_speaks(route: str, voice: object, served: Served, client: httpx.AsyncClient) -> None:
    response = await client.post(f"/v1/audio/{route}", json=speech(voice=voice))

    assert response.status_code == 200, response.text
    (utterance,) = served.graph.spoken
    assert utterance.voice.name == MIX
    assert (utterance.voice.gender, utterance.language) == ("female", "en-US")


async def test_mixes_in_ssml(served: Served, client: httpx.AsyncClient) -> None:
    text = f"<speak>One. <voice name='{MIX}'>Two. <voice name='af_bella + bf_emma'>Three.</voice></voice></speak>"
    response = await client.post("/v1/audio/speech", json=speech(input=text))

    assert response.status_code == 200, response.text
    (utterance,) = served.graph.spoken
    assert set(utterance.voices) == {MIX, "af_bella(1)+bf_emma(1)"}


async def test_a_job_in_a_mix(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/audio/jobs", json=speech(voice=MIX))
    assert response.status_code == 202, response.text
    refused = await client.post("/v1/audio/jobs", json=speech(voice="af_bella+nobody"))
    assert refused.json()["error"]["code"] == "voice_not_found"


@pytest.mark.parametrize(
    ("voice", "status", "says"),
    [
        ("af_bela+af_heart", 404, "There is no voice 'af_bela'. Did you mean af_bella"),
        ("af_bella(x)", 400, "makes no sense behind 'af_bella'. A mix is written such as"),
        ("af_bella-af_heart", 400, "25%"),
    ],
)
async def test_what_is_wrong_with_a_mix(voice: str, status: int, says: str, client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/audio/speech", json=speech(voice=voice))

    assert response.status_code == status
    error = response.json()["error"]
    assert says in error["message"]
    assert error["param"] == "voice"
