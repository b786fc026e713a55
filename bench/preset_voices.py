"""Measures the preset voices: what the speaker encoder says of each, and how high it speaks.

    python -m bench.preset_voices        # writes tts_models/speaker/presets.safetensors, prints a table

Each preset reads Article 1 of the Universal Declaration of Human Rights in its own language, with seed 0, and is
then heard as reference audio is. Run it again when the weights, the voices, the
encoder or the F0 tracker change; a test compares two voices with the file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType

import numpy as np
import soxr
import torch
from rich.console import Console
from rich.progress import track
from safetensors.numpy import save_file

from tts_models.acoustic import AcousticModel
from tts_models.assets import AssetStore, default_root
from tts_models.engine import choose_engine
from tts_models.errors import TtsError
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.encoder import SpeakerEncoder
from tts_models.speaker.pitch import pitch_of
from tts_models.speaker.presets import PRESETS_FILE, PresetVoices
from tts_models.speaker.profile import ClipProfile
from tts_models.speaker.reference_audio import speech_of
from tts_models.speaker.voices import Voice, VoiceCatalogue
from tts_models.text import TextFrontend
from tts_models.types import SAMPLE_RATE_HZ, AcousticFeatures, FloatArray
from tts_models.vocoder import Vocoder

ENGLISH = (
    "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience "
    "and should act towards one another in a spirit of brotherhood."
)
ARTICLE_1 = MappingProxyType(
    {
        "en-US": ENGLISH,
        "en-GB": ENGLISH,
        "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón y "
        "conciencia, deben comportarse fraternalmente los unos con los otros.",
        "fr-FR": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et "
        "de conscience et doivent agir les uns envers les autres dans un esprit de fraternité.",
        "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। उन्हें बुद्धि और "
        "अन्तरात्मा की देन प्राप्त है और परस्पर उन्हें भाईचारे के भाव से बर्ताव करना चाहिए।",
        "it": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione e di "
        "coscienza e devono agire gli uni verso gli altri in spirito di fratellanza.",
        "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"
        "人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。",
        "pt-BR": "Todos os seres humanos nascem livres e iguais em dignidade e direitos. São dotados de razão e "
        "consciência e devem agir em relação uns aos outros com espírito de fraternidade.",
        "zh": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
    }
)


class Reader:
    """Reads Article 1 in any voice, and hears it.

    Args:
        assets: Where the weights are.
    """

    def __init__(self, assets: AssetStore) -> None:
        cpu = torch.device("cpu")
        weights = assets.ensure("kokoro-82m-v1.0")
        self._text = TextFrontend()
        self._acoustic = AcousticModel.load(weights, cpu)
        self._vocoder = Vocoder.load(weights, choose_engine())
        self._encoder = SpeakerEncoder.load(assets.ensure("ecapa-tdnn-voxceleb"), cpu)

    def features(self, voice: Voice) -> list[AcousticFeatures]:
        """What the acoustic model predicts of the reading, in the voice's own language."""
        parts = self._text.segments(ARTICLE_1[voice.language], voice.language)
        return [self._one(self._acoustic.synthesize, voice.says(part.token_ids)) for part in parts]

    def reads(self, voice: Voice) -> FloatArray:
        """The reading, ``(n,)`` float32 at 24 kHz."""
        audio = [self._one(self._vocoder.synthesize, features) for features in self.features(voice)]
        return np.concatenate([one.samples for one in audio])

    def hears(self, samples: FloatArray) -> ClipProfile:
        """What is heard in ``(n,)`` samples at 24 kHz."""
        speech = speech_of(soxr.resample(samples, SAMPLE_RATE_HZ, ENCODER_RATE_HZ))
        embedding = self._one(self._encoder.embed, speech)
        return ClipProfile(embedding.vector, embedding.voiced_s, pitch_of(speech))

    @staticmethod
    def _one(model, item):  # type: ignore[no-untyped-def]  # of any stage
        (result,) = model([item])
        if isinstance(result, TtsError):
            raise result
        return result


def measured(reader: Reader, voices: Iterable[Voice]) -> PresetVoices:
    """The table of some voices."""
    profiles = {voice.name: reader.hears(reader.reads(voice)) for voice in voices}
    return PresetVoices(
        names=tuple(profiles),
        embeddings=np.stack([profile.embedding for profile in profiles.values()]),
        median_f0_hz=np.array([profile.pitch.median_hz for profile in profiles.values()], np.float32),
        f0_range_semitones=np.array([profile.pitch.range_semitones for profile in profiles.values()], np.float32),
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.preset_voices", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=PRESETS_FILE, help="(default: %(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    assets = AssetStore(default_root())
    voices = VoiceCatalogue.load(assets.ensure("voices-v1.0"))
    table = measured(Reader(assets), track(list(voices), console=Console(stderr=True)))
    for row, name in enumerate(table.names):
        print(f"{name:15} {table.median_f0_hz[row]:6.1f} Hz {table.f0_range_semitones[row]:5.1f} semitones")
    arrays = {
        "embeddings": table.embeddings,
        "median_f0_hz": table.median_f0_hz,
        "f0_range_semitones": table.f0_range_semitones,
    }
    save_file(arrays, options.out, metadata={"names": json.dumps(table.names)})


if __name__ == "__main__":
    main()
