"""The command ``voicegraph``."""

from serve_app.cli.app import main

__all__ = ["main"]
