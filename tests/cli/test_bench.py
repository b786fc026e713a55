"""``voicegraph bench``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.cli import bench_command
from tests.bench.fake_server import PCM, Script, served
from tests.cli.conftest import Voicegraph

QUICK = ("--seconds", 0.5, "--warm-up", 0.1)


@pytest.fixture
def script() -> Script:
    return Script([(0.02, PCM * 12_000), (0.02, PCM * 12_000)])


@pytest.fixture
def url(script: Script) -> Iterator[str]:
    with served(script) as url:
        yield url


def test_closed_and_open_loops_end_in_one_line_of_json(voicegraph: Voicegraph, script: Script, url: str) -> None:
    outcome = voicegraph(
        "bench", "--url", url, "--clients", 2, "--clients", 4, "--rate", 20, "-t", "short", "-t", "medium",
        "-l", "en", "-l", "ja", "--voice", "ja=somebody", "--api-key", "secret", *QUICK,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert outcome.out.count("\n") == 1
    result = json.loads(outcome.out)
    assert result["voices"] == {"en": "af_heart", "ja": "somebody"}
    two, four, open_ = result["runs"]
    assert (two["load"], two["clients"], four["clients"], open_["load"], open_["rate_per_s"]) == (
        "closed", 2, 4, "open", 20,
    )  # fmt: skip
    assert two["requests_per_s"] > 0
    assert four["audio_s_per_s"] == pytest.approx(four["requests_per_s"])  # a second each
    assert two["errors"] == {}
    assert two["first_audio_s"]["p50"] >= 0.02
    assert two["whole_s"]["p50"] >= two["first_audio_s"]["p50"] + 0.015
    assert 0 < two["fairness"]["jain"] <= 1
    assert (two["fairness"]["over"], open_["fairness"]["over"]) == ("clients", "waits")
    assert set(two["by_text"]) == {"short-en", "short-ja", "medium-en", "medium-ja"}
    assert {body["voice"] for body in script.bodies} == {"af_heart", "somebody"}
    assert set(script.keys) == {"Bearer secret"}
    assert "requests/s" in outcome.err


def test_eight_clients_by_default(voicegraph: Voicegraph, url: str) -> None:
    (run,) = json.loads(voicegraph("bench", "--url", f"{url}/v1", *QUICK).out)["runs"]
    assert (run["load"], run["clients"]) == ("closed", 8)


@pytest.mark.parametrize(
    ("status", "error", "parts"),
    [
        (401, {"error": {"code": "missing_api_key", "message": "No key."}}, ["401: No key", "--api-key"]),
        (404, {"error": {"code": "voice_not_found", "message": "No voice x."}}, ["404: No voice x", "--voice"]),
        (400, {"detail": {"error": "validation_error", "message": "Bad voice."}}, ["400: Bad voice", "--voice"]),
        (404, "<h1>Not here</h1>", ["404", "Not here", "--url"]),
        (200, "<h1>Hello</h1>", ["without audio", "--url"]),
        (503, {"error": {"message": "Starting."}}, ["503: Starting"]),
    ],
)
def test_a_server_that_refuses_is_one_line(
    voicegraph: Voicegraph, script: Script, url: str, status: int, error: object, parts: list[str]
) -> None:
    script.status, script.error = status, error
    outcome = voicegraph("bench", "--url", url, *QUICK)
    assert outcome.code == 1
    assert outcome.out == ""
    assert url in outcome.error
    for part in parts:
        assert part in outcome.error


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--url", "http://127.0.0.1:9"), "no answer from http://127.0.0.1:9"),
        (("--url", "localhost:8000"), "does not begin with http://"),
        (("--texts", "tiny"), "there is no 'tiny'; there are short, medium, long"),
        (("--language", "xx"), "there is no 'xx'"),
        (("--format", "ogg"), "there is no 'ogg'"),
        (("--voice", "xx=y"), "'xx=y' is neither"),
        (("--plot", "x.txt"), "ends in none of"),
        (("--plot", "/nowhere/at/all/x.png"), "there is no folder /nowhere/at/all"),
    ],
)
def test_bad_options_are_one_line(voicegraph: Voicegraph, options: tuple[str, ...], part: str) -> None:
    outcome = voicegraph("bench", *options)
    assert outcome.code == 1
    assert part in outcome.error


def test_errors_on_the_way_are_counted(
    voicegraph: Voicegraph, script: Script, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> list[object]:
        script.status, script.error = 429, {"error": {"code": "rate_limit_exceeded", "message": "Full."}}
        return []

    monkeypatch.setattr("serve_app.bench.client.first_answers", fails)
    outcome = voicegraph("bench", "--url", url, *QUICK)
    assert outcome.code == 1
    assert "answered nothing well: 429 Full." in outcome.error
    (run,) = json.loads(outcome.out)["runs"]
    assert run["requests_per_s"] == 0
    assert run["errors"]["429 rate_limit_exceeded"] == run["sent"] > 0
    assert run["whole_s"]["p95"] is None


def test_a_picture(voicegraph: Voicegraph, url: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "bench.png"
    outcome = voicegraph("bench", "--url", url, "--clients", 2, "--rate", 10, "--plot", path, *QUICK)
    assert outcome.code == 0, outcome.err
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 20_000


def test_without_matplotlib_it_is_told_before_measuring(
    voicegraph: Voicegraph, script: Script, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    outcome = voicegraph("bench", "--url", url, "--plot", tmp_path / "bench.png")
    assert "--plot needs matplotlib" in outcome.error
    assert script.bodies == []


def test_formats_are_the_clients() -> None:
    from serve_app.bench.client import FORMATS

    assert bench_command._FORMATS == FORMATS
