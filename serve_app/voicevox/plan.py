"""From accent phrases to segments of tokens, and which tokens are whose.

::

    moras     コ       ン   ニ    チ    ワ        、            セ  ...
    units     k  o     N    n i   ch i  w a      pause         s e
    symbols   k  o     ɲ    ɲ i   ʨ i   β a      ,  (space)    s e
    tokens  0 1  2     3    4 5   6 7   8 9      10 11         12 13     0 is the padding token

A word space belongs to the vowel before it. The padding tokens, and marks at the very ends, belong to nobody: they are
the silence around speech.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from serve_app.voicevox import schemas
from tts_models.errors import InvalidRequest
from tts_models.text import moras as text_moras
from tts_models.text.moras import CUT, has_pause, with_symbols
from tts_models.text.vocabulary import PUNCTUATION, SYMBOL_IDS, encode
from tts_models.types import MAX_TOKENS

COMFORTABLE_TOKENS = 300
"""A segment longer than this ends with its phrase."""
PAUSE_TEXT = "、"
_BETWEEN = PUNCTUATION | {" "}

Part = Literal["consonant", "vowel", "pause"]


@dataclass(frozen=True, slots=True)
class Unit:
    """What has a length of its own in a query.

    Attributes:
        part: Of a mora, or the pause after a phrase.
        phrase: Index of its phrase.
        mora: Index of its mora in the phrase; -1 for a pause.
        start: Its first token, counted with the padding token at the front.
        end: After its last token; not after ``start`` where the segment ends with it and a pause has no mark.
    """

    part: Part
    phrase: int
    mora: int
    start: int
    end: int


@dataclass(slots=True)
class Segment:
    """What goes through the stages at once.

    Attributes:
        symbols: Spoken.
        units: In order.
        pause_after: Index of the phrase whose pause lies between this segment and the next; ``None`` if there is none.
        first_token: Of the speech proper: before it are the padding token and opening marks.
        last_token: After the speech proper: from it on there are marks and the padding token.
    """

    symbols: str = ""
    units: list[Unit] = field(default_factory=list)
    pause_after: int | None = None
    first_token: int = 1
    last_token: int = 1

    @property
    def token_ids(self) -> tuple[int, ...]:
        """Of ``symbols``."""
        return encode(self.symbols)


def from_text(phrases: Sequence[text_moras.AccentPhrase]) -> list[schemas.AccentPhrase]:
    """Analysed phrases as clients see them, lengths and pitches 0."""
    result = []
    for number, phrase in enumerate(phrases):
        offsets = text_moras.align(phrase.symbols, phrase.moras)
        if offsets is None:
            raise ValueError(f"{phrase.symbols!r} does not hold its moras")
        ends = [*offsets[1:], len(phrase.symbols)]
        starts = [0, *offsets[1:]]
        moras = [
            schemas.Mora(
                text=mora.text,
                consonant=mora.consonant,
                consonant_length=0 if mora.consonant else None,
                vowel=mora.vowel,
                vowel_length=0,
                pitch=0,
                spoken=f"{_phonemes(mora.consonant, mora.vowel)}={phrase.symbols[start:end]}",
            )
            for mora, start, end in zip(phrase.moras, starts, ends, strict=True)
        ]
        pauses = number < len(phrases) - 1 and (has_pause(phrase.symbols) or phrase.pause_s > 0)
        result.append(
            schemas.AccentPhrase(
                moras=moras,
                accent=phrase.accent,
                pause_mora=pause_mora(phrase.pause_s) if pauses else None,
                is_interrogative=phrase.is_interrogative,
                analysed_accent=phrase.accent,
            )
        )
    return result


def pause_mora(length_s: float) -> schemas.Mora:
    """A pause."""
    return schemas.Mora(text=PAUSE_TEXT, vowel="pau", vowel_length=length_s, pitch=0)


def segments_of(phrases: Sequence[schemas.AccentPhrase]) -> list[Segment]:
    """The segments that ``phrases`` are spoken in.

    Raises:
        InvalidRequest: A mora that does not exist.
    """
    segments = [Segment()]
    for number, phrase in enumerate(phrases):
        if len(segments[-1].symbols) > COMFORTABLE_TOKENS:
            segments.append(Segment())
        for index, (lead, core, trail) in enumerate(_spoken(phrase, is_last=number == len(phrases) - 1)):
            is_end = index == len(phrase.moras) - 1
            if len(segments[-1].symbols) + len(lead + core + trail) > MAX_TOKENS:
                segments.append(Segment())
            _add(segments, lead, core, phrase.moras[index], number, index)
            _add_trail(segments, trail, number if is_end and phrase.pause_mora else None)
    return [_closed(segment) for segment in segments if segment.units]


def _add(segments: list[Segment], lead: str, core: str, mora: schemas.Mora, number: int, index: int) -> None:
    """Adds the tokens of a mora, and before them ``lead``."""
    segment = segments[-1]
    if segment.units:
        _extend_last(segment, lead)
    else:
        segment.symbols = lead.lstrip(" ")
        segment.first_token = len(segment.symbols) + 1
    start = len(segment.symbols) + 1
    segment.symbols += core
    end = start + len(core)
    if mora.consonant and len(core) > 1:
        segment.units.append(Unit("consonant", number, index, start, end - 1))
        start = end - 1
    segment.units.append(Unit("vowel", number, index, start, end))
    segment.last_token = end


def _add_trail(segments: list[Segment], trail: str, pause_of: int | None) -> None:
    """Adds the marks and spaces behind a mora; they are the pause of a phrase, or belong to the vowel before."""
    head, *rest = trail.split(CUT)
    segment = segments[-1]
    if rest:
        segment.symbols += head
        segment.pause_after = pause_of
        segments.append(Segment())
        for part in rest[1:]:
            segments[-1].symbols += part
    elif pause_of is not None and head:
        start = len(segment.symbols) + 1
        segment.symbols += head
        segment.units.append(Unit("pause", pause_of, -1, start, len(segment.symbols) + 1))
    else:
        _extend_last(segment, head)


def _extend_last(segment: Segment, symbols: str) -> None:
    last = segment.units[-1]
    segment.symbols += symbols
    segment.units[-1] = Unit(last.part, last.phrase, last.mora, last.start, len(segment.symbols) + 1)


def _closed(segment: Segment) -> Segment:
    """``segment`` without spaces at its end; what follows the last mora there is silence, not its vowel."""
    segment.symbols = segment.symbols.rstrip(" ")
    last = segment.units[-1]
    if last.part == "pause":
        segment.pause_after = last.phrase
        segment.units.pop()
    else:
        segment.units[-1] = Unit(last.part, last.phrase, last.mora, last.start, segment.last_token)
    return segment


def _spoken(phrase: schemas.AccentPhrase, *, is_last: bool) -> Iterator[tuple[str, str, str]]:
    """For each mora of ``phrase``: the marks before it, its symbols, the marks and spaces behind it."""
    try:
        plain = with_symbols([(mora.consonant or None, mora.vowel) for mora in phrase.moras])
    except ValueError as error:
        raise InvalidRequest(f"There is no mora of the phonemes {error}.", "accent_phrases") from None
    for index, (mora, alone) in enumerate(zip(phrase.moras, plain, strict=True)):
        lead, core, trail = _given(mora) or ("", alone.symbols, "")
        if index == len(phrase.moras) - 1:
            trail = _phrase_end(phrase, trail, is_last=is_last, is_given=mora.spoken is not None)
        yield lead, core, trail


def _phrase_end(phrase: schemas.AccentPhrase, trail: str, *, is_last: bool, is_given: bool) -> str:
    """Marks and spaces behind a phrase: those it was analysed with as far as they agree with what it says of itself."""
    if phrase.is_interrogative:
        if "?" not in trail:
            trail = "? "
    elif "?" in trail:
        trail = trail.replace("?", "." if phrase.pause_mora or is_last else "")
    elif phrase.pause_mora and not has_pause(trail):
        trail = trail if CUT in trail else ", "
    elif not phrase.pause_mora and not is_last and has_pause(trail):
        trail = " "
    elif is_last and not has_pause(trail) and not is_given:
        trail = "."
    return trail or " "


def _given(mora: schemas.Mora) -> tuple[str, str, str] | None:
    """What the mora was analysed to be spoken as, if it is still that mora."""
    phonemes, _, symbols = (mora.spoken or "").partition("=")
    if phonemes != _phonemes(mora.consonant, mora.vowel):
        return None
    if any(symbol not in SYMBOL_IDS and symbol != CUT for symbol in symbols) or len(symbols) > MAX_TOKENS // 2:
        return None
    core = symbols.lstrip("".join(_BETWEEN)).rstrip("".join(_BETWEEN) + CUT)
    if not core or CUT in core:
        return None
    lead, trail = symbols.split(core, 1)
    return lead.replace(CUT, ""), core, trail


def _phonemes(consonant: str | None, vowel: str) -> str:
    return (consonant or "") + (vowel.lower() if vowel in "AIUEO" else vowel)
