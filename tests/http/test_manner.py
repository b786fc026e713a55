"""How a text is to be said: what the fields of a request become, and what the answer says of its instructions."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from serve_app.graph import Utterance
from serve_app.http.job_schemas import JobRequest
from serve_app.manner import INSTRUCTIONS_HEADER, asked_for
from tests.http.fakes import Served, speech
from tts_models.delivery import AS_IT_IS, Delivery
from tts_models.instructions import Understanding
from tts_models.types import Emotion

SPEECH = "/v1/audio/speech"


async def said(client: httpx.AsyncClient, served: Served, **fields: Any) -> tuple[Utterance, httpx.Response]:
    response = await client.post(SPEECH, json=speech(**fields))
    assert response.status_code == 200, response.text
    return served.graph.spoken[-1], response


async def test_a_plain_request_is_said_as_its_voice_says_it(client: httpx.AsyncClient, served: Served) -> None:
    utterance, response = await said(client, served)
    assert utterance.delivery == AS_IT_IS
    assert utterance.speed == 1
    assert INSTRUCTIONS_HEADER not in response.headers


async def test_fields(client: httpx.AsyncClient, served: Served) -> None:
    utterance, _ = await said(
        client, served, pitch=-2.5, energy=1.5, intonation=0.5, emotion="sad", intensity=0.4, speed=1.2
    )
    assert utterance.delivery == Delivery(-2.5, 1.5, 0.5, Emotion("sad", 0.4))
    assert utterance.speed == 1.2


@pytest.mark.parametrize("changes", [{}, {"stream": False}, {"stream_format": "sse"}, {"timestamps": "word"}])
async def test_instructions_are_told_back(client: httpx.AsyncClient, served: Served, changes: dict[str, Any]) -> None:
    utterance, response = await said(client, served, instructions="悲しそうに、ゆっくり", **changes)
    assert utterance.delivery.emotion == Emotion("sad", 0.8)
    assert utterance.speed == 0.82
    assert response.headers[INSTRUCTIONS_HEADER] == "emotion=sad; intensity=0.8; speed=0.82"


async def test_fields_go_before_instructions(client: httpx.AsyncClient, served: Served) -> None:
    utterance, response = await said(client, served, instructions="very sad, slow", speed=1.0, emotion="happy")
    assert utterance.delivery.emotion == Emotion("happy")
    assert utterance.speed == 1
    assert response.headers[INSTRUCTIONS_HEADER] == "emotion=sad; intensity=1; speed=0.82"


async def test_captions_are_of_the_same_manner(client: httpx.AsyncClient, served: Served) -> None:
    response = await client.post("/v1/audio/captions", json=speech(instructions="whisper"))
    assert response.headers[INSTRUCTIONS_HEADER] == "emotion=whisper; intensity=1"
    assert served.graph.spoken[-1].delivery.emotion.name == "whisper"


@pytest.mark.parametrize(
    ("fields", "param", "part"),
    [
        ({"pitch": 13}, "pitch", "less than or equal to 12"),
        ({"pitch": "high"}, "pitch", "valid number"),
        ({"energy": 0.1}, "energy", "greater than or equal to 0.25"),
        ({"intonation": -1}, "intonation", "greater than or equal to 0"),
        ({"emotion": "joyful"}, "emotion", "'happy'"),
        ({"emotion": "happy", "intensity": 1.5}, "intensity", "less than or equal to 1"),
    ],
)
async def test_what_is_out_of_range_is_refused(
    client: httpx.AsyncClient, fields: dict[str, Any], param: str, part: str
) -> None:
    response = await client.post(SPEECH, json=speech(**fields))
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, param)
    assert part in error["message"]


async def test_nulls_mean_absent(client: httpx.AsyncClient, served: Served) -> None:
    utterance, _ = await said(client, served, instructions="slowly", speed=None, emotion=None, pitch=None)
    assert utterance.speed == 0.82


def test_a_job_remembers_what_was_left_out() -> None:
    request = JobRequest.model_validate(speech(instructions="slow and sad", emotion="calm"))
    stored = JobRequest.model_validate_json(request.model_dump_json(exclude_unset=True))
    part = stored.speech(stored.chapters[0], "Hello.")
    asked = asked_for(part.model_dump(exclude_unset=True), Understanding())
    assert asked.speed == 0.82
    assert asked.delivery.emotion == Emotion("calm", 1.0)
