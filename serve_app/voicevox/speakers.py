"""Voices as speakers: ids that never change, pictures that nobody has to draw."""

from __future__ import annotations

import base64
import hashlib
import struct
import uuid
import zlib
from dataclasses import dataclass
from functools import lru_cache

from serve_app.voices.book import VoiceBook
from serve_app.voices.expression import Part
from serve_app.voicevox.schemas import Speaker, SpeakerInfo, Style, StyleInfo
from tts_models.speaker.voices import Voice

STYLE_NAME = "ノーマル"
_KOKORO = "a voice of Kokoro-82M v1.0, Apache License 2.0."
_NAMESPACE = uuid.UUID("5d0c6c1e-7d0b-5f0e-9b7a-2f1d4c3b8a96")
_SQUARES, _SQUARE = 7, 16  # in a row of a picture; pixels of its side
_SIZE = (_SQUARES + 2) * _SQUARE


class NoSuchStyle(Exception):
    """No style of that id; args: the id."""


def style_id(name: str) -> int:
    """The style id of a voice: 32 bits with a sign, by its name alone, so that it never changes."""
    (number,) = struct.unpack(">i", hashlib.sha256(f"voicegraph/style/{name}".encode()).digest()[:4])
    return int(number)


def speaker_uuid(name: str) -> str:
    """The speaker UUID of a voice, by its name alone."""
    return str(uuid.uuid5(_NAMESPACE, name))


@dataclass(frozen=True, slots=True)
class Cast:
    """A voice as a speaker.

    Attributes:
        name: What it is asked for by.
        display_name: What people read.
        licence: Under which it may be used, in a sentence.
        revision: Another one whenever the voice has become another.
    """

    name: str
    display_name: str
    licence: str
    revision: str = ""


class Speakers:
    """The voices of a book by style id and by speaker UUID.

    Args:
        book: The voices.

    Raises:
        ValueError: Two presets have the same id.
    """

    def __init__(self, book: VoiceBook) -> None:
        self._book = book
        self._by_style: dict[int, Cast] = {}
        for voice in book.catalogue:
            cast = Cast(voice.name, voice.display_name, f"{voice.name}, {_KOKORO}")
            other = self._by_style.setdefault(style_id(voice.name), cast)
            if other is not cast:
                raise ValueError(f"the voices {other.name} and {voice.name} have the same style id")
        for own in book.own:
            licence = f"{own.name}. {own.licence or 'Whoever made it knows under which terms it may be used.'}"
            cast = Cast(own.id, own.name, licence, f"{own.enrolment} {own.status}")
            self._by_style.setdefault(style_id(own.id), cast)  # one in four thousand million has to give way
        self._by_uuid = {speaker_uuid(cast.name): cast for cast in self._by_style.values()}

    def cast(self, style: int) -> Cast:
        """Who speaks in a style.

        Raises:
            NoSuchStyle: There is none.
        """
        if style not in self._by_style:
            raise NoSuchStyle(style)
        return self._by_style[style]

    def voice(self, style: int) -> Voice:
        """The voice of a style.

        Raises:
            NoSuchStyle: There is none.
        """
        return self._book.get(self.cast(style).name)

    def mixture(self, base: int, target: int, rate: float) -> Voice:
        """From the voice of one style (``rate`` 0) to that of another (1).

        Raises:
            NoSuchStyle: There is none.
        """
        parts = [Part(self.cast(base).name, 1 - rate), Part(self.cast(target).name, rate)]
        return self._book.mix([part for part in parts if part.weight])

    def has(self, style: int) -> bool:
        """Whether there is such a style."""
        return style in self._by_style

    @property
    def style_ids(self) -> tuple[int, ...]:
        """Of all styles."""
        return tuple(self._by_style)

    def named(self, name: str) -> Cast | None:
        """Who is asked for by that name."""
        return self._by_style.get(style_id(name))

    def by_uuid(self, speaker: str) -> Cast | None:
        """Who is the speaker."""
        return self._by_uuid.get(speaker.lower())

    def all(self, version: str) -> list[Speaker]:
        """Every voice as a speaker."""
        return [
            Speaker(
                name=cast.display_name,
                speaker_uuid=speaker_uuid(cast.name),
                styles=[Style(name=STYLE_NAME, id=number)],
                version=version,
            )
            for number, cast in self._by_style.items()
        ]


@lru_cache(maxsize=32)
def speakers_of(book: VoiceBook) -> Speakers:
    """The voices of ``book``, which stays as it is while no voice changes."""
    return Speakers(book)


def speaker_info(cast: Cast, picture: str, sample: str) -> SpeakerInfo:
    """What there is to show of a voice; ``picture`` and ``sample`` in base64, or their URLs."""
    info = StyleInfo(id=style_id(cast.name), icon=picture, portrait=picture, voice_samples=[sample])
    policy = f"# {cast.display_name}\n\n{cast.licence}\n"
    return SpeakerInfo(policy=policy, portrait=picture, style_infos=[info])


def picture_png(name: str) -> bytes:
    """A pattern of squares, the same left and right, in a colour of its own for each name, as PNG."""
    digest = hashlib.sha256(name.encode()).digest()
    colours = (bytes((244, 244, 244)), bytes(64 + byte // 2 for byte in digest[:3]))
    rows = b""
    for y in range(_SQUARES):
        half = [digest[3 + y] >> x & 1 for x in range(_SQUARES // 2 + 1)]
        pattern = [0, *half, *half[-2::-1], 0]
        rows += (b"\0" + b"".join(colours[bit] * _SQUARE for bit in pattern)) * _SQUARE
    blank = (b"\0" + colours[0] * _SIZE) * _SQUARE
    rows = blank + rows + blank
    header = struct.pack(">IIBBBBB", _SIZE, _SIZE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def picture_base64(name: str) -> str:
    """The same in base64."""
    return base64.b64encode(picture_png(name)).decode("ascii")
