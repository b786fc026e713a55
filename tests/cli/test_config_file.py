"""Which YAML is served, and how options and file go together."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from serve_app.cli.config_file import ONE_MACHINE, WITH_GPU, choose_config, read_config
from serve_app.cli.context import CommandFailed

HOME = Path("/assets")


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(text)
    return path


def test_own_files_are_there_and_valid() -> None:
    for path in (ONE_MACHINE, WITH_GPU):
        assert read_config(path, None, None, HOME, False).document["applications"][0]["import_path"]


def test_choice_by_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_config(None).path == ONE_MACHINE
    assert "no GPU" in choose_config(None).reason
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
    assert choose_config(None).path == WITH_GPU
    assert "Some GPU" in choose_config(None).reason
    assert choose_config(ONE_MACHINE).path == ONE_MACHINE


def test_missing_file_names_those_there_are() -> None:
    with pytest.raises(CommandFailed, match=r"no file absent\.yaml.*local\.yaml.*serve\.yaml"):
        choose_config(Path("absent.yaml"))


MINIMAL = "applications:\n  - import_path: a:b\n"
FULL = """
http_options: {host: 0.0.0.0, port: 9000, request_timeout_s: 7}
applications:
  - import_path: a:b
    route_prefix: /tts
    args: {assets: {root: /mine}, http: {max_input_characters: 5}}
"""


def test_defaults(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, MINIMAL), None, None, HOME, False)
    assert (config.host, config.port, config.url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert config.settings.assets.root == HOME
    assert config.document["applications"][0]["args"]["assets"] == {"root": "/assets", "offline": False}


def test_what_the_file_says_counts(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, FULL), None, None, HOME, False)
    assert config.url == "http://127.0.0.1:9000/tts"
    assert config.document["http_options"] == {"host": "0.0.0.0", "port": 9000, "request_timeout_s": 7}
    assert config.settings.assets.root == Path("/mine")
    assert config.settings.http.max_input_characters == 5


def test_options_count_more(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, FULL), "::1", 1234, HOME, True)
    assert config.url == "http://[::1]:1234/tts"
    assert config.document["http_options"]["request_timeout_s"] == 7
    assert config.settings.assets.offline


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not YAML"),
        ("hello", "no Ray Serve config file"),
        ("applications: []", "no Ray Serve config file"),
        (MINIMAL + MINIMAL.split("\n", 1)[1], "with one application"),
        (MINIMAL + "    args: {vocoder: {engin: fp32}}", r"args\.vocoder\.engin: Extra inputs"),
        (MINIMAL + "    args: {http: {max_input_characters: 0}}", r"args\.http\.max_input_characters: .*greater"),
        (MINIMAL + "    args: 7", "args"),
        (MINIMAL + "http_options: [1]\n", "http_options: .*dictionary"),
        (MINIMAL + "http_options: {port: abc}\n", r"http_options\.port: .*integer"),
        (MINIMAL + "http_option: {}\n", "http_option: Ray Serve has no such key"),
        (MINIMAL + "    deployments: [{name: V, max_ongoing_request: 4}]", r"V\.max_ongoing_request: Ray Serve has no"),
        (
            MINIMAL + "    deployments: [{name: V, autoscaling_config: {max_replica: 2}}]",
            r"V\.autoscaling_config\.max_re",
        ),
        (MINIMAL + "    deployments: [{name: V, ray_actor_options: {num_gpu: 1}}]", r"V\.ray_actor_options\.num_gpu"),
    ],
)
def test_file_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CommandFailed, match=message) as caught:
        read_config(write(tmp_path, text), None, None, HOME, False)
    assert "my.yaml" in str(caught.value)


def test_unreadable_file(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandFailed, match="cannot read"):
        read_config(tmp_path / "my.yaml", None, None, HOME, False)
