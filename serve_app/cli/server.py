"""How commands ask a running server."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from serve_app.cli.context import CommandFailed

LOCAL = "http://127.0.0.1:8000"
_TIMEOUT_S = (5.0, 60.0)

Url = Annotated[str, typer.Option(help="The server.")]
Key = Annotated[str | None, typer.Option(envvar="VOICEGRAPH_API_KEY", show_default="none", help="API key.")]


def ask(method: str, url: str, key: str | None, **options: Any) -> Any:
    """What the server answers.

    Args:
        method: Of HTTP.
        url: Of the route.
        key: API key, if any.
        options: Others of ``requests.request``.

    Raises:
        CommandFailed: There is no answer, or none that is good.
    """
    import requests

    from serve_app.cli.say_command import reason

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        response = requests.request(method, url, headers=headers, timeout=_TIMEOUT_S, **options)
    except requests.exceptions.ConnectionError as error:
        raise CommandFailed(
            f"no answer from {url}; start a server with `voicegraph serve`, or name it with --url"
        ) from error
    except requests.exceptions.RequestException as error:
        raise CommandFailed(f"{url}: {error}") from error
    if not response.ok:
        raise CommandFailed(f"the server answered {response.status_code}: {reason(response.text)}")
    return response
