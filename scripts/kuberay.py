"""Writes ``config/serve.yaml`` into ``config/kuberay/rayservice.yaml``, as its ``serveConfigV2``.

::

    python -m scripts.kuberay
"""

from __future__ import annotations

import re
from pathlib import Path

from serve_app.cli.config_command import changed, written
from serve_app.cli.config_file import load_document

ROOT = Path(__file__).parents[1]
SERVE = ROOT / "config/serve.yaml"
RAY_SERVICE = ROOT / "config/kuberay/rayservice.yaml"

SETTINGS = (
    "assets.offline=true",  # they are in the image
    "storage.records=redis://voicegraph-redis:6379/1",  # API keys, voices and limits are those of all pods
)
"""What is different on Kubernetes."""
_INDENT = "    "


def ray_service() -> str:
    """``rayservice.yaml`` with the ``serveConfigV2`` that it should have."""
    config = written(changed(load_document(SERVE), list(SETTINGS)))
    block = "".join(f"{_INDENT}{line}\n" for line in config.splitlines())
    text, count = re.subn(
        r"(?<=^  serveConfigV2: \|\n)(.*?)(?=^  \S)",
        lambda _: block,
        RAY_SERVICE.read_text(),
        flags=re.MULTILINE | re.DOTALL,
    )
    if count != 1:
        raise SystemExit(f"{RAY_SERVICE} has no serveConfigV2")
    return text


if __name__ == "__main__":
    RAY_SERVICE.write_text(ray_service())
