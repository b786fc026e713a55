"""What every mood does to speech, beside what the literature says it does, and what it costs.

    python -m bench.emotion              # nine moods, four voices, eight sentences; --sentences 4 takes half as long
    python -m bench.emotion --moods sad --intensities 0.25 0.5 0.75 1
    python -m bench.emotion --voices af_heart --files ana.json     # and in voices that a server has exported

Each sentence is said neutrally and in each mood by the real models in this process. F0, its range, its fall and the
last third of a second, rate and pauses are measured on what the acoustic model makes, loudness on the waveform. Words
are recognised by Moonshine tiny (English), the speaker by ECAPA-TDNN: similarity is the cosine to the same sentence
said neutrally by the same voice; for comparison, to another sentence of that voice, and to other voices.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
import torch

from bench.emotion_axes import measured_of
from serve_app.graph import Utterance, acoustic_input
from serve_app.http.voice_schemas import VoiceFile
from tests.support.asr import SpeechRecogniser, word_error_rate
from tests.support.assets import MOONSHINE, beside
from tts_models.acoustic import AcousticModel
from tts_models.assets import AssetStore, default_root
from tts_models.delivery import Delivery
from tts_models.emotion import EXPECTED
from tts_models.emotion.style import AXES
from tts_models.engine import choose_engine
from tts_models.prosody import VOICED_ABOVE_HZ
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.encoder import SpeakerEncoder
from tts_models.speaker.voices import Voice, VoiceCatalogue
from tts_models.text import TextFrontend
from tts_models.types import (
    EMOTIONS,
    SAMPLE_RATE_HZ,
    AcousticFeatures,
    Audio,
    Emotion,
    FloatArray,
    Phonemes,
    SpeakerEmbedding,
)
from tts_models.vocoder import Vocoder

SENTENCES = (
    "We looked for it everywhere, upstairs and downstairs, and in the end it was lying in the garden.",
    "She said that the train would be late again, so we took the bus to the old market.",
    "Please bring the letters to the office before noon, because nobody will be there afterwards.",
    "The children were waiting at the window, and their father came up the road with the dog.",
    "Nobody told me, when we came, that the shop on the corner would close this early.",
    "He put the money on the table, took his hat, and walked slowly out of the room.",
    "There is a letter for you from the bank, and another one from your mother.",
    "If the weather stays like this, we can sail to the island on Saturday morning.",
)
VOICES = ("af_heart", "am_michael", "bf_emma", "bm_george")


@dataclass(frozen=True)
class Said:
    """One sentence said one way."""

    text: str
    properties: FloatArray
    loudness_db: float
    heard: str
    embedding: FloatArray


class Models:
    """All that speaks and listens."""

    def __init__(self) -> None:
        store = AssetStore(Path(os.environ.get("VOICEGRAPH_HOME") or default_root()))
        kokoro, device = store.ensure("kokoro-82m-v1.0"), torch.device("cpu")
        self.voices = VoiceCatalogue.load(store.ensure("voices-v1.0"))
        self._text = TextFrontend(first_segment_tokens=300)
        self._acoustic = AcousticModel.load(kokoro, device)
        self._vocoder = Vocoder.load(kokoro, choose_engine("auto"))
        self._encoder = SpeakerEncoder.load(store.ensure("ecapa-tdnn-voxceleb"), device)
        self._recogniser = SpeechRecogniser(beside(store).ensure(MOONSHINE.name), torch.get_num_threads())
        self.clones: dict[str, Voice] = {}

    def take_in(self, path: Path) -> str:
        """A voice that a server has exported, under the name of its file."""
        file = VoiceFile.model_validate_json(path.read_bytes())
        self.clones[path.stem] = file.recipe.recipe().voice(self.voices, path.stem, file.language, file.gender)
        return path.stem

    def say(self, text: str, voice: str, emotion: Emotion) -> Said:
        """One sentence, measured."""
        speaker = self.clones.get(voice) or self.voices.get(voice)
        utterance = Utterance(text, speaker, speaker.language, delivery=Delivery(emotion=emotion))
        (segment,) = self._text.segments(text, speaker.language)
        (features,) = self._acoustic.synthesize([acoustic_input(utterance, 0, segment)])
        assert isinstance(features, AcousticFeatures)
        (audio,) = self._vocoder.synthesize([features])
        assert isinstance(audio, Audio)
        wave = soxr.resample(audio.samples, SAMPLE_RATE_HZ, ENCODER_RATE_HZ)
        (embedding,) = self._encoder.embed([wave])
        assert isinstance(embedding, SpeakerEmbedding)
        return Said(
            text,
            np.array(_properties(segment, features)),
            _loudness_db(audio.samples),
            self._recogniser.transcribe(audio.samples, SAMPLE_RATE_HZ),
            embedding.vector,
        )


def main() -> None:
    """Say, measure, print."""
    options = _options()
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    models = Models()
    voices = [*options.voices, *map(models.take_in, options.files)]
    chosen = [(voice, text) for voice in voices for text in SENTENCES[: options.sentences]]
    neutral = [models.say(text, voice, Emotion("neutral")) for voice, text in chosen]
    result = {
        "neutral": {"word_errors": _word_errors(neutral), **_similarities(neutral, [voice for voice, _ in chosen])}
    }
    plain = result["neutral"]
    print(
        f"neutral: word error rate {100 * plain['word_errors']:.1f} %; similarity of two sentences of a voice"
        f" {plain['same_voice']:.2f}, of two voices {plain['other_voice']:.2f}"
    )
    print("mood       intensity  F0 st  range x  rate x  loud dB  pauses x  tilt st  final st  words %  similarity")
    for name in options.moods:
        for intensity in options.intensities:
            said = [models.say(text, voice, Emotion(name, intensity)) for voice, text in chosen]
            row = _compared(said, neutral)
            is_expected = all(row[key] * sign > 0 for key, sign in EXPECTED[name].items())
            _print(name, intensity, row, is_expected)
            measured = {key: value for key, value in row.items() if not math.isnan(value)}  # a whisper has no F0
            result[f"{name} {intensity:g}"] = {**measured, "as_expected": is_expected}
    print(json.dumps(result))


def _properties(segment: Phonemes, features: AcousticFeatures) -> list[float]:
    if (features.f0_hz > 0).any():
        return [
            _range_st(features) if name == "range" else value
            for name, value in zip(AXES, measured_of(segment, features), strict=True)
        ]
    voiceless = AcousticFeatures(
        features.text_encoding, features.durations_frames, np.full_like(features.f0_hz, 100), features.energy,
        features.timbre,
    )  # fmt: skip
    rest = dict(zip(AXES, measured_of(segment, voiceless), strict=True))
    return [rest[name] if name in ("energy", "rate", "pauses") else np.nan for name in AXES]


def _range_st(features: AcousticFeatures) -> float:
    """From the 15th to the 85th hundredth of F0 without its fall, semitones: creak, which moods change, left out."""
    voiced = np.flatnonzero(features.f0_hz > VOICED_ABOVE_HZ)
    semitones = 12 * np.log2(features.f0_hz[voiced])
    return float(np.ptp(np.percentile(semitones - np.polyval(np.polyfit(voiced, semitones, 1), voiced), (15, 85))))


def _loudness_db(samples: FloatArray) -> float:
    """Of what is louder than 40 dB below the loudest 25 ms."""
    frames = samples[: len(samples) // 600 * 600].reshape(-1, 600).astype(np.float64)
    power = (frames**2).mean(axis=1)
    return float(10 * np.log10(power[power > power.max() * 1e-4].mean()))


def _compared(said: Sequence[Said], neutral: Sequence[Said]) -> dict[str, float]:
    change = np.mean([one.properties - plain.properties for one, plain in zip(said, neutral, strict=True)], axis=0)
    by_name = dict(zip(AXES, change.tolist(), strict=True))
    plain_range = float(np.mean([plain.properties[AXES.index("range")] for plain in neutral]))
    return {
        "f0": round(by_name["f0"], 2),
        "range": round(by_name["range"] / plain_range, 3),
        "rate": round(float(np.expm1(by_name["rate"])), 3),
        "loudness": round(
            float(np.mean([a.loudness_db - b.loudness_db for a, b in zip(said, neutral, strict=True)])), 2
        ),
        "pauses": round(float(np.expm1(by_name["pauses"])), 3),
        "tilt": round(by_name["tilt"], 2),
        "final": round(by_name["final"], 2),
        "word_errors": _word_errors(said),
        "similarity": round(float(np.mean([a.embedding @ b.embedding for a, b in zip(said, neutral, strict=True)])), 3),
    }


def _word_errors(said: Sequence[Said]) -> float:
    return round(word_error_rate([one.text for one in said], [one.heard for one in said]), 4)


def _similarities(neutral: Sequence[Said], voices: Sequence[str]) -> dict[str, float]:
    pairs = [(a, b) for a in range(len(neutral)) for b in range(a)]
    same = [neutral[a].embedding @ neutral[b].embedding for a, b in pairs if voices[a] == voices[b]]
    other = [neutral[a].embedding @ neutral[b].embedding for a, b in pairs if voices[a] != voices[b]]
    return {"same_voice": float(np.mean(same or [np.nan])), "other_voice": float(np.mean(other or [np.nan]))}


def _print(name: str, intensity: float, row: dict[str, float], is_expected: bool) -> None:
    print(
        f"{name:10s} {intensity:9g}  {row['f0']:+5.1f}  {1 + row['range']:7.2f}  {1 + row['rate']:6.2f}"
        f"  {row['loudness']:+7.1f}  {1 + row['pauses']:8.2f}  {row['tilt']:+7.1f}  {row['final']:+8.1f}"
        f"  {100 * row['word_errors']:7.1f}  {row['similarity']:10.2f}"
        f"{'' if is_expected else '  not as expected'}",
        flush=True,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--moods", nargs="+", choices=EMOTIONS[1:], default=EMOTIONS[1:])
    parser.add_argument("--intensities", nargs="+", type=float, default=[0.5, 1.0])
    parser.add_argument("--voices", nargs="*", default=VOICES)
    parser.add_argument("--files", nargs="+", type=Path, default=(), help="voices that a server has exported")
    parser.add_argument("--sentences", type=int, default=len(SENTENCES), choices=range(1, len(SENTENCES) + 1))
    return parser.parse_args()


if __name__ == "__main__":
    main()
