"""What the machine offers: ports and disk."""

from __future__ import annotations

import errno
import shutil
import socket
from pathlib import Path

from serve_app.cli.context import CommandFailed

RAY_SPACE_BYTES = 500_000_000
"""What Ray's logs and sockets, and compiled kernels, should find free."""


def port_problem(host: str, port: int) -> str | None:
    """Why no server can listen there, or ``None`` if one can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: the remains of closed connections are no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"port {port} on {host} is in use"
            if error.errno == errno.EACCES:
                return f"port {port} needs more rights than this user has"
            return f"cannot listen on {host}:{port}: {error.strerror or error}"
        except (OverflowError, UnicodeError) as error:
            return f"cannot listen on {host}:{port}: {error}"
    return None


def free_port(host: str, above: int) -> int:
    """The first free port above ``above``, or any free one.

    Raises:
        CommandFailed: There is none.
    """
    for port in range(above + 1, min(above + 100, 65536)):
        if port_problem(host, port) is None:
            return port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        try:
            probe.bind((host, 0))
        except OSError as error:
            raise CommandFailed(f"cannot listen on {host}: {error.strerror or error}") from error
        return int(probe.getsockname()[1])


def disk_problem(folder: Path) -> str | None:
    """Why Ray could not work with its temporary files in ``folder``, or ``None`` if it can."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    usage = shutil.disk_usage(existing)
    if usage.free < RAY_SPACE_BYTES:
        return (
            f"the disk of {existing} is full: {usage.free / 1e6:,.0f} MB are free and Ray needs "
            f"{RAY_SPACE_BYTES / 1e6:,.0f} MB"
        )
    return None
