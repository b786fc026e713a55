"""Models that sleep instead of computing, and write down what they were given; the deployments around them are real.

A text is words of the form ``FRAMES`` or ``FRAMES!FLAG``, each a segment of that many frames. The vocoder double takes
``SECONDS_PER_FRAME`` for each frame of a batch's longest item; a batch with a segment that waits takes until a test has
opened the gate. Every batch leaves a line in the log, a file in ``assets.root``.
"""

# No ``from __future__ import annotations``: Ray reads the class of ``build``'s argument from its signature.

import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ray.serve import Application

from deployments.settings import AcousticSettings, AppSettings, AssetSettings, SpeakerSettings, VocoderSettings
from serve_app.builder import Loaders, assemble
from tts_models.assets import Asset, AssetFile, AssetStore
from tts_models.assets.network import Network
from tts_models.errors import OutOfMemory, SynthesisError, TtsError, UnpronounceableText
from tts_models.instructions import Understanding
from tts_models.speaker.presets import preset_voices
from tts_models.speaker.voices import Voice, VoiceCatalogue
from tts_models.text.dictionary import Dictionary
from tts_models.types import (
    FRAME_SAMPLES,
    MAX_TOKENS,
    SPEAKER_EMBEDDING_DIM,
    STYLE_DIM,
    AcousticFeatures,
    AcousticInput,
    Audio,
    FloatArray,
    Phonemes,
    SpeakerEmbedding,
)

SECONDS_PER_FRAME = 0.001
GATE_LIMIT_S = 120.0
WEIGHTS = b"weights " * 1000
WEIGHTS_FILE = AssetFile("weights.bin", len(WEIGHTS), hashlib.sha256(WEIGHTS).hexdigest())
FLAGS = (
    "",
    "acoustic-fails",
    "acoustic-slow",
    "vocoder-fails",
    "vocoder-crashes",
    "vocoder-exits",
    "vocoder-waits",
    "vocoder-hangs",
)


class Log:
    """A file that the replicas of every stage append to, and beside it the gate that a test opens."""

    def __init__(self, root: Path | None) -> None:
        assert root is not None
        self.path = root / "log.jsonl"
        self._gate = root / "gate"

    def write(self, stage: str, **fields: Any) -> None:
        line = json.dumps({"stage": stage, "pid": os.getpid(), "time": time.time(), **fields}) + "\n"
        with self.path.open("ab", buffering=0) as file:
            file.write(line.encode())  # one write, so that lines of several processes do not mix

    def read(self, stage: str = "") -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        lines = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [line for line in lines if stage in ("", line["stage"])]

    def sizes(self, stage: str) -> list[int]:
        """How many items each batch of a stage had."""
        return [len(line["frames"]) for line in self.read(stage)]

    def pids(self, stage: str) -> set[int]:
        """The processes that worked for a stage."""
        return {line["pid"] for line in self.read(stage)}

    def clear(self) -> None:
        """Forgets everything, and closes the gate."""
        self.path.unlink(missing_ok=True)
        self._gate.unlink(missing_ok=True)

    def is_first(self, what: str) -> bool:
        """Whether nobody asked this before, in any process."""
        try:
            (self.path.parent / what).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def short_of_memory(self, items: int | None) -> None:
        """From now on there is memory for so many items in a batch of the vocoder."""
        (self.path.parent / "memory").write_text(str(items or ""))

    def memory_items(self) -> float:
        """How many items there is memory for."""
        file = self.path.parent / "memory"
        return float((file.read_text() if file.exists() else "") or "inf")

    def open_gate(self) -> None:
        self._gate.touch()

    def wait_at_gate(self) -> None:
        deadline = time.monotonic() + GATE_LIMIT_S
        while not self._gate.exists():
            if time.monotonic() > deadline:
                raise TimeoutError("the test never opened the gate")
            time.sleep(0.01)


class Published:
    """Where the toy weights come from."""

    label = "the shelf"

    def fetch(self, files: Sequence[AssetFile], into: Path, report: object, network: Network) -> None:
        (into / WEIGHTS_FILE.name).write_bytes(WEIGHTS)


def toy_store(root: Path | None) -> AssetStore:
    """A real store of one asset, ``weights``."""
    assert root is not None
    asset = Asset("weights", "what the vocoder double reads", "MIT", (WEIGHTS_FILE,), (Published(),))
    return AssetStore(root / "assets", manifest={"weights": asset})


class TextDouble:
    def segments(self, text: str, language: str, dictionary: Dictionary | None = None) -> list[Phonemes]:
        text = dictionary.respelt(text, language) if dictionary else text
        if text == "?":
            raise UnpronounceableText("Nothing in '?' can be spoken.")
        words = [word.partition("!") for word in text.split()]
        return [Phonemes(frames, "", (int(frames), FLAGS.index(flag)), language) for frames, _, flag in words]


class SpeakerDouble:
    def __init__(self, log: Log) -> None:
        self._log = log

    def embed(self, batch: Sequence[FloatArray]) -> list[SpeakerEmbedding | TtsError]:
        self._log.write("speaker", lengths=[len(waveform) for waveform in batch])
        vector = np.full(SPEAKER_EMBEDDING_DIM, SPEAKER_EMBEDDING_DIM**-0.5, dtype=np.float32)
        return [SpeakerEmbedding(vector, len(waveform) / 16_000) for waveform in batch]


class TracedFeatures(AcousticFeatures):
    """Features that write down which process unpickles them."""

    def __reduce__(self) -> Any:
        fields = (self.text_encoding, self.durations_frames, self.f0_hz, self.energy, self.timbre, 1.0, self.seed)
        return _unpickle_features, (os.environ["DOUBLES_LOG"], fields)


def _unpickle_features(root: str, fields: tuple[Any, ...]) -> TracedFeatures:
    Log(Path(root)).write("features", seed=fields[-1])
    return TracedFeatures(*fields)


class AcousticDouble:
    def __init__(self, log: Log) -> None:
        self._log = log

    def synthesize(self, batch: Sequence[AcousticInput]) -> list[AcousticFeatures | TtsError]:
        self._log.write("acoustic", frames=[item.token_ids[0] for item in batch], seeds=[item.seed for item in batch])
        slow = any(FLAGS[item.token_ids[1]] == "acoustic-slow" for item in batch)
        time.sleep(1.0 if slow else 0.02)
        return [self._one(item) for item in batch]

    def _one(self, item: AcousticInput) -> AcousticFeatures | TtsError:
        frames, flag = item.token_ids
        if FLAGS[flag] == "acoustic-fails":
            return SynthesisError("The acoustic model made nothing.")
        nothing = np.zeros(0, dtype=np.float32)
        # As large as real ones, 31 KB a second: small objects travel inside Ray's messages, large ones do not.
        encoding = np.full((512, max(1, frames * 15 // 40)), flag, dtype=np.float32)
        return TracedFeatures(encoding, np.array([frames]), nothing, nothing, nothing, 1.0, item.seed)


def _flag(item: AcousticFeatures) -> str:
    return FLAGS[int(item.text_encoding[0, 0])]


class VocoderDouble:
    def __init__(self, log: Log) -> None:
        self._log = log

    def synthesize(self, batch: Sequence[AcousticFeatures]) -> list[Audio | TtsError]:
        frames = [item.n_frames for item in batch]
        self._log.write("vocoder", frames=frames, seeds=[item.seed for item in batch])
        if "vocoder-waits" in map(_flag, batch):
            self._log.wait_at_gate()
        if "vocoder-hangs" in map(_flag, batch) and self._log.is_first("hang"):
            time.sleep(GATE_LIMIT_S)
        if len(batch) > self._log.memory_items():
            raise OutOfMemory("The memory does not do.")
        time.sleep(max(frames) * SECONDS_PER_FRAME)
        return [self._one(item) for item in batch]

    def _one(self, item: AcousticFeatures) -> Audio | TtsError:
        match _flag(item):
            case "vocoder-fails":
                return SynthesisError("The vocoder made nothing.")
            case "vocoder-crashes":
                raise RuntimeError("a defect of the model")
            case "vocoder-exits":
                os._exit(1)
        frames = item.n_frames
        durations = np.array([0, frames, 0, 0])  # two tokens between two of padding
        return Audio(np.full(frames * FRAME_SAMPLES, 0.1, dtype=np.float32), durations_frames=durations)


def load_text(*_: Any) -> TextDouble:
    return TextDouble()


def load_speaker(_: SpeakerSettings, assets: AssetSettings) -> SpeakerDouble:
    return SpeakerDouble(Log(assets.root))


def load_acoustic(_: AcousticSettings, assets: AssetSettings) -> AcousticDouble:
    os.environ["DOUBLES_LOG"] = str(assets.root)
    return AcousticDouble(Log(assets.root))


def load_vocoder(_: VocoderSettings, assets: AssetSettings) -> VocoderDouble:
    assert toy_store(assets.root).ensure("weights").read_bytes() == WEIGHTS
    return VocoderDouble(Log(assets.root))


def load_voices(_: AssetSettings) -> VoiceCatalogue:
    return VoiceCatalogue([VOICE, *(Voice.from_table(name, VOICE.styles) for name in preset_voices().names)])


def load_understanding(_: AssetSettings) -> Understanding:
    return Understanding()


VOICE = Voice.from_table("af_test", np.zeros((MAX_TOKENS, STYLE_DIM), dtype=np.float32))


def build(args: AppSettings) -> Application:
    """The application over doubles; the import path that tests put into the YAML."""
    decode = "tests.speaker.hostile_decoders:decode"
    return assemble(
        args,
        Loaders(
            load_text,
            load_speaker,
            load_acoustic,
            load_vocoder,
            voices=load_voices,
            understanding=load_understanding,
            decode=decode,
        ),
    )
