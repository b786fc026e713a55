"""Queries: what the model predicts, in the engine's JSON, and what changes it."""

from __future__ import annotations

import copy
import math
from typing import Any

import httpx
import pytest

from tests.voicevox.conftest import SPEAKER, ProsodyGraph, analyser, query
from tests.voicevox.shape import validate
from tts_models.errors import SynthesisError
from tts_models.prosody import FRAME_S
from tts_models.text.vocabulary import SYMBOL_IDS, encode

SYMBOLS = {number: symbol for symbol, number in SYMBOL_IDS.items()}
TEXT = "こんにちは、世界。元気ですか？"


async def test_a_query_is_the_engines_in_form_and_defaults(client: httpx.AsyncClient) -> None:
    body = await query(client, TEXT)
    validate(body, "AudioQuery")
    assert {key: value for key, value in body.items() if key not in ("accent_phrases", "kana")} == {
        "speedScale": 1,
        "pitchScale": 0,
        "intonationScale": 1,
        "volumeScale": 1,
        "prePhonemeLength": 0.1,
        "postPhonemeLength": 0.1,
        "pauseLength": None,
        "pauseLengthScale": 1,
        "tempoDynamicsScale": 1,
        "outputSamplingRate": 24_000,
        "outputStereo": False,
    }
    assert body["kana"] == "コンニチワ'、セ'カイ、ゲ'ンキデ_スカ？"
    first, second, third = body["accent_phrases"]
    assert [mora["text"] for mora in first["moras"]] == ["コ", "ン", "ニ", "チ", "ワ"]
    assert [(mora["consonant"], mora["vowel"]) for mora in first["moras"][:3]] == [("k", "o"), (None, "N"), ("n", "i")]
    assert (first["accent"], second["accent"], third["accent"]) == (5, 1, 1)
    assert [phrase["is_interrogative"] for phrase in (first, second, third)] == [False, False, True]
    assert first["pause_mora"]["vowel"] == second["pause_mora"]["vowel"] == "pau"
    assert third["pause_mora"] is None
    assert first["moras"][1]["consonant_length"] is None


async def test_lengths_and_pitches_are_the_models(client: httpx.AsyncClient, graph: ProsodyGraph) -> None:
    body = await query(client, TEXT)
    params = {"speaker": SPEAKER, "enable_interrogative_upspeak": False}
    response = await client.post("/synthesis", params=params, json=body)
    assert response.status_code == 200
    (item,) = graph.items
    durations, _ = graph.curves(item)
    spoken = sum(
        mora["vowel_length"] + (mora["consonant_length"] or 0)
        for phrase in body["accent_phrases"]
        for mora in [*phrase["moras"], *filter(None, [phrase["pause_mora"]])]
    )
    silent = durations[0] + durations[-2:].sum()  # the question mark and the padding tokens
    assert spoken == pytest.approx((durations.sum() - silent) * FRAME_S)
    assert body["accent_phrases"][0]["moras"][0]["pitch"] == pytest.approx(math.log(208))  # second token
    assert all(mora["pitch"] > 5 for phrase in body["accent_phrases"] for mora in phrase["moras"])
    assert body["accent_phrases"][0]["pause_mora"]["pitch"] == 0


@pytest.mark.parametrize(
    "text", [TEXT, "きっと、ジュースを準備しました。", "「経営者」は言った！", "長い文章です。" * 80]
)
async def test_an_unedited_query_speaks_the_tokens_of_the_text(
    text: str, client: httpx.AsyncClient, graph: ProsodyGraph
) -> None:
    body = await query(client, text)
    response = await client.post(
        "/synthesis", params={"speaker": SPEAKER, "enable_interrogative_upspeak": False}, json=body
    )
    assert response.status_code == 200
    symbols = "".join(phrase.symbols for phrase in analyser().phrases(text)).rstrip().split("\n")
    assert [item.token_ids for item in graph.items] == [encode(part) for part in symbols]


async def test_what_clients_drop_is_made_up_for(client: httpx.AsyncClient, graph: ProsodyGraph) -> None:
    body = await query(client, "ジュースを飲みますか？はい。")
    for phrase in body["accent_phrases"]:
        del phrase["analysed_accent"]
        for mora in phrase["moras"]:
            del mora["spoken"]
    params = {"speaker": SPEAKER, "enable_interrogative_upspeak": False}
    response = await client.post("/synthesis", params=params, json=body)
    assert response.status_code == 200
    assert "".join(SYMBOLS[token] for token in graph.items[0].token_ids) == "ʥɨːsɨo nomʲimasɨka? hai."


async def test_a_moved_accent_moves_the_melody(client: httpx.AsyncClient) -> None:
    phrases = (await query(client, TEXT))["accent_phrases"]
    same = (await client.post("/mora_pitch", params={"speaker": SPEAKER}, json=phrases)).json()
    assert same == phrases
    moved = copy.deepcopy(phrases)
    moved[0]["accent"] = 2
    changed = (await client.post("/mora_pitch", params={"speaker": SPEAKER}, json=moved)).json()
    steps = [
        after["pitch"] - before["pitch"] for before, after in zip(phrases[0]["moras"], changed[0]["moras"], strict=True)
    ]
    assert steps == pytest.approx([0, 0, -0.2, -0.2, -0.2], abs=1e-5)
    assert changed[1:] == phrases[1:]


async def test_lengths_and_pitches_are_predicted_apart(client: httpx.AsyncClient) -> None:
    phrases = (await query(client, TEXT))["accent_phrases"]
    edited = copy.deepcopy(phrases)
    for mora in (mora for phrase in edited for mora in phrase["moras"]):
        mora["pitch"], mora["vowel_length"] = 1.0, 9.0
    for route, lengths, pitches in (
        ("mora_length", True, False),
        ("mora_pitch", False, True),
        ("mora_data", True, True),
    ):
        body = (await client.post(f"/{route}", params={"speaker": SPEAKER}, json=edited)).json()
        for ours, theirs in zip(body, phrases, strict=True):
            for mora, predicted in zip(ours["moras"], theirs["moras"], strict=True):
                assert mora["vowel_length"] == (predicted["vowel_length"] if lengths else 9.0)
                assert mora["pitch"] == (predicted["pitch"] if pitches else 1.0)


async def test_kana(client: httpx.AsyncClient) -> None:
    params = {"text": "コンニチワ'、セ'カイ？", "speaker": SPEAKER, "is_kana": True}
    body = (await client.post("/accent_phrases", params=params)).json()
    assert [phrase["accent"] for phrase in body] == [5, 1]
    assert body[0]["pause_mora"]["vowel_length"] > 0
    assert body[1]["is_interrogative"]
    assert all(mora["vowel_length"] > 0 for phrase in body for mora in phrase["moras"])
    assert (await client.post("/validate_kana", params={"text": "ア'"})).json() is True
    for path in ("/validate_kana", "/accent_phrases"):
        refused = await client.post(path, params={"text": "ア", "speaker": SPEAKER, "is_kana": True})
        assert refused.status_code == 400
        assert refused.json()["detail"] == {
            "text": "アクセントを指定していないアクセント句があります: ア",
            "error_name": "ACCENT_NOTFOUND",
            "error_args": {"text": "ア"},
        }


@pytest.mark.parametrize(
    ("path", "params", "status", "key"),
    [
        ("/audio_query", {"text": "あ"}, 422, "detail"),
        ("/audio_query", {"text": "あ", "speaker": "x"}, 422, "detail"),
        ("/audio_query", {"text": "あ", "speaker": 2**31}, 422, "detail"),
        ("/audio_query", {"text": "あ", "speaker": 1}, 422, "message"),
        ("/audio_query", {"text": "a" * 10_001, "speaker": SPEAKER}, 422, "detail"),
        ("/audio_query_from_preset", {"text": "あ", "preset_id": 7}, 422, "detail"),
        ("/sing_frame_audio_query", {}, 501, "detail"),
        ("/nothing", {}, 404, "detail"),
    ],
)
async def test_refusals(path: str, params: dict[str, Any], status: int, key: str, client: httpx.AsyncClient) -> None:
    response = await client.post(path, params=params)
    assert (response.status_code, list(response.json())) == (status, [key])


async def test_failures_of_the_server(client: httpx.AsyncClient, graph: ProsodyGraph) -> None:
    graph.failure = SynthesisError("The model made nothing.")
    params = {"text": "あ", "speaker": SPEAKER}
    failed = await client.post("/audio_query", params=params)
    assert (failed.status_code, failed.json()) == (500, {"detail": "The model made nothing."})
    graph.failure = RuntimeError("secret")
    failed = await client.post("/audio_query", params=params)
    assert failed.status_code == 500
    assert "secret" not in failed.text
