"""The values of SSML's attributes as numbers. Source: W3C, Speech Synthesis Markup Language 1.1; CSS 2 for units."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import regex

from tts_models.errors import InvalidRequest
from tts_models.text.controls import MAX_PAUSE_S
from tts_models.types import EMOTIONS, Emotion

RATES = MappingProxyType({"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 4 / 3, "x-fast": 2.0})
SEMITONES = MappingProxyType({"x-low": -6.0, "low": -3.0, "medium": 0.0, "default": 0.0, "high": 3.0, "x-high": 6.0})
RANGES = MappingProxyType({"x-low": 0.25, "low": 0.6, "medium": 1.0, "default": 1.0, "high": 1.4, "x-high": 1.8})
DECIBELS = MappingProxyType(
    {"silent": -math.inf, "x-soft": -12.0, "soft": -6.0, "medium": 0.0, "default": 0.0, "loud": 3.0, "x-loud": 6.0}
)
BREAKS_S = MappingProxyType({"none": 0.0, "x-weak": 0.1, "weak": 0.25, "medium": 0.5, "strong": 0.75, "x-strong": 1.25})
"""Silence of a ``break``, seconds."""

MIN_RATE, MAX_RATE = 0.25, 4.0
MAX_SEMITONES = 24.0
MIN_HZ, MAX_HZ = 40.0, 800.0
MAX_RANGE = 3.0
MIN_DB, MAX_DB = -60.0, 12.0

STYLES: Mapping[str, Emotion] = MappingProxyType(
    {
        **{name: Emotion(name) for name in EMOTIONS},
        "affectionate": Emotion("calm", 0.6),
        "cheerful": Emotion("happy"),
        "depressed": Emotion("sad"),
        "disgruntled": Emotion("angry", 0.6),
        "embarrassed": Emotion("fearful", 0.4),
        "empathetic": Emotion("calm", 0.7),
        "envious": Emotion("angry", 0.4),
        "friendly": Emotion("happy", 0.5),
        "gentle": Emotion("calm"),
        "hopeful": Emotion("happy", 0.6),
        "lyrical": Emotion("calm", 0.6),
        "shouting": Emotion("angry"),
        "terrified": Emotion("fearful"),
        "unfriendly": Emotion("angry", 0.5),
        "whispering": Emotion("whisper"),
        **dict.fromkeys(("newscast", "newscast-formal", "narration-professional"), Emotion("serious", 0.6)),
    }
)
"""Styles of Azure's ``mstts:express-as`` and names of ``amazon:emotion``, ours among them."""
_DEGREES = MappingProxyType({"low": 0.35, "medium": 0.7, "high": 1.0})

_NUMBER = r"(?P<sign>[+-]?)(?P<number>\d{1,6}(?:\.\d{0,9})?|\.\d{1,9})"
_VALUE = regex.compile(rf"{_NUMBER}\s*(?P<unit>%|[A-Za-z]*)")


def gain_of(decibels: float) -> float:
    """The factor on the waveform that so many decibels are."""
    return math.pow(10, decibels / 20)


@dataclass(frozen=True, slots=True)
class Emphasis:
    """What a degree of emphasis does to the words; see docs/adr/0014 for what was measured."""

    rate: float = 1.0
    semitones: float = 0.0
    range_scale: float = 1.0
    energy_gain: float = 1.0
    volume: float = 1.0


EMPHASIS: Mapping[str, Emphasis] = MappingProxyType(
    {
        "strong": Emphasis(rate=0.72, semitones=3.0, range_scale=1.3, energy_gain=1.3, volume=gain_of(3)),
        "moderate": Emphasis(rate=0.85, semitones=1.5, range_scale=1.15, energy_gain=1.15, volume=gain_of(1.5)),
        "none": Emphasis(),
        "reduced": Emphasis(rate=1.15, semitones=-1.0, range_scale=0.8, energy_gain=0.9, volume=gain_of(-3)),
    }
)


@dataclass(frozen=True, slots=True)
class Pitch:
    """What ``pitch`` asks for: one of these."""

    level: float | None = None  # semitones from the voice's own
    semitones: float = 0.0
    shift_hz: float = 0.0
    mean_f0_hz: float | None = None


def seconds(text: str) -> float:
    """A time such as ``500ms`` or ``1.5s``."""
    match = _VALUE.fullmatch(text.strip())
    unit = match["unit"].lower() if match else ""
    if not match or match["sign"] == "-" or unit not in ("s", "ms"):
        raise InvalidRequest(f"{_shown(text)} is no time; write 500ms or 1.5s.")
    value = float(match["number"]) / (1000 if unit == "ms" else 1)
    if value > MAX_PAUSE_S:
        raise InvalidRequest(f"{_shown(text)} is too long; a break lasts {MAX_PAUSE_S:g} s at most.")
    return value


def rate(text: str, current: float) -> float:
    """A speaking rate: a name, ``80%`` or ``0.8`` of the voice's own, or ``+20%`` of the ``current`` one."""
    if (label := text.strip().lower()) in RATES:
        return RATES[label]
    match = _VALUE.fullmatch(label)
    if not match or match["unit"] not in ("%", "") or (match["sign"] and match["unit"] != "%"):
        raise InvalidRequest(
            f"{_shown(text)} is no rate; write {_names(RATES)}, 80% (of the voice's own rate) or +20%."
        )
    value = float(match["number"]) / (100 if match["unit"] else 1)
    value = current * (1 + value if match["sign"] == "+" else 1 - value) if match["sign"] else value
    if not MIN_RATE <= value <= MAX_RATE:
        raise InvalidRequest(f"{_shown(text)} makes {value:.0%} of the rate; it is {MIN_RATE:.0%} to {MAX_RATE:.0%}.")
    return value


def pitch(text: str) -> Pitch:
    """A pitch: a name, ``200Hz``, or a change such as ``+2st``, ``-10%``, ``+15Hz``."""
    if (label := text.strip().lower()) in SEMITONES:
        return Pitch(level=SEMITONES[label])
    match = _VALUE.fullmatch(label)
    value = float(match["sign"] + match["number"]) if match else 0.0
    match (match["unit"], bool(match["sign"])) if match else ("", False):
        case ("hz", False) if MIN_HZ <= value <= MAX_HZ:
            return Pitch(mean_f0_hz=value)
        case ("hz", True) if abs(value) <= MAX_HZ:
            return Pitch(shift_hz=value)
        case ("st", True) if abs(value) <= MAX_SEMITONES:
            return Pitch(semitones=value)
        case ("%", True) if value > -100 and abs(shift := 12 * math.log2(1 + value / 100)) <= MAX_SEMITONES:
            return Pitch(semitones=shift)
    raise InvalidRequest(
        f"{_shown(text)} is no pitch; write {_names(SEMITONES)}, {MIN_HZ:g}Hz to {MAX_HZ:g}Hz, or a change with its"
        f" sign: +2st (to {MAX_SEMITONES:g}), -10%, +15Hz."
    )


def pitch_range(text: str) -> tuple[float, bool]:
    """A range of pitch as a factor, and whether it is relative to the current one."""
    if (label := text.strip().lower()) in RANGES:
        return RANGES[label], False
    match = _VALUE.fullmatch(label)
    if match and match["unit"] == "%" and match["sign"]:
        value = 1 + float(match["sign"] + match["number"]) / 100
        if 0 <= value <= MAX_RANGE:
            return value, True
    raise InvalidRequest(
        f"{_shown(text)} is no range of pitch; write {_names(RANGES)}, or a change with its sign: +30%."
    )


def volume(text: str, current: float) -> float:
    """A gain: a name, ``+6dB`` or ``-6dB`` to the ``current`` one, or as SSML 1.0 has it 0 to 100."""
    if (label := text.strip().lower()) in DECIBELS:
        return gain_of(DECIBELS[label])
    match = _VALUE.fullmatch(label)
    if match and match["unit"] == "db" and match["sign"]:
        gain = current * gain_of(float(match["sign"] + match["number"]))
        if gain == 0 or gain_of(MIN_DB - 0.01) <= gain <= gain_of(MAX_DB + 0.01):
            return gain
        raise InvalidRequest(
            f"{_shown(text)} makes {20 * math.log10(gain):+.3g} dB; it is {MIN_DB:g} to +{MAX_DB:g} dB."
        )
    if match and not match["unit"] and not match["sign"] and float(match["number"]) <= 100:
        return float(match["number"]) / 100
    raise InvalidRequest(f"{_shown(text)} is no volume; write {_names(DECIBELS)}, or a change with its sign: +6dB.")


def mood(element: str, given: Mapping[str, str]) -> Emotion | None:
    """The mood that an element of another vocabulary asks for; None if it is none that we know.

    Args:
        element: Its name without a prefix.
        given: Its attributes.
    """
    match element:
        case "express-as":
            style, degree = given.get("style", ""), given.get("styledegree", "")
        case "emotion":
            style, degree = given.get("name", ""), given.get("intensity", "")
        case _:
            return None
    known = STYLES.get(style.strip().lower())
    number = _VALUE.fullmatch(degree.strip())
    much = _DEGREES.get(degree, float(number["number"]) if number else 1.0)
    return known and Emotion(known.name, min(known.intensity * much, 1.0))


def _names(labels: Mapping[str, float]) -> str:
    return ", ".join(labels)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "...")
