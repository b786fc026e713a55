"""What ``pip install .`` installs: every module and every file that the modules read."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("tts_models", "deployments", "serve_app")


def test_the_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in (*PACKAGES, "config"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*pip, "-w", tmp_path, source], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr

    (wheel,) = tmp_path.glob("voicegraph-*.whl")
    installed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert {"serve_app/config/local.yaml", "serve_app/config/serve.yaml", "tts_models/types.py"} <= installed
    for name in PACKAGES:
        there = {str(path.relative_to(source)) for path in (source / name).rglob("*") if path.is_file()}
        assert there - installed == set()
