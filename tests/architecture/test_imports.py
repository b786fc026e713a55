from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*args: str) -> str:
    done = subprocess.run([sys.executable, *args], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_import_contracts_hold() -> None:
    """See ``.importlinter``."""
    out = run("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache")
    assert "0 broken" in out
    assert "10 kept" in out


@pytest.mark.parametrize(
    "module", ["serve_app.builder", "serve_app.ingress", "deployments.vocoder", "tts_models.types"]
)
def test_what_only_builds_or_drives_the_graph_loads_no_model_library(module: str) -> None:
    heavy = run("-c", f"import sys, {module}; print({{'torch', 'spacy', 'misaki', 'scipy'}} & set(sys.modules))")
    assert heavy.strip() == "set()"
