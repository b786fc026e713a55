"""A text and what its writer says about it, and one way of saying it: inline controls.

``[word](/ipa/)`` says how a word sounds, ``[pause:1.5s]`` how long to wait, ``[happy]...[/happy]`` or
``[happy:0.5]...[/happy]`` in what mood a stretch is said. The other way is SSML (:mod:`tts_models.text.ssml`).

Moods lie within one another; the innermost counts. One that is not closed holds to the end of the text, and the end of
one that was not begun is passed over: neither is read aloud.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from operator import itemgetter

from tts_models.errors import InvalidRequest
from tts_models.text.g2p.words import Break
from tts_models.text.vocabulary import has_sound, to_vocabulary, unknown_symbols
from tts_models.types import EMOTIONS, Emotion, ProsodyChange

MAX_PAUSE_S = 10.0
"""Longest single pause, seconds."""
MAX_TOTAL_PAUSE_S = 600.0
"""Longest silence one text may ask for in all, seconds."""

_CONTROL = re.compile(
    r"\[(?P<word>[^\[\]\n]+)\]\(/(?P<ipa>[^()\n]*?)/\)"
    r"|\[pause:\s*(?P<value>[+-]?\d+(?:\.\d+)?|[+-]?\.\d+)\s*(?P<unit>ms|s)\s*\]"
    rf"|\[(?P<ends>/)?(?P<mood>{'|'.join(EMOTIONS)})(?::\s*(?P<intensity>[+-]?\d*\.?\d+)\s*)?\]",
    re.IGNORECASE,
)
_CLOSING = frozenset(".,!?…;:)。、，！？；：」』）”’»।॥")
"""Marks that belong to what is before them, even if a mood has just ended there."""
_SAME_SYMBOL = str.maketrans({"g": "ɡ"})  # U+0067 for U+0261: one sound, two keys


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A place in the text that its writer gave a name.

    Attributes:
        name: The name.
        offset: Offset in the text.
        position: Offset in what the caller wrote.
    """

    name: str
    offset: int
    position: int


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the text between two pauses, in one voice and one mood.

    Attributes:
        start: Offset of its first character.
        end: Offset after its last.
        pause_after_s: Silence asked for after it, seconds; None where none was, and only the speaker changes.
        voice: Name of a voice, if not that of the whole text, else ``""``.
        places: The named places in it, in order.
        emotion: The mood it is said in, if not that of the whole text.
    """

    start: int
    end: int
    pause_after_s: float | None = None
    voice: str = ""
    places: tuple[NamedPlace, ...] = ()
    emotion: Emotion | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What is to be said in place of a stretch of the text.

    Attributes:
        start: Offset of its first character.
        end: Offset after its last.
        alias: The words to say, if they were given.
        interpret_as: Else what kind of thing is written there, such as ``date``.
        format: How it is written, such as ``mdy``.
    """

    start: int
    end: int
    alias: str = ""
    interpret_as: str = ""
    format: str = ""


@dataclass(frozen=True, slots=True)
class ControlledText:
    """A text without its controls or tags, and what they said.

    Attributes:
        text: What is to be read, each ``[word](/ipa/)`` reduced to its word, each pause and each tag gone.
        blocks: Stretches that tile the text; at least one.
        pronunciations: ``(start, end, symbols)`` of the words of ``text`` whose symbols were given.
        cuts: ``(offset in text, characters of controls before it)``, in order: where the two texts shift.
        readings: Stretches that are read otherwise than they are written, in order and apart.
        wide: The characters of ``text`` that take several in what the caller wrote, by offset: how many.
        languages: ``(offset in text, tag of one of our languages)``, in order: from where on it is in which.
        ends: ``(offset in text, what ends there)``, in order: languages, sentences and paragraphs; None where line
            breaks in the text are to tell.
        changes: How stretches of the text are said, in the order in which that is done.
    """

    text: str
    blocks: tuple[Block, ...]
    pronunciations: tuple[tuple[int, int, str], ...] = ()
    cuts: tuple[tuple[int, int], ...] = ()
    readings: tuple[Reading, ...] = ()
    wide: Mapping[int, int] = field(default_factory=dict)
    languages: tuple[tuple[int, str], ...] = ()
    ends: tuple[tuple[int, Break], ...] | None = None
    changes: tuple[ProsodyChange, ...] = ()

    def language_at(self, offset: int, otherwise: str) -> str:
        """The language that the text is in at ``offset``; ``otherwise`` where it names none."""
        index = bisect_right(self.languages, offset, key=itemgetter(0))
        return self.languages[index - 1][1] if index else otherwise

    def as_read(self) -> str:
        """The text with its aliases in place."""
        parts, position = [], 0
        for reading in self.readings:
            if reading.alias:
                parts += [self.text[position : reading.start], reading.alias]
                position = reading.end
        return "".join([*parts, self.text[position:]])

    def written(self, start: int, end: int) -> tuple[int, int]:
        """Where ``text[start:end]``, at least one character of it, stands in what the caller wrote."""
        first, last = (bisect_right(self.cuts, offset, key=itemgetter(0)) for offset in (start, end - 1))
        written_end = end + (self.cuts[last - 1][1] if last else 0) + self.wide.get(end - 1, 1) - 1
        return start + (self.cuts[first - 1][1] if first else 0), written_end


def parse_controls(text: str, moods: Sequence[Emotion] = ()) -> ControlledText:
    """Takes the controls out of ``text``; any other square brackets are plain text.

    Args:
        text: What the caller wrote, or a part of it.
        moods: Those that were begun before it, the innermost last.

    Raises:
        InvalidRequest: A pause or an intensity out of range, or symbols that are not in the vocabulary.
    """
    moods = tuple(moods)
    parts: list[str] = []
    length = last = 0
    pronunciations, cuts = [], []
    blocks: list[Block] = []
    total_s = 0.0
    for match in _CONTROL.finditer(text):
        plain = text[last : match.start()]
        parts.append(plain)
        length += len(plain)
        last = match.end()
        if match["value"]:
            pause_s = _pause_s(match)
            total_s = add_pause(total_s, pause_s)
            blocks.append(_block(blocks, length, moods, pause_s))
        elif match["mood"]:
            changed = _moods_after(match, moods)
            if changed[-1:] != moods[-1:] and length > (blocks[-1].end if blocks else 0):
                blocks.append(_block(blocks, length, moods))
            moods = changed
        else:
            word = match["word"]
            cuts.append((length, match.start("word") - length))
            pronunciations.append((length, length + len(word), read_ipa(word, match["ipa"])))
            parts.append(word)
            length += len(word)
        cuts.append((length, last - length))
    plain = "".join([*parts, text[last:]])
    blocks.append(_block(blocks, len(plain), moods))
    return ControlledText(plain, with_marks(plain, blocks), tuple(pronunciations), tuple(cuts))


def open_moods(text: str, moods: Sequence[Emotion] = ()) -> tuple[Emotion, ...]:
    """The moods that hold where ``text`` ends, if ``moods`` hold where it begins; as for :func:`parse_controls`."""
    moods = tuple(moods)
    for match in _CONTROL.finditer(text):
        if match["mood"]:
            moods = _moods_after(match, moods)
    return moods


def with_marks(text: str, blocks: Sequence[Block]) -> tuple[Block, ...]:
    """``blocks`` of ``text``, the marks behind a change of mood given to what they end."""
    result = list(blocks)
    for index, (block, following) in enumerate(pairwise(blocks)):
        end = block.end
        while block.pause_after_s is None and end < following.end and text[end] in _CLOSING:
            end += 1
        if end > block.end and block.voice == following.voice:
            result[index] = replace(result[index], end=end)
            result[index + 1] = replace(following, start=end)
    return tuple(result)


def _block(blocks: Sequence[Block], end: int, moods: Sequence[Emotion], pause_s: float | None = None) -> Block:
    """What follows ``blocks``."""
    return Block(blocks[-1].end if blocks else 0, end, pause_s, emotion=moods[-1] if moods else None)


def _moods_after(match: re.Match[str], moods: tuple[Emotion, ...]) -> tuple[Emotion, ...]:
    """The moods behind a control that begins or ends one."""
    name = match["mood"].lower()
    if match["ends"]:
        begun = [index for index, mood in enumerate(moods) if mood.name == name]
        return moods[: begun[-1]] if begun else moods
    intensity = float(match["intensity"] or 1)
    if not 0 <= intensity <= 1:
        raise InvalidRequest(f"{match.group()} is out of range: an intensity is 0 to 1.", "input")
    return (*moods, Emotion(name, intensity))


def add_pause(total_s: float, pause_s: float) -> float:
    """The pauses of a text with one more.

    Raises:
        InvalidRequest: They are too long together.
    """
    total_s += pause_s
    if total_s > MAX_TOTAL_PAUSE_S:
        raise InvalidRequest(
            f"The pauses add up to more than {MAX_TOTAL_PAUSE_S:g} s, which is as much as is allowed.", "input"
        )
    return total_s


def hide_controls(text: str) -> str:
    """``text``, of the same length, with a null in place of each character of a control but the word it is about."""
    return _CONTROL.sub(_hidden, text)


def _hidden(match: re.Match[str]) -> str:
    before = match.start("word") - match.start() if match["word"] else len(match.group())
    word = match["word"] or ""
    return "\0" * before + word + "\0" * (len(match.group()) - before - len(word))


def _pause_s(match: re.Match[str]) -> float:
    seconds = float(match["value"]) / (1000 if match["unit"].lower() == "ms" else 1)
    if not 0 <= seconds <= MAX_PAUSE_S:
        raise InvalidRequest(f"{match.group()} is out of range: a pause lasts 0 to {MAX_PAUSE_S:g} s.", "input")
    return seconds


def read_ipa(word: str, ipa: str, param: str = "input") -> str:
    """``ipa`` in the model's symbols, as it may be written in brackets behind a word.

    Args:
        word: What it is the pronunciation of; for messages.
        ipa: The model's symbols, with blanks between words.
        param: Which parameter of a request it is in.

    Raises:
        InvalidRequest: It has symbols that are not in the vocabulary, or no sound.
    """
    symbols = " ".join(ipa.translate(_SAME_SYMBOL).split())
    unknown = unknown_symbols(symbols)
    if unknown:
        named = ", ".join(
            f"{symbol!r} (nearest: {near!r})" if (near := to_vocabulary(symbol)) else repr(symbol) for symbol in unknown
        )
        raise InvalidRequest(f"The pronunciation of {word!r} has symbols that the model does not know: {named}.", param)
    if not has_sound(symbols):
        raise InvalidRequest(f"The pronunciation of {word!r} has no sound in it: /{ipa}/.", param)
    return symbols
