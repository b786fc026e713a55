"""What each mood does to speech, as a table.

Directions are those on which the reviews agree; sizes are ours, tuned on what comes out (``bench/emotion.py``) and held
where recognition of the words and of the speaker stay.

====================  ======  ==========  ========  ======  ===========================  =====================
mood                  F0      F0 range    loudness  rate    melody                       source
====================  ======  ==========  ========  ======  ===========================  =====================
happy                 higher  wider       louder    faster  rises                        J&L, Scherer, M&A
excited (elation)     higher  wider       louder    faster  rises                        Scherer
sad                   lower   narrower    softer    slower  falls, long pauses           J&L, Scherer, M&A
angry                 higher  wider       louder    faster  hard, few pauses, rough      J&L, Scherer, M&A
fearful               higher  narrower    softer    faster  rises, irregular, trembling  J&L
surprised             higher  wider       louder    slower  sharp rise at the end        P&al
calm (tenderness)     lower   narrower    softer    slower  falls, long pauses           J&L
whisper               none    none        softer    slower  none                         J&S
serious               lower   narrower    as it is  slower  falls                        Ohala
====================  ======  ==========  ========  ======  ===========================  =====================

Source: J&L: Juslin & Laukka, Communication of emotions in vocal expression and music performance, Psychological
Bulletin 129 (2003), their summary of 104 studies. Scherer: Vocal communication of emotion, Speech Communication 40
(2003). M&A: Murray & Arnott, Toward the simulation of emotion in synthetic speech, JASA 93 (1993). P&al: Pell et al.,
Factors in the recognition of vocally expressed emotions, Journal of Phonetics 37 (2009): of surprise they report pitch
only, its rate is our choice. J&S: Jovičić & Šarić, Acoustic analysis of consonants in whispered speech, Journal of
Voice 22 (2008). Ohala: An ethological perspective on common cross-language utilization of F0 of voice, Phonetica 41
(1984), on low and falling pitch as authority.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Mood:
    """What a mood does at full intensity; the default is nothing.

    Attributes:
        rate: Factor on the speaking rate.
        semitones: Shift of F0.
        range_scale: Factor on the range of F0, in the logarithm.
        loudness_db: Change of loudness.
        pauses: Factor on the length of pauses, within segments and between.
        tilt: See :class:`~tts_models.types.Contour`.
        final: Likewise.
        jitter: Likewise.
        tremor: Likewise.
        unvoiced: Likewise.
        style: How far to go along axes of the style space, standard deviations of the 54 voices; see
            :mod:`tts_models.emotion.style`.
    """

    rate: float = 1.0
    semitones: float = 0.0
    range_scale: float = 1.0
    loudness_db: float = 0.0
    pauses: float = 1.0
    tilt: float = 0.0
    final: float = 0.0
    jitter: float = 0.0
    tremor: float = 0.0
    unvoiced: bool = False
    style: Mapping[str, float] = field(default_factory=dict)


MOODS: Mapping[str, Mood] = MappingProxyType(
    {
        "neutral": Mood(),
        "happy": Mood(
            rate=1.06, semitones=2.0, range_scale=1.3, loudness_db=2.0, pauses=0.9, tilt=3.5, final=1.0,
            style={"range": 0.4},
        ),
        "excited": Mood(
            rate=1.12, semitones=3.5, range_scale=1.25, loudness_db=4.0, pauses=0.75, tilt=3.0, final=1.0,
            style={"range": 1.2, "tilt": 0.5, "energy": 0.6, "rate": 0.4},
        ),
        "sad": Mood(
            rate=0.86, semitones=-2.0, range_scale=0.7, loudness_db=-4.0, pauses=1.4, tilt=-2.5, final=-1.0,
            style={"range": -0.6, "tilt": -0.3, "energy": -0.5, "rate": -0.4},
        ),
        "angry": Mood(
            rate=1.08, semitones=1.5, range_scale=1.25, loudness_db=5.0, pauses=0.7, final=-1.0, jitter=0.15,
            style={"range": 0.8, "energy": 0.8, "rate": 0.3},
        ),
        "fearful": Mood(
            rate=1.12, semitones=3.0, range_scale=0.75, loudness_db=-2.0, tilt=1.0, final=1.0, jitter=0.25, tremor=0.4,
            style={"range": -0.5, "rate": 0.5},
        ),
        "surprised": Mood(
            rate=0.97, semitones=3.0, range_scale=1.4, loudness_db=2.0, final=3.0,
            style={"range": 1.2, "final": 0.8},
        ),
        "calm": Mood(
            rate=0.88, semitones=-1.0, range_scale=0.75, loudness_db=-2.5, pauses=1.4, tilt=-2.5,
            style={"range": -0.4, "tilt": -0.3, "rate": -0.3},
        ),
        "whisper": Mood(rate=0.9, loudness_db=-10.0, pauses=1.1, unvoiced=True),
        "serious": Mood(
            rate=0.93, semitones=-1.5, range_scale=0.8, pauses=1.25, tilt=-2.0, final=-1.0,
            style={"range": -0.3, "tilt": -0.2},
        ),
    }
)  # fmt: skip

EXPECTED: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "happy": {"f0": 1, "range": 1, "loudness": 1, "rate": 1, "tilt": 1},
        "excited": {"f0": 1, "range": 1, "loudness": 1, "rate": 1, "tilt": 1},
        "sad": {"f0": -1, "range": -1, "loudness": -1, "rate": -1, "tilt": -1, "pauses": 1},
        "angry": {"f0": 1, "range": 1, "loudness": 1, "rate": 1, "pauses": -1},
        "fearful": {"f0": 1, "range": -1, "loudness": -1, "rate": 1, "tilt": 1},
        "surprised": {"f0": 1, "range": 1, "loudness": 1, "final": 1},
        "calm": {"f0": -1, "range": -1, "loudness": -1, "rate": -1, "tilt": -1, "pauses": 1},
        "whisper": {"loudness": -1, "rate": -1},
        "serious": {"f0": -1, "range": -1, "rate": -1, "tilt": -1},
    }
)
"""The table above as signs, for tests and the bench."""
