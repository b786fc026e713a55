"""``voicegraph jobs``: hand in long texts, and look after the jobs of a server, through its API."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from serve_app.cli.context import CommandFailed, messages, results, table_of

app = typer.Typer(help="Jobs of a running server: long texts that nobody waits for on the line.")

_TIMEOUT_S = 60.0
_POLL_S = 1.0
_COPY_BYTES = 2**18
_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")

Url = Annotated[str, typer.Option(help="The server.")]
Key = Annotated[str | None, typer.Option(envvar="VOICEGRAPH_API_KEY", show_default="none", help="API key.")]
JobId = Annotated[str, typer.Argument(metavar="ID", help="The job.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_HERE = "http://127.0.0.1:8000"


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(help="The text, or JSON with a list of chapters; `-` is standard input.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", show_default="none", help="With --wait: where the audio goes.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is done.")] = False,
    voice: Annotated[str, typer.Option("--voice", "-v", help="Who says it.")] = "af_heart",
    language: Annotated[str | None, typer.Option("--language", "-l", show_default="the voice's own")] = None,
    speed: Annotated[float, typer.Option(min=0.25, max=4)] = 1.0,
    idempotency_key: Annotated[
        str | None, typer.Option(show_default="none", help="The same key again makes no second job.")
    ] = None,
    url: Url = _HERE,
    key: Key = None,
) -> None:
    """Hand in a text; print the job's id."""
    kind = output.suffix.lstrip(".").lower() if output else "mp3"
    if kind not in _FORMATS:
        raise CommandFailed(f"--output: {output} ends in none of .{', .'.join(_FORMATS)}")
    if output and not wait:
        raise CommandFailed("--output needs --wait")
    body = {"model": "kokoro-82m", "voice": voice, "speed": speed, "response_format": kind, "input": _text(file)}
    if language:
        body["language"] = language
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    job = _ask("POST", url, key, "", json=body, headers=headers).json()
    results().print(job["id"])
    if wait:
        job = _watched(job["id"], url, key)
        if job["status"] != "succeeded":
            raise CommandFailed(f"the job has {job['status']}: {(job['error'] or {}).get('message', '')}")
        if output:
            _fetch(job, output, url, key)


@app.command("list")
def list_(
    status: Annotated[str | None, typer.Option(help="Only those in this state.", show_default="all")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    as_json: AsJson = False,
    url: Url = _HERE,
    key: Key = None,
) -> None:
    """List jobs, newest first."""
    _print_list(_ask("GET", url, key, "", params={"status": status, "limit": limit}).json(), as_json)


@app.command()
def dead(as_json: AsJson = False, url: Url = _HERE, key: Key = None) -> None:
    """List the dead-letter queue: jobs that failed as often as they are tried."""
    _print_list(_ask("GET", url, key, "", params={"dead": "true", "limit": 100}).json(), as_json)


@app.command()
def show(job_id: JobId, url: Url = _HERE, key: Key = None) -> None:
    """Show one job, as JSON."""
    results().print_json(data=_ask("GET", url, key, f"/{job_id}").json())


@app.command()
def replay(job_id: JobId, url: Url = _HERE, key: Key = None) -> None:
    """Try a failed job again, from where it was."""
    results().print(_ask("POST", url, key, f"/{job_id}/retry").json()["status"])


@app.command()
def cancel(job_id: JobId, url: Url = _HERE, key: Key = None) -> None:
    """Cancel a job, or remove one that has ended."""
    job = _ask("DELETE", url, key, f"/{job_id}").json()
    results().print("removed" if job.get("deleted") else job["status"])


def _text(file: Path) -> Any:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"cannot read {file}: {error}") from error
    if file.suffix.lower() != ".json":
        return text
    try:
        chapters = json.loads(text)
    except ValueError as error:
        raise CommandFailed(f"{file} is not JSON: {error}") from error
    if not isinstance(chapters, list):
        raise CommandFailed(f"{file} must hold a list of chapters: texts, or objects with `input` and `title`")
    return chapters


def _ask(method: str, url: str, key: str | None, path: str, **options: Any) -> Any:
    import requests

    headers = {**options.pop("headers", {}), **({"Authorization": f"Bearer {key}"} if key else {})}
    address = f"{url.rstrip('/')}/v1/audio/jobs{path}"
    try:
        response = requests.request(method, address, headers=headers, timeout=_TIMEOUT_S, **options)
    except requests.RequestException as error:
        raise CommandFailed(f"no server answers at {url}; is it running? (`voicegraph serve`)") from error
    if response.status_code >= 400:
        try:
            message = response.json()["error"]["message"]
        except (ValueError, KeyError, TypeError):
            message = f"HTTP {response.status_code}"
        raise CommandFailed(f"the server says: {message}")
    return response


def _watched(job_id: str, url: str, key: str | None) -> dict[str, Any]:
    """The job once it has ended; a progress bar meanwhile where somebody watches."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30), TaskProgressColumn())
    with Progress(*columns, console=messages(), disable=not messages().is_terminal) as bars:
        task = bars.add_task("queued", total=None)
        while True:
            job: dict[str, Any] = _ask("GET", url, key, f"/{job_id}").json()
            place = f", {job['position']} before it" if job["position"] else ""
            left = f", about {job['estimated_s']:.0f} s" if job["estimated_s"] is not None else ""
            progress = job["progress"]
            bars.update(
                task,
                description=f"{job['status']}{place}{left}",
                completed=progress["characters"],
                total=progress["total_characters"],
            )
            if job["status"] in ("succeeded", "failed", "cancelled"):
                return job
            time.sleep(_POLL_S)


def _fetch(job: dict[str, Any], output: Path, url: str, key: str | None) -> None:
    response = _ask("GET", url, key, f"/{job['id']}/audio", stream=True)
    partial = output.with_name(output.name + ".part")
    with partial.open("wb") as file:
        for chunk in response.iter_content(_COPY_BYTES):
            file.write(chunk)
    partial.replace(output)
    messages().print(f"{output}: {job['duration_s']:.1f} s of audio")


def _print_list(listed: dict[str, Any], as_json: bool) -> None:
    if as_json:
        results().print_json(data=listed["data"])
        return
    table = table_of("id", "status", "characters", "audio", "tries", "error")
    for job in listed["data"]:
        progress = job["progress"]
        table.add_row(
            job["id"],
            "dead" if job["dead"] else job["status"],
            f"{progress['characters']:,} / {progress['total_characters']:,}",
            f"{progress['audio_s']:.0f} s",
            str(job["attempts"]),
            (job["error"] or {}).get("message", ""),
        )
    results().print(table)
