"""``voicegraph assets``: list, fetch and verify what the models need."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from serve_app.cli.context import CliContext, CommandFailed, fetch_assets, results, table_of, waiting_for
from tts_models.assets import AssetStore

app = typer.Typer(help="Weights and voices: what there is, what is here, and whether it is intact.")

Names = Annotated[list[str] | None, typer.Argument(help="Names of assets; all of them if none is given.")]


@app.command("list")
def list_assets(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every asset with its size, licence, sources and place."""
    options: CliContext = context.obj
    store = options.store()
    rows = [
        {
            "name": asset.name,
            "description": asset.description,
            "licence": asset.licence,
            "size_bytes": asset.size_bytes,
            "state": "present" if store.path(asset.name).exists() else "absent",
            "path": str(store.path(asset.name)),
            "sources": [source.label for source in asset.sources],
        }
        for asset in store.manifest.values()
    ]
    if as_json:
        results().print_json(json.dumps(rows))
        return
    table = table_of("asset", "what it is", "licence", "size", "state", "sources")
    for row in rows:
        size = f"{row['size_bytes'] / 1e6:,.0f} MB"  # type: ignore[operator]
        cells = (row["name"], row["description"], row["licence"], size, row["state"], "\n".join(row["sources"]))  # type: ignore[arg-type]
        table.add_row(*map(str, cells))
    results().print(table)
    results().print(f"in {store.root}", soft_wrap=True)


@app.command()
def fetch(context: typer.Context, names: Names = None) -> None:
    """Fetch what is missing, verify and convert it, and print where it is."""
    options: CliContext = context.obj
    store = options.store()
    for path in fetch_assets(store, *_known(store, names)):
        results().print(str(path), soft_wrap=True)


@app.command()
def verify(context: typer.Context, names: Names = None) -> None:
    """Compare what is here with its checksums; exit with 1 if anything is missing or damaged."""
    options: CliContext = context.obj
    store = options.store()
    states = {}
    for name in _known(store, names):
        with waiting_for(f"reading {name}"):
            states[name] = store.state(name)
        results().print(f"{states[name]:8} {name}")
    if bad := [name for name, state in states.items() if state != "ready"]:
        raise CommandFailed(f"{', '.join(bad)}: not usable; `voicegraph assets fetch` repairs that")


def _known(store: AssetStore, names: list[str] | None) -> list[str]:
    return [store.asset(name).name for name in names or store.manifest]
