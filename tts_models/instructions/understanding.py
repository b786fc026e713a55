"""From instructions to a :class:`~tts_models.instructions.manner.Manner`: by words, and by meaning.

::

    clause                 "not too fast,"       "slightly sad"        "とても悲しそうに"
    words of the lexicon             fast                  sad                悲し
    negation, degree        not                   slightly            とても
    effect                  speed, turned round   sad, half as much   sad, half as much again

A word of degree strengthens or weakens the word it stands at; a negation takes a mood away and turns a change of pace,
pitch or loudness round, half as far. Moods are voted on by the words that name them, and the strongest one is taken;
changes of pace, pitch, loudness and melody add up.

Where no word names a mood ("like a boy whose dog has run away"), the meaning of what is left without the negated
clauses decides (:mod:`tts_models.instructions.meaning`), if there is a sentence encoder; a trade or a kind of person
("nurse") counts only where it says nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial

import regex

from tts_models.instructions import chinese, english, japanese
from tts_models.instructions.glosses import glosses
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
from tts_models.instructions.meaning import Meaning
from tts_models.types import NEUTRAL, Emotion

_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_HAN = regex.compile(r"\p{Han}")
_LATIN = regex.compile(r"\p{Latin}")
_TURNED_ROUND = -0.5
_NAMES_IT = 0.8
"""Weight of a word that names a mood, and no kind of person that may be in it."""
_REMEMBERED = 1024
_LINK = regex.compile(r"^\s*(?:but|rather|and)\b", regex.IGNORECASE)
_SCENE = regex.compile(
    r"\b(?:like|as|if|though|who|that|when|you|i|he|she|we|they|it|somebody|someone|people)\b", regex.IGNORECASE
)
"""Begins what a negation may belong to without being one of the instruction."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """A word of the lexicon in the text, and how much of it is meant."""

    start: int
    words: str
    effect: Effect
    degree: float
    is_negated: bool


class Understanding:
    """Understands instructions; what was asked before is remembered.

    Args:
        meaning: What instructions mean beyond the words of the lexicons; None leaves it at those.
    """

    def __init__(self, meaning: Meaning | None = None) -> None:
        self._understood = lru_cache(_REMEMBERED)(partial(understand, meaning=meaning))

    def __call__(self, instructions: str) -> Manner:
        """See :func:`understand`."""
        return self._understood(instructions)


def understand(instructions: str, meaning: Meaning | None = None) -> Manner:
    """The way of speaking that ``instructions`` ask for; nothing in particular where nothing of them is understood.

    Args:
        instructions: In English, Japanese, Chinese, or several of them.
        meaning: What they mean beyond the words of the lexicons.
    """
    heard = sorted(_heard(instructions), key=lambda one: one.start)
    if meaning and (read := _by_meaning(instructions, heard, meaning)):
        heard = [one for one in heard if one.effect.weight >= _NAMES_IT or not one.effect.emotion]
        heard.append(read)
    return _together(heard)


def understand_meaning(instructions: str, meaning: Meaning) -> Manner:
    """What :func:`understand` would make of ``instructions`` if no word of them were in a lexicon."""
    effect = meaning.nearest(in_english(instructions))
    return _together([] if effect == Effect() else [_Heard(0, instructions, effect, 1.0, is_negated=False)])


def _by_meaning(instructions: str, heard: Sequence[_Heard], meaning: Meaning) -> _Heard | None:
    """What ``instructions`` mean in addition to the words ``heard``, if anything."""
    wanted = [one.effect for one in heard if not one.is_negated]
    if any(effect.emotion and effect.weight >= _NAMES_IT for effect in wanted):
        return None
    text = in_english(instructions)
    effect = meaning.nearest(text, {one.effect.emotion for one in heard if one.is_negated})
    if effect == Effect() or (not effect.emotion and wanted):
        return None
    return _Heard(len(instructions), text, effect, 1.0, is_negated=False)


def _together(heard: Sequence[_Heard]) -> Manner:
    """All that was heard, in order."""
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
    if language := _language(instructions):
        yield from _of(_lexicon(language), instructions)


def _language(instructions: str) -> str:
    """Which language there is other than English: ``ja``, ``zh`` or none."""
    return "ja" if _KANA.search(instructions) else "zh" if _HAN.search(instructions) else ""


@cache
def _lexicon(language: str) -> Lexicon:
    lexicons = {"en": english.lexicon, "ja": japanese.lexicon, "zh": chinese.lexicon}
    return lexicons[language]()


def _of(lexicon: Lexicon, text: str) -> Iterator[_Heard]:
    spelt = text.translate(lexicon.characters)
    for clause in lexicon.clauses.finditer(spelt):
        start, end = clause.span()
        for match in lexicon.words.finditer(spelt, start, end):
            before, behind = spelt[start : match.start()], spelt[match.end() : end]
            effect = lexicon.effects[int(match.lastgroup.removeprefix("e"))]  # type: ignore[union-attr]
            is_negated = bool(lexicon.negated_by.search(before) or lexicon.negated_behind.match(behind))
            yield _Heard(match.start(), text[match.start() : match.end()], effect, lexicon.degree(before), is_negated)


def in_english(instructions: str) -> str:
    """``instructions`` in English without what they say is not wanted: by glosses, where they are in another language.

    A scene may have a negation in it ("as if you could not believe it"), which is left as it is.
    """
    if language := _language(instructions):
        return ", ".join(_glossed(instructions, language))
    english = _lexicon("en")
    clauses = []
    for clause in english.clauses.findall(instructions):
        negation = english.negated_by.search(clause)
        if negation and not _SCENE.search(clause, 0, negation.start()):
            clause = clause[: negation.start()]
        clauses.append(clause)
    return "; ".join(filter(None, (_LINK.sub("", clause).strip() for clause in clauses)))


def _glossed(text: str, language: str) -> Iterator[str]:
    """What is known of the words of ``text``, in English, in its order, but for what is negated."""
    lexicon = _lexicon(language)
    text = text.translate(lexicon.characters)
    pattern, english = glosses(language)
    for match in pattern.finditer(text):
        if not (lexicon.negated_by.search(text[: match.start()]) or lexicon.negated_behind.match(text[match.end() :])):
            yield english[match.group()]
