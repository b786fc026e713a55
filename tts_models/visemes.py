"""Mouth shapes for lip-sync: the fifteen visemes that avatars of most engines have (Oculus' OVR LipSync names).

    sil  PP (p b m)  FF (f v)  TH (θ ð)  DD (t d)  kk (k ɡ)  CH (ʧ ʤ ʃ)  SS (s z)  nn (n l)  RR (ɹ)  aa  E  ih  oh  ou

Source: Meta's "Viseme Reference" (OVR LipSync) for the set and its examples; sounds it does not name are put with those
made at the same place. How far the mouth is open (0 closed, 1 as far as it goes in speech) is ours: by the height of
the tongue for vowels, by the closure for consonants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from tts_models.text.vocabulary import PUNCTUATION
from tts_models.timing import PhonemeMark

Viseme = Literal["sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou"]
VISEMES: tuple[Viseme, ...] = get_args(Viseme)

BRIEF_SILENCE_S = 0.1
"""Between two words the mouth does not close for a silence shorter than this, seconds."""

Shape = tuple[Viseme, float]
"""A viseme and how far the mouth is open, 0 to 1."""

_SHAPES: tuple[tuple[str, tuple[Shape, ...]], ...] = (
    # Consonants
    ("pbm", (("PP", 0.0),)),
    ("ɸβ", (("PP", 0.1),)),
    ("fvʋ", (("FF", 0.1),)),
    ("θð", (("TH", 0.15),)),
    ("tdʈɖɾɽ", (("DD", 0.15),)),
    ("kɡxɣqχcɟʔhɰ", (("kk", 0.2),)),
    ("ʁ", (("kk", 0.25),)),
    ("ʃʒʧʤɕʥʨçʝʂ\uab67", (("CH", 0.15),)),
    ("sz", (("SS", 0.1),)),
    ("ʦʣ", (("DD", 0.1), ("SS", 0.1))),
    ("nlɳɲŋɴʎ", (("nn", 0.2),)),
    ("rɹɻ", (("RR", 0.2),)),
    ("jɥ", (("ih", 0.2),)),
    ("w", (("ou", 0.15),)),
    # Vowels
    ("aɑæɐ", (("aa", 0.9),)),
    ("ʌ", (("aa", 0.7),)),
    ("ɒɔ", (("oh", 0.7),)),
    ("oɤ", (("oh", 0.55),)),
    ("ɛœ", (("E", 0.6),)),
    ("eø", (("E", 0.45),)),
    ("əɜᵊ", (("E", 0.4),)),
    ("ɚ", (("RR", 0.4),)),
    ("iɪɨᵻ", (("ih", 0.3),)),
    ("uʊyɯ", (("ou", 0.25),)),
    # Diphthongs, which Kokoro writes as one capital
    ("A", (("E", 0.5), ("ih", 0.3))),  # eɪ, say
    ("I", (("aa", 0.9), ("ih", 0.3))),  # aɪ, sigh
    ("O", (("oh", 0.6), ("ou", 0.3))),  # oʊ, so
    ("Q", (("E", 0.4), ("ou", 0.3))),  # əʊ, British so
    ("W", (("aa", 0.9), ("ou", 0.3))),  # aʊ, sow
    ("Y", (("oh", 0.7), ("ih", 0.3))),  # ɔɪ, soy
    ("T", (("DD", 0.15),)),  # ɾ, American water
    ("S", (("CH", 0.15),)),  # no frontend writes it; by its letter
    # No sound of their own: the mouth stays as the sound beside them has it
    ("ˈˌːʰʲᵝ\u0303↓→↗↘", ()),
    ("".join(sorted(PUNCTUATION)) + " ", (("sil", 0.0),)),
)

SHAPES: Mapping[str, tuple[Shape, ...]] = MappingProxyType(
    {symbol: shapes for symbols, shapes in _SHAPES for symbol in symbols}
)
"""Every symbol of the vocabulary -> the mouth's shapes, one after another; none for a sign without a sound."""


@dataclass(frozen=True, slots=True)
class VisemeMark:
    """A shape of the mouth, and when.

    Attributes:
        viseme: One of ``VISEMES``.
        mouth_open: How far the mouth is open, 0 to 1.
        start_s: When it begins, seconds from the start of the utterance's audio.
        end_s: When it ends.
    """

    viseme: Viseme
    mouth_open: float
    start_s: float
    end_s: float


def visemes(phonemes: Iterable[PhonemeMark]) -> list[VisemeMark]:
    """The mouth's shapes for ``phonemes``, covering the same time without gaps; equal neighbours are one."""
    marks: list[VisemeMark] = []
    for phoneme in phonemes:
        brief = phoneme.symbols == " " and phoneme.end_s - phoneme.start_s < BRIEF_SILENCE_S
        if phoneme.is_silence:
            last = marks[-1] if marks else None
            shapes: tuple[Shape, ...] = ((last.viseme, last.mouth_open),) if brief and last else (("sil", 0.0),)
        else:
            shapes = tuple(shape for symbol in phoneme.symbols for shape in SHAPES[symbol]) or (("sil", 0.0),)
        step_s = (phoneme.end_s - phoneme.start_s) / len(shapes)
        for index, (viseme, opening) in enumerate(shapes):
            start_s = phoneme.start_s + index * step_s
            end_s = phoneme.end_s if index == len(shapes) - 1 else start_s + step_s
            if marks and (marks[-1].viseme, marks[-1].mouth_open) == (viseme, opening):
                start_s = marks.pop().start_s
            marks.append(VisemeMark(viseme, opening, start_s, end_s))
    return [mark for mark in marks if mark.end_s > mark.start_s]
