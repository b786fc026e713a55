"""``make`` before there is an environment: what it needs and cannot find is one line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # `make test` tells the makes below it its level and its variables; these are to be a user's first.
    env = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARGS")
    }
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


def refusal(tmp_path: Path, *arguments: str) -> str:
    """The one line with which ``make serve`` refuses to make an environment."""
    done = make("serve", f"VENV={tmp_path / 'venv'}", *arguments)
    assert done.returncode != 0
    assert not (tmp_path / "venv").exists()
    (error,) = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    return error.removeprefix("error: ")


def test_another_python(tmp_path: Path) -> None:
    python = tmp_path / "python3.13"
    python.write_text("#!/bin/sh\ncase $1 in -V) echo Python 3.13.1;; *) exit 1;; esac\n")
    python.chmod(0o755)
    error = refusal(tmp_path, f"PYTHON={python}")
    assert "is not Python 3.11 but Python 3.13.1" in error
    assert "make PYTHON=" in error


@pytest.mark.parametrize("python", ["", "/nowhere/python"])
def test_no_python(tmp_path: Path, python: str) -> None:
    assert refusal(tmp_path, f"PYTHON={python}").startswith("no Python found")


def test_full_disk(tmp_path: Path) -> None:
    assert re.search(
        r"has \d+ GB free and the environment with its weights needs 999999", refusal(tmp_path, "NEEDED_GB=999999")
    )


def test_make_alone_explains_itself() -> None:
    done = make()
    assert done.returncode == 0
    for target in ("environment", "serve", "test", "check", "bench", "lock", "clean"):
        assert target in done.stdout


def test_nothing_names_a_registry() -> None:
    """Packages come from where the user's own tools get them."""
    for file in (ROOT / "Makefile", *sorted((ROOT / "requirements").glob("*.txt"))):
        assert "://" not in file.read_text(), file


def test_locks_pin_every_package_with_hashes() -> None:
    for name in ("runtime", "dev", "uv"):
        text = (ROOT / f"requirements/{name}.txt").read_text()
        pins = re.findall(r"^([a-zA-Z0-9][^\s=<>~!]*)==\S+ \\\n    --hash=sha256:", text, re.MULTILINE)
        stated = [line for line in text.splitlines() if line and not line.startswith((" ", "#", "\\"))]
        assert len(pins) == len(stated) > 0, name


def test_dev_lock_agrees_with_the_runtime_lock() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^(\S+==\S+) \\$", (ROOT / f"requirements/{name}.txt").read_text(), re.MULTILINE))

    assert pins("runtime") <= pins("dev")
