"""The engine's user dictionary, and that its words are heard in queries."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from deployments.storage.records import SqliteRecords
from serve_app.voicevox.user_dict_routes import UserDictWord
from tests.http.fakes import Served
from tests.voicevox.conftest import SPEAKER, query
from tts_models.text.g2p.given import WordType
from tts_models.text.moras import read_moras

WORD = {"surface": "Voicegraph", "pronunciation": "ボイスグラフ", "accent_type": 4}


def kana(answer: dict[str, Any]) -> str:
    return "/".join("".join(mora["text"] for mora in phrase["moras"]) for phrase in answer["accent_phrases"])


async def test_the_life_of_a_word(client: httpx.AsyncClient) -> None:
    assert (await client.get("/user_dict")).json() == {}
    added = await client.post("/user_dict_word", params=WORD)
    assert added.status_code == 200
    word_uuid = added.json()
    assert str(uuid.UUID(word_uuid)) == word_uuid
    word = {
        "surface": "Ｖｏｉｃｅｇｒａｐｈ", "priority": 5, "context_id": 1348, "part_of_speech": "名詞",
        "part_of_speech_detail_1": "固有名詞", "part_of_speech_detail_2": "一般", "part_of_speech_detail_3": "*",
        "inflectional_type": "*", "inflectional_form": "*", "stem": "*", "yomi": "ボイスグラフ",
        "pronunciation": "ボイスグラフ", "accent_type": 4, "mora_count": 6, "accent_associative_rule": "*",
    }  # fmt: skip
    assert (await client.get("/user_dict")).json() == {word_uuid: word}
    changes = WORD | {"accent_type": 0, "word_type": "COMMON_NOUN", "priority": 8}
    changed = await client.put(f"/user_dict_word/{word_uuid}", params=changes)
    assert (changed.status_code, changed.content) == (204, b"")
    assert (await client.get("/user_dict")).json()[word_uuid] == word | {
        "priority": 8, "context_id": 1345, "part_of_speech_detail_1": "一般", "part_of_speech_detail_2": "*",
        "accent_type": 0,
    }  # fmt: skip
    assert (await client.delete(f"/user_dict_word/{word_uuid}")).status_code == 204
    assert (await client.get("/user_dict")).json() == {}
    assert (await client.delete(f"/user_dict_word/{word_uuid}")).status_code == 422
    assert (await client.put(f"/user_dict_word/{word_uuid}", params=WORD)).status_code == 422


@pytest.mark.parametrize(
    "changes",
    [
        {"pronunciation": "ぼいす"},
        {"pronunciation": "ボイスッッ"},
        {"pronunciation": ""},
        {"accent_type": 7},
        {"accent_type": -1},
        {"priority": 11},
        {"priority": -1},
        {"word_type": "PARTICLE"},
        {"surface": ""},
        {"accent_type": None},
    ],
)
async def test_words_that_are_refused(changes: dict[str, Any], client: httpx.AsyncClient) -> None:
    params = {name: value for name, value in (WORD | changes).items() if value is not None}
    refused = await client.post("/user_dict_word", params=params)
    assert refused.status_code == 422
    assert refused.json()["detail"]
    assert (await client.get("/user_dict")).json() == {}


async def test_compound_words_of_aivis_speech_are_one_word(client: httpx.AsyncClient) -> None:
    parts = {"surface": ["新田", "真剣佑"], "pronunciation": ["アラタ", "マッケンユウ"], "accent_type": [1, 3]}
    added = await client.post("/user_dict_word", params=parts | {"word_type": "PERSON_NAME"})
    assert added.status_code == 200, added.text
    word = (await client.get("/user_dict")).json()[added.json()]
    assert (word["surface"], word["pronunciation"]) == ("新田真剣佑", "アラタマッケンユウ")
    assert (word["accent_type"], word["context_id"], word["part_of_speech_detail_3"]) == (6, 1349, "一般")
    answer = await query(client, "新田真剣佑さんが来た")
    assert kana(answer).startswith("アラタマッケンユウサン")
    uneven = await client.post("/user_dict_word", params=parts | {"accent_type": 1})
    assert uneven.status_code == 422
    imported = await client.post("/import_user_dict", params={"override": True}, json={added.json(): word})
    assert imported.status_code == 204


@pytest.mark.parametrize("word_type", list(WordType))
async def test_a_word_of_any_type_is_said_as_told(word_type: WordType, client: httpx.AsyncClient) -> None:
    await client.post("/user_dict_word", params=WORD | {"word_type": word_type})
    assert "ボイスグラフ" in kana(await query(client, "今日はVoicegraphを使う"))


async def test_words_are_heard_at_once_and_kept(client: httpx.AsyncClient, tmp_path: Any) -> None:
    text = "彼方さんとVoicegraphを使う"
    before = kana(await query(client, text))
    await client.post("/user_dict_word", params=WORD)
    added = await client.post(
        "/user_dict_word", params={"surface": "彼方", "pronunciation": "オチカタ", "accent_type": 2}
    )
    answer = await query(client, text)
    assert kana(answer) != before
    assert kana(answer) == "オチカタサント/ボイスグラフオ/ツカウ"
    assert [phrase["accent"] for phrase in answer["accent_phrases"]][:2] == [2, 4]
    spoken = await client.post("/synthesis", params={"speaker": SPEAKER}, json=answer)
    assert spoken.content.startswith(b"RIFF")
    await client.delete(f"/user_dict_word/{added.json()}")
    assert kana(await query(client, text)) != kana(answer)
    assert SqliteRecords(tmp_path / "records.sqlite3").get("dictionary:", "entries")


async def test_of_two_words_with_one_surface_the_one_added_last(client: httpx.AsyncClient) -> None:
    for reading in ("アアア", "イイイ"):
        await client.post("/user_dict_word", params=WORD | {"pronunciation": reading, "accent_type": 1})
    assert len((await client.get("/user_dict")).json()) == 2
    assert kana(await query(client, "Voicegraph")) == "イイイ"


async def test_import(client: httpx.AsyncClient) -> None:
    await client.post("/user_dict_word", params=WORD)
    exported = (await client.get("/user_dict")).json()
    ((word_uuid, word),) = exported.items()
    new = {word_uuid: word | {"accent_type": 1}, str(uuid.uuid4()): word | {"surface": "別", "mora_count": None}}
    path = "/import_user_dict"
    assert (await client.post(path, json=new, params={"override": False})).status_code == 204
    assert (await client.get("/user_dict")).json()[word_uuid]["accent_type"] == 4
    assert (await client.post(path, json=new, params={"override": True})).status_code == 204
    words = (await client.get("/user_dict")).json()
    assert (len(words), words[word_uuid]["accent_type"]) == (2, 1)
    for bad in ({"pronunciation": "x"}, {"accent_type": 9}, {"context_id": 7}, {"priority": 11}):
        refused = await client.post(path, json={word_uuid: word | bad}, params={"override": True})
        assert refused.status_code == 422
    assert (await client.post(path, json=new)).status_code == 422  # override has no default
    assert (await client.get("/user_dict")).json() == words


async def test_the_same_entries_as_on_our_own_routes(served: Served) -> None:
    transport = httpx.ASGITransport(served.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        word_uuid = (await client.post("/voicevox/user_dict_word", params=WORD)).json()
        entry = (await client.get(f"/v1/dictionaries/own/entries/{word_uuid}")).json()
        assert (entry["surface"], entry["language"], entry["accent"]) == ("Voicegraph", "ja", 4)
        await client.post("/v1/dictionaries/own/entries", json={"surface": "GIF", "pronunciation": "jif"})
        assert list((await client.get("/voicevox/user_dict")).json()) == [word_uuid]


def test_every_mora_count_is_ours() -> None:
    assert UserDictWord.model_fields["mora_count"].default is None
    assert len(read_moras("ボイスグラフ")) == 6


async def test_a_published_client_hears_it(live: Served) -> None:
    vvclient = pytest.importorskip("vvclient", reason="pip install voicevox-client")
    async with vvclient.Client(live.base_url) as client:
        before = await client.create_audio_query("Voicegraph", speaker=SPEAKER)
        async with httpx.AsyncClient(base_url=live.base_url) as plain:
            assert (await plain.post("/user_dict_word", params=WORD)).status_code == 200
        after = await client.create_audio_query("Voicegraph", speaker=SPEAKER)
        assert kana(before.data) != kana(after.data) == "ボイスグラフ"
        assert (await after.synthesis(speaker=SPEAKER)).startswith(b"RIFF")
