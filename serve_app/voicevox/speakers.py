"""Voices as speakers: ids that never change, pictures that nobody has to draw."""

from __future__ import annotations

import base64
import hashlib
import struct
import uuid
import zlib
from collections.abc import Iterable

from serve_app.voicevox.schemas import Speaker, SpeakerInfo, Style, StyleInfo
from tts_models.speaker.voices import Voice

STYLE_NAME = "ノーマル"
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


class Speakers:
    """Voices by style id and by speaker UUID."""

    def __init__(self, voices: Iterable[Voice]) -> None:
        """Raises ``ValueError`` if two voices have the same id."""
        self._by_style: dict[int, Voice] = {}
        for voice in voices:
            other = self._by_style.setdefault(style_id(voice.name), voice)
            if other is not voice:
                raise ValueError(f"the voices {other.name} and {voice.name} have the same style id")
        self._by_uuid = {speaker_uuid(voice.name): voice for voice in self._by_style.values()}

    def voice(self, style: int) -> Voice:
        """The voice of a style.

        Raises:
            NoSuchStyle: There is none.
        """
        if style not in self._by_style:
            raise NoSuchStyle(style)
        return self._by_style[style]

    def has(self, style: int) -> bool:
        """Whether there is such a style."""
        return style in self._by_style

    @property
    def style_ids(self) -> tuple[int, ...]:
        """Of all styles."""
        return tuple(self._by_style)

    def named(self, name: str) -> Voice | None:
        """The voice of that name."""
        return self._by_style.get(style_id(name))

    def by_uuid(self, speaker: str) -> Voice | None:
        """The voice of a speaker."""
        return self._by_uuid.get(speaker.lower())

    def all(self, version: str) -> list[Speaker]:
        """Every voice as a speaker."""
        return [
            Speaker(
                name=voice.display_name,
                speaker_uuid=speaker_uuid(voice.name),
                styles=[Style(name=STYLE_NAME, id=number)],
                version=version,
            )
            for number, voice in self._by_style.items()
        ]


def speaker_info(voice: Voice, picture: str, sample: str) -> SpeakerInfo:
    """What there is to show of a voice; ``picture`` and ``sample`` in base64, or their URLs."""
    info = StyleInfo(id=style_id(voice.name), icon=picture, portrait=picture, voice_samples=[sample])
    policy = f"# {voice.display_name}\n\n{voice.name}, a voice of Kokoro-82M v1.0, Apache License 2.0.\n"
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
