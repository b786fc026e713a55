"""``voicegraph`` apart from ``serve``."""

from __future__ import annotations

import io
import json
import shutil
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from serve_app.cli import doctor_command, main
from serve_app.cli.context import fetch_all_assets
from serve_app.cli.say_command import FORMATS
from tests.cli.conftest import Voicegraph
from tests.http.fakes import Served, tone, uvicorn_server
from tts_models.assets import MANIFEST, AssetStore
from tts_models.errors import AssetError, EmptyText
from tts_models.text.vocabulary import encode
from tts_models.types import Phonemes, SpokenWord

COMMANDS = [
    [], ["serve"], ["say"], ["voices"], ["doctor"], ["assets"], ["assets", "list"], ["assets", "fetch"],
    ["assets", "verify"], ["voices", "clone"], ["voices", "mix"], ["voices", "import"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(voicegraph: Voicegraph, command: list[str]) -> None:
    outcome = voicegraph(*command, "--help")
    assert outcome.code == 0
    assert "Usage: voicegraph" in outcome.out
    assert outcome.err == ""


def test_nothing_is_help(voicegraph: Voicegraph) -> None:
    assert "serve" in voicegraph().out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["bogus"], "'bogus'"),
        (["assets"], "Missing command"),
        (["say", "--speed", "9", "hi"], "--speed"),
        (["serve", "--port", "0"], "--port"),
        (["voices", "--colour"], "--colour"),
    ],
)
def test_wrong_usage_is_one_line_and_points_to_help(voicegraph: Voicegraph, arguments: list[str], part: str) -> None:
    outcome = voicegraph(*arguments)
    assert outcome.code == 2
    assert part in outcome.error
    assert "--help" in outcome.error
    assert outcome.err.count("\n") == 1


def test_unforeseen_error_is_one_line_unless_debugging(voicegraph: Voicegraph, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(options: object) -> Iterator[doctor_command.Finding]:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(doctor_command, "_findings", broken)
    assert "ZeroDivisionError: by zero" in voicegraph("doctor").error
    assert "Traceback" in voicegraph("--debug", "doctor").err


# assets


def test_assets_list(voicegraph: Voicegraph, tmp_path: Path) -> None:
    rows = json.loads(voicegraph("--home", tmp_path, "assets", "list", "--json").out)
    assert [row["name"] for row in rows] == list(MANIFEST)
    assert {row["state"] for row in rows} == {"absent"}
    for row in rows:
        files = MANIFEST[row["name"]].files
        assert [(file["name"], file["sha256"]) for file in row["files"]] == [(file.name, file.sha256) for file in files]
    table = voicegraph("--home", tmp_path, "assets", "list").out
    for name in MANIFEST:
        assert name in table
    assert MANIFEST["kokoro-82m-v1.0"].files[0].sha256[:12] in table


def test_home_is_read_from_the_environment(
    voicegraph: Voicegraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEGRAPH_HOME", str(tmp_path / "elsewhere"))
    assert str(tmp_path / "elsewhere") in voicegraph("assets", "list").out


def test_assets_fetch_prints_where(voicegraph: Voicegraph, assets: AssetStore) -> None:
    assets.ensure("voices-v1.0")
    outcome = voicegraph("--home", assets.root, "assets", "fetch", "voices-v1.0")
    assert (outcome.code, outcome.out.strip()) == (0, str(assets.path("voices-v1.0")))


def test_assets_verify_finds_what_is_missing_and_damaged(
    voicegraph: Voicegraph, assets: AssetStore, tmp_path: Path
) -> None:
    shutil.copytree(assets.ensure("voices-v1.0").parent, tmp_path / "voices-v1.0")
    assert voicegraph("--home", tmp_path, "assets", "verify", "voices-v1.0").code == 0
    copy = tmp_path / "voices-v1.0/voices.safetensors"
    damaged = bytearray(copy.read_bytes())
    damaged[-1] ^= 1
    copy.write_bytes(damaged)
    outcome = voicegraph("--home", tmp_path, "assets", "verify")
    assert outcome.code == 1
    states = {line.split()[1]: line.split()[0] for line in outcome.out.splitlines()}
    assert states == {name: "corrupt" if name == "voices-v1.0" else "absent" for name in MANIFEST}
    assert "voices-v1.0" in outcome.error


def test_no_network_is_one_line_that_says_what_to_do(
    voicegraph: Voicegraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://registry.invalid")
    error = voicegraph("--home", tmp_path, "--hub", "https://hub.invalid", "assets", "fetch", "voices-v1.0").error
    assert "asset voices-v1.0" in error
    assert "no connection to hub.invalid" in error
    assert "kokoro-js@1.2.1: " in error
    assert f"by hand into {tmp_path / 'voices-v1.0'}" in error


def test_unknown_asset(voicegraph: Voicegraph) -> None:
    assert "kokoro-82m-v1.0" in voicegraph("assets", "fetch", "kokoro").error


# voices


def test_voices(voicegraph: Voicegraph, assets: AssetStore) -> None:
    home = ("--home", assets.root)
    rows = json.loads(voicegraph(*home, "voices", "--json").out)
    assert len(rows) == 54
    assert next(row for row in rows if row["name"] == "af_heart")["language"] == "en-US"
    english = json.loads(voicegraph(*home, "voices", "-l", "en", "--json").out)
    assert {row["language"] for row in english} == {"en-US", "en-GB"}
    british = json.loads(voicegraph(*home, "voices", "-l", "en-GB", "--json").out)
    assert {row["language"] for row in british} == {"en-GB"}
    assert "jf_alpha" in voicegraph(*home, "voices", "-l", "ja-JP").out
    assert "pt-BR" in voicegraph(*home, "voices", "-l", "tlh").error


# say


@pytest.fixture
def server() -> Iterator[Served]:
    with uvicorn_server(Served()) as served:
        yield served


@pytest.mark.parametrize("extension", [*FORMATS, "ogg", "m4a"])
def test_say_by_a_server(voicegraph: Voicegraph, server: Served, tmp_path: Path, extension: str) -> None:
    out = tmp_path / f"out.{extension}"
    outcome = voicegraph(
        "say", "Hello", "-o", out, "--url", server.base_url + "/", "--speed", 2, "--seed", 3, "-l", "en-GB"
    )
    assert outcome.code == 0
    assert outcome.out == ""
    assert f"{out.stat().st_size:,} bytes" in outcome.err
    (spoken,) = server.graph.spoken
    assert (spoken.text, spoken.voice.name, spoken.speed, spoken.seed, spoken.language) == (
        "Hello", "af_heart", 2, 3, "en-GB",
    )  # fmt: skip
    magic = {"wav": b"RIFF", "flac": b"fLaC", "ogg": b"OggS", "opus": b"OggS"}.get(extension, b"")
    assert out.read_bytes().startswith(magic)
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(("name", "start"), [("a.srt", "1\n00:00:00,"), ("A.VTT", "WEBVTT\n\n00:00:00.")])
def test_say_with_captions_by_a_server(
    voicegraph: Voicegraph, server: Served, tmp_path: Path, name: str, start: str
) -> None:
    server.graph.segment = Phonemes("Hello", "həlO", encode("həlO"), "en-US", words=(SpokenWord(0, 5, 0, 4),))
    captions = tmp_path / name
    assert (
        voicegraph("say", "Hello", "-o", tmp_path / "a.wav", "--captions", captions, "--url", server.base_url).code == 0
    )
    assert captions.read_text().startswith(start)
    assert "Hello" in captions.read_text()
    assert [utterance.text for utterance in server.graph.spoken] == ["Hello", "Hello"]


def test_say_refuses_captions_of_another_form(voicegraph: Voicegraph, server: Served, tmp_path: Path) -> None:
    arguments = ("say", "Hello", "-o", tmp_path / "a.wav", "--captions", tmp_path / "a.ass", "--url", server.base_url)
    assert ".srt or .vtt" in voicegraph(*arguments).error
    assert server.graph.spoken == []
    assert list(tmp_path.iterdir()) == []


def test_say_wav_knows_its_length(voicegraph: Voicegraph, server: Served, tmp_path: Path) -> None:
    server.script(tone(0.5), tone(0.25))
    voicegraph("say", "Hello", "-o", tmp_path / "out.wav", "--url", server.base_url)
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert (file.getnframes(), file.getframerate()) == (18_000, 24_000)


def test_say_from_a_pipe_to_a_pipe(
    server: Served, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("Grüß dich".encode())))
    with pytest.raises(SystemExit) as ended:
        main(["say", "-", "-o", "-", "--url", server.base_url])
    assert not ended.value.code
    assert capfdbinary.readouterr().out.startswith(b"RIFF")
    assert server.graph.spoken[0].text == "Grüß dich"


def test_what_the_server_answers_reaches_the_user(voicegraph: Voicegraph, server: Served, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    out.write_bytes(b"from before")
    assert "af_heart" in voicegraph("say", "hi", "-v", "af_hart", "-o", out, "--url", server.base_url).error
    server.script(EmptyText("The text is empty."))
    assert "400: The text is empty." in voicegraph("say", "hi", "-o", out, "--url", server.base_url).error
    assert out.read_bytes() == b"from before"
    assert list(tmp_path.iterdir()) == [out]


def test_no_server(voicegraph: Voicegraph, tmp_path: Path) -> None:
    error = voicegraph("say", "hi", "-o", tmp_path / "out.wav", "--url", "http://127.0.0.1:9").error
    assert "voicegraph serve" in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "part"),
    [
        ("out.xyz", ".mp3"),
        ("out", ".wav"),
        ("/nowhere/out.wav", "No such file or directory"),
        ("/dev/full", "--format"),
    ],
)
def test_output_that_cannot_be(
    voicegraph: Voicegraph, server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, part: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert part in voicegraph("say", "hi", "-o", output, "--url", server.base_url).error


def test_full_disk(voicegraph: Voicegraph, server: Served) -> None:
    outcome = voicegraph("say", "hi", "-o", "/dev/full", "-f", "wav", "--url", server.base_url)
    assert outcome.error == "cannot write /dev/full: No space left on device"
    assert Path("/dev/full").is_char_device()


def test_say_in_this_process(voicegraph: Voicegraph, assets: AssetStore, tmp_path: Path) -> None:
    assets.ensure("kokoro-82m-v1.0")
    arguments = ("--home", assets.root, "--offline", "say", "Hello there.", "--engine", "fp32", "-o")
    assert voicegraph(*arguments, tmp_path / "a.wav", "--captions", tmp_path / "a.srt").code == 0
    assert (tmp_path / "a.srt").read_text().splitlines()[2] == "Hello there."
    (tmp_path / "a.srt").unlink()
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getnchannels() == 1
        assert 0.5 < file.getnframes() / file.getframerate() < 3
    assert "af_heart" in voicegraph(*arguments, tmp_path / "b.wav", "-v", "af_hart").error
    assert "empty" in voicegraph(*arguments[:3], "say", "  ", "-o", tmp_path / "b.wav").error
    assert list(tmp_path.iterdir()) == [tmp_path / "a.wav"]


# doctor


def test_doctor(voicegraph: Voicegraph, assets: AssetStore) -> None:
    outcome = voicegraph("--home", assets.root, "doctor", "--json")
    findings = {finding["what"]: finding for finding in json.loads(outcome.out)}
    assert {"python", "torch", "ray", "cpu", "gpu", "engine", "config", "compiler", "disk", "port 8000"} <= set(
        findings
    )
    assert findings["python"]["detail"].startswith("3.11")
    assert findings["kokoro-82m-v1.0"]["verdict"] == "ok"
    assert outcome.code == int(any(finding["verdict"] == "problem" for finding in findings.values()))


def test_doctor_names_what_keeps_the_server_from_starting(
    voicegraph: Voicegraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("serve_app.cli.machine.shutil.disk_usage", lambda path: usage._replace(free=1_000_000))
    outcome = voicegraph("--home", tmp_path, "doctor")
    assert outcome.code == 1
    assert "disk" in outcome.error
    assert "1 MB are free" in outcome.out


def test_what_is_optional_may_be_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    optional = replace(MANIFEST["all-minilm-l6-v2"], sources=())
    fetch_all_assets(AssetStore(tmp_path, offline=True, manifest={"all-minilm-l6-v2": optional}))
    assert "without all-minilm-l6-v2" in capsys.readouterr().err
    needed = replace(optional, optional=False)
    with pytest.raises(AssetError):
        fetch_all_assets(AssetStore(tmp_path, offline=True, manifest={"all-minilm-l6-v2": needed}))
