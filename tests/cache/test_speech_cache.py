"""The very same request is answered with what was said before; anything else is made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from deployments.metrics import SPEECH_LOOKUPS, SPEECH_SAVED
from deployments.settings import AdmissionSettings, AppSettings, CacheSettings, TextSettings
from deployments.storage.api_keys import ApiKeys
from deployments.storage.dictionaries import DictionaryStore
from deployments.storage.objects import Objects, memory_objects
from deployments.storage.records import SqliteRecords
from deployments.storage.speech import FOLDER
from serve_app.http.app import create_app
from serve_app.speech_cache import from_bytes, open_cache, to_bytes
from tests.http.fakes import VOICES, FakeGraph, Gate, preset_table, somebody, speech, tone
from tests.metrics.fakes import Recorded
from tests.metrics.fakes import recorded as recorded
from tts_models.errors import SynthesisError
from tts_models.speaker.voices import Voice, VoiceCatalogue
from tts_models.text.dictionary.entry import Entry
from tts_models.types import MAX_TOKENS, STYLE_DIM, Phonemes, SpokenWord

HELLO = Phonemes("Hello", "həlˈO", (50, 51, 52, 53, 54), "en-US", words=(SpokenWord(0, 5, 0, 5),))


def distinct_voices() -> VoiceCatalogue:
    rng = np.random.default_rng(0)
    tables = (rng.standard_normal((MAX_TOKENS, STYLE_DIM)).astype(np.float32) for _ in VOICES)
    return VoiceCatalogue(Voice.from_table(name, table) for name, table in zip(VOICES, tables, strict=True))


@dataclass
class Server:
    """One or several ingress replicas over one store; each with a graph that counts."""

    folder: Path
    objects: Objects
    settings: AppSettings

    def replica(self, **places: int) -> tuple[httpx.AsyncClient, FakeGraph]:
        graph = FakeGraph(segment=HELLO, script=[tone(0.25), tone(0.5, 330)], heard=somebody())
        voices = distinct_voices()
        cache = open_cache(self.settings, self.objects, self.records, voices)
        app = create_app(
            graph,  # type: ignore[arg-type]
            voices,
            self.settings.http,
            records=self.records,
            preset_table=preset_table(),
            cache=cache,
            places=AdmissionSettings(**places) if places else None,
        )
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://test"), graph

    @property
    def records(self) -> SqliteRecords:
        return SqliteRecords(self.folder / "records.sqlite3")

    def key(self, tenant: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {ApiKeys(self.records).create(tenant, tenant=tenant)[1]}"}

    def kept(self) -> list[str]:
        return sorted(self.objects.keys(FOLDER))


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path, memory_objects(), AppSettings(cache=CacheSettings(enabled=True)))


def changed(server: Server, **settings: Any) -> Server:
    cache = CacheSettings(enabled=True, **settings)
    return replace(server, settings=server.settings.model_copy(update={"cache": cache}))


async def say(client: httpx.AsyncClient, **body: Any) -> bytes:
    headers = body.pop("headers", None)
    answer = await client.post("/v1/audio/speech", json=speech(response_format="pcm", **body), headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.content


async def test_the_same_request_is_not_made_again(server: Server, recorded: Recorded) -> None:
    client, graph = server.replica()
    first = await say(client)
    await asyncio_until(lambda: len(server.kept()) == 1)
    again = await say(client)
    assert again == first
    assert len(graph.spoken) == 1
    assert recorded.of(SPEECH_LOOKUPS, found="miss") == [1]
    assert recorded.of(SPEECH_LOOKUPS, found="hit") == [1]
    # What is heard of 0.75 s, its segments' silent ends cut.
    assert sum(recorded.of(SPEECH_SAVED)) == pytest.approx(len(first) / 48_000)


async def test_another_replica_finds_it_too(server: Server) -> None:
    client, _ = server.replica()
    first = await say(client)
    await asyncio_until(server.kept)
    other, graph = server.replica()
    assert await say(other) == first
    assert graph.spoken == []


@pytest.mark.parametrize(
    "body",
    [
        {"response_format": "mp3"},
        {"response_format": "wav", "stream": False},
        {"response_format": "flac"},
        {"stream_format": "sse", "response_format": "pcm"},
        {"timestamps": "word", "response_format": "wav"},
        {"timestamps": "phoneme", "stream_format": "sse", "response_format": "opus"},
    ],
)
async def test_whatever_the_form_of_the_answer_it_is_the_same_bytes(server: Server, body: dict[str, Any]) -> None:
    client, graph = server.replica()
    fresh = (await client.post("/v1/audio/speech", json=speech(**body))).content
    await asyncio_until(server.kept)
    kept = (await client.post("/v1/audio/speech", json=speech(**body))).content
    assert kept == fresh
    assert len(graph.spoken) == 1


async def test_one_form_serves_the_others(server: Server) -> None:
    client, graph = server.replica()
    streamed = await say(client)
    await asyncio_until(server.kept)
    whole = await say(client, stream=False)
    assert whole == streamed
    assert len(graph.spoken) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"input": "Hello there!"},
        {"voice": "af_bella"},
        {"voice": "af_bella(2)+af_heart(1)"},
        {"speed": 1.1},
        {"volume": 0.5},
        {"seed": 1},
        {"pitch": 1.0},
        {"emotion": "sad"},
        {"language": "en-GB"},
        {"input": "<speak>Hello there.</speak>"},
        {"instructions": "Speak slowly."},
    ],
)
async def test_another_request_is_made(server: Server, change: dict[str, Any]) -> None:
    client, graph = server.replica()
    await say(client, voice="af_heart")
    await asyncio_until(server.kept)
    await say(client, **{"voice": "af_heart", **change})
    assert len(graph.spoken) == 2
    await asyncio_until(lambda: len(server.kept()) == 2)


async def test_another_model_engine_cut_or_word_list_is_another_speech(server: Server) -> None:
    client, _ = server.replica()
    await say(client)
    await asyncio_until(server.kept)
    for changes in (
        {"vocoder": server.settings.vocoder.model_copy(update={"engine": "fp32"})},
        {"text": TextSettings(max_segment_tokens=150)},
        {"text": TextSettings(forbidden={"oath": ("hello",)})},
    ):
        other, graph = replace(server, settings=server.settings.model_copy(update=changes)).replica()
        await say(other)
        assert len(graph.spoken) == 1, changes


async def test_a_changed_dictionary_is_heard_at_once(server: Server) -> None:
    client, graph = server.replica()
    headers = server.key("acme")
    await say(client, headers=headers)
    await asyncio_until(server.kept)
    entry = Entry("Hello", "Goodbye")
    DictionaryStore(server.records).add("acme", entry, most=10)
    await say(client, headers=headers)
    assert len(graph.spoken) == 2
    await asyncio_until(lambda: len(server.kept()) == 2)
    DictionaryStore(server.records).add("", Entry("there", "here"), most=10)
    await say(client, headers=headers)
    assert len(graph.spoken) == 3


async def test_tenants_do_not_hear_of_one_another(server: Server) -> None:
    client, graph = server.replica()
    await say(client, headers=server.key("acme"))
    await asyncio_until(server.kept)
    await say(client, headers=server.key("other"))
    assert len(graph.spoken) == 2


async def test_tenants_share_presets_where_that_is_allowed(server: Server) -> None:
    server = changed(server, shared=True)
    client, graph = server.replica()
    acme, other = server.key("acme"), server.key("other")
    await say(client, headers=acme)
    await asyncio_until(server.kept)
    await say(client, headers=other)
    assert len(graph.spoken) == 1
    DictionaryStore(server.records).add("other", Entry("Hello", "Goodbye"), most=10)
    await say(client, headers=other)
    assert len(graph.spoken) == 2
    await say(client, headers=acme, voice="af_bella(2)+af_heart(1)")  # a mix is nobody else's
    await asyncio_until(lambda: len(server.kept()) == 3)
    await say(client, headers=server.key("third"), voice="af_bella(2)+af_heart(1)")
    assert len(graph.spoken) == 4


async def clone(client: httpx.AsyncClient, headers: dict[str, str]) -> str:
    sample = {"audio_sample": ("ana.wav", b"RIFF...", "audio/wav")}
    made = await client.post("/v1/audio/voices", data={"name": "Ana"}, files=sample, headers=headers)
    assert made.status_code == 200, made.text
    return str(made.json()["id"])


async def test_a_voice_that_is_gone_is_not_heard_and_leaves_nothing(server: Server) -> None:
    client, _ = server.replica()
    headers, others = server.key("acme"), server.key("other")
    voice = await clone(client, headers)
    await say(client, voice="Ana", headers=headers)
    await say(client, voice="af_bella(1)+Ana(1)", headers=headers)
    await say(client, headers=others)
    await asyncio_until(lambda: len(server.kept()) == 3)
    assert (await client.delete(f"/v1/audio/voices/{voice}", headers=headers)).status_code == 200
    assert len(server.kept()) == 1  # the other tenant's
    answer = await client.post("/v1/audio/speech", json=speech(voice="Ana"), headers=headers)
    assert answer.status_code == 404


async def test_a_voice_made_anew_under_the_same_name_is_another(server: Server) -> None:
    client, graph = server.replica()
    headers = server.key("acme")
    voice = await clone(client, headers)
    await say(client, voice="Ana", headers=headers)
    await asyncio_until(server.kept)
    await client.delete(f"/v1/audio/voices/{voice}", headers=headers)
    graph.heard = somebody(5, 120.0)
    await clone(client, headers)
    await say(client, voice="Ana", headers=headers)
    assert len(graph.spoken) == 2


async def test_reference_audio_in_a_request_is_never_kept(server: Server) -> None:
    client, _ = server.replica()
    await say(client, reference_audio="UklGRg==")
    await say(client)
    await asyncio_until(lambda: len(server.kept()) == 1)


async def test_what_failed_or_was_broken_off_is_not_kept(server: Server) -> None:
    client, graph = server.replica()
    graph.script = [tone(0.25), SynthesisError("no")]
    await client.post("/v1/audio/speech", json=speech())
    graph.script = [tone(0.25)]
    await say(client)
    assert len(graph.spoken) == 2


async def test_long_speech_is_made_every_time(server: Server) -> None:
    client, graph = changed(server, max_audio_s=0.5).replica()
    await say(client)
    await say(client)
    assert len(graph.spoken) == 2
    assert server.kept() == []


async def test_a_kept_answer_needs_no_place(server: Server) -> None:
    client, _ = server.replica()
    await say(client)
    await asyncio_until(server.kept)
    full, busy = server.replica(max_running=1, max_waiting=0)
    gate = Gate()
    busy.script = [gate, tone(0.1)]
    waiting = asyncio.create_task(say(full, input="Something else."))
    await asyncio_until(lambda: busy.spoken)
    refused = await full.post("/v1/audio/speech", json=speech(input="A third thing."))
    assert refused.status_code == 429
    assert await say(full)  # kept
    gate.open()
    await waiting


async def test_a_store_that_does_not_answer_costs_the_cache_and_nothing_else(
    server: Server, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, graph = server.replica()

    def broken(*_: object) -> Any:
        raise OSError("away")

    monkeypatch.setattr(Objects, "get_dated", broken)
    monkeypatch.setattr(Objects, "put", broken)
    await say(client)
    await say(client)
    assert len(graph.spoken) == 2
    assert recorded.of(SPEECH_LOOKUPS, found="error") == [1, 1]


async def test_damage_is_noticed(server: Server) -> None:
    client, graph = server.replica()
    first = await say(client)
    await asyncio_until(server.kept)
    (name,) = server.kept()
    data = bytearray(server.objects.get(name))
    data[-5] ^= 1
    server.objects.put(name, bytes(data))
    assert await say(client) == first
    assert len(graph.spoken) == 2


def test_off_by_default_and_off_where_what_is_allowed_can_change(server: Server) -> None:
    assert open_cache(AppSettings(), server.objects, server.records, distinct_voices()) is None
    hooked = server.settings.model_copy(update={"text": TextSettings(forbidden_hook="a:b")})
    assert open_cache(hooked, server.objects, server.records, distinct_voices()) is None


async def test_segments_survive_the_store() -> None:
    graph = FakeGraph(segment=HELLO)
    made = [segment async for segment in graph.speak(None)]  # type: ignore[arg-type]
    made.append(replace(made[0], energy=np.ones(8, np.float32), durations_frames=None))
    read = from_bytes(to_bytes(made))
    assert len(read) == 3
    for one, other in zip(made, read, strict=True):
        assert np.array_equal(one.samples, other.samples)
        assert one.timeline.segment == other.timeline.segment
        assert one.timeline.start_sample == other.timeline.start_sample
        assert (one.energy is None) == (other.energy is None)
    assert [mark.start for mark in read[0].timeline.words()] == [0]
    with pytest.raises(ValueError, match="shorter"):
        from_bytes(to_bytes(made)[:-100])


async def asyncio_until(true: Callable[[], Any], limit_s: float = 10.0) -> None:
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, "still not true"
        await asyncio.sleep(0.01)
