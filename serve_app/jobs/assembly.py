"""Segments of audio into the files of a job, in little memory however long it is.

::

    segment --> encoder of the whole --------------> audio
           +--> encoder of the chapter --> zip        zip        (documents)
           +--> words, times ---------------------> manifest
           +--> cues -----------------------------> srt, vtt

Everything is written to files without a name on a disk, which vanish with the process, and is a function of the
segments alone: however often a job was interrupted, its files are the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import regex
from numpy.typing import NDArray

from serve_app.captions import cues, to_srt, to_vtt
from serve_app.http.audio_encoding import CONTENT_TYPES, FileEncoder
from serve_app.http.schemas import AudioFormat
from serve_app.jobs.job import StoredFile
from tts_models.timing import BookmarkMark, WordMark
from tts_models.types import SAMPLE_RATE_HZ

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time that a zip can hold
_FULL_SCALE = np.float32(32767)
_COPY_BYTES = 2**20
_NAMES = {"audio": "audio", "zip": "chapters.zip", "manifest": "manifest.json", "srt": "captions.srt"}
_TYPES = {
    "zip": "application/zip",
    "manifest": "application/json",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}
_NO_FILE_NAME = regex.compile(r"[^\p{L}\p{M}\p{N} ._()'-]+")


@dataclass(frozen=True, slots=True, eq=False)
class MadeSegment:
    """A segment as it is kept in a checkpoint.

    Attributes:
        pcm: ``(n,)`` int16, its audio with its pauses.
        words: Its words, offsets in the text of the piece, times from the start of the segment.
        marks: Places that the caller named, likewise.
    """

    pcm: NDArray[np.int16]
    words: tuple[WordMark, ...] = ()
    marks: tuple[BookmarkMark, ...] = ()

    def to_bytes(self) -> bytes:
        """A line of JSON, then the samples."""
        words = [(word.start, word.end, round(word.start_s, 6), round(word.end_s, 6)) for word in self.words]
        marks = [(mark.name, mark.position, round(mark.at_s, 6)) for mark in self.marks]
        return json.dumps({"words": words, "marks": marks}).encode() + b"\n" + self.pcm.astype("<i2").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> MadeSegment:
        """What :meth:`to_bytes` wrote."""
        line, _, samples = data.partition(b"\n")
        told = json.loads(line)
        words = tuple(WordMark(*word) for word in told["words"])
        marks = tuple(BookmarkMark(*mark) for mark in told.get("marks", ()))  # none where an older server began the job
        return cls(np.frombuffer(samples, "<i2").astype(np.int16), words, marks)


@dataclass
class _Chapter:
    """The chapter that is being assembled."""

    name: str
    start_sample: int
    encoder: FileEncoder | None
    file: io.FileIO | None
    n_segments: int = 0
    piece_start: int = 0
    piece_text: str = ""
    piece_words: list[WordMark] = field(default_factory=list)


class Assembly:
    """Makes the files of a job; a context, at whose end they are gone. Not thread safe.

    Args:
        audio_format: Of the audio.
        scratch: Folder for the files while they grow; its disk holds them all.
        as_zip: Also make a zip with a file for each chapter.
    """

    def __init__(self, audio_format: AudioFormat, scratch: Path, as_zip: bool) -> None:
        self._format: AudioFormat = audio_format
        self._scratch = scratch
        self._open = ExitStack()
        self._files = {name: self._new_file() for name in ("audio", "manifest", "srt", "vtt")}
        self._audio = FileEncoder(audio_format, self._files["audio"])
        self._zip: zipfile.ZipFile | None = None
        if as_zip:
            self._files["zip"] = self._new_file()
            self._zip = zipfile.ZipFile(self._files["zip"], "w", zipfile.ZIP_STORED)
        self._chapter: _Chapter | None = None
        self._n_chapters = 0
        self._n_cues = 0
        self.n_samples = 0
        self._write("vtt", "WEBVTT\n")
        head = {"format": audio_format, "sample_rate_hz": SAMPLE_RATE_HZ}
        self._write("manifest", json.dumps(head)[:-1] + ', "chapters": [')

    def close(self) -> None:
        """Lets the files go."""
        self._zip = None
        self._open.close()

    def begin_chapter(self, title: str, about: dict[str, Any]) -> None:
        """Starts a chapter.

        Args:
            title: Its title, perhaps empty.
            about: What else the manifest says of it.
        """
        number = self._n_chapters + 1
        name = f"{number:03} {_NO_FILE_NAME.sub(' ', title).strip(' .')[:80]}".strip() + f".{self._format}"
        file = self._new_file() if self._zip else None
        encoder = FileEncoder(self._format, file) if file else None
        self._chapter = _Chapter(name, self.n_samples, encoder, file)
        head = {"number": number, "title": title, **about, "start_s": self._now_s()}
        if self._zip:
            head["file"] = name
        self._write("manifest", ("," if self._n_chapters else "") + "\n" + json.dumps(head)[:-1] + ', "segments": [')
        self._n_chapters = number

    def begin_piece(self, start: int, shown: str) -> None:
        """Starts a piece of the chapter: the offset of its first character, and how people read it."""
        chapter = self._current()
        chapter.piece_start, chapter.piece_text, chapter.piece_words = start, shown, []

    def add(self, segment: MadeSegment) -> None:
        """Takes the next segment of the piece."""
        chapter = self._current()
        start_s = self._now_s()
        words = [WordMark(w.start, w.end, start_s + w.start_s, start_s + w.end_s) for w in segment.words]
        chapter.piece_words += words
        self._play(segment.pcm)
        entry = {
            "start_s": start_s,
            "end_s": self._now_s(),
            "words": [
                {
                    "word": chapter.piece_text[word.start : word.end].replace("\0", ""),
                    "start_s": round(word.start_s, 6),
                    "end_s": round(word.end_s, 6),
                    "text_start": chapter.piece_start + word.start,
                    "text_end": chapter.piece_start + word.end,
                }
                for word in words
            ],
        }
        if segment.marks:
            entry["marks"] = [
                {
                    "name": mark.name,
                    "start_s": round(start_s + mark.at_s, 6),
                    "text_start": chapter.piece_start + mark.position,
                }
                for mark in segment.marks
            ]
        self._write("manifest", ("," if chapter.n_segments else "") + "\n" + json.dumps(entry))
        chapter.n_segments += 1

    def end_piece(self) -> None:
        """Makes the captions of the piece, whose segments have all been added."""
        chapter = self._current()
        found = cues(chapter.piece_text, chapter.piece_words) if chapter.piece_words else []
        if found:
            self._write("srt", ("\n" if self._n_cues else "") + to_srt(found, self._n_cues + 1))
            self._write("vtt", to_vtt(found).removeprefix("WEBVTT\n"))
            self._n_cues += len(found)

    def pause(self, seconds: float) -> None:
        """Silence inside the chapter."""
        self._play(np.zeros(round(seconds * SAMPLE_RATE_HZ), np.int16))

    def end_chapter(self, pause_s: float) -> None:
        """Ends the chapter, with a silence behind it that its own file does not have."""
        chapter = self._current()
        duration_s = round((self.n_samples - chapter.start_sample) / SAMPLE_RATE_HZ, 6)
        self._write("manifest", f'], "duration_s": {duration_s}}}')
        if self._zip and chapter.encoder and chapter.file:
            chapter.encoder.finish()
            chapter.file.seek(0)
            with self._zip.open(zipfile.ZipInfo(chapter.name, _EPOCH), "w", force_zip64=True) as entry:
                shutil.copyfileobj(chapter.file, entry, _COPY_BYTES)
            chapter.file.close()
        self._chapter = None
        self._play(np.zeros(round(pause_s * SAMPLE_RATE_HZ), np.int16))

    def finish(self) -> dict[str, tuple[StoredFile, IO[bytes]]]:
        """Ends all files: what each is, its key yet without a folder, and where its bytes are, from the position on."""
        self._audio.finish()
        self._write("manifest", f'\n], "duration_s": {self._now_s()}}}\n')
        if self._zip:
            manifest = self._files["manifest"]
            manifest.seek(0)
            with self._zip.open(zipfile.ZipInfo("manifest.json", _EPOCH), "w", force_zip64=True) as entry:
                shutil.copyfileobj(manifest, entry, _COPY_BYTES)
            self._zip.close()
        return {kind: (self._described(kind, file), file) for kind, file in self._files.items()}

    def _described(self, kind: str, file: io.FileIO) -> StoredFile:
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size_bytes = file.tell()
        file.seek(0)
        key = {**_NAMES, "audio": f"audio.{self._format}", "vtt": "captions.vtt"}[kind]
        return StoredFile(
            key=key,
            size_bytes=size_bytes,
            sha256=digest,
            content_type={**_TYPES, "audio": CONTENT_TYPES[self._format]}[kind],
        )

    def _play(self, pcm: NDArray[np.int16]) -> None:
        samples = pcm.astype(np.float32) / _FULL_SCALE
        self._audio.write(samples)
        if self._chapter and self._chapter.encoder:
            self._chapter.encoder.write(samples)
        self.n_samples += len(pcm)

    def _now_s(self) -> float:
        return round(self.n_samples / SAMPLE_RATE_HZ, 6)

    def _write(self, kind: str, text: str) -> None:
        rest = memoryview(text.encode())
        while rest:
            rest = rest[self._files[kind].write(rest) :]

    def _current(self) -> _Chapter:
        assert self._chapter is not None
        return self._chapter

    def _new_file(self) -> io.FileIO:
        """An empty file without a name: the system frees it when it is closed, whatever closes it."""
        file = tempfile.TemporaryFile(dir=self._scratch, buffering=0)  # noqa: SIM115
        assert isinstance(file, io.FileIO)
        return self._open.enter_context(file)


def pcm_of(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Samples as they are kept in a checkpoint."""
    integers: NDArray[np.int16] = np.rint(np.clip(samples, -1.0, 1.0) * _FULL_SCALE).astype(np.int16)
    return integers


def relative_words(words: Sequence[WordMark], start_s: float) -> tuple[WordMark, ...]:
    """``words`` in the time of a segment that starts at ``start_s``."""
    return tuple(WordMark(word.start, word.end, word.start_s - start_s, word.end_s - start_s) for word in words)


def relative_marks(marks: Sequence[BookmarkMark], start_s: float) -> tuple[BookmarkMark, ...]:
    """``marks`` in the time of a segment that starts at ``start_s``."""
    return tuple(BookmarkMark(mark.name, mark.position, mark.at_s - start_s) for mark in marks)
