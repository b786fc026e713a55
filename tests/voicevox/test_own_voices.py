"""Voices that callers made are speakers too."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest

from deployments.storage.voices import ClonedVoice, VoiceStore
from serve_app.voicevox.speakers import style_id
from tests.http.fakes import Served
from tests.voicevox.conftest import SPEAKER, ProsodyGraph, query
from tts_models.speaker.recipe import VoiceRecipe


@pytest.fixture
def store(served: Served) -> VoiceStore:
    store: VoiceStore = served.app.state.context.voices.store
    return store


def ana(level: float = 2.0, **delivery: float) -> ClonedVoice:
    recipe = VoiceRecipe({"jf_alpha": 1.0}, np.full(256, level, np.float32), **delivery)
    return ClonedVoice.new("", "アナ", recipe, language="ja", gender="female", source="clone")


async def pitches(client: httpx.AsyncClient, speaker: int) -> list[float]:
    body = await query(client, speaker=speaker)
    return [mora["pitch"] for phrase in body["accent_phrases"] for mora in phrase["moras"] if mora["pitch"]]


async def test_a_voice_is_a_speaker_from_the_next_request_on(
    client: httpx.AsyncClient, graph: ProsodyGraph, store: VoiceStore
) -> None:
    before = (await client.get("/speakers")).json()
    kept = store.add(ana(), [b"speech"])
    speakers = (await client.get("/speakers")).json()
    assert [speaker for speaker in speakers if speaker not in before] == [speakers[-1]]
    (style,) = speakers[-1]["styles"]
    assert (speakers[-1]["name"], style["id"]) == ("アナ", style_id(kept.id))

    body = await query(client, speaker=style["id"])
    assert (await client.post("/synthesis", params={"speaker": style["id"]}, json=body)).status_code == 200
    assert graph.items[-1].style == pytest.approx(2.0)
    info = {"speaker_uuid": speakers[-1]["speaker_uuid"]}
    first = (await client.get("/speaker_info", params=info)).json()
    assert "アナ" in first["policy"]
    made = len(graph.items)
    assert (await client.get("/speaker_info", params=info)).json() == first
    assert len(graph.items) == made  # its sample was kept

    claimed = store.claim("w", 60)
    assert claimed is not None
    store.finish(claimed, "w", VoiceRecipe({"jf_alpha": 1.0}, np.full(256, 5.0, np.float32)), 0.9)
    await client.get("/speaker_info", params=info)  # made anew
    assert graph.items[-1].style == pytest.approx(5.0)

    store.delete("", kept.id)
    assert (await client.get("/speakers")).json() == before
    assert (await client.post("/audio_query", params={"text": "あ", "speaker": style["id"]})).status_code == 422


async def test_its_own_pitch_and_rate_are_in_the_query_and_are_heard(
    client: httpx.AsyncClient, graph: ProsodyGraph, store: VoiceStore
) -> None:
    speaker = style_id(store.add(ana(semitones=12.0, rate=2.0)).id)
    plain, moved = await pitches(client, SPEAKER), await pitches(client, speaker)
    assert np.exp(moved) / np.exp(plain) == pytest.approx(2.0, rel=1e-3)
    body = await query(client, speaker=speaker)
    assert (await client.post("/synthesis", params={"speaker": speaker}, json=body)).status_code == 200
    item = graph.items[-1]
    assert item.speed == 2.0
    assert item.prosody is not None
    assert item.prosody.semitones == 12.0


async def test_morphing_goes_through_what_voices_are_made_of(
    client: httpx.AsyncClient, graph: ProsodyGraph, store: VoiceStore
) -> None:
    own = style_id(store.add(ana(4.0, semitones=6.0)).id)
    body = await query(client)
    for rate, level, semitones in ((0.0, 0.0, 0.0), (0.25, 1.0, 1.5), (1.0, 4.0, 6.0)):
        params = {"base_speaker": SPEAKER, "target_speaker": own, "morph_rate": rate}
        assert (await client.post("/synthesis_morphing", params=params, json=body)).status_code == 200
        assert graph.items[-1].style == pytest.approx(level)
        assert graph.items[-1].prosody is not None
        assert graph.items[-1].prosody.semitones == pytest.approx(semitones)


async def test_presets_speak_while_the_store_is_away(
    client: httpx.AsyncClient, store: VoiceStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail() -> None:
        raise OSError("away")

    monkeypatch.setattr(store, "kept", fail)
    assert await pitches(client, SPEAKER)
