"""The façade over a quick graph with the models' interfaces: real text analysis, real prosody arithmetic."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from deployments.dictionaries import Dictionaries
from deployments.settings import HttpSettings
from deployments.storage.dictionaries import DictionaryStore
from deployments.storage.records import SqliteRecords
from deployments.storage.voices import VoiceStore
from serve_app.voices.registry import VoiceRegistry
from serve_app.voicevox.app import mount_voicevox
from serve_app.voicevox.speakers import style_id
from tests.http.fakes import FakeGraph, Served, uvicorn_server
from tts_models.prosody import POINTS_PER_FRAME, edited_durations, edited_f0
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text.accents import AccentAnalyser
from tts_models.text.moras import AccentPhrase
from tts_models.text.vocabulary import PUNCTUATION, SYMBOL_IDS
from tts_models.types import FRAME_SAMPLES, AcousticInput, Audio, FloatArray, IntArray, Prosody, ProsodyEdit

PAD_FRAMES = 12
_SILENT = {SYMBOL_IDS[symbol] for symbol in PUNCTUATION} | {0}
_UNVOICED = {SYMBOL_IDS["ʔ"]}
SPEAKER = style_id("jf_alpha")


@lru_cache(maxsize=1)
def analyser() -> AccentAnalyser:
    return AccentAnalyser()


class ProsodyGraph(FakeGraph):
    """Speaks a tone at the F0 asked for; a token lasts 2 to 4 frames, by its id, and rises from 200 Hz.

    Attributes:
        items: What was synthesised.
        failure: Raised instead.
        dictionaries: What texts are read with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.items: list[AcousticInput] = []
        self.failure: Exception | None = None
        self.dictionaries: Dictionaries | None = None

    async def accent_phrases(self, text: str) -> list[AccentPhrase]:
        dictionary = await self.dictionaries.of("") if self.dictionaries else None
        return analyser().phrases(text, dictionary)

    async def predict(self, item: AcousticInput, *, is_first: bool = True) -> Prosody:
        if self.failure:
            raise self.failure
        durations, f0 = self.curves(item)
        return Prosody(durations, f0, np.zeros_like(f0))

    async def synthesize(self, item: AcousticInput, *, is_first: bool = True) -> Audio:
        if self.failure:
            raise self.failure
        self.items.append(item)
        durations, f0 = self.curves(item)
        voiced = np.repeat(f0, FRAME_SAMPLES // POINTS_PER_FRAME)
        tone = np.where(voiced > 0, 0.3 * np.sin(np.cumsum(2 * np.pi * voiced / 24_000)), 0)
        return Audio((item.volume * tone).astype(np.float32), durations_frames=durations)

    def curves(self, item: AcousticInput) -> tuple[IntArray, FloatArray]:
        tokens = [0, *item.token_ids, 0]
        natural = np.array([PAD_FRAMES if token == 0 else 2 + token % 3 for token in tokens], np.float32)
        edit = item.prosody or ProsodyEdit()
        frames = np.maximum(np.rint(natural / item.speed), 1).astype(np.int64)
        durations = edited_durations(edit, natural, frames)
        pitch = [0 if token in _SILENT | _UNVOICED else 200 + 4 * index for index, token in enumerate(tokens)]
        f0 = np.repeat(np.array(pitch, np.float32), durations * POINTS_PER_FRAME)
        return durations, edited_f0(edit, durations, f0)


def serve(
    data_root: Path, graph: ProsodyGraph | None = None, voices: VoiceCatalogue | None = None, **settings: Any
) -> Served:
    served = Served(HttpSettings(**settings))
    served.graph = graph or ProsodyGraph()
    context = served.app.state.context
    records = SqliteRecords(data_root / "records.sqlite3")
    registry = VoiceRegistry(voices or context.voices.presets.catalogue, VoiceStore(records))
    served.app.state.context = replace(context, graph=served.graph, voices=registry, records=records)
    served.graph.dictionaries = Dictionaries(DictionaryStore(records))
    mount_voicevox(served.app)
    return served


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return serve(tmp_path)


@pytest.fixture
def graph(served: Served) -> ProsodyGraph:
    assert isinstance(served.graph, ProsodyGraph)
    return served.graph


@pytest.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(served.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/voicevox") as client:
        yield client


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Served]:
    """Behind a real socket, at the root."""
    with uvicorn_server(serve(tmp_path, voicevox_mount="/")) as served:
        yield served


async def query(client: httpx.AsyncClient, text: str = "こんにちは、世界。", speaker: int = SPEAKER) -> dict[str, Any]:
    response = await client.post("/audio_query", params={"text": text, "speaker": speaker})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body
