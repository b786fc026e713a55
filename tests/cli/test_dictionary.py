"""``voicegraph dictionary`` against a server, and dictionaries from files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Voicegraph
from tests.http.fakes import Served, uvicorn_server


@pytest.fixture
def url() -> Iterator[str]:
    with uvicorn_server(Served()) as served:
        yield served.base_url


def test_from_added_to_removed(voicegraph: Voicegraph, url: str, tmp_path: Path) -> None:
    added = voicegraph("dictionary", "add", "[GIF]", "jif", "-l", "en", "--priority", 7, "--url", url)
    assert added.code == 0, added.err
    entry_id = added.out.strip()
    katakana = ("--alphabet", "katakana", "--accent", 1, "-l", "ja")
    assert voicegraph("dictionary", "add", "結月", "ユヅキ", *katakana, "--url", url).code == 0
    listed = voicegraph("dictionary", "list", "--url", url).out
    assert "[GIF]" in listed
    assert entry_id in listed
    english = json.loads(voicegraph("dictionary", "list", "--json", "-l", "en-GB", "--url", url).out)
    assert [(one["surface"], one["priority"]) for one in english] == [("[GIF]", 7)]
    for name in ("all.json", "all.pls"):
        assert voicegraph("dictionary", "export", tmp_path / name, "--url", url).code == 0
    assert voicegraph("dictionary", "remove", entry_id, "--url", url).code == 0
    assert "no entry" in voicegraph("dictionary", "remove", entry_id, "--url", url).error
    for name in ("all.json", "all.pls"):
        done = voicegraph("dictionary", "import", tmp_path / name, "--replace", "--url", url)
        assert done.code == 0, done.err
    assert "0 added, 2 replaced, 0 removed" in done.err
    listed = voicegraph("dictionary", "list", "--json", "--global", "--url", url).out
    assert [one["accent"] for one in json.loads(listed)] == [None, 1]


def test_a_large_import_goes_in_parts(voicegraph: Voicegraph, url: str, tmp_path: Path) -> None:
    entries = [{"surface": f"word {number}", "pronunciation": "x"} for number in range(2300)]
    (tmp_path / "many.json").write_text(json.dumps({"entries": entries}))
    assert "2300 added" in voicegraph("dictionary", "import", tmp_path / "many.json", "--url", url).err
    assert len(json.loads(voicegraph("dictionary", "list", "--json", "--url", url).out)) == 2300


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.json", "{", "Invalid JSON"),
        ("x.json", '{"entries": [{"surface": "a"}]}', "entries.0.pronunciation: Field required"),
        ("x.json", '{"entries": [{"surface": "a", "pronunciation": "b", "language": "tlh"}]}', "not supported"),
        ("x.pls", "<a/>", "Line 1, column 1"),
        ("none.json", None, "No such file"),
    ],
)
def test_files_that_are_no_dictionaries(
    name: str, content: str | None, says: str, voicegraph: Voicegraph, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    assert says in voicegraph("dictionary", "import", tmp_path / name).error
    assert says in voicegraph("say", "hello", "--dictionary", tmp_path / name, "-o", tmp_path / "x.wav").error


def test_a_server_is_needed_and_has_its_own_dictionaries(voicegraph: Voicegraph, tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    assert "no answer from" in voicegraph("dictionary", "list", "--url", nowhere).error
    refused = voicegraph(
        "say", "hello", "--dictionary", tmp_path / "x.json", "--url", nowhere, "-o", tmp_path / "x.wav"
    )
    assert "voicegraph dictionary import" in refused.error
