"""The preset voices: names, languages and style vectors.

Kokoro names a voice ``<language letter><gender letter>_<name>`` and gives it one style vector for every number of
phoneme tokens in a segment: a table of ``(510, 256)`` float32, row ``n_tokens - 1``.

Source: ``voices/*.pt`` of hexgrad/Kokoro-82M and ``KPipeline`` of the ``kokoro`` package, which takes row
``len(phonemes) - 1`` and fails on anything longer; here the row is clamped.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from tts_models.errors import AssetError, VoiceNotFound
from tts_models.types import MAX_SPEED, MAX_TOKENS, MIN_SPEED, STYLE_DIM, AcousticInput, FloatArray, ProsodyEdit

Gender = Literal["female", "male"]

LANGUAGE_OF_LETTER: Mapping[str, str] = MappingProxyType(
    {
        "a": "en-US",
        "b": "en-GB",
        "e": "es",
        "f": "fr-FR",
        "h": "hi",
        "i": "it",
        "j": "ja",
        "p": "pt-BR",
        "z": "zh",
    }
)
GENDER_OF_LETTER: Mapping[str, Gender] = MappingProxyType({"f": "female", "m": "male"})

OPENAI_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        # Kokoro has a voice of the same name.
        "alloy": "af_alloy",
        "echo": "am_echo",
        "fable": "bm_fable",
        "nova": "af_nova",
        "onyx": "am_onyx",
        # It has none: the same gender and the nearest character, the best graded voices of Kokoro first.
        "ash": "am_michael",
        "ballad": "bm_george",
        "cedar": "am_fenrir",
        "coral": "af_bella",
        "marin": "af_heart",
        "sage": "af_sarah",
        "shimmer": "af_aoede",
        "verse": "am_puck",
    }
)
"""The voice names that OpenAI's clients hard-code, and the preset each of them speaks with."""

PREFERRED = ("af_heart", "am_michael", "bf_emma", "bm_george", "zf_xiaoxiao", "zm_yunxi")
"""Whom a caller is given who asks for a language or a gender only. Source: the grades in Kokoro's ``VOICES.md``; where
they are all alike, the first by name."""

_NAME = re.compile(r"[abefhijpz][fm]_[a-z0-9]+")
_NEAREST = 3
_LIKE = 0.6
_MAX_ECHO_CHARACTERS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """A named voice that a caller can choose.

    Attributes:
        name: Such as ``af_heart``.
        language: BCP-47 tag of the language it was recorded in; it can speak others with that accent.
        gender: ``female`` or ``male``.
        styles: ``(510, 256)`` float32, one style vector per number of tokens; read-only.
        semitones: How much higher its F0 is than what ``styles`` make the acoustic model predict.
        range_scale: Factor on the distance of F0 from its mean, in the logarithm, on top of that.
        rate: Factor on the speaking rate that ``styles`` make it predict.
    """

    name: str
    language: str
    gender: Gender
    styles: FloatArray
    semitones: float = 0.0
    range_scale: float = 1.0
    rate: float = 1.0

    @classmethod
    def from_table(cls, name: str, styles: FloatArray) -> Voice:
        """A voice whose language and gender are read from its name.

        Args:
            name: A name as Kokoro spells it.
            styles: ``(510, 256)`` float32, finite. Made read-only.

        Raises:
            AssetError: If the name or the table is not of that form.
        """
        if not _NAME.fullmatch(name):
            raise AssetError(
                f"{name!r} is not a voice name: expected a language letter, f or m, an underscore, a name."
            )
        if styles.shape != (MAX_TOKENS, STYLE_DIM) or styles.dtype != np.float32 or not np.isfinite(styles).all():
            raise AssetError(
                f"The style table of voice {name!r} is {styles.dtype} {styles.shape}; "
                f"expected finite float32 ({MAX_TOKENS}, {STYLE_DIM})."
            )
        styles.flags.writeable = False
        return cls(name, LANGUAGE_OF_LETTER[name[0]], GENDER_OF_LETTER[name[1]], styles)

    @property
    def display_name(self) -> str:
        """What to show in a list, such as ``Heart (en-US, female)``."""
        return f"{self.name.partition('_')[2].capitalize()} ({self.language}, {self.gender})"

    def style(self, n_tokens: int) -> FloatArray:
        """The style vector for a segment of ``n_tokens`` tokens, padding tokens not counted.

        Returns:
            ``(256,)`` float32, read-only.
        """
        row: FloatArray = self.styles[min(max(n_tokens, 1), MAX_TOKENS) - 1]
        return row

    def says(
        self,
        token_ids: tuple[int, ...],
        *,
        speed: float = 1.0,
        volume: float = 1.0,
        seed: int = 0,
        prosody: ProsodyEdit | None = None,
    ) -> AcousticInput:
        """One segment in this voice: the only place where a voice becomes what the acoustic model is given.

        Args:
            token_ids: What it says; see :class:`~tts_models.types.AcousticInput`.
            speed: 0.25 to 4; 1 is the voice's own rate.
            volume: Gain on the waveform.
            seed: Seed of the vocoder's source noise.
            prosody: What is given instead of what this voice would do by itself.
        """
        if (self.semitones, self.range_scale) != (0.0, 1.0):
            prosody = prosody or ProsodyEdit()
            prosody = replace(
                prosody,
                semitones=prosody.semitones + self.semitones,
                range_scale=prosody.range_scale * self.range_scale,
            )
        speed = min(max(speed * self.rate, MIN_SPEED), MAX_SPEED)
        return AcousticInput(token_ids, self.style(len(token_ids)), speed, volume, seed, prosody)


class VoiceCatalogue:
    """Every voice this server speaks with, by name and by alias.

    Args:
        voices: The voices; names are unique.
        aliases: Other names for them. An alias of a voice that is not here is left out.
    """

    def __init__(self, voices: Iterable[Voice], aliases: Mapping[str, str] = OPENAI_ALIASES) -> None:
        self._voices = {voice.name: voice for voice in sorted(voices, key=lambda voice: voice.name)}
        self.aliases: Mapping[str, str] = MappingProxyType(
            {alias: name for alias, name in aliases.items() if name in self._voices}
        )

    @classmethod
    def load(cls, path: Path) -> VoiceCatalogue:
        """Reads a safetensors file of style tables keyed by voice name.

        Raises:
            AssetError: If the file is not readable, holds no voice, or holds something that is none.
        """
        try:
            tables = load_file(path)
        except (OSError, SafetensorError) as error:
            raise AssetError(f"The voices in {path} cannot be read: {error}") from error
        if not tables:
            raise AssetError(f"There is no voice in {path}.")
        return cls(Voice.from_table(name, table) for name, table in tables.items())

    def __len__(self) -> int:
        return len(self._voices)

    def __iter__(self) -> Iterator[Voice]:
        return iter(self._voices.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the voices, sorted, without the aliases."""
        return tuple(self._voices)

    def get(self, name: str) -> Voice:
        """The voice of that name or alias; case and surrounding white space do not matter.

        Raises:
            VoiceNotFound: If there is none; the message names the nearest.
        """
        key = name.strip().lower()
        voice = self._voices.get(self.aliases.get(key, key))
        if voice is None:
            raise VoiceNotFound(self._not_found(name))
        return voice

    def like(self, language: str, gender: Gender | None = None) -> list[Voice]:
        """The voices of a language, and of a gender if one is given, the best first."""
        found = [voice for voice in self if voice.language == language and gender in (None, voice.gender)]
        return sorted(found, key=lambda voice: voice.name not in PREFERRED)

    def nearest(self, name: str) -> tuple[str, ...]:
        """Names of up to three voices whose name or alias looks like ``name``, best first."""
        matcher = difflib.SequenceMatcher(b=name.strip().lower()[:_MAX_ECHO_CHARACTERS], autojunk=False)

        def likeness(candidate: str) -> float:
            matcher.set_seq1(candidate)
            return matcher.ratio()

        scores = dict.fromkeys(self._voices, 0.0)
        for form, voice in (*self.aliases.items(), *zip(self._voices, self._voices, strict=True)):
            # "heart" means af_heart: a caller forgets the prefix more often than the name.
            scores[voice] = max(scores[voice], likeness(form), likeness(form.partition("_")[2]))
        ranked = sorted(scores, key=lambda candidate: (-scores[candidate], candidate))
        return tuple(candidate for candidate in ranked[:_NEAREST] if scores[candidate] >= _LIKE)

    def _not_found(self, name: str) -> str:
        shown = name if len(name) <= _MAX_ECHO_CHARACTERS else name[:_MAX_ECHO_CHARACTERS] + "..."
        if nearest := self.nearest(name):
            return f"There is no voice {shown!r}. Did you mean {' or '.join(nearest)}?"
        some = ", ".join(list(self._voices)[:_NEAREST])
        return f"There is no voice {shown!r} among the {len(self)} voices of this server, such as {some}."
