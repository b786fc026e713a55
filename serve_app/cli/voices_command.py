"""``voicegraph voices``: who can speak."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from serve_app.cli.context import CliContext, CommandFailed, fetch_assets, results, table_of


def voices(
    context: typer.Context,
    language: Annotated[
        str | None, typer.Option("--language", "-l", help="Only voices of this language, such as ja or en-GB.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the voices with language, gender and aliases."""
    options: CliContext = context.obj
    from tts_models.speaker.voices import LANGUAGE_OF_LETTER, VoiceCatalogue

    (path,) = fetch_assets(options.store(), "voices-v1.0")
    catalogue = VoiceCatalogue.load(path)
    wanted = [voice for voice in catalogue if _speaks(voice.language, language)]
    if not wanted:
        known = ", ".join(LANGUAGE_OF_LETTER.values())
        raise CommandFailed(f"no voice speaks {language!r}; there are voices for {known}")
    rows = [
        {
            "name": voice.name,
            "language": voice.language,
            "gender": voice.gender,
            "aliases": [alias for alias, name in catalogue.aliases.items() if name == voice.name],
        }
        for voice in wanted
    ]
    if as_json:
        results().print_json(json.dumps(rows))
        return
    table = table_of("voice", "language", "gender", "also called")
    for row in rows:
        table.add_row(str(row["name"]), str(row["language"]), str(row["gender"]), ", ".join(row["aliases"]))
    results().print(table)


def _speaks(language: str, wanted: str | None) -> bool:
    """``en`` means every English; ``en-GB`` means that one."""
    if wanted is None:
        return True
    tag = wanted.strip().replace("_", "-").lower()
    own = language.lower()
    return own == tag or own.split("-")[0] == tag or ("-" not in own and own == tag.split("-")[0])
