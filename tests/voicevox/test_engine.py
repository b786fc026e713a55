"""The engine, its speakers and presets; published clients."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import shutil
import subprocess
import uuid
import wave
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
import vvclient

from deployments.storage.records import SqliteRecords
from serve_app.voicevox.speakers import Speakers, picture_png, speaker_uuid, style_id
from tests.http.fakes import VOICES, Served
from tests.voicevox.conftest import SPEAKER, ProsodyGraph, query
from tts_models.assets.voice_hashes import VOICE_SHA256
from tts_models.errors import SynthesisError

PRESET = {
    "id": 3, "name": "ゆっくり", "speaker_uuid": speaker_uuid("jf_alpha"), "style_id": SPEAKER, "speedScale": 0.8,
    "pitchScale": 0.05, "intonationScale": 1.2, "volumeScale": 0.9, "prePhonemeLength": 0.2, "postPhonemeLength": 0.3,
    "pauseLength": 0.4, "pauseLengthScale": 1.5, "tempoDynamicsScale": 1.3,
}  # fmt: skip


def test_ids_are_signed_32_bit_and_never_change() -> None:
    names = list(VOICE_SHA256)
    assert len(names) == 54
    ids = {style_id(name) for name in names}
    assert len(ids) == 54
    assert all(-(2**31) <= number < 2**31 for number in ids)
    assert any(number < 0 for number in ids)
    assert len({speaker_uuid(name) for name in names}) == 54
    # Clients keep them in their settings.
    assert (style_id("jf_alpha"), style_id("af_heart")) == (-1_704_577_462, -1_778_812_029)
    assert speaker_uuid("jf_alpha") == "a8ec356b-77d0-5139-98ef-4629a2118562"


async def test_speakers(client: httpx.AsyncClient) -> None:
    speakers = (await client.get("/speakers")).json()
    assert len(speakers) == len(VOICES)
    samples: dict[str, str] = {}
    assert {style["id"] for speaker in speakers for style in speaker["styles"]} == {style_id(name) for name in VOICES}
    for speaker in speakers:
        assert set(speaker) == {"name", "speaker_uuid", "styles", "version", "supported_features"}
        assert uuid.UUID(speaker["speaker_uuid"])
        assert speaker["styles"][0]["type"] == "talk"
        info = (await client.get("/speaker_info", params={"speaker_uuid": speaker["speaker_uuid"]})).json()
        assert info["style_infos"][0]["id"] == speaker["styles"][0]["id"]
        assert base64.b64decode(info["portrait"]).startswith(b"\x89PNG")
        (samples[speaker["speaker_uuid"]],) = (sample,) = info["style_infos"][0]["voice_samples"]
        with wave.open(io.BytesIO(base64.b64decode(sample))) as reader:
            assert (reader.getframerate(), reader.getnchannels()) == (24_000, 1)
            assert reader.getnframes() > 24_000
    params = {"speaker_uuid": speakers[0]["speaker_uuid"], "resource_format": "url"}
    info = (await client.get("/speaker_info", params=params)).json()
    assert info["portrait"].startswith("http://test/voicevox/_resources/")
    assert (await client.get(info["portrait"])).content.startswith(b"\x89PNG")
    (url,) = info["style_infos"][0]["voice_samples"]
    assert (await client.get(url)).content == base64.b64decode(samples[speakers[0]["speaker_uuid"]])
    assert (await client.get(url.replace(".wav", "x.wav"))).status_code == 404
    assert (await client.get("/speaker_info", params={"speaker_uuid": str(uuid.uuid4())})).status_code == 404


def test_two_voices_of_one_id_are_refused(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serve_app.voicevox.speakers.style_id", lambda name: 1)
    with pytest.raises(ValueError, match="same style id"):
        Speakers(served.app.state.context.voices.presets)


async def test_what_the_engine_says_of_itself(client: httpx.AsyncClient) -> None:
    version = (await client.get("/version")).json()
    assert isinstance(version, str)
    assert (await client.get("/core_versions")).json() == [version]
    assert (await client.get("/supported_devices")).json() == {"cpu": True, "cuda": True, "dml": False}
    manifest = (await client.get("/engine_manifest")).json()
    assert manifest["default_sampling_rate"] == 24_000
    assert manifest["frame_rate"] == 40
    assert manifest["supported_features"]["sing"] is False
    ready = await client.post("/initialize_speaker", params={"speaker": SPEAKER, "skip_reinit": True})
    assert (ready.status_code, ready.content) == (204, b"")
    assert (await client.get("/is_initialized_speaker", params={"speaker": SPEAKER})).json() is True
    assert (await client.get("/is_initialized_speaker", params={"speaker": 1})).status_code == 422
    assert (await client.get("/singers")).status_code == 501


async def test_presets_are_kept(client: httpx.AsyncClient, tmp_path: Path) -> None:
    assert (await client.get("/presets")).json() == []
    assert (await client.post("/add_preset", json=PRESET)).json() == 3
    assert (await client.post("/add_preset", json=PRESET)).json() == 4  # the id was taken
    assert (await client.post("/add_preset", json=PRESET | {"id": -1})).json() == 5
    assert (await client.post("/update_preset", json=PRESET | {"id": 4, "name": "b"})).json() == 4
    assert (await client.post("/delete_preset", params={"id": 5})).status_code == 204
    assert (await client.get("/presets")).json() == [PRESET, PRESET | {"id": 4, "name": "b"}]
    kept = SqliteRecords(tmp_path / "records.sqlite3").get("voicevox", "presets")
    assert [preset["id"] for preset in json.loads(kept or b"")] == [3, 4]
    assert (await client.post("/update_preset", json=PRESET | {"id": 9})).status_code == 422
    assert (await client.post("/delete_preset", params={"id": 9})).status_code == 422
    assert (await client.post("/add_preset", json={"id": 1})).status_code == 422
    response = await client.post("/audio_query_from_preset", params={"text": "はい。", "preset_id": 3})
    body = response.json()
    assert body["accent_phrases"] == (await query(client, "はい。"))["accent_phrases"]
    scales = set(PRESET) - {"id", "name", "speaker_uuid", "style_id"}
    assert {key: body[key] for key in scales} == {key: PRESET[key] for key in scales}


async def test_the_other_routes_are_where_they_were(served: Served) -> None:
    transport = httpx.ASGITransport(served.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/v1/models")).status_code == 200
        assert (await client.get("/version")).status_code == 404
        description = (await client.get("/voicevox/openapi.json")).json()
    assert {"/audio_query", "/synthesis", "/multi_synthesis", "/connect_waves", "/speakers"} <= set(
        description["paths"]
    )


async def test_a_browser_is_shown_around(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for path in ("/voicevox/setting", "/voicevox/docs"):
        assert f'href="{path}"' in page.text
        assert (await client.get(f"http://test{path}")).status_code == 200
    assert "/voicevox/openapi.json" in (await client.get("/docs")).text


def test_at_the_root_beside_the_other_routes(live: Served) -> None:
    assert httpx.get(f"{live.base_url}/version").status_code == 200
    assert httpx.get(f"{live.base_url}/v1/models").status_code == 200


async def test_the_client_library_of_pypi(live: Served) -> None:
    async with vvclient.Client(live.base_url) as client:
        assert await client.fetch_core_versions() == [await client.fetch_engine_version()]
        await client.init_speaker(SPEAKER)
        assert await client.is_inited_speaker(SPEAKER) is True
        audio_query = await client.create_audio_query("こんにちは、世界。", speaker=SPEAKER)
        audio_query.data["speedScale"] = 0.5
        slow = await audio_query.synthesis(speaker=SPEAKER)
        audio_query.data["speedScale"] = 1.0
        audio = await audio_query.synthesis(speaker=SPEAKER)
    assert audio.startswith(b"RIFF")
    assert len(slow) == pytest.approx(2 * len(audio), rel=0.05)


NODE = """
const Client = require(process.argv[1]).default;
const preset = JSON.parse(process.argv[3]);
(async () => {
  const client = new Client(process.argv[2]);
  const speakers = await client.fetchSpeakers();
  const added = await client.addPreset(preset);
  const query = await client.createAudioQuery("こんにちは、世界。", preset.style_id);
  const audio = await query.synthesis(preset.style_id, { interrogative_upspeak: true });
  const slow = await client.createAudioQueryFromPreset("こんにちは、世界。", added);
  const slower = await slow.synthesis(preset.style_id);
  const presets = await client.fetchPresets();
  console.log(JSON.stringify({ speakers: speakers.length, added, presets: presets.length,
    query: query.accentPhrases.length, bytes: audio.byteLength, slower: slower.byteLength,
    head: Buffer.from(audio).subarray(0, 4).toString() }));
})().catch((error) => { console.error(error); process.exit(1); });
"""


def test_the_client_library_of_npm(live: Served, tmp_path: Path) -> None:
    """``npm pack`` fetches 12 kB and runs nothing; without npm or a registry there is nothing to test."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("needs node and npm")
    packed = subprocess.run(
        ["npm", "pack", "--silent", "voicevox-client@0.3.1"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
        check=False,
    )
    if packed.returncode:
        pytest.skip("the npm registry cannot be reached")
    shutil.unpack_archive(tmp_path / "voicevox-client-0.3.1.tgz", tmp_path, filter="data")
    ran = subprocess.run(
        ["node", "-e", NODE, str(tmp_path / "package"), live.base_url, json.dumps(PRESET)],
        capture_output=True,
        timeout=120,
        check=False,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout)
    assert said["head"] == "RIFF"
    assert (said["speakers"], said["added"], said["presets"], said["query"]) == (len(VOICES), 3, 1, 2)
    assert said["slower"] > said["bytes"]


async def test_a_voices_sample_is_made_once_and_only_when_it_is_asked_for(
    client: httpx.AsyncClient, graph: ProsodyGraph
) -> None:
    params = {"speaker_uuid": speaker_uuid("jf_alpha"), "resource_format": "url"}
    info = (await client.get("/speaker_info", params=params)).json()
    assert graph.items == []
    (url,) = info["style_infos"][0]["voice_samples"]
    first, second = await asyncio.gather(client.get(url), client.get(url))
    assert first.content == second.content
    assert len({item.token_ids for item in graph.items}) == len(graph.items) > 0


async def test_a_sample_that_could_not_be_made_is_made_later(client: httpx.AsyncClient, graph: ProsodyGraph) -> None:
    graph.failure = SynthesisError("not now")
    assert (await client.get("/_resources/jf_alpha.wav")).status_code == 500
    graph.failure = None
    assert (await client.get("/_resources/jf_alpha.wav")).status_code == 200


def test_pictures_are_the_voices_own() -> None:
    pictures = {name: picture_png(name) for name in VOICE_SHA256}
    assert len(set(pictures.values())) == 54
    with av.open(io.BytesIO(pictures["jf_alpha"])) as file:
        pixels = next(file.decode(video=0)).to_ndarray(format="rgb24")
    assert pixels.shape == (144, 144, 3)
    assert (pixels == pixels[:, ::-1]).all()
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) == 2
