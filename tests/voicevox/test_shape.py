"""The JSON of the façade has the shape of the engine's public OpenAPI description."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import jsonschema
import pytest

from serve_app.voicevox.speakers import speaker_uuid
from tests.voicevox.conftest import SPEAKER, query
from tests.voicevox.shape import ROUTES, problems, validate

PRESET = {
    "id": 1, "name": "a", "speaker_uuid": speaker_uuid("jf_alpha"), "style_id": SPEAKER, "speedScale": 1,
    "pitchScale": 0, "intonationScale": 1, "volumeScale": 1, "prePhonemeLength": 0.1, "postPhonemeLength": 0.1,
}  # fmt: skip
WORD = {"surface": "Voicegraph", "pronunciation": "ボイスグラフ", "accent_type": 4}
TEXT = "こんにちは、世界。元気？"


@pytest.fixture
async def description(client: httpx.AsyncClient) -> dict[str, Any]:
    answer: dict[str, Any] = (await client.get("/openapi.json")).json()
    return answer


async def test_every_route_is_described_as_the_engines(description: dict[str, Any]) -> None:
    assert problems(description) == []


async def test_another_shape_is_noticed(description: dict[str, Any]) -> None:
    other = copy.deepcopy(description)
    del other["paths"]["/mora_pitch"]
    other["paths"]["/synthesis"]["post"]["parameters"] = [{"in": "query", "name": "speaker", "required": True}]
    schemas = other["components"]["schemas"]
    schemas["AudioQuery"]["required"].append("tempoDynamicsScale")
    schemas["Speaker"]["properties"]["version"] = {"type": "integer"}
    assert problems(other) == [
        "POST /mora_pitch: is not there",
        "POST /synthesis: has no parameter enable_interrogative_upspeak",
        "POST /synthesis: has no parameter core_version",
        *(f"POST {path}: body requires tempoDynamicsScale" for path in ("/synthesis", "/cancellable_synthesis")),
        "POST /multi_synthesis: body[] requires tempoDynamicsScale",
        "POST /synthesis_morphing: body requires tempoDynamicsScale",
        "GET /speakers: answer[].version is integer, not string",
    ]
    with pytest.raises(jsonschema.ValidationError):
        validate({"moras": []}, "AccentPhrase")


async def test_every_json_answer_is_the_engines(client: httpx.AsyncClient) -> None:
    body = await query(client, TEXT)
    phrases, speaker = body["accent_phrases"], {"speaker": SPEAKER}
    asked: dict[str, dict[str, Any]] = {
        "POST /add_preset": {"json": PRESET},
        "POST /update_preset": {"json": PRESET},
        "POST /user_dict_word": {"params": WORD},
        "POST /audio_query": {"params": {"text": TEXT, **speaker}},
        "POST /audio_query_from_preset": {"params": {"text": TEXT, "preset_id": 1}},
        "POST /accent_phrases": {"params": {"text": "コンニチワ'、セ'カイ？", "is_kana": True, **speaker}},
        **{f"POST /mora_{what}": {"params": speaker, "json": phrases} for what in ("data", "length", "pitch")},
        "POST /morphable_targets": {"json": [SPEAKER]},
        "POST /validate_kana": {"params": {"text": "コンニチワ'"}},
        "GET /is_initialized_speaker": {"params": speaker},
        "GET /speaker_info": {"params": {"speaker_uuid": speaker_uuid("jf_alpha")}},
    }
    rest = {name: {} for name, route in ROUTES.items() if name.startswith("GET") and route.answer}
    for name, sent in (asked | {name: rest[name] for name in rest.keys() - asked.keys()}).items():
        method, path = name.split()
        response = await client.request(method, path, **sent)
        assert response.status_code == 200, (name, response.text)
        answer, kind = response.json(), ROUTES[name].answer
        assert answer not in ({}, []), name
        assert kind is not None
        validate(answer, kind)
    as_json = {name for name, route in ROUTES.items() if route.answer and "/" not in route.answer}
    assert as_json == asked.keys() | rest.keys()
    bad = await client.post("/validate_kana", params={"text": "コンニチワ"})
    assert bad.status_code == 400
    validate(bad.json()["detail"], "BadKana")
