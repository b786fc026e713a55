"""``voicegraph voices``: who can speak, and voices of one's own, through the API of a running server."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

from serve_app.cli.context import CliContext, CommandFailed, fetch_assets, messages, results, table_of
from serve_app.cli.server import LOCAL, Key, Url, ask

app = typer.Typer(help="Voices: the presets, and those that callers made.", invoke_without_command=True)

_POLL_S = 1.0
_SHOWN = ("id", "language", "gender", "pitch_hz", "source", "status", "similarity")

AnyUrl = Annotated[
    str | None,
    typer.Option("--url", show_default="the presets", help="A running server, whose other voices are listed as well."),
]
Language = Annotated[str | None, typer.Option("--language", "-l", help="Only voices of this language: ja, en-GB.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="What the voice is called.")]
Which = Annotated[str, typer.Argument(metavar="VOICE", help="Name or id of a voice.")]
Reads = Annotated[
    str | None, typer.Option("--language", "-l", show_default="English", help="What it reads: ja, en-GB.")
]
Consent = Annotated[str | None, typer.Option(show_default="none", help="Id of the consent of whoever is heard.")]
Shared = Annotated[bool, typer.Option("--global", help="For all tenants, with an administrator's key.")]


@app.callback()
def voices(
    context: typer.Context,
    language: Language = None,
    as_json: AsJson = False,
    url: AnyUrl = None,
    key: Key = None,
) -> None:
    """List the voices; or do what a command says."""
    if context.invoked_subcommand is None:
        _list(context, language, as_json, url, key)


@app.command("list")
def list_(
    context: typer.Context,
    language: Language = None,
    as_json: AsJson = False,
    url: AnyUrl = None,
    key: Key = None,
) -> None:
    """List the voices with language, gender and aliases."""
    _list(context, language, as_json, url, key)


@app.command()
def clone(
    name: Name,
    samples: Annotated[list[Path], typer.Argument(help="Recordings of one speaker: 3 to 10 s each is best.")],
    language: Reads = None,
    gender: Annotated[str | None, typer.Option(show_default="found out", help="female or male.")] = None,
    consent: Consent = None,
    licence: Annotated[str | None, typer.Option(show_default="none", help="Under which it may be used.")] = None,
    description: Annotated[str, typer.Option(help="For the list.")] = "",
    shared: Shared = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is fitted; it can be used at once.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="With --wait: for so long at most, seconds.")] = 3600.0,
    url: Url = LOCAL,
    key: Key = None,
) -> None:
    """Make a voice of recordings; prints its id."""
    fields = {"name": name, "language": language, "gender": gender, "consent": consent, "licence": licence}
    data = {**{field: value for field, value in fields.items() if value}, "description": description}
    with ExitStack() as files:
        try:
            parts = [("audio_sample", (sample.name, files.enter_context(sample.open("rb")))) for sample in samples]
        except OSError as error:
            raise CommandFailed(f"cannot read {error.filename}: {error.strerror}") from error
        made = ask("POST", _path(url), key, data={**data, **({"shared": "true"} if shared else {})}, files=parts).json()
    results().print(made["id"])
    messages().print(_about(made), soft_wrap=True)
    if wait:
        made = _watched(made, url, key, timeout)
        if made["status"] == "failed":
            raise CommandFailed(f"{name} could not be fitted, and stays as it was: {made['error']}")
        messages().print(_about(made), soft_wrap=True)


@app.command()
def mix(
    name: Name,
    voice: Annotated[str, typer.Argument(metavar="MIX", help="Such as `af_bella(2)+af_sky(1)`.")],
    language: Annotated[str | None, typer.Option("--language", "-l", show_default="that of most of it")] = None,
    description: Annotated[str, typer.Option(help="For the list.")] = "",
    shared: Shared = False,
    url: Url = LOCAL,
    key: Key = None,
) -> None:
    """Keep a mix of voices under a name; prints its id."""
    body = {"name": name, "voice": voice, "language": language, "description": description, "shared": shared}
    results().print(ask("POST", _path(url), key, json=body).json()["id"])


@app.command()
def show(voice: Which, url: Url = LOCAL, key: Key = None) -> None:
    """Show one voice, as JSON."""
    results().print_json(data=ask("GET", _path(url, voice), key).json())


@app.command()
def delete(voice: Which, url: Url = LOCAL, key: Key = None) -> None:
    """Remove a voice and all that was kept of it."""
    results().print(ask("DELETE", _path(url, voice), key).json()["id"])


@app.command()
def export(
    voice: Which,
    file: Annotated[Path | None, typer.Argument(help="Where to.", show_default="VOICE.voice.json")] = None,
    url: Url = LOCAL,
    key: Key = None,
) -> None:
    """Write a voice to one small file, which any server takes in."""
    file = file or Path(f"{voice}.voice.json")
    content = ask("GET", _path(url, voice, "export"), key).content
    try:
        file.write_bytes(content)
    except OSError as error:
        raise CommandFailed(f"cannot write {file}: {error.strerror}") from error
    messages().print(f"{file}: {len(content):,} bytes", soft_wrap=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="As `export` wrote it.")],
    name: Annotated[str | None, typer.Option(show_default="as in the file", help="What it is called here.")] = None,
    consent: Consent = None,
    shared: Shared = False,
    url: Url = LOCAL,
    key: Key = None,
) -> None:
    """Take a voice in from a file; prints its id."""
    try:
        body = json.loads(file.read_bytes())
    except OSError as error:
        raise CommandFailed(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise CommandFailed(f"{file} is no voice: {error}") from error
    params = {"name": name, "consent": consent, "shared": "true" if shared else None}
    results().print(ask("POST", _path(url, "import"), key, json=body, params=params).json()["id"])


def _list(context: typer.Context, language: str | None, as_json: bool, url: str | None, key: str | None) -> None:
    rows = _presets(context.obj) if url is None else ask("GET", _path(url), key).json()["voices"]
    headers = _SHOWN[:3] if url is None else _SHOWN
    rows = [row for row in rows if _speaks(row["language"], language)]
    if not rows:
        from tts_models.speaker.voices import LANGUAGE_OF_LETTER

        known = ", ".join(LANGUAGE_OF_LETTER.values())
        raise CommandFailed(f"no voice speaks {language!r}; there are voices for {known}")
    if as_json:
        results().print_json(json.dumps(rows))
        return
    table = table_of("voice", *headers[1:], "also called")
    for row in rows:
        cells = ["" if row[name] is None else str(row[name]) for name in headers]
        also = row["aliases"] if row.get("source", "preset") == "preset" else [row["name"]]
        table.add_row(*cells, ", ".join(also))
    results().print(table)


def _presets(options: CliContext) -> list[dict[str, Any]]:
    from tts_models.speaker.voices import VoiceCatalogue

    (path,) = fetch_assets(options.store(), "voices-v1.0")
    catalogue = VoiceCatalogue.load(path)
    return [
        {
            "id": voice.name,
            "name": voice.name,
            "language": voice.language,
            "gender": voice.gender,
            "aliases": [alias for alias, name in catalogue.aliases.items() if name == voice.name],
        }
        for voice in catalogue
    ]


def _watched(voice: dict[str, Any], url: str, key: str | None, timeout_s: float) -> dict[str, Any]:
    """The voice once its fitting has ended; shows how far it is meanwhile."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30), TaskProgressColumn())
    with Progress(*columns, console=messages(), transient=True) as bars:
        task = bars.add_task("fitting", total=1.0)
        end_s = time.monotonic() + timeout_s
        while voice["status"] in ("ready", "fitting"):
            if time.monotonic() > end_s:
                raise CommandFailed(f"{voice['name']} is not fitted after {timeout_s:g} s; it goes on, see `show`")
            time.sleep(_POLL_S)
            voice = ask("GET", _path(url, voice["id"]), key).json()
            words = f"fitting, {voice['similarity']:.2f} alike" if voice["similarity"] is not None else "fitting"
            bars.update(task, completed=voice["progress"], description=words)
    return voice


def _about(voice: dict[str, Any]) -> str:
    alike = f", {voice['similarity']:.2f} alike" if voice["similarity"] is not None else ""
    return f"{voice['name']}: {voice['status']}, {voice['gender']}, reads {voice['language']}{alike}"


def _path(url: str, *parts: str) -> str:
    return "/".join([f"{url.rstrip('/')}/v1/audio/voices", *(quote(part, safe="") for part in parts)])


def _speaks(language: str, wanted: str | None) -> bool:
    """``en`` means every English; ``en-GB`` means that one."""
    if wanted is None:
        return True
    tag = wanted.strip().replace("_", "-").lower()
    own = language.lower()
    return own == tag or own.split("-")[0] == tag or ("-" not in own and own == tag.split("-")[0])
