"""Which YAML to serve, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from deployments.settings import AppSettings
from serve_app.cli.context import CommandFailed

CONFIG_FOLDER = Path(__file__).parent.parent / "config"
"""The YAML files that come with the package; in the repository a link to ``config/``."""
ONE_MACHINE = CONFIG_FOLDER / "local.yaml"
WITH_GPU = CONFIG_FOLDER / "serve.yaml"

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000


@dataclass(frozen=True, slots=True)
class Choice:
    """A config file and why it was taken."""

    path: Path
    reason: str


def choose_config(asked: Path | None) -> Choice:
    """The file the user asked for, or else the one for this machine.

    Raises:
        CommandFailed: There is no such file.
    """
    if asked is not None:
        if not asked.is_file():
            own = ", ".join(str(path) for path in sorted(CONFIG_FOLDER.glob("*.yaml")))
            raise CommandFailed(f"there is no file {asked}; the package has {own}")
        return Choice(asked, "asked for")
    import torch

    if torch.cuda.is_available():
        return Choice(WITH_GPU, f"found {torch.cuda.get_device_name(0)}; another with --config")
    return Choice(ONE_MACHINE, "no GPU found; another with --config")


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """A validated config file.

    Attributes:
        document: What Ray is given.
        settings: The ``args`` of its application.
    """

    document: dict[str, Any]
    settings: AppSettings

    @property
    def host(self) -> str:
        """Address the HTTP proxy listens on."""
        return str(self.document["http_options"]["host"])

    @property
    def port(self) -> int:
        """Port the HTTP proxy listens on."""
        return int(self.document["http_options"]["port"])

    @property
    def needs_keys(self) -> bool:
        """Whether a client on this machine needs an API key."""
        from serve_app.http.client_address import is_loopback

        mode = self.settings.http.api_keys
        return mode == "required" or (mode == "auto" and not is_loopback(self.host))

    @property
    def url(self) -> str:
        """Where a client on this machine finds the API."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host
        prefix = str(self.document["applications"][0].get("route_prefix") or "/").rstrip("/")
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}{prefix}"

    @property
    def page_url(self) -> str:
        """Where a browser on this machine finds the page."""
        from serve_app.http.page import page_path

        return self.url + page_path(self.settings.http)


def read_config(path: Path, host: str | None, port: int | None, home: Path, offline: bool) -> ServeConfig:
    """Read a config file and put the command line's options into it.

    Args:
        path: A YAML file as ``serve run`` takes it, with one application.
        host: Instead of the file's; ``None`` leaves that, or else the loopback address.
        port: Instead of the file's; ``None`` leaves that, or else 8000.
        home: Folder of the assets where the file names none.
        offline: Never use the network, whatever the file says.

    Raises:
        CommandFailed: It cannot be read, or is not such a file.
    """
    document = load_document(path)
    (application,) = document["applications"]
    args = application.setdefault("args", {}) or {}
    try:
        settings = AppSettings.model_validate(args)
    except ValidationError as error:
        raise CommandFailed(f"{path}: {first_problem(error, 'args')}") from error
    assets = dict(args.get("assets") or {})
    assets["root"] = str(settings.assets.root or home)
    assets["offline"] = settings.assets.offline or offline
    application["args"] = {**args, "assets": assets}
    http = document.setdefault("http_options", {}) or {}
    document["http_options"] = {
        **http,
        "host": host or http.get("host") or DEFAULT_HOST,
        "port": port or http.get("port") or DEFAULT_PORT,
    }
    return ServeConfig(document, AppSettings.model_validate(application["args"]))


def load_document(path: Path) -> dict[str, Any]:
    """What a config file says, each key of which Ray has.

    Raises:
        CommandFailed: It cannot be read, or is not such a file with one application.
    """
    try:
        document: dict[str, Any] = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"cannot read {path}: {error}") from error
    except yaml.YAMLError as error:
        raise CommandFailed(f"{path} is not YAML: {error}") from error
    applications = document.get("applications") if isinstance(document, dict) else None
    if not isinstance(applications, list) or len(applications) != 1 or not isinstance(applications[0], dict):
        raise CommandFailed(f"{path} is no Ray Serve config file with one application under `applications`")
    _check_with_ray(path, document)
    return document


def _check_with_ray(path: Path, document: dict[str, Any]) -> None:
    """Find what Ray would refuse later with a traceback, or drop without a word: a misspelt key.

    Raises:
        CommandFailed: The first of it.
    """
    from ray.serve import schema
    from ray.serve.config import AutoscalingConfig

    try:
        schema.ServeDeploySchema.model_validate(document)
    except ValidationError as error:
        raise CommandFailed(f"{path}: {first_problem(error)}") from error
    places: list[tuple[str, dict[str, Any], type[BaseModel]]] = [("", document, schema.ServeDeploySchema)]
    places.append(("http_options.", document.get("http_options") or {}, schema.HTTPOptionsSchema))
    for application in document["applications"]:
        places.append(("applications.", application, schema.ServeApplicationSchema))
        for deployment in application.get("deployments") or []:
            name = f"{deployment['name']}."
            places.append((name, deployment, schema.DeploymentSchema))
            options = deployment.get("ray_actor_options") or {}
            places.append((f"{name}ray_actor_options.", options, schema.RayActorOptionsSchema))
            if isinstance(scaling := deployment.get("autoscaling_config"), dict):
                places.append((f"{name}autoscaling_config.", scaling, AutoscalingConfig))
    for prefix, keys, expected in places:
        for key in keys:
            if key not in expected.model_fields:
                raise CommandFailed(f"{path}: {prefix}{key}: Ray Serve has no such key")


def first_problem(error: ValidationError, *above: str) -> str:
    """The first thing that is wrong, in one line."""
    first = error.errors()[0]
    return f"{'.'.join([*above, *map(str, first['loc'])])}: {first['msg']}"
