"""``voicegraph voices`` against a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.storage.records import SqliteRecords
from deployments.storage.voices import VoiceStore
from tests.cli.conftest import Voicegraph
from tests.http.fakes import Served, uvicorn_server
from tts_models.errors import SeveralSpeakers
from tts_models.speaker.recipe import VoiceRecipe


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with uvicorn_server(Served(records=SqliteRecords(tmp_path / "records.sqlite3"))) as served:
        yield served


@pytest.fixture
def store(tmp_path: Path) -> VoiceStore:
    return VoiceStore(SqliteRecords(tmp_path / "records.sqlite3"))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    (path := tmp_path / "ana.wav").write_bytes(b"RIFF")
    return path


def test_from_cloned_to_deleted(
    voicegraph: Voicegraph, served: Served, store: VoiceStore, clip: Path, tmp_path: Path
) -> None:
    at = ("--url", served.base_url)
    made = voicegraph("voices", "clone", "Ana", clip, clip, "-l", "en-GB", "--licence", "ours", *at)
    assert made.code == 0, made.err
    assert "Ana: ready" in made.err
    (clips, _), *_ = served.graph.profiled
    assert clips == (b"RIFF", b"RIFF")
    voice_id = made.out.strip()
    mix = voicegraph("voices", "mix", "Duo", "Ana+af_bella(0.5)", *at)
    assert mix.code == 0, mix.err

    shown = json.loads(voicegraph("voices", "show", "Duo", *at).out)
    assert (shown["id"], shown["source"]) == (mix.out.strip(), "mix")
    listed = voicegraph("voices", "list", *at).out
    assert voice_id in listed
    assert "af_bella" in listed
    british = json.loads(voicegraph("voices", "-l", "en-GB", "--json", *at).out)
    assert {row["name"] for row in british} >= {"Ana", "Duo"}

    file = tmp_path / "ana.voice.json"
    assert "bytes" in voicegraph("voices", "export", "Ana", file, *at).err
    assert voicegraph("voices", "import", file, "--name", "Bea", *at).code == 0
    assert {voice.name for voice in store.all()} == {"Ana", "Duo", "Bea"}
    for name in ("Ana", "Duo", "Bea"):
        assert voicegraph("voices", "delete", name, *at).code == 0
    assert store.all() == []


def test_waiting_for_the_fitting(voicegraph: Voicegraph, served: Served, store: VoiceStore, clip: Path) -> None:
    at = ("--url", served.base_url)
    late = voicegraph("voices", "clone", "Ana", clip, "--wait", "--timeout", 1, *at)
    assert "not fitted after 1 s" in late.error
    claimed = store.claim("w", 60)
    assert claimed is not None
    store.finish(claimed, "w", VoiceRecipe({"af_heart": 1.0}), 0.9)
    assert json.loads(voicegraph("voices", "show", "Ana", *at).out)["status"] == "fitted"


def test_what_goes_wrong_is_said_in_a_line(voicegraph: Voicegraph, served: Served, clip: Path, tmp_path: Path) -> None:
    at = ("--url", served.base_url)
    assert "cannot read" in voicegraph("voices", "clone", "Ana", tmp_path / "none.wav", *at).error
    served.graph.heard = SeveralSpeakers("More than one person speaks in the reference audio.")
    assert "400: More than one" in voicegraph("voices", "clone", "Ana", clip, *at).error
    assert "Did you mean af_bella" in voicegraph("voices", "mix", "Duo", "af_bela", *at).error
    assert "404: There is no voice 'Ana'" in voicegraph("voices", "delete", "Ana", *at).error
    (tmp_path / "x.json").write_text("{")
    assert "is no voice" in voicegraph("voices", "import", tmp_path / "x.json", *at).error
    assert "no answer from" in voicegraph("voices", "show", "Ana", "--url", "http://127.0.0.1:9").error
