"""``voicegraph keys``: make, list, change and revoke API keys."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serve_app.cli.context import CommandFailed, messages, results, table_of

if TYPE_CHECKING:
    from deployments.storage.api_keys import ApiKey, ApiKeys

app = typer.Typer(help="API keys: whom a server lets in, and how much they may do. Running servers notice at once.")

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        show_default="the user's data folder",
        help="The server's config file: it says where keys are.",
    ),
]
KeyId = Annotated[str, typer.Argument(metavar="ID", help="The key's public id, or the whole key.")]
Name = Annotated[str, typer.Argument(help="Whose it is, for the list.")]
Tenant = Annotated[
    str | None,
    typer.Option(
        show_default="its own", help="Whose dictionaries and jobs it sees: a name that several keys may share."
    ),
]
Weight = Annotated[
    float | None, typer.Option(min=0.001, max=1000, show_default="1", help="Share of a busy server, beside others' 1.")
]
Expires = Annotated[
    str | None, typer.Option(show_default="never", help="When it ends: in 90d, 12h, 30m; `never` takes an end away.")
]
RequestsPerS = Annotated[float | None, typer.Option(show_default="the server's", help="Requests a second; 0: its own.")]
CharactersPerMin = Annotated[
    int | None,
    typer.Option(min=0, show_default="the server's", help="Characters spoken a minute; 0: the server's own."),
]
MaxRunning = Annotated[
    int | None, typer.Option(min=0, show_default="the server's", help="Utterances at once; 0: the server's own.")
]
MaxWaiting = Annotated[
    int | None, typer.Option(min=-1, show_default="the server's", help="Utterances waiting; -1: the server's own.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def create(
    name: Name,
    config: Config = None,
    tenant: Tenant = None,
    weight: Weight = None,
    admin: Annotated[bool, typer.Option("--admin", help="It may change what every tenant sees.")] = False,
    expires: Expires = None,
    requests_per_s: RequestsPerS = None,
    characters_per_min: CharactersPerMin = None,
    max_running: MaxRunning = None,
    max_waiting: MaxWaiting = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, this once."""
    from deployments.storage.api_keys import KeyLimits

    limits = _limits(requests_per_s, characters_per_min, max_running, max_waiting)
    key, secret = _keys(config).create(
        name,
        tenant=tenant,
        weight=weight or 1.0,
        admin=admin,
        limits=KeyLimits.model_validate(limits),
        expires_in_s=_seconds(expires) if expires else None,
    )
    if as_json:
        results().print_json(json.dumps({"key": secret, **_as_json(key)}))
        return
    results().print(secret, soft_wrap=True)
    messages().print(f"id {key.key_id}, tenant {key.tenant}. Keep the key: it is not shown again.", soft_wrap=True)


@app.command("list")
def list_keys(
    config: Config = None,
    everything: Annotated[bool, typer.Option("--all", help="Revoked and expired ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show every key that holds."""
    keys = [key for key in _keys(config).all().values() if everything or key.state() == "active"]
    if as_json:
        results().print_json(json.dumps([_as_json(key) for key in keys]))
        return
    table = table_of("id", "name", "tenant", "state", "made", "ends", "weight", "may")
    for key in sorted(keys, key=lambda key: key.created_at):
        ends = "never" if key.expires_at is None else _day(key.expires_at)
        table.add_row(
            key.key_id, key.name, key.tenant, key.state(), _day(key.created_at), ends, f"{key.weight:g}", _may(key)
        )
    results().print(table)


@app.command()
def change(
    key_id: KeyId,
    config: Config = None,
    name: Annotated[str | None, typer.Option(help="Whose it is.")] = None,
    tenant: Tenant = None,
    weight: Weight = None,
    admin: Annotated[bool | None, typer.Option("--admin/--no-admin", help="It may change what all see.")] = None,
    expires: Expires = None,
    requests_per_s: RequestsPerS = None,
    characters_per_min: CharactersPerMin = None,
    max_running: MaxRunning = None,
    max_waiting: MaxWaiting = None,
) -> None:
    """Change what is given; the rest of the key stays as it is."""
    keys = _keys(config)
    key = _known(keys, key_id)
    changes: dict[str, Any] = {"name": name, "tenant": tenant, "weight": weight, "admin": admin}
    changes = {field: value for field, value in changes.items() if value is not None}
    if expires:
        changes["expires_at"] = None if expires == "never" else time.time() + _seconds(expires)
    limits = key.limits.model_dump()
    given = {
        "requests_per_s": requests_per_s,
        "characters_per_min": characters_per_min,
        "max_running": max_running,
        "max_waiting": max_waiting,
    }
    asked = {field for field, value in given.items() if value is not None}
    limits |= {field: value for field, value in _limits(**given).items() if field in asked}  # type: ignore[arg-type]
    if limits != key.limits.model_dump():
        changes["limits"] = limits
    if not changes:
        raise CommandFailed("nothing to change: give a new value, such as --weight 2")
    keys.update(key.key_id, **changes)
    results().print(f"changed {key.key_id}")


@app.command()
def revoke(key_id: KeyId, config: Config = None) -> None:
    """End a key for good; servers refuse it within a second."""
    keys = _keys(config)
    results().print(f"revoked {keys.revoke(_known(keys, key_id).key_id).key_id}")


@app.command()
def delete(key_id: KeyId, config: Config = None) -> None:
    """Forget a key that was revoked or has expired."""
    keys = _keys(config)
    key = _known(keys, key_id)
    if key.state() == "active":
        raise CommandFailed(f"{key.key_id} ({key.name}) is in use; `voicegraph keys revoke {key.key_id}` ends it first")
    keys.delete(key.key_id)
    results().print(f"deleted {key.key_id}")


def _keys(config: Path | None) -> ApiKeys:
    """The keys of the server with that config file.

    Raises:
        CommandFailed: It cannot be read.
    """
    from deployments.settings import StorageSettings
    from deployments.storage.api_keys import ApiKeys
    from deployments.storage.records import open_records, storage_root

    storage = StorageSettings()
    if config is not None:
        from serve_app.cli.config_file import choose_config, read_config

        storage = read_config(choose_config(config).path, None, None, Path(), offline=True).settings.storage
    keys = ApiKeys(open_records(storage))
    try:
        keys.version()
    except Exception as error:  # of SQLite or Redis
        where = storage.records or storage_root(storage)
        raise CommandFailed(f"the keys in {where} cannot be read: {error}") from error
    return keys


def _known(keys: ApiKeys, text: str) -> ApiKey:
    from deployments.storage.api_keys import key_id_in

    known = keys.all()
    key = known.get(key_id_in(text) or text)
    if key is None:
        ids = ", ".join(f"{each.key_id} ({each.name})" for each in known.values()) or "none"
        raise CommandFailed(f"there is no key of the id {(key_id_in(text) or text)[:40]}; there are: {ids}")
    return key


def _limits(
    requests_per_s: float | None, characters_per_min: int | None, max_running: int | None, max_waiting: int | None
) -> dict[str, Any]:
    """The limits with what stands for none of its own taken for none."""
    if requests_per_s is not None and requests_per_s < 0:
        raise CommandFailed("--requests-per-s: a number above 0, or 0 for the server's own limit")
    return {
        "requests_per_s": requests_per_s or None,
        "characters_per_min": characters_per_min or None,
        "max_running": max_running or None,
        "max_waiting": None if max_waiting == -1 else max_waiting,
    }


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhdw])", text.strip().lower())
    if match is None or float(match[1]) == 0:
        raise CommandFailed(f"--expires {text!r} is no time; write 90d, 12h, 30m or 2w")
    return float(match[1]) * _UNITS_S[match[2]]


def _day(unix_s: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(unix_s))


def _may(key: ApiKey) -> str:
    limits = key.limits
    parts = [
        "admin" if key.admin else "",
        f"{limits.requests_per_s:g} requests/s" if limits.requests_per_s else "",
        f"{limits.characters_per_min:,} characters/min" if limits.characters_per_min else "",
        f"{limits.max_running} at once" if limits.max_running else "",
        f"{limits.max_waiting} waiting" if limits.max_waiting is not None else "",
    ]
    return ", ".join(filter(None, parts))


def _as_json(key: ApiKey) -> dict[str, Any]:
    return {**key.model_dump(exclude={"digest"}), "state": key.state()}
