"""The commands and what they have in common: options, the environment, errors in one line.

This is the one place that reads the environment. Heavy libraries (torch, ray) are imported by the command that needs
them, so that ``--help`` and a mistyped option answer at once.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from serve_app.cli import (
    assets_command,
    bench_command,
    config_command,
    dictionary_command,
    doctor_command,
    jobs_command,
    keys_command,
    plan_command,
    say_command,
    serve_command,
    voices_command,
)
from serve_app.cli.context import CliContext, CommandFailed
from tts_models.assets import default_root
from tts_models.errors import TtsError

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="voicegraph",
    help="Neural text-to-speech in nine languages, served by Ray.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serve_command.serve)
app.command("say")(say_command.say)
app.add_typer(voices_command.app, name="voices")
app.add_typer(jobs_command.app, name="jobs")
app.add_typer(keys_command.app, name="keys")
app.add_typer(dictionary_command.app, name="dictionary")
app.add_typer(assets_command.app, name="assets")
app.command("config")(config_command.config)
app.command("bench")(bench_command.bench)
app.command("plan")(plan_command.plan)
app.command("doctor")(doctor_command.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("voicegraph"))
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(
            envvar="VOICEGRAPH_HOME",
            show_default="the user's cache folder",
            help="Folder that keeps weights and voices.",
        ),
    ] = None,
    hub: Annotated[
        str,
        typer.Option(envvar="HF_ENDPOINT", help="Base address of the Hugging Face hub or of a mirror."),
    ] = "https://huggingface.co",
    offline: Annotated[bool, typer.Option("--offline", help="Never use the network.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before the command."""
    context.obj = CliContext(home=(home or default_root()).expanduser().absolute(), hub=hub, offline=offline)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Every failure is one line on standard error: what, why, what would work.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        code = app(arguments, prog_name="voicegraph", standalone_mode=False)
    except TyperException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "voicegraph")
        code = _fail(f"{error.format_message().rstrip('.')}; see `{command} --help`", arguments, EXIT_USAGE)
    except (CommandFailed, TtsError) as error:
        code = _fail(str(error.args[0]), arguments)
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe, such as head, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_FAILURE
    except Exception as error:
        code = _fail(f"{type(error).__name__}: {error} (this is a defect; --debug shows where)", arguments)
    sys.exit(code or 0)


def _fail(message: str, arguments: Sequence[str], code: int = EXIT_FAILURE) -> int:
    if "--debug" in arguments:
        traceback.print_exc()
    typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
    typer.echo(" ".join(message.split()), err=True)
    return code
