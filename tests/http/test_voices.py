"""Voices that callers make, over the fake graph: two ingress applications over one store of records."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
from openai import OpenAI

from deployments.settings import HttpSettings
from deployments.storage.api_keys import ApiKeys
from deployments.storage.records import SqliteRecords
from deployments.storage.voices import VoiceStore
from tests.http.fakes import VOICES, Served, preset_table, somebody, speech, uvicorn_server
from tts_models.errors import NoSpeech
from tts_models.speaker.profile import ReferenceProfile
from tts_models.speaker.recipe import VoiceRecipe

SAMPLE = {"audio_sample": ("ana.wav", b"RIFF...", "audio/wav")}


def like(preset: str, f0_hz: float = 150.0, seed: int = 1) -> ReferenceProfile:
    """Somebody who sounds almost like a preset."""
    table = preset_table()
    noise = somebody(seed)
    vector = table.embeddings[table.names.index(preset)] + 0.3 * noise.embedding
    return replace(noise, embedding=vector / np.linalg.norm(vector), median_f0_hz=f0_hz)


@dataclass
class Ingresses:
    """Any number of replicas over one file of records."""

    folder: Path

    def replica(self, **settings: Any) -> Served:
        served = Served(HttpSettings(**settings), records=SqliteRecords(self.folder / "records.sqlite3"))
        served.graph.heard = like("am_michael")
        return served

    @property
    def store(self) -> VoiceStore:
        return VoiceStore(SqliteRecords(self.folder / "records.sqlite3"))

    def on_disk(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.folder.glob("records*"))

    def key(self, tenant: str, *, admin: bool = False) -> dict[str, str]:
        keys = ApiKeys(SqliteRecords(self.folder / "records.sqlite3"))
        return {"Authorization": f"Bearer {keys.create(tenant, tenant=tenant, admin=admin)[1]}"}


@pytest.fixture
def ingresses(tmp_path: Path) -> Ingresses:
    return Ingresses(tmp_path)


@asynccontextmanager
async def client_of(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(served.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def made(client: httpx.AsyncClient, name: str = "Ana", **options: Any) -> dict[str, Any]:
    data = {"name": name, **options.pop("data", {})}
    response = await client.post("/v1/audio/voices", data=data, **{"files": SAMPLE, **options})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def error(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()["error"]
    return body


@pytest.mark.parametrize(
    ("median_f0_hz", "gender"), [(110.0, "male"), (230.0, "female"), (165.0, "male"), (0.0, "male")]
)
async def test_a_clones_gender_is_heard_in_its_pitch_and_else_its_presets(
    ingresses: Ingresses, median_f0_hz: float, gender: str
) -> None:
    replica = ingresses.replica()
    replica.graph.heard = replace(like("am_michael"), median_f0_hz=median_f0_hz)
    async with client_of(replica) as client:
        assert (await made(client))["gender"] == gender
        assert (await made(client, name="Said", data={"gender": "female"}))["gender"] == "female"


async def test_a_clone_is_usable_at_once_through_every_replica(ingresses: Ingresses) -> None:
    one, two = ingresses.replica(), ingresses.replica()
    async with client_of(one) as first, client_of(two) as second:
        refused = await second.post("/v1/audio/speech", json=speech(voice="Ana"))
        assert error(refused, 404)["code"] == "voice_not_found"
        voice = await made(first, data={"language": "en", "description": "Our host"})

        assert voice["id"].startswith("voice_")
        assert {name: voice[name] for name in ("object", "type", "name", "status", "source", "language", "gender")} == {
            "object": "audio.voice", "type": "audio_sample", "name": "Ana", "status": "ready", "source": "clone",
            "language": "en-US", "gender": "male",
        }  # fmt: skip
        assert abs(voice["created_at"] - time.time()) < 60
        assert voice["pitch_hz"] == 150.0
        assert 0.9 < voice["similarity"] == voice["similarity_start"] < 1
        for name in ("Ana", {"id": voice["id"]}, "ana"):
            response = await second.post("/v1/audio/speech", json=speech(voice=name))
            assert response.status_code == 200, response.text
        spoken = two.graph.spoken[-1].voice
        # am_michael at 140 Hz, moved to the speaker's own 150
        assert spoken.semitones == pytest.approx(12 * np.log2(150 / 140), abs=1e-4)
        mix = await second.post("/v1/audio/speech", json=speech(voice="Ana(2)+af_heart"))
        assert mix.status_code == 200
        assert two.graph.spoken[-1].voice.semitones == pytest.approx(spoken.semitones * 2 / 3, abs=1e-4)


async def test_what_is_kept_is_the_speech_only_and_only_until_it_is_fitted(ingresses: Ingresses) -> None:
    async with client_of(ingresses.replica()) as client, client_of(ingresses.replica()) as other:
        voice = await made(client)
        store = ingresses.store
        claimed = store.claim("worker", 60)
        assert claimed is not None
        (flac,) = store.references(claimed)
        (folder := ingresses.folder / "x.flac").write_bytes(flac)
        with av.open(str(folder)) as file:
            assert (file.streams.audio[0].rate, file.streams.audio[0].channels) == (16_000, 1)
            assert sum(frame.samples for frame in file.decode(audio=0)) == 48_000

        store.checkpoint(claimed, "worker", b"state", 0.4, 0.75)
        fitting = (await other.get("/v1/audio/voices/ana")).json()
        assert (fitting["status"], fitting["progress"], fitting["similarity"]) == ("fitting", 0.4, 0.75)
        assert (await other.post("/v1/audio/speech", json=speech(voice="Ana"))).status_code == 200

        store.finish(claimed, "worker", VoiceRecipe({"af_heart": 1.0}, semitones=3.0), 0.85)
        fitted = (await client.get(f"/v1/audio/voices/{voice['id']}")).json()
        assert (fitted["status"], fitted["progress"], fitted["similarity"]) == ("fitted", 1.0, 0.85)
        assert fitted["similarity_start"] == voice["similarity"]


async def test_the_list_has_what_clients_read_and_everything_else(ingresses: Ingresses) -> None:
    async with client_of(ingresses.replica()) as client:
        await made(client, data={"licence": "ours"})
        voices = (await client.get("/v1/audio/voices")).json()["voices"]
        models = (await client.get("/v1/models/tts-1")).json()["voices"]

    assert all({"id", "name"} <= voice.keys() for voice in voices)
    assert [voice["id"] for voice in voices[:-1]] == sorted(VOICES)
    heart = next(voice for voice in voices if voice["id"] == "af_heart")
    assert (heart["source"], heart["status"], heart["licence"], heart["pitch_hz"]) == (
        "preset", "ready", "Apache-2.0", 100.0,
    )  # fmt: skip
    assert (voices[-1]["name"], voices[-1]["licence"], voices[-1]["shared"]) == ("Ana", "ours", True)
    assert "Ana" in {voice["name"] for voice in models}


async def test_tenants_have_their_own_voices(ingresses: Ingresses) -> None:
    a, b, root = ingresses.key("a"), ingresses.key("b"), ingresses.key("root", admin=True)
    async with client_of(ingresses.replica(api_keys="required")) as client:
        mine = await made(client, headers=a)
        ours = await made(client, "Ben", headers=root, data={"shared": "true"})
        assert (mine["shared"], ours["shared"]) == (False, True)
        names = {
            who: [voice["name"] for voice in (await client.get("/v1/audio/voices", headers=headers)).json()["voices"]]
            for who, headers in {"a": a, "b": b, "nobody": {}}.items()
        }
        assert {who: found[len(VOICES) :] for who, found in names.items()} == {
            "a": ["Ben", "Ana"], "b": ["Ben"], "nobody": ["Ben"],
        }  # fmt: skip

        for path in ("", "/export", "/sample"):
            refused = await client.get(f"/v1/audio/voices/{mine['id']}{path}", headers=b)
            assert error(refused, 404)["code"] == "voice_not_found"
        for voice, status in ((mine["id"], 404), ("Ben", 403), ("af_heart", 403)):
            assert error(await client.delete(f"/v1/audio/voices/{voice}", headers=b), status)
        assert error(
            await client.post("/v1/audio/voices", data={"name": "C", "shared": "1"}, files=SAMPLE, headers=b), 403
        )
        body = speech(voice=mine["id"])
        assert (await client.post("/v1/audio/speech", json=body, headers=a)).status_code == 200
        assert error(await client.post("/v1/audio/speech", json=body, headers=b), 404)
        assert (await client.post("/v1/audio/speech", json=speech(voice="Ben"), headers=b)).status_code == 200
        assert (await client.delete("/v1/audio/voices/Ben", headers=root)).status_code == 200
        assert (await client.post("/v1/audio/voices", data={"name": "C"}, files=SAMPLE)).status_code == 401


async def test_deleted_it_is_gone_everywhere(ingresses: Ingresses) -> None:
    async with client_of(ingresses.replica()) as client, client_of(ingresses.replica()) as other:
        voice = await made(client)
        assert (await other.post("/v1/audio/speech", json=speech(voice="Ana"))).status_code == 200
        gone = await client.delete(f"/v1/audio/voices/{voice['id']}")
        assert gone.json() == {"id": voice["id"], "object": "audio.voice.deleted", "deleted": True}
        for response in (
            await other.post("/v1/audio/speech", json=speech(voice="Ana")),
            await other.get("/v1/audio/voices/Ana"),
            await other.delete("/v1/audio/voices/Ana"),
        ):
            assert error(response, 404)["code"] == "voice_not_found"
        assert (await made(other))["id"] == voice["id"]  # the name is free again


async def test_after_a_restart_it_speaks(ingresses: Ingresses) -> None:
    async with client_of(ingresses.replica()) as client:
        await made(client)
    async with client_of(ingresses.replica()) as client:
        assert (await client.post("/v1/audio/speech", json=speech(voice="Ana"))).status_code == 200


async def test_a_mix_is_kept_under_a_name(ingresses: Ingresses) -> None:
    served = ingresses.replica()
    async with client_of(served) as client:
        await made(client)
        body = {"name": "Duo", "voice": "af_heart(3)+bf_emma(1)"}
        duo = (await client.post("/v1/audio/voices", json=body)).json()
        assert (duo["source"], duo["status"], duo["language"], duo["gender"]) == ("mix", "ready", "en-US", "female")
        assert duo["licence"] == "Apache-2.0"
        assert duo["pitch_hz"] == pytest.approx(100**0.75 * 160**0.25, abs=0.1)
        trio = await client.post("/v1/audio/voices", json={"name": "Trio", "voice": {"id": "Duo-Ana(0.2)"}})
        assert (trio.json()["licence"], trio.json()["source"]) == (None, "mix")
        await client.delete("/v1/audio/voices/Ana")
        await client.delete("/v1/audio/voices/Duo")
        assert (await client.post("/v1/audio/speech", json=speech(voice="trio"))).status_code == 200
        assert served.graph.spoken[-1].voice.semitones < 0
        assert ingresses.store.waiting() == 0

        unknown = await client.post("/v1/audio/voices", json={"name": "x", "voice": "af_hart+bf_emma"})
        assert "Did you mean af_heart" in error(unknown, 404)["message"]
        assert error(await client.post("/v1/audio/voices", json={"name": "x"}), 400)["param"] == "voice"


async def test_from_one_server_to_another(ingresses: Ingresses, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    one, two = ingresses.replica(), Ingresses(tmp_path / "elsewhere").replica()
    async with client_of(one) as here, client_of(two) as there:
        await made(here, data={"description": "Our host"})
        exported = await here.get("/v1/audio/voices/Ana/export")
        assert exported.headers["content-disposition"].startswith('attachment; filename="voice_')
        assert len(exported.content) < 4096
        taken = await there.post("/v1/audio/voices/import", content=exported.content, headers=_JSON)
        assert taken.status_code == 200, taken.text
        assert {name: taken.json()[name] for name in ("name", "source", "type", "status", "description")} == {
            "name": "Ana", "source": "import", "type": "import", "status": "ready", "description": "Our host",
        }  # fmt: skip
        again = await there.post(
            "/v1/audio/voices/import", params={"name": "Bea"}, content=exported.content, headers=_JSON
        )
        assert again.json()["name"] == "Bea"
        assert error(await there.post("/v1/audio/voices/import", content=exported.content, headers=_JSON), 409)
        for client in (here, there):
            await client.post("/v1/audio/speech", json=speech(voice="Ana"))
        assert one.graph.spoken[-1].voice.semitones == two.graph.spoken[-1].voice.semitones
        assert np.array_equal(one.graph.spoken[-1].voice.styles, two.graph.spoken[-1].voice.styles)

        file = exported.json()
        for change, param in (
            ({"format": "other"}, "format"),
            ({"recipe": {**file["recipe"], "presets": {"xf_nobody": 1.0}}}, "recipe"),
            ({"recipe": {**file["recipe"], "rate": 1e9}}, "recipe.rate"),
            ({"language": "tlh"}, "language"),
            ({"name": "a+b"}, "name"),
        ):
            refused = await there.post("/v1/audio/voices/import", json={**file, "name": "C", **change})
            assert error(refused, 400)["param"] == param
        assert error(await here.get("/v1/audio/voices/af_heart/export"), 400)["param"] == "voice"


_JSON = {"Content-Type": "application/json"}


async def test_a_sample_is_spoken(ingresses: Ingresses) -> None:
    served = ingresses.replica()
    async with client_of(served) as client:
        await made(client)
        wav = await client.get("/v1/audio/voices/Ana/sample", params={"format": "wav", "language": "ja"})
        assert (wav.status_code, wav.headers["content-type"]) == (200, "audio/wav")
        assert wav.content.startswith(b"RIFF")
        (utterance,) = served.graph.spoken
        assert (utterance.language, utterance.text[:5]) == ("ja", "こんにちは")
        for voice in ("af_heart", "coral", "af_heart(4)-Ana"):
            assert (await client.get(f"/v1/audio/voices/{voice}/sample")).headers["content-type"] == "audio/mpeg"
        assert error(await client.get("/v1/audio/voices/nobody/sample"), 404)


@pytest.mark.parametrize(
    "name", ["", " ", "a+b", "a(1)", "-a", "af_heart", "Coral", "x" * 65, "a\tb", "voice_" + "0" * 24]
)
async def test_names_that_cannot_be(name: str, ingresses: Ingresses) -> None:
    served = ingresses.replica()
    async with client_of(served) as client:
        response = await client.post("/v1/audio/voices", data={"name": name}, files=SAMPLE)
        assert error(response, 400)["param"] == "name"
        assert served.graph.profiled == []  # nobody listened for nothing
        kept = await client.post("/v1/audio/voices", json={"name": name, "voice": "af_heart"})
        assert error(kept, 400)["param"] == "name"


@pytest.mark.parametrize("field", ["name", "voice", "description", "licence", "language", "consent"])
async def test_what_is_no_text_is_refused(field: str, ingresses: Ingresses) -> None:
    async with client_of(ingresses.replica()) as client:
        for bad in ("\\ud800", "a\\u0000"):
            content = f'{{"name": "Ana", "voice": "af_heart", "{field}": "{bad}"}}'
            response = await client.post("/v1/audio/voices", content=content, headers=_JSON)
            assert error(response, 400)["param"] == field
    assert ingresses.store.all() == []


async def test_uploads_that_cannot_be_leave_nothing(ingresses: Ingresses) -> None:
    served = ingresses.replica(
        voices={"max_voices": 2, "max_samples": 3, "max_sample_bytes": 1000, "max_body_bytes": 2500}
    )
    marked = b"MARK" * 100
    async with client_of(served) as client:

        async def post(*files: bytes, name: str = "Ana", **data: str) -> httpx.Response:
            parts = [("audio_sample", (f"{number}.wav", file)) for number, file in enumerate(files)]
            return await client.post("/v1/audio/voices", data={"name": name, **data}, files=parts)

        assert error(await client.post("/v1/audio/voices", data={"name": "Ana"}, files={"x": b""}), 400)["param"] == (
            "audio_sample"
        )
        served.graph.heard = NoSpeech("No speech was heard in the reference audio.")
        refused = error(await post(marked), 400)
        assert refused["param"] == "audio_sample"
        assert "No speech" in refused["message"]
        assert error(await post(marked * 3), 413)["code"] == "request_too_large"
        assert error(await post(marked, marked, marked, marked), 400)["param"] == "body"
        assert error(await post(marked[:-1] * 2, marked * 2, marked * 2), 413)
        assert error(await post(marked, type="prompt"), 400)["param"] == "type"
        assert error(await post(marked, gender="robot"), 400)["param"] == "gender"
        assert error(await post(marked, language="tlh"), 400)["code"] == "unsupported_language"
        assert error(await post(marked, consent="cons_0"), 404)["code"] == "consent_not_found"
        text = await client.post("/v1/audio/voices", content=b"name=Ana", headers={"Content-Type": "text/plain"})
        assert "multipart/form-data" in error(text, 415)["message"]
        broken = await client.post(
            "/v1/audio/voices", content=b"--x\r\nbroken", headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
        assert error(broken, 400)["param"] in ("body", "name")
        assert b"MARK" not in ingresses.on_disk()
        assert ingresses.store.all() == []

        served.graph.heard = like("af_heart")
        for name in ("one", "two"):
            assert (await post(marked, marked, name=name)).status_code == 200
        served.graph.profiled.clear()
        assert error(await post(marked, name="ONE"), 409)["code"] == "voice_exists"
        assert error(await post(marked, name="three"), 409)["code"] == "voices_full"
        assert served.graph.profiled == []


@pytest.fixture
def live(ingresses: Ingresses) -> Iterator[Served]:
    with uvicorn_server(ingresses.replica()) as served:
        yield served


def test_openais_own_client(live: Served) -> None:
    client = OpenAI(base_url=f"{live.base_url}/v1", api_key="unused")
    consent = client.audio.voice_consents.create(language="en-US", name="Ana agrees", recording=("c.wav", b"RIFF"))
    voice = client.audio.voices.create(audio_sample=("ana.wav", b"RIFF"), consent=consent.id, name="Ana")
    assert (voice.object, voice.type, voice.name) == ("audio.voice", "audio_sample", "Ana")
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice={"id": voice.id}, input="Hello.", response_format="wav"
    ) as response:
        assert b"".join(response.iter_bytes()).startswith(b"RIFF")
    deleted = client.audio.voices.delete(voice.id)
    assert (deleted.id, deleted.deleted) == (voice.id, True)


async def test_reference_audio_in_the_request(ingresses: Ingresses) -> None:
    served = ingresses.replica()
    clip = base64.b64encode(b"RIFF" * 200_000).decode()  # more than other requests may have
    async with client_of(served) as client:
        for body in (
            {"model": "tts-1", "input": "Hi.", "reference_audio": clip},
            speech(voice="af_bella", reference_audio=f"data:audio/wav;base64,{clip}"),
            speech(voice="jf_alpha", reference_audio=clip, input="<speak>A. <voice name='af_bella'>B.</voice></speak>"),
        ):
            response = await client.post("/v1/audio/speech", json=body)
            assert response.status_code == 200, response.text
            utterance = served.graph.spoken[-1]
            assert utterance.voice.semitones == pytest.approx(12 * np.log2(150 / 140), abs=1e-4)
        assert [one.language for one in served.graph.spoken] == ["en-US", "en-US", "ja"]
        assert served.graph.profiled == [((b"RIFF" * 200_000,), False)] * 3
        assert (await client.post("/v1/audio/captions", json=body)).status_code == 200
        assert ingresses.store.all() == []

        bad = await client.post("/v1/audio/speech", json=speech(reference_audio="no base64!"))
        assert error(bad, 400)["param"] == "reference_audio"
        job = await client.post("/v1/audio/jobs", json=speech(reference_audio=clip))
        assert "make a voice of it" in error(job, 400)["message"]
        served.graph.heard = NoSpeech("No speech was heard in the reference audio.")
        nobody = await client.post("/v1/audio/speech", json=speech(reference_audio=clip))
        assert error(nobody, 400)["param"] == "reference_audio"
        huge = await client.post("/v1/audio/speech", json=speech(reference_audio="A" * 16 * 2**20))
        assert error(huge, 413)


async def test_consents(ingresses: Ingresses) -> None:
    served = ingresses.replica(voices={"require_consent": True})
    async with client_of(served) as client:
        form = {"name": "Ana agrees", "language": "en"}
        served.graph.heard = like("af_heart", seed=1)
        consent = (
            await client.post("/v1/audio/voice_consents", data=form, files={"recording": ("c.wav", b"I agree")})
        ).json()
        assert {**consent, "id": "", "created_at": 0} == {
            "id": "", "object": "audio.voice_consent", "name": "Ana agrees", "language": "en-US", "created_at": 0,
        }  # fmt: skip
        path = f"/v1/audio/voice_consents/{consent['id']}"
        assert (await client.get(path)).json() == consent
        assert (await client.post(path, json={"name": "Ana"})).json()["name"] == "Ana"
        assert (await client.get(f"{path}/recording")).content == b"I agree"

        served.graph.heard = like("af_heart", seed=2)
        without = await client.post("/v1/audio/voices", data={"name": "Ana"}, files=SAMPLE)
        assert error(without, 400)["code"] == "consent_required"
        inline = await client.post("/v1/audio/speech", json=speech(reference_audio="UklGRg=="))
        assert error(inline, 400)["code"] == "consent_required"
        voice = await made(client, data={"consent": consent["id"]})
        assert (voice["consents"], voice["language"]) == ([consent["id"]], "en-US")
        body = speech(reference_audio="UklGRg==", consent=consent["id"])
        assert (await client.post("/v1/audio/speech", json=body)).status_code == 200
        mix = (await client.post("/v1/audio/voices", json={"name": "Mix", "voice": "Ana+af_bella"})).json()
        assert mix["consents"] == [consent["id"]]
        exported = (await client.get("/v1/audio/voices/Ana/export")).json()
        refused = await client.post("/v1/audio/voices/import", json={**exported, "name": "Copy"})
        assert error(refused, 400)["code"] == "consent_required"

        served.graph.heard = like("am_michael")
        other = await client.post("/v1/audio/voices", data={"name": "B", "consent": consent["id"]}, files=SAMPLE)
        assert error(other, 400)["code"] == "consent_mismatch"

        used = error(await client.delete(path), 409)
        assert (used["code"], "Ana, Mix" in used["message"]) == ("consent_in_use", True)
        for name in ("Ana", "Mix"):
            await client.delete(f"/v1/audio/voices/{name}")
        assert (await client.delete(path)).json() == {
            "id": consent["id"], "object": "audio.voice_consent", "deleted": True,
        }  # fmt: skip
        assert error(await client.get(path), 404)["code"] == "consent_not_found"


async def test_consents_in_pages_and_by_tenant(ingresses: Ingresses) -> None:
    a, b = ingresses.key("a"), ingresses.key("b")
    async with client_of(ingresses.replica(api_keys="required", voices={"max_voices": 3})) as client:

        async def add(name: str) -> httpx.Response:
            form = {"name": name, "language": "ja"}
            return await client.post("/v1/audio/voice_consents", data=form, files={"recording": b"x"}, headers=a)

        ids = [(await add(name)).json()["id"] for name in "123"]
        assert error(await add("4"), 409)["code"] == "voices_full"
        page = (await client.get("/v1/audio/voice_consents", params={"limit": 2}, headers=a)).json()
        assert ([one["name"] for one in page["data"]], page["has_more"], page["last_id"]) == (["3", "2"], True, ids[1])
        rest = (await client.get("/v1/audio/voice_consents", params={"after": ids[1]}, headers=a)).json()
        assert ([one["name"] for one in rest["data"]], rest["has_more"]) == (["1"], False)
        assert (await client.get("/v1/audio/voice_consents", headers=b)).json()["data"] == []
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/recording")):
            response = await client.request(method, f"/v1/audio/voice_consents/{ids[0]}{path}", headers=b)
            assert error(response, 404)
        text = await client.post("/v1/audio/voice_consents", json={"name": "x"}, headers=a)
        assert error(text, 415)
        form = {"name": "x", "language": "en"}
        no_file = await client.post("/v1/audio/voice_consents", data=form, files={"other": b"x"}, headers=a)
        assert error(no_file, 400)["param"] == "recording"
