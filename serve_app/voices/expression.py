"""Mixes of voices as users of this field write them.

::

    af_bella+af_sky              in equal parts
    af_bella(2)+af_sky(1)        two parts of one, one of the other
    0.7*af_bella+0.3*af_sky      likewise, and af_bella*0.7
    af_sarah:60,am_adam:40       likewise
    af_bella(2)-af_sky(0.5)      away from the second: what it has of it is taken out

Weights need not add up to anything. A name may hold hyphens and spaces: the longest one there is is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tts_models.errors import InvalidRequest, VoiceNotFound

MAX_CHARACTERS = 512
MAX_PARTS = 16
MAX_WEIGHT = 1000.0
MAX_SUBTRACTED = 0.25
"""How much may be taken away, as a share of what is added: beyond it words are lost (docs/adr/0017)."""

RESERVED = '+*()[]{}:,;"<>&|/\\'
"""What no name may hold, for it means something here or somewhere else where voices are named."""

_NUMBER = r"(?:\d+\.?\d*|\.\d+)"
_BEFORE = re.compile(rf"\s*({_NUMBER})\s*\*\s*")
_BEHIND = re.compile(rf"\s*(?:\(\s*({_NUMBER})\s*\)|[*:]\s*({_NUMBER}))\s*")
_OPERATOR = re.compile(r"\s*([-+,])\s*")
_ENDS = re.compile(r"[-+*():,]|$")
_EXAMPLE = "A mix is written such as af_bella(2)+af_sky(1)."


@dataclass(frozen=True, slots=True)
class Part:
    """A voice in a mix.

    Attributes:
        name: As it is written.
        weight: How much of it; less than 0 is taken away.
    """

    name: str
    weight: float


def is_expression(text: str) -> bool:
    """Whether ``text`` has anything in it that only a mix has."""
    return any(sign in text for sign in "+-*(),:")


def parse_expression(text: str, is_voice: Callable[[str], bool]) -> list[Part]:
    """The parts of a mix, one where ``text`` is the name of a voice.

    Args:
        text: As a caller wrote it.
        is_voice: Whether there is a voice of that name.

    Raises:
        VoiceNotFound: A name is none of a voice; the message is that name.
        InvalidRequest: It is not written as a mix is, or goes too far.
    """
    if is_voice(text):
        return [Part(text.strip(), 1.0)]
    if len(text) > MAX_CHARACTERS:
        raise InvalidRequest(f"The mix of voices has {len(text):,} characters; at most {MAX_CHARACTERS} are.", "voice")
    parts: list[Part] = []
    place, sign = _sign(text)
    while True:
        part, place = _part(text, place, sign, is_voice)
        parts.append(part)
        if place == len(text):
            break
        operator = _OPERATOR.match(text, place)
        if operator is None:
            raise InvalidRequest(f"{text[place:][:16]!r} makes no sense behind {part.name!r}. {_EXAMPLE}", "voice")
        place, sign = operator.end(), -1 if operator[1] == "-" else 1
    _check(parts)
    return parts


def _sign(text: str) -> tuple[int, int]:
    """Where the first part begins, and its sign."""
    start = len(text) - len(text.lstrip())
    return (start + 1, -1) if text.startswith("-", start) else (start, 1)


def _part(text: str, place: int, sign: int, is_voice: Callable[[str], bool]) -> tuple[Part, int]:
    """The part at ``place``, and where it ends."""
    before = _BEFORE.match(text, place)
    if before:
        place = before.end()
    name = _name(text, place, is_voice)
    place += len(name)
    behind = _BEHIND.match(text, place)
    if before and behind:
        raise InvalidRequest(f"{name.strip()!r} has two weights. {_EXAMPLE}", "voice")
    weight = float(before[1] if before else (behind[1] or behind[2]) if behind else 1)
    if not 0 < weight <= MAX_WEIGHT:
        raise InvalidRequest(
            f"The weight of {name.strip()!r} must be more than 0 and at most {MAX_WEIGHT:g}, not {weight:g}.", "voice"
        )
    return Part(name.strip(), sign * weight), behind.end() if behind else place


def _name(text: str, place: int, is_voice: Callable[[str], bool]) -> str:
    """The longest name of a voice at ``place``, with the spaces around it."""
    ends = [match.start() for match in _ENDS.finditer(text, place)]
    for end in reversed(ends):
        if text[place:end].strip() and is_voice(text[place:end]):
            return text[place:end]
    # What is up to the first sign is the name that is wrong, hyphens included unless something known is behind one.
    plain = next((end for end in ends if text[end : end + 1] != "-"), len(text))
    for end in ends:
        if end < plain and any(is_voice(text[end + 1 : later]) for later in ends if later > end):
            plain = end
            break
    if not text[place:plain].strip():
        raise InvalidRequest(f"A voice is missing in {text[:MAX_CHARACTERS]!r}. {_EXAMPLE}", "voice")
    raise VoiceNotFound(text[place:plain].strip())


def _check(parts: list[Part]) -> None:
    if len(parts) > MAX_PARTS:
        raise InvalidRequest(f"The mix has {len(parts)} voices; at most {MAX_PARTS} can be mixed.", "voice")
    added = sum(part.weight for part in parts if part.weight > 0)
    taken = -sum(part.weight for part in parts if part.weight < 0)
    if taken > MAX_SUBTRACTED * added:
        raise InvalidRequest(
            f"The mix takes away {taken:g} and adds {added:g}; what is taken away may be {MAX_SUBTRACTED:.0%} of what"
            " is added at most.",
            "voice",
        )
