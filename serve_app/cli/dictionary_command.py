"""``voicegraph dictionary``: the pronunciation dictionary of a running server, over its API.

Over the API rather than in the storage: so the server's limits and the rights of the key hold, wherever it runs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serve_app.cli.context import CommandFailed, messages, results, table_of
from serve_app.cli.server import LOCAL, Key, Url, ask

if TYPE_CHECKING:
    from tts_models.text.dictionary import Entry

app = typer.Typer(help="Pronunciation dictionary of a running server.", no_args_is_help=True)

PLS_SUFFIXES = (".pls", ".xml")
_PLS_TYPE = "application/pls+xml"
_BATCH = 1000

Shared = Annotated[bool, typer.Option("--global", help="The dictionary that all tenants share, not your own.")]
Language = Annotated[str | None, typer.Option("--language", "-l", help="BCP-47 tag, such as en or ja.")]


@app.command("list")
def list_entries(
    url: Url = LOCAL,
    key: Key = None,
    shared: Shared = False,
    language: Language = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the entries."""
    entries: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        wanted = {"limit": "1000", "language": language or "", "after": after}
        params = {name: value for name, value in wanted.items() if value}
        page = ask("GET", _path(url, shared, "entries"), key, params=params).json()
        entries += page["entries"]
        after = page["next"]
    if as_json:
        results().print_json(json.dumps(entries))
        return
    table = table_of("id", "surface", "pronunciation", "alphabet", "language", "priority")
    for entry in entries:
        table.add_row(
            *(str(entry[name]) for name in ("id", "surface", "pronunciation", "alphabet", "language", "priority"))
        )
    results().print(table)


@app.command()
def add(
    surface: Annotated[str, typer.Argument(help="What is written.")],
    pronunciation: Annotated[str, typer.Argument(help="How it is read.")],
    alphabet: Annotated[str, typer.Option(help="What that is written in: text, ipa or katakana.")] = "text",
    language: Language = None,
    accent: Annotated[int | None, typer.Option(help="Japanese: after which mora the pitch falls, 0 for never.")] = None,
    priority: Annotated[int, typer.Option(min=0, max=10, help="Which of two that overlap.")] = 5,
    url: Url = LOCAL,
    key: Key = None,
    shared: Shared = False,
) -> None:
    """Add an entry; prints its id."""
    entry = {
        "surface": surface, "pronunciation": pronunciation, "alphabet": alphabet, "language": language or "",
        "accent": accent, "priority": priority,
    }  # fmt: skip
    results().print(ask("POST", _path(url, shared, "entries"), key, json=entry).json()["id"])


@app.command()
def remove(
    entry_id: Annotated[str, typer.Argument(help="Id of the entry; `list` prints it.")],
    url: Url = LOCAL,
    key: Key = None,
    shared: Shared = False,
) -> None:
    """Remove an entry."""
    ask("DELETE", f"{_path(url, shared, 'entries')}/{entry_id}", key)


@app.command("import")
def import_entries(
    file: Annotated[Path, typer.Argument(help="JSON, or PLS where it ends in .pls or .xml.")],
    replace: Annotated[bool, typer.Option("--replace", help="Remove what is not in the file.")] = False,
    url: Url = LOCAL,
    key: Key = None,
    shared: Shared = False,
) -> None:
    """Add the entries of a file; those of the same surface and language are replaced."""
    entries = [_as_json(entry) for entry in read_entries(file)]
    path = _path(url, shared, "import")
    # All at once where the rest is to go, or else the first part would remove what the second has.
    size = max(1, len(entries)) if replace else _BATCH
    added = replaced = removed = 0
    for start in range(0, max(1, len(entries)), size):
        params = {"mode": "replace" if replace else "merge"}
        done = ask("POST", path, key, params=params, json={"entries": entries[start : start + size]}).json()
        added, replaced, removed = added + done["added"], replaced + done["replaced"], removed + done["removed"]
    messages().print(f"{added} added, {replaced} replaced, {removed} removed")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to; PLS where it ends in .pls or .xml, else JSON.")],
    language: Language = None,
    url: Url = LOCAL,
    key: Key = None,
    shared: Shared = False,
) -> None:
    """Write the entries to a file."""
    params = {"format": "pls" if file.suffix.lower() in PLS_SUFFIXES else "json"}
    if language:
        params["language"] = language
    content = ask("GET", _path(url, shared, "export"), key, params=params).content
    try:
        file.write_bytes(content)
    except OSError as error:
        raise CommandFailed(f"cannot write {file}: {error.strerror}") from error


def read_entries(file: Path) -> list[Entry]:
    """The checked entries of a file.

    Raises:
        CommandFailed: It cannot be read, or an entry cannot be.
    """
    from pydantic import ValidationError

    from serve_app.http.dictionary_schemas import EntryDocument
    from serve_app.pls import read_pls
    from tts_models.errors import RequestError

    try:
        data = file.read_bytes()
    except OSError as error:
        raise CommandFailed(f"cannot read {file}: {error.strerror}") from error
    try:
        if file.suffix.lower() in PLS_SUFFIXES:
            return read_pls(data)
        return [entry.entry() for entry in EntryDocument.model_validate_json(data).entries]
    except RequestError as error:
        raise CommandFailed(f"{file}: {error.message}") from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise CommandFailed(f"{file}: {where + ': ' if where else ''}{fault['msg']}") from error


def _as_json(entry: Entry) -> dict[str, Any]:
    from serve_app.http.dictionary_schemas import fields_of

    return {name: value for name, value in fields_of(entry).items() if value is not None}


def _path(url: str, shared: bool, what: str) -> str:
    return f"{url.rstrip('/')}/v1/dictionaries/{'global' if shared else 'own'}/{what}"
