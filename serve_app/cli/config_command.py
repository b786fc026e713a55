"""``voicegraph config``: a config file with other settings, such as those that several nodes need."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from serve_app.cli.context import CommandFailed, messages


def config(
    file: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", show_default="local.yaml, or serve.yaml with a GPU", help="The file to begin with."
        ),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SETTING=VALUE",
            help="A setting and its value: storage.records=redis://host:6379/1. Again for more.",
        ),
    ] = None,
) -> None:
    """Print a config file with these settings changed, for `serve deploy`, `keys --config` or a RayService."""
    from serve_app.cli.config_file import choose_config, load_document

    document = changed(load_document(choose_config(file).path), changes or [])
    if document["applications"][0]["args"].get("storage", {}).get("records") is None:
        messages().print("storage.records is not set: each node keeps its own API keys, voices and limits")
    typer.echo(written(document), nl=False)


class _Plain(yaml.SafeDumper):
    """Writes what a file repeats by an anchor in full."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def written(document: dict[str, Any]) -> str:
    """A config as YAML."""
    return yaml.dump(document, Dumper=_Plain, sort_keys=False, width=120)


def changed(document: dict[str, Any], changes: list[str]) -> dict[str, Any]:
    """A config with other settings.

    Args:
        document: What the file says; its one application is changed in place.
        changes: ``storage.records=VALUE``, with a value as YAML has it.

    Raises:
        CommandFailed: A change has not that form, or there is no such setting.
    """
    from pydantic import ValidationError

    from deployments.settings import AppSettings
    from serve_app.cli.config_file import first_problem

    (application,) = document["applications"]
    args = application["args"] = application.get("args") or {}
    for change in changes:
        path, equals, text = change.partition("=")
        if not equals or not path:
            raise CommandFailed(f"--set {change}: not of the form SETTING=VALUE, such as vocoder.engine=cpu-fp32")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise CommandFailed(f"--set {change}: the value is not YAML: {error}") from error
        *above, last = path.split(".")
        place = args
        for name in above:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise CommandFailed(f"--set {change}: {name} has no settings in it")
        place[last] = value
    try:
        AppSettings.model_validate(args)
    except ValidationError as error:
        raise CommandFailed(f"--set: {first_problem(error)}") from error
    return document
