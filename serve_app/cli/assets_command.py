"""``voicegraph assets``: list, fetch and verify what the models need."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from serve_app.cli.context import CliContext, CommandFailed, fetch_assets, results, table_of, waiting_for
from tts_models.assets import Asset, AssetStore

app = typer.Typer(help="Weights and voices: what there is, what is here, and whether it is intact.")

Names = Annotated[list[str] | None, typer.Argument(help="Names of assets; all of them if none is given.")]


@app.command("list")
def list_assets(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every asset with its size, SHA-256, licence, sources and place."""
    options: CliContext = context.obj
    store = options.store()
    if as_json:
        results().print_json(json.dumps([_as_json(asset, store) for asset in store.manifest.values()]))
        return
    table = table_of("asset", "what it is", "licence", "size", "sha-256", "state", "sources")
    for asset in store.manifest.values():
        size = f"{asset.size_bytes / 1e6:,.0f} MB"
        digest = f"{asset.files[0].sha256[:12]}…" if len(asset.files) == 1 else f"of {len(asset.files)} files"
        sources = "\n".join(source.label for source in asset.sources)
        table.add_row(asset.name, asset.description, asset.licence, size, digest, _state(asset, store), sources)
    results().print(table)
    results().print(f"in {store.root}; whole SHA-256 of every file with --json", soft_wrap=True)


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


def _state(asset: Asset, store: AssetStore) -> str:
    return "present" if store.path(asset.name).exists() else "absent"


def _as_json(asset: Asset, store: AssetStore) -> dict[str, object]:
    return {
        "name": asset.name,
        "description": asset.description,
        "licence": asset.licence,
        "size_bytes": asset.size_bytes,
        "files": [{"name": file.name, "size_bytes": file.size_bytes, "sha256": file.sha256} for file in asset.files],
        "state": _state(asset, store),
        "path": str(store.path(asset.name)),
        "sources": [source.label for source in asset.sources],
    }


def _known(store: AssetStore, names: list[str] | None) -> list[str]:
    return [store.asset(name).name for name in names or store.manifest]
