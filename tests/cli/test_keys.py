"""``voicegraph keys``."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from deployments.settings import StorageSettings
from deployments.storage.api_keys import ApiKeys, find
from deployments.storage.records import open_records
from tests.cli.conftest import Voicegraph


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "server.yaml"
    storage = f"{{storage: {{root: {tmp_path / 'data'}}}}}"
    file.write_text(f"applications: [{{name: v, import_path: serve_app.builder:build, args: {storage}}}]\n")
    return file


@pytest.fixture
def keys(tmp_path: Path) -> ApiKeys:
    return ApiKeys(open_records(StorageSettings(root=tmp_path / "data")))


def test_from_made_to_forgotten(voicegraph: Voicegraph, config: Path, keys: ApiKeys) -> None:
    made = voicegraph("keys", "create", "our app", "-c", config, "--expires", "90d", "--max-running", 3, "--admin")
    told = made.out.strip()
    key = find(keys.all(), told)
    assert key is not None
    assert (key.name, key.admin, key.limits.max_running, key.tenant) == ("our app", True, 3, key.key_id)
    assert key.expires_at == pytest.approx(time.time() + 90 * 86_400, abs=60)
    assert key.key_id in made.err

    listed = voicegraph("keys", "list", "-c", config).out
    assert "our app" in listed
    assert "admin, 3 at once" in listed
    assert told not in listed
    assert key.digest not in voicegraph("keys", "list", "--json", "-c", config).out

    changes = ("--weight", 2, "--expires", "never", "--max-running", 0, "--requests-per-s", 2.5, "--max-waiting", 0)
    assert voicegraph("keys", "change", key.key_id, "-c", config, *changes, "--no-admin").code == 0
    changed = keys.all()[key.key_id]
    assert (changed.weight, changed.expires_at, changed.admin) == (2, None, False)
    assert changed.limits.model_dump(exclude_none=True) == {"requests_per_s": 2.5, "max_waiting": 0}
    assert find(keys.all(), told) == changed

    assert "in use" in voicegraph("keys", "delete", key.key_id, "-c", config).error
    assert voicegraph("keys", "revoke", told, "-c", config).code == 0
    assert "our app" not in voicegraph("keys", "list", "-c", config).out
    assert "revoked" in voicegraph("keys", "list", "--all", "-c", config).out
    assert voicegraph("keys", "delete", key.key_id, "-c", config).code == 0
    assert keys.all() == {}


def test_json(voicegraph: Voicegraph, config: Path, keys: ApiKeys) -> None:
    made = json.loads(voicegraph("keys", "create", "app", "-c", config, "--tenant", "acme", "--json").out)
    assert find(keys.all(), made["key"]) is not None
    (listed,) = json.loads(voicegraph("keys", "list", "-c", config, "--json").out)
    assert listed.items() <= made.items()
    assert listed["tenant"] == "acme"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("revoke", "nobody"), "there is no key of the id nobody; there are: "),
        (("change", "KEY"), "nothing to change"),
        (("create", "x", "--expires", "soon"), "write 90d, 12h"),
        (("create", "x", "--requests-per-s", -1), "a number above 0"),
        (("create", "x", "--weight", 0), "--weight"),
        (("list", "-c", "nowhere.yaml"), "there is no file nowhere.yaml"),
    ],
)
def test_mistakes(
    arguments: tuple[object, ...], hint: str, voicegraph: Voicegraph, config: Path, keys: ApiKeys
) -> None:
    key, _ = keys.create("app")
    given = [key.key_id if argument == "KEY" else argument for argument in arguments]
    if "-c" not in given:
        given += ["-c", config]
    outcome = voicegraph("keys", *given)
    assert hint in outcome.error
    assert len(keys.all()) == 1


def test_records_that_cannot_be_read(voicegraph: Voicegraph, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    config = tmp_path / "server.yaml"
    args = f"{{storage: {{root: {tmp_path / 'data'}}}}}"
    config.write_text(f"applications: [{{name: v, import_path: serve_app.builder:build, args: {args}}}]\n")
    assert "cannot be read" in voicegraph("keys", "list", "-c", config).error
