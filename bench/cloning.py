"""How much a cloned voice sounds like its speaker: nearest preset, fitted voice, and the speaker's own other clips.

    python -m bench.cloning                          # every speaker: hours on two cores
    python -m bench.cloning --speakers lj tom        # some of them
    python -m bench.cloning --speakers lj --languages
    python -m bench.cloning --speakers tom --keep voices     # voices/tom.json, as a server exports a voice

Each speaker of ``bench.cloning_speakers`` is cloned from the first clip, at most ten seconds of it. The judges are
Resemblyzer (a GE2E encoder) and CAM++, which took no part in the fit: cosine of their embeddings of what the voice says
and of the speaker's *other* clips. The ceiling is what the reference itself reaches there; two people are at 0.6 by
Resemblyzer and at 0.0 by CAM++. Resemblyzer hears loudness, so it is given everything at the same level. ECAPA is the
fit's own encoder, shown to see how far it is flattered. Words misheard and DNSMOS are those of the four sentences, by
the tests' judges.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch
from rich.console import Console
from rich.table import Table

from bench.cloning_speakers import speakers
from deployments.storage.cloned_voice import StoredRecipe
from serve_app.http.enrolment import gender_of
from serve_app.http.voice_schemas import VoiceFile
from tests.support.asr import SpeechRecogniser, word_error_rate
from tests.support.assets import CAMPPLUS, MOONSHINE, beside
from tests.support.campplus import CamPlusPlus
from tests.support.dnsmos import speech_quality
from tts_models.acoustic import AcousticModel
from tts_models.assets import AssetStore, default_root
from tts_models.engine import choose_engine
from tts_models.errors import TtsError
from tts_models.fitting.fitter import VoiceFitter
from tts_models.fitting.plan import FitPlan
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.encoder import SpeakerEncoder
from tts_models.speaker.pitch import pitch_of
from tts_models.speaker.presets import preset_voices
from tts_models.speaker.profile import ClipProfile, reference_profile
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text import TextFrontend
from tts_models.types import SAMPLE_RATE_HZ, FloatArray
from tts_models.vocoder import Vocoder

REFERENCE_S, UNSEEN_S, UNSEEN_CLIPS = 10.0, 12.0, 3
SENTENCES = (
    "The quick brown fox jumps over the lazy dog near the river.",
    "She had your dark suit in greasy wash water all year.",
    "Please call Stella and ask her to bring these things with her.",
    "Every morning he walks slowly to the station and buys a paper.",
)
ARTICLE_1: Mapping[str, str] = {
    "en-US": "All human beings are born free and equal in dignity and rights.",
    "en-GB": "They are endowed with reason and conscience and should act in a spirit of brotherhood.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos.",
    "fr-FR": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "it": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti.",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "pt-BR": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos.",
    "zh": "人人生而自由，在尊严和权利上一律平等。",
}
_LEVEL = 10 ** (-30 / 20)  # Resemblyzer's own
_COLUMNS = ("resemblyzer", "campplus", "ecapa", "word_errors", "dnsmos")


class Studio:
    """Speaks with recipes, and hears how alike two speakers are."""

    def __init__(self, store: AssetStore) -> None:
        from resemblyzer import VoiceEncoder  # takes seconds

        weights = store.ensure("kokoro-82m-v1.0")
        cpu = torch.device("cpu")
        self._acoustic = AcousticModel.load(weights, cpu)
        self._vocoder = Vocoder.load(weights, choose_engine("auto", device="cpu"))
        self.catalogue = VoiceCatalogue.load(store.ensure("voices-v1.0"))
        self._text = TextFrontend()
        self._ecapa = SpeakerEncoder.load(store.ensure("ecapa-tdnn-voxceleb"), cpu)
        self._judge = VoiceEncoder("cpu", verbose=False)
        self._second_judge = CamPlusPlus(beside(store).ensure(CAMPPLUS.name))
        self._recogniser = SpeechRecogniser(beside(store).ensure(MOONSHINE.name), threads=1)

    def nearest(self, clip: FloatArray) -> VoiceRecipe:
        """What enrolment makes of a clip at once."""
        return self.nearest_few(clip, 1)[0]

    def nearest_few(self, clip: FloatArray, count: int) -> list[VoiceRecipe]:
        """The presets that come nearest, at the speaker's pitch, the best first."""
        embedding = self._ecapa_of([clip])
        profile = reference_profile([ClipProfile(embedding, len(clip) / ENCODER_RATE_HZ, pitch_of(clip))])
        return [voice.recipe for voice in preset_voices().nearest(profile, count, "en-US")]

    def say(self, recipe: VoiceRecipe, texts: Sequence[str], language: str = "en-US") -> list[FloatArray]:
        """``(n,)`` at 24 kHz each."""
        voice = recipe.voice(self.catalogue, "clone", language, gender_of(recipe, self.catalogue))
        segments = [segment for text in texts for segment in self._text.segments(text, language)]
        features = self._acoustic.synthesize([voice.says(segment.token_ids, seed=1) for segment in segments])
        return [_sound(audio).samples for audio in self._vocoder.synthesize([_sound(one) for one in features])]

    def likeness(self, one: Sequence[FloatArray], unseen: Sequence[FloatArray]) -> list[float]:
        """Cosine by Resemblyzer, by CAM++ and by ECAPA of speech at 16 kHz and unseen clips."""
        return [
            round(float(who(one) @ np.mean([who([clip]) for clip in unseen], axis=0)), 3)
            for who in (self._judged, self._judged_again, self._ecapa_of)
        ]

    def marks(self, recipe: VoiceRecipe, unseen: Sequence[FloatArray]) -> dict[str, float]:
        """How a voice does."""
        said = self.say(recipe, SENTENCES)
        heard = [self._recogniser.transcribe(samples, SAMPLE_RATE_HZ) for samples in said]
        quality = speech_quality(np.concatenate(said), SAMPLE_RATE_HZ).overall
        numbers = (*self.likeness(at_16_khz(said), unseen), word_error_rate(list(SENTENCES), heard), quality)
        return {name: round(number, 3) for name, number in zip(_COLUMNS, numbers, strict=True)}

    def _judged(self, clips: Sequence[FloatArray]) -> FloatArray:
        from resemblyzer.audio import trim_long_silences

        embeddings = [
            self._judge.embed_utterance(trim_long_silences(clip * (_LEVEL / np.sqrt(np.mean(clip**2)))))
            for clip in clips
        ]
        return _unit(np.mean(embeddings, axis=0))

    def _judged_again(self, clips: Sequence[FloatArray]) -> FloatArray:
        return _unit(np.mean([self._second_judge.embed(clip) for clip in clips], axis=0))

    def _ecapa_of(self, clips: Sequence[FloatArray]) -> FloatArray:
        return _unit(np.mean([_sound(one).vector for one in self._ecapa.embed(clips)], axis=0))


def main() -> None:
    """Measure and print."""
    warnings.filterwarnings("ignore")
    options = _options()
    torch.set_num_threads(options.threads)
    store = AssetStore(Path(os.environ.get("VOICEGRAPH_HOME") or default_root()))
    known = speakers()
    studio = Studio(store)
    fitter = VoiceFitter.load(
        *(store.ensure(name) for name in ("kokoro-82m-v1.0", "ecapa-tdnn-voxceleb", "voices-v1.0")),
        torch.device("cpu"),
    )
    plan = FitPlan(steps=options.steps)
    rows = {}
    console = Console(stderr=True)
    for speaker in options.speakers or sorted(known):
        file = options.keep and options.keep / f"{speaker}.json"
        rows[speaker] = _row(studio, fitter, plan, known[speaker], options.languages, file)
        console.print(speaker, json.dumps(rows[speaker]), soft_wrap=True)
    console.print(_table(rows))
    print(json.dumps({"bench": "cloning", "plan": str(plan), "mean": _means(rows), "speakers": rows}))


def _row(
    studio: Studio, fitter: VoiceFitter, plan: FitPlan, clips: Sequence[FloatArray], languages: bool, file: Path | None
) -> dict[str, object]:
    reference = clips[0][: int(REFERENCE_S * ENCODER_RATE_HZ)]
    unseen = [clip[: int(UNSEEN_S * ENCODER_RATE_HZ)] for clip in clips[1 : 1 + UNSEEN_CLIPS]]
    start = studio.nearest(reference)
    began_s = time.process_time()
    fitted = fitter.fit([reference], start, plan)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(exported(file.stem, fitted.recipe, studio.catalogue))
    row: dict[str, object] = {
        "ceiling": dict(zip(_COLUMNS, studio.likeness([reference], unseen), strict=False)),
        "nearest": studio.marks(start, unseen),
        "fitted": studio.marks(fitted.recipe, unseen),
        "preset": " ".join(start.presets),
        "fitted_from": " ".join(fitted.recipe.presets),
        "steps": fitted.steps,
        "cpu_s": round(time.process_time() - began_s),
    }
    if languages:
        row["languages"] = {
            language: [
                studio.likeness(at_16_khz(studio.say(recipe, [text], language)), unseen)[0]
                for recipe in (start, fitted.recipe)
            ]
            for language, text in ARTICLE_1.items()
        }
    return row


def exported(name: str, recipe: VoiceRecipe, catalogue: VoiceCatalogue) -> str:
    """A voice as the file that a server exports, and that ``bench.emotion --files`` reads."""
    return VoiceFile(
        format="voicegraph-voice-1",
        name=name,
        language="en-US",
        gender=gender_of(recipe, catalogue),
        source="clone",
        recipe=StoredRecipe.of(recipe),
    ).model_dump_json()


def _means(rows: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, float]]:
    return {
        kind: {
            column: round(float(np.mean([row[kind][column] for row in rows.values()])), 3)  # type: ignore[index]
            for column in _COLUMNS[: 3 if kind == "ceiling" else None]
        }
        for kind in ("nearest", "fitted", "ceiling")
    }


def _table(rows: Mapping[str, Mapping[str, object]]) -> Table:
    table = Table("speaker", "", "nearest preset", "fitted", "ceiling")
    for speaker, row in {**rows, "mean": _means(rows)}.items():
        for column in _COLUMNS:
            marks = [row[kind].get(column, "") for kind in ("nearest", "fitted", "ceiling")]  # type: ignore[attr-defined]
            table.add_row(speaker if column == _COLUMNS[0] else "", column, *map(str, marks))
    return table


def _sound(result: Any) -> Any:
    if isinstance(result, TtsError):
        raise result
    return result


def at_16_khz(clips: Sequence[FloatArray]) -> list[FloatArray]:
    """What was said, as encoders hear it."""
    return [soxr.resample(clip, SAMPLE_RATE_HZ, ENCODER_RATE_HZ).astype(np.float32) for clip in clips]


def _unit(vector: FloatArray) -> FloatArray:
    return vector / np.linalg.norm(vector)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speakers", nargs="*", help="names of bench.cloning_speakers; all by default")
    parser.add_argument("--steps", type=int, default=FitPlan().steps, help="of a fit, at most")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--keep", type=Path, help="folder for the fitted voices, a file each")
    parser.add_argument("--languages", action="store_true", help="each voice in nine languages besides")
    return parser.parse_args()


if __name__ == "__main__":
    main()
