"""What the routes count."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from deployments.metrics import FIRST_AUDIO, HTTP_ERRORS, REAL_TIME
from deployments.settings import HttpSettings
from serve_app.voicevox.app import mount_voicevox
from tests.http.fakes import Served, speech, tone
from tests.metrics.fakes import Recorded
from tts_models.errors import SynthesisError

SPEECH = "/v1/audio/speech"


@pytest.fixture
def served(recorded: Recorded) -> Served:
    served = Served()
    mount_voicevox(served.app)
    return served


def client_of(served: Served) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(served.app), base_url="http://test")


@pytest.mark.parametrize(
    ("body", "mode"), [({}, "stream"), ({"stream": False}, "whole"), ({"timestamps": "word"}, "whole")]
)
async def test_how_soon_and_how_fast_speech_was_made(
    body: dict[str, Any], mode: str, served: Served, recorded: Recorded
) -> None:
    served.script(tone(1.5), tone(0.5))
    async with client_of(served) as client:
        assert (await client.post(SPEECH, json=speech(response_format="pcm", **body))).status_code == 200
    (first_s,) = recorded.of(FIRST_AUDIO, mode=mode)
    assert list(recorded.told[FIRST_AUDIO.name]) == [(("mode", mode),)]
    (ratio,) = recorded.of(REAL_TIME)
    assert 0 < first_s <= 2.0 / ratio  # the whole of it took two seconds of audio over the ratio


async def test_captions_are_no_audio(served: Served, recorded: Recorded) -> None:
    async with client_of(served) as client:
        assert (await client.post("/v1/audio/captions", json=speech(caption_format="vtt"))).status_code == 200
    assert recorded.told[FIRST_AUDIO.name] == {}


async def test_speech_that_breaks_off_has_no_speed(served: Served, recorded: Recorded) -> None:
    served.script(tone(0.5), SynthesisError("no more"))
    async with client_of(served) as client:
        with pytest.raises(Exception):  # noqa: B017, PT011  # a broken response, however the client calls it
            await client.post(SPEECH, json=speech(response_format="pcm"))
    assert len(recorded.of(FIRST_AUDIO, mode="stream")) == 1
    assert recorded.of(REAL_TIME) == []


@pytest.mark.parametrize(
    ("method", "path", "json", "labels"),
    [
        ("POST", SPEECH, speech(input=" "), (SPEECH, "400", "empty_input")),
        ("POST", SPEECH, speech(voice="nobody"), (SPEECH, "404", "voice_not_found")),
        ("POST", SPEECH, {}, (SPEECH, "400", "missing_required_parameter")),
        ("GET", "/v1/audio/jobs/job_of_somebody", None, ("/v1/audio/jobs/{job_id}", "404", "job_not_found")),
        ("GET", "/made/up/by/a/caller", None, ("other", "404", "not_found")),
        ("POST", "/voicevox/audio_query", None, ("/voicevox/audio_query", "422", "other")),
        ("GET", "/voicevox/made/up", None, ("/voicevox/*", "404", "other")),
    ],
)
async def test_errors_by_route_and_code(
    method: str, path: str, json: Any, labels: tuple[str, ...], served: Served, recorded: Recorded
) -> None:
    async with client_of(served) as client:
        await client.request(method, path, json=json)
    keys = [dict(key) for key in recorded.told[HTTP_ERRORS.name]]
    assert [(key["route"], key["status"], key["code"]) for key in keys] == [labels]


async def test_who_is_refused_in_front_of_the_routes_is_counted_by_route_too(recorded: Recorded) -> None:
    served = Served(HttpSettings(api_keys="required"))
    async with client_of(served) as client:
        await client.post(SPEECH, json=speech())
        await client.get("/v1/audio/jobs/any-id-at-all")
    assert set(recorded.told[HTTP_ERRORS.name]) == {
        (("code", "missing_api_key"), ("route", route), ("status", "401"))
        for route in (SPEECH, "/v1/audio/jobs/{job_id}")
    }
