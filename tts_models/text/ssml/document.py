"""What the elements of an SSML document mean.

**The rule for what is not listed here.** An element or attribute of another namespace (``mstts:express-as``,
``amazon:effect``) is passed over and its text is spoken, unless it names a mood that we know (``express-as``,
``amazon:emotion``). Any other unknown element, attribute or value is refused: it
would otherwise change what is said without a word. ``say-as`` alone follows the recommendation, which wants a kind that
a processor does not know to be read as plain text.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from tts_models.text.controls import Block, ControlledText, NamedPlace, Reading, add_pause, with_marks
from tts_models.text.g2p.words import Break
from tts_models.text.ipa import spell_ipa
from tts_models.text.languages import resolve_language
from tts_models.text.ssml import values
from tts_models.text.ssml.reader import Tag, read
from tts_models.text.ssml.text import TextBuilder
from tts_models.types import Emotion, ProsodyChange

MAX_NAME_CHARACTERS = 200

_ALWAYS = frozenset({"id", "class"})
"""Attributes that say nothing about speech."""
_ATTRIBUTES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "speak": frozenset({"version", "xml:lang", "onlangfailure"}),
        "p": frozenset({"xml:lang", "onlangfailure"}),
        "s": frozenset({"xml:lang", "onlangfailure"}),
        "break": frozenset({"time", "strength"}),
        "prosody": frozenset({"rate", "pitch", "range", "volume"}),
        "emphasis": frozenset({"level"}),
        "phoneme": frozenset({"ph", "alphabet", "type"}),
        "say-as": frozenset({"interpret-as", "format", "detail"}),
        "sub": frozenset({"alias"}),
        "voice": frozenset(
            {"name", "language", "languages", "xml:lang", "gender", "age", "variant", "required", "ordering"}
            | {"onvoicefailure", "onlangfailure"}
        ),
        "lang": frozenset({"xml:lang", "onlangfailure"}),
        "mark": frozenset({"name"}),
        "token": frozenset({"role", "xml:lang", "onlangfailure"}),
        "w": frozenset({"role", "xml:lang", "onlangfailure"}),
        "meta": frozenset({"name", "http-equiv", "content"}),
        "metadata": frozenset(),
    }
)
_REFUSED = MappingProxyType(
    {
        "audio": "<audio> is not accepted: nothing outside the document is fetched",
        "lexicon": "<lexicon> is not accepted: nothing outside the document is fetched; use <phoneme> or <sub>",
        "lookup": "<lookup> needs a <lexicon>, which is not accepted; use <phoneme> or <sub>",
    }
)
_EMPTY = ("break", "mark")
_TEXT_ONLY = ("phoneme", "say-as", "sub")
_HINTS = MappingProxyType(
    {
        ("prosody", "contour"): "use pitch and range",
        ("prosody", "duration"): "use rate",
        ("speak", "startmark"): "send only what is to be heard",
        ("speak", "endmark"): "send only what is to be heard",
    }
)


@dataclass(frozen=True, slots=True)
class VoiceWish:
    """What a ``voice`` element asks for.

    Attributes:
        names: Names in order of preference; empty for none.
        languages: Tags of our languages in order of preference; empty for none.
        gender: ``female``, ``male`` or ``""``.
        variant: The how-maniest of the voices that fit, from 1.
        current: Name of the voice that speaks around it, ``""`` for the request's own.
        current_language: Tag of the language around it.
    """

    names: tuple[str, ...]
    languages: tuple[str, ...]
    gender: str
    variant: int
    current: str
    current_language: str


@dataclass(frozen=True, slots=True)
class CastVoice:
    """A voice that a document is given.

    Attributes:
        name: Its name, as :class:`~tts_models.types.Phonemes` will say it.
        language: Tag of the language it speaks of itself.
    """

    name: str
    language: str


@dataclass(frozen=True, slots=True)
class SsmlText:
    """A document, read.

    Attributes:
        controlled: What is to be said, and how.
        shown: As long as the source: its text where it stands, a null in place of each character of a tag; what a tag
            sets apart is set apart by a space or a line break in its place.
    """

    controlled: ControlledText
    shown: str


@dataclass(frozen=True, slots=True)
class _State:
    """What holds for the text inside an element."""

    language: str
    voice: str = ""
    rate: float = 1.0
    volume: float = 1.0
    emphasis: values.Emphasis = values.EMPHASIS["none"]
    semitones: float = 0.0
    range_scale: float = 1.0
    emotion: Emotion | None = None


@dataclass(slots=True)
class _Open:
    """An element that has begun and not ended.

    Attributes:
        tag: How it began.
        before: What held around it.
        start: Where its text starts.
        slot: Where among the changes its own is to go, -1 for none.
        change: How its text is said.
    """

    tag: Tag
    before: _State
    start: int
    slot: int = -1
    change: ProsodyChange | None = None


def parse_ssml(source: str, language: str, cast: Callable[[VoiceWish], CastVoice]) -> SsmlText:
    """Reads a document.

    Args:
        source: The document, from ``<speak>`` to ``</speak>``.
        language: Tag of one of our languages, for text that names none.
        cast: Finds the voice for a ``voice`` element, or raises a :class:`~tts_models.errors.RequestError`.

    Raises:
        InvalidSsml: Not well formed, or it asks for what there is not; the message begins with line and column.
        RequestError: A language or a voice there is not, or pauses too long together; likewise.
    """
    document = _Document(source, language, cast)
    read(source, document)
    return document.result()


class _Document:
    """Collects what a document says, told of its tags and text by :func:`read`."""

    def __init__(self, source: str, language: str, cast: Callable[[VoiceWish], CastVoice]) -> None:
        self._cast = cast
        self._state = _State(language)
        self._builder = TextBuilder(source)
        self._open: list[_Open] = []
        self._blocks: list[Block] = []
        self._block_start = 0
        self._places: list[NamedPlace] = []
        self._pause_s = 0.0
        self._pronunciations: list[tuple[int, int, str]] = []
        self._readings: list[Reading] = []
        self._languages = [(0, language)]
        self._ends: list[tuple[int, Break]] = []
        self._changes: list[ProsodyChange | None] = []
        self._runs: list[ProsodyChange] = []
        self._begin = {
            "p": self._sentence,
            "s": self._sentence,
            "break": self._break,
            "prosody": self._prosody,
            "emphasis": self._emphasis,
            "phoneme": self._phoneme,
            "sub": self._sub,
            "voice": self._voice,
            "mark": self._mark,
        }

    def start(self, tag: Tag) -> None:
        around = next((opened.tag for opened in reversed(self._open) if not opened.tag.foreign), None)
        is_mute = self._is_mute()
        opened = _Open(tag, self._state, self._builder.length)
        self._open.append(opened)
        if tag.foreign or is_mute:
            if around is None:
                tag.refuse("an SSML document is one <speak> element.")
            if not is_mute and (mood := values.mood(tag.name, tag.attributes)):
                self._turn(replace(self._state, emotion=mood), tag.at)
            return
        self._check(tag, around)
        state = self._state
        if "xml:lang" in tag.attributes and tag.name != "voice":
            state = replace(state, language=resolve_language(tag.attributes["xml:lang"]).tag)
        if tag.name in _TEXT_ONLY:
            self._builder.flush()
            opened.start = self._builder.length
        begin = self._begin.get(tag.name)
        self._turn(begin(opened, state) if begin else state, tag.at)

    def end(self, at: int) -> None:
        opened = self._open.pop()
        tag, name = opened.tag, "" if opened.tag.foreign or self._is_mute() else opened.tag.name
        if name in ("p", "s"):
            self._separate(name, at)
        if name in _TEXT_ONLY:
            self._give(opened)
        if opened.change:
            self._changes[opened.slot] = replace(opened.change, start=opened.start, end=self._builder.length)
        self._turn(opened.before, tag.at if at < 0 else at)

    def text(self, data: str, at: int, width: int) -> None:
        if self._is_mute():
            return
        tag = self._open[-1].tag
        if tag.name in _EMPTY and not tag.foreign and not data.isspace():
            tag.refuse(f"<{tag.name}> holds no text; write <{tag.name}/>, and the text after it.")
        before = self._builder.length
        self._builder.add(data, at, width)
        state, after = self._state, self._builder.length
        rate, volume = state.rate * state.emphasis.rate, state.volume * state.emphasis.volume
        if after == before or (rate, volume) == (1, 1):
            return
        last = self._runs[-1] if self._runs else None
        if last and (last.end, last.rate, last.volume) == (before, rate, volume):
            self._runs[-1] = replace(last, end=after)
        else:
            self._runs.append(ProsodyChange(before, after, rate=rate, volume=volume))

    def result(self) -> SsmlText:
        """What the document said."""
        self._close_block(None)
        builder = self._builder
        changes = [change for change in self._changes if change and change.start < change.end]
        controlled = ControlledText(
            builder.text,
            with_marks(builder.text, self._blocks) or (Block(0, 0),),
            tuple(self._pronunciations),
            tuple(builder.cuts),
            tuple(self._readings),
            builder.wide,
            tuple(self._languages),
            tuple(self._ends),
            (*changes, *self._runs),
        )
        return SsmlText(controlled, builder.shown)

    # --- elements: each takes what has begun and what holds so far, and returns what holds inside -------------------

    def _sentence(self, opened: _Open, state: _State) -> _State:
        self._separate(opened.tag.name, opened.tag.at)
        opened.start = self._builder.length
        return state

    def _break(self, opened: _Open, state: _State) -> _State:
        given = opened.tag.attributes
        strength = given.get("strength", "medium").strip().lower()
        if strength not in values.BREAKS_S:
            opened.tag.refuse(f"there is no strength {strength!r}; there are {', '.join(values.BREAKS_S)}.")
        pause_s = values.seconds(given["time"]) if "time" in given else values.BREAKS_S[strength]
        self._builder.space_out(opened.tag.at)
        if pause_s:
            self._pause_s = add_pause(self._pause_s, pause_s)
            self._close_block(pause_s)
        return state

    def _prosody(self, opened: _Open, state: _State) -> _State:
        given, change = opened.tag.attributes, ProsodyChange(0, 0)
        if "rate" in given:
            state = replace(state, rate=values.rate(given["rate"], state.rate))
        if "volume" in given:
            state = replace(state, volume=values.volume(given["volume"], state.volume))
        if "pitch" in given:
            pitch = values.pitch(given["pitch"])
            shift = pitch.semitones if pitch.level is None else pitch.level - state.semitones
            change = replace(change, semitones=shift, shift_hz=pitch.shift_hz, mean_f0_hz=pitch.mean_f0_hz)
            if abs(state.semitones + shift) > values.MAX_SEMITONES:
                opened.tag.refuse(f"pitches within one another shift by {values.MAX_SEMITONES:g} semitones at most.")
            state = replace(state, semitones=state.semitones + shift)
        if "range" in given:
            factor, is_relative = values.pitch_range(given["range"])
            factor = factor if is_relative else factor / max(state.range_scale, 0.05)
            change = replace(change, range_scale=min(factor, values.MAX_RANGE))
            state = replace(state, range_scale=state.range_scale * factor)
        self._note(opened, change)
        return state

    def _emphasis(self, opened: _Open, state: _State) -> _State:
        level = opened.tag.attributes.get("level", "moderate").strip().lower()
        if level not in values.EMPHASIS:
            opened.tag.refuse(f"there is no level {level!r}; there are {', '.join(values.EMPHASIS)}.")
        emphasis, around = values.EMPHASIS[level], state.emphasis
        change = ProsodyChange(
            0,
            0,
            semitones=emphasis.semitones - around.semitones,
            range_scale=emphasis.range_scale / around.range_scale,
            energy_gain=emphasis.energy_gain / around.energy_gain,
        )
        self._note(opened, change)
        return replace(state, emphasis=emphasis)

    def _phoneme(self, opened: _Open, state: _State) -> _State:
        alphabet = opened.tag.attributes.get("alphabet", "ipa").strip().lower()
        if alphabet != "ipa":
            opened.tag.refuse(f"there is no alphabet {alphabet!r}; write the pronunciation in ipa.")
        if not spell_ipa(self._required(opened.tag, "ph"), state.language):
            opened.tag.refuse(f"there is no sound in the pronunciation {opened.tag.attributes['ph']!r}.")
        return state

    def _sub(self, opened: _Open, state: _State) -> _State:
        self._required(opened.tag, "alias")
        return state

    def _voice(self, opened: _Open, state: _State) -> _State:
        given = opened.tag.attributes
        own = given.get("xml:lang", "")
        listed = given.get("languages") or given.get("language") or own
        languages = tuple(resolve_language(tag.partition(":")[0]).tag for tag in listed.split())
        gender = given.get("gender", "").strip().lower()
        if gender not in ("", "female", "male"):
            opened.tag.refuse(f"there are female and male voices, none that is {gender!r}.")
        variant = given.get("variant", "1").strip()
        if not variant.isdecimal() or not 1 <= len(variant) <= 3 or not int(variant):
            opened.tag.refuse(f"a variant is a number from 1, not {variant!r}.")
        names = tuple(given.get("name", "").split())
        if not names and not languages and not gender and variant == "1":
            opened.tag.refuse("say which voice: by name, language, gender or variant.")
        wish = VoiceWish(names, languages, gender, int(variant), state.voice, state.language)
        found = self._cast(wish)
        language = resolve_language(own).tag if own else found.language if names or languages else state.language
        return replace(state, voice=found.name, language=language)

    def _mark(self, opened: _Open, state: _State) -> _State:
        name = self._required(opened.tag, "name")
        if len(name) > MAX_NAME_CHARACTERS:
            opened.tag.refuse(f"the name of a mark has {MAX_NAME_CHARACTERS} characters at most.")
        self._places.append(NamedPlace(name, self._builder.length, opened.tag.at))
        return state

    # --- what they share ------------------------------------------------------------------------------------------

    def _is_mute(self) -> bool:
        """Whether what is inside the innermost element is told, but not said."""
        return any(opened.tag.name in ("meta", "metadata") and not opened.tag.foreign for opened in self._open)

    def _check(self, tag: Tag, around: Tag | None) -> None:
        """Refuses what there is not, and what stands where it may not."""
        if tag.name in _REFUSED:
            tag.refuse(f"{_REFUSED[tag.name]}.")
        if tag.name not in _ATTRIBUTES:
            tag.refuse(f"there is no element <{tag.name}>{_nearest(tag.name, _ATTRIBUTES)}.")
        if (around is None) != (tag.name == "speak"):
            tag.refuse("an SSML document is one <speak> element, with everything else inside it.")
        if around and around.name in (*_EMPTY, *_TEXT_ONLY):
            tag.refuse(
                f"<{around.name}> holds {'nothing' if around.name in _EMPTY else 'text only'}; not <{tag.name}>."
            )
        for name in tag.attributes:
            known = _ATTRIBUTES[tag.name] | _ALWAYS
            if name not in known:
                hint = _HINTS.get((tag.name, name))
                tag.refuse(f"<{tag.name}> takes no {name!r}{f'; {hint}' if hint else _nearest(name, sorted(known))}.")

    def _required(self, tag: Tag, name: str) -> str:
        value = tag.attributes.get(name, "").strip()
        if not value:
            tag.refuse(f"<{tag.name}> needs {name!r}.")
        return value

    def _note(self, opened: _Open, change: ProsodyChange) -> None:
        if change != ProsodyChange(0, 0):
            opened.slot, opened.change = len(self._changes), change
            self._changes.append(None)

    def _give(self, opened: _Open) -> None:
        """Notes how the text of an element is to be read."""
        given, name = opened.tag.attributes, opened.tag.name
        if opened.start == self._builder.length:
            if name == "say-as":
                return
            self._builder.hold(opened.tag.at)
        start, end = opened.start, self._builder.length
        if name == "phoneme":
            self._pronunciations.append((start, end, spell_ipa(given["ph"], self._state.language)))
        elif name == "sub":
            self._readings.append(Reading(start, end, alias=given["alias"]))
        else:
            kind = self._required(opened.tag, "interpret-as")
            self._readings.append(Reading(start, end, interpret_as=kind, format=given.get("format", "")))

    def _separate(self, name: str, at: int) -> None:
        """What is before is a paragraph or a sentence of its own."""
        self._builder.separate(at)
        self._end_at(self._builder.length, Break.PARAGRAPH if name == "p" else Break.SENTENCE)

    def _end_at(self, offset: int, ends: Break) -> None:
        if self._ends and self._ends[-1][0] == offset:
            ends = max(ends, self._ends.pop()[1])
        if offset:
            self._ends.append((offset, ends))

    def _turn(self, state: _State, at: int) -> None:
        """From here on ``state`` holds."""
        before = self._state
        if before.voice != state.voice:
            self._builder.separate(at)
        if (before.voice, before.emotion) != (state.voice, state.emotion):
            self._close_block(None)
        self._state = state
        if before.language != state.language:
            self._builder.flush()
            self._languages.append((self._builder.length, state.language))
            self._end_at(self._builder.length, Break.NONE)

    def _close_block(self, pause_s: float | None) -> None:
        """Ends the stretch that is said in one go."""
        self._builder.flush()
        start, end = self._block_start, self._builder.length
        if start < end or pause_s or self._places:
            state = self._state
            self._blocks.append(Block(start, end, pause_s, state.voice, tuple(self._places), state.emotion))
        self._block_start, self._places = end, []


def _nearest(name: str, known: Iterable[str]) -> str:
    """A hint at what may have been meant."""
    near = difflib.get_close_matches(name[:40], list(known), 1, 0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
