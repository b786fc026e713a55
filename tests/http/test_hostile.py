"""Some hundreds of the bad requests that ``bench.hostile`` sends by the ten thousand, over the fake graph."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from bench.hostile import Answers, decoded, described, mutations, recordings, spoilt
from serve_app.voicevox.app import mount_voicevox
from tests.http.fakes import Served, tone, uvicorn_server
from tts_models.speaker.decoder_process import Decoders, ProcessLimits


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    served = Served()
    served.script(tone(0.05))
    mount_voicevox(served.app)
    with uvicorn_server(served):
        yield served.base_url


@pytest.mark.parametrize(("path", "count"), [("/openapi.json", 90), ("/voicevox/openapi.json", 40)])
def test_requests_against_the_description(path: str, count: int, url: str) -> None:
    answers = Answers()
    described(url, path, count, 0, answers, {})
    assert answers.faults == []
    assert sum(answers.statuses.values()) >= count // 2
    refused = sum(n for status, n in answers.statuses.items() if 400 <= status < 500)
    assert refused > 0.7 * sum(answers.statuses.values())


def test_spoilt_requests(url: str) -> None:
    answers = Answers()
    spoilt(url, 400, 0, answers, {})
    assert answers.faults == []
    assert answers.statuses[400] > 50


def test_spoilt_files() -> None:
    files = recordings(0.4)
    assert set(files) == {"wav", "mp3", "flac", "ogg", "m4a", "webm"}
    with Decoders(1, ProcessLimits(max_files=10_000)) as decoders:
        whole = decoded(decoders, iter(files.values()))
        ended = decoded(decoders, mutations(list(files.values()), 300, 0))
        gc.collect()
    assert whole == {"heard": 6}
    assert ended["heard"] > 30
    assert ended["refused"] > 30
    assert ended.total() == 300
