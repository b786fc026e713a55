"""From instructions to a :class:`~tts_models.instructions.manner.Manner`, by words.

::

    clause                 "not too fast,"       "slightly sad"        "とても悲しそうに"
    words of the lexicon             fast                  sad                悲し
    negation, degree        not                   slightly            とても
    effect                  speed, turned round   sad, half as much   sad, half as much again

A word of degree strengthens or weakens the word it stands at; a negation takes a mood away and turns a change of pace,
pitch or loudness round, half as far. Moods are voted on by the words that name them, and the strongest one is taken;
changes of pace, pitch, loudness and melody add up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import regex

from tts_models.instructions import chinese, english, japanese
from tts_models.instructions.lexicon import Lexicon
from tts_models.instructions.manner import (
    MAX_ENERGY,
    MAX_INTONATION,
    MAX_PITCH,
    MAX_SPEED,
    MIN_ENERGY,
    MIN_SPEED,
    Effect,
    Manner,
)
from tts_models.types import NEUTRAL, Emotion

_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_HAN = regex.compile(r"\p{Han}")
_LATIN = regex.compile(r"\p{Latin}")
_TURNED_ROUND = -0.5


@dataclass(frozen=True, slots=True)
class _Heard:
    """A word of the lexicon in the text, and how much of it is meant."""

    start: int
    words: str
    effect: Effect
    degree: float
    is_negated: bool


def understand(instructions: str) -> Manner:
    """The way of speaking that ``instructions`` ask for; nothing in particular where no word of them is known."""
    heard = sorted(_heard(instructions), key=lambda one: one.start)
    votes: dict[str, float] = defaultdict(float)
    strongest: dict[str, float] = defaultdict(float)
    speed = energy = intonation = 1.0
    pitch = 0.0
    counted: set[tuple[Effect, bool]] = set()
    for one in heard:
        effect = one.effect
        if effect.emotion and not one.is_negated:
            intensity = min(effect.intensity * one.degree, 1.0)
            votes[effect.emotion] += effect.weight * intensity
            strongest[effect.emotion] = max(strongest[effect.emotion], intensity)
        if (effect, one.is_negated) in counted:  # "slow, slowly": once
            continue
        counted.add((effect, one.is_negated))
        power = one.degree
        if one.is_negated:
            power = 0.0 if effect.emotion else _TURNED_ROUND
        speed *= effect.speed**power
        energy *= effect.energy**power
        intonation *= max(effect.intonation, 0.1) ** power
        pitch += effect.pitch * power
    mood = max(reversed(votes), key=lambda name: votes[name]) if votes else ""  # "not only happy, thrilled"
    return Manner(
        emotion=Emotion(mood, round(strongest[mood], 2)) if mood and mood != "neutral" else NEUTRAL,
        speed=_within(speed, MIN_SPEED, MAX_SPEED),
        pitch=_within(pitch, -MAX_PITCH, MAX_PITCH),
        energy=_within(energy, MIN_ENERGY, MAX_ENERGY),
        intonation=_within(intonation, 0.0, MAX_INTONATION),
        heard=tuple(one.words for one in heard),
    )


def _within(value: float, least: float, most: float) -> float:
    return round(min(max(value, least), most), 2)


def _heard(instructions: str) -> Iterator[_Heard]:
    """The words of the lexicons of the scripts that ``instructions`` are written in."""
    if _LATIN.search(instructions):
        yield from _of(_lexicon("en"), instructions)
    if _KANA.search(instructions):
        yield from _of(_lexicon("ja"), instructions)
    elif _HAN.search(instructions):
        yield from _of(_lexicon("zh"), instructions)


@cache
def _lexicon(language: str) -> Lexicon:
    lexicons = {"en": english.lexicon, "ja": japanese.lexicon, "zh": chinese.lexicon}
    return lexicons[language]()


def _of(lexicon: Lexicon, text: str) -> Iterator[_Heard]:
    for clause in lexicon.clauses.finditer(text):
        start, end = clause.span()
        for match in lexicon.words.finditer(text, start, end):
            before, behind = text[start : match.start()], text[match.end() : end]
            effect = lexicon.effects[int(match.lastgroup.removeprefix("e"))]  # type: ignore[union-attr]
            is_negated = bool(lexicon.negated_by.search(before) or lexicon.negated_behind.match(behind))
            yield _Heard(match.start(), match.group(), effect, lexicon.degree(before), is_negated)
