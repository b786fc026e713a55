"""``voicegraph config``."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from serve_app.cli.config_file import CONFIG_FOLDER, read_config
from tests.cli.conftest import Voicegraph

SERVE = CONFIG_FOLDER / "serve.yaml"


def test_a_config_for_several_nodes(voicegraph: Voicegraph, tmp_path: Path) -> None:
    told = voicegraph(
        *("config", "-c", SERVE),
        *("--set", "storage.records=redis://host:6379/1", "--set", "text.warm_languages=[en-US]"),
        *("--set", "http.limits.loopback=true"),
    )
    assert told.code == 0
    file = tmp_path / "serve.yaml"
    file.write_text(told.out)
    settings = read_config(file, None, None, tmp_path, offline=True).settings
    assert settings.storage.records == "redis://host:6379/1"
    assert settings.text.warm_languages == ("en-US",)
    assert settings.http.limits.loopback
    original, changed = yaml.safe_load(SERVE.read_text()), yaml.safe_load(told.out)
    assert changed["applications"][0]["deployments"] == original["applications"][0]["deployments"]
    assert changed["proxy_location"] == "EveryNode"
    assert "&id" not in told.out
    assert "storage.records" not in told.err


def test_it_says_what_several_nodes_lack(voicegraph: Voicegraph) -> None:
    assert "storage.records is not set" in voicegraph("config", "-c", SERVE).err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("storage.record=redis://host", "storage.record: Extra inputs"),
        ("storage.records=host:6379", "storage.records: String should match"),
        ("storage", "SETTING=VALUE"),
        ("text.in_logs.deep=1", "in_logs"),
        ("text.forbidden={", "not YAML"),
    ],
)
def test_what_is_no_setting(voicegraph: Voicegraph, change: str, said: str) -> None:
    told = voicegraph("config", "-c", SERVE, "--set", change)
    assert told.code == 1
    assert said in told.error
    assert told.out == ""
