"""Makes one job: drives the graph, keeps checkpoints, renews the lease, and says how it ended."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from deployments.errors import StorageUnavailable
from deployments.fair_queue import Flow, Priority
from deployments.settings import HttpSettings
from deployments.storage.objects import Objects
from deployments.tracing import whole
from serve_app.graph import DeadlineExceeded, Overloaded, SpeechGraph, SpokenAudio, StageUnavailable
from serve_app.http.job_schemas import Chapter, JobRequest
from serve_app.http.openai_speech import utterance_of
from serve_app.jobs.assembly import Assembly, MadeSegment, pcm_of, relative_marks, relative_words
from serve_app.jobs.board import JobBoard, JobLost, request_of
from serve_app.jobs.job import Job, JobFailure, JobResult, Progress, StoredFile
from serve_app.jobs.pace import Paces
from serve_app.jobs.pieces import PIECE_CHARACTERS, Piece, pieces
from serve_app.voices.book import Voices
from serve_app.voices.registry import VoiceRegistry
from tts_models.errors import EmptyText, RequestError, TtsError, UnpronounceableText
from tts_models.instructions import Understanding
from tts_models.types import SAMPLE_RATE_HZ

logger = logging.getLogger(__name__)

_PASSING = (StageUnavailable, Overloaded, DeadlineExceeded, StorageUnavailable)
_RENEWALS = 6  # in the time of a lease
_MOST_BUSY_WAIT_S = 10.0

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class JobOffer:
    """What can be asked for; see :class:`serve_app.http.context.Offer`."""

    voices: VoiceRegistry
    settings: HttpSettings
    understanding: Understanding

    @property
    def models(self) -> tuple[str, ...]:
        """Every name of the model."""
        return (self.settings.model, *self.settings.model_aliases)


class Checkpoints:
    """The finished segments of a job; each is an object that is there as a whole or not at all.

    Args:
        objects: Where they are.
        folder: Of the job.
    """

    def __init__(self, objects: Objects, folder: str) -> None:
        self._objects = objects
        self._folder = f"{folder}/segments"
        self._keys = set(objects.keys(self._folder))

    def segment(self, piece: int, index: int) -> MadeSegment | None:
        """A segment of a piece, if it was made before."""
        key = self._key(piece, index)
        return MadeSegment.from_bytes(self._objects.get(key)) if key in self._keys else None

    def keep(self, piece: int, index: int, segment: MadeSegment) -> None:
        """Keeps a segment."""
        self._put(self._key(piece, index), segment.to_bytes())

    def count(self, piece: int) -> int | None:
        """How many segments a piece has, if it was finished before."""
        key = self._end(piece)
        return int(json.loads(self._objects.get(key))) if key in self._keys else None

    def finish(self, piece: int, count: int) -> None:
        """Notes that a piece has no more than ``count`` segments."""
        self._put(self._end(piece), json.dumps(count).encode())

    def _put(self, key: str, value: bytes) -> None:
        self._objects.put(key, value)
        self._keys.add(key)

    def _key(self, piece: int, index: int) -> str:
        return f"{self._folder}/{piece:06}-{index:05}"

    def _end(self, piece: int) -> str:
        return f"{self._folder}/{piece:06}-end"


class JobRunner:
    """Runs jobs of a board, any number at once.

    Args:
        board: The jobs.
        graph: Makes the speech.
        offer: What may be asked for.
        scratch: Folder for files while they grow.
        paces: Of those who may have so many characters a minute.
    """

    def __init__(
        self,
        board: JobBoard,
        graph: SpeechGraph,
        offer: JobOffer,
        scratch: Path,
        paces: Paces | None = None,
    ) -> None:
        self._board = board
        self._graph = graph
        self._offer = offer
        self._scratch = scratch
        self._paces = paces or Paces()

    async def run(self, job_id: str, worker: str, stop: Callable[[], bool] = lambda: False) -> None:
        """Makes a job, if it is to be had, and notes how it ended.

        Args:
            job_id: Which.
            worker: Name of this try, different from every other.
            stop: Whether the worker shuts down; the job then goes back into the queue.
        """
        job = await asyncio.to_thread(self._board.claim, job_id, worker)
        if job is None:
            return
        making = _Making(job, self._board, self._graph, self._offer, self._scratch, self._paces)
        work = asyncio.create_task(making.make())
        watch = asyncio.create_task(self._watch(job, making, stop))
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, watch):
                task.cancel()
            made, watched = await asyncio.gather(work, watch, return_exceptions=True)
        await self._note(job, making, made, watched)

    async def _watch(self, job: Job, making: _Making, stop: Callable[[], bool]) -> None:
        """Renews the lease until the worker shuts down.

        Raises:
            JobLost: The job is not ours any more.
        """
        while not stop():
            await asyncio.sleep(min(1.0, self._board.settings.lease_s / _RENEWALS))
            try:
                await asyncio.to_thread(self._board.renew, job, making.progress)
                await asyncio.to_thread(making.note_pace)
            except JobLost:
                raise
            except Exception:  # of SQLite or Redis: nobody else can take the job meanwhile
                logger.warning("The lease of %s could not be renewed.", job.id, exc_info=True)

    async def _note(self, job: Job, making: _Making, made: object, watched: object) -> None:
        progress = making.progress
        board = self._board
        match made:
            case JobResult():
                logger.info("%s has succeeded.", job.id)
                await _surely(lambda: board.succeed(job, made, progress))
            case asyncio.CancelledError():
                if not isinstance(watched, JobLost):
                    await _surely(lambda: board.release(job, progress))
            case JobLost():
                pass
            case Exception() as error:
                may_pass = isinstance(error, _PASSING)
                level = logging.INFO if isinstance(error, RequestError) else logging.WARNING
                known = isinstance(error, TtsError)
                logger.log(level, "%s has failed: %s", job.id, type(error).__name__, exc_info=None if known else error)
                failure = _failure(error)
                await _surely(lambda: board.fail(job, failure, progress, may_pass=may_pass or not known))


class _Making:
    """One try at a job."""

    def __init__(
        self,
        job: Job,
        board: JobBoard,
        graph: SpeechGraph,
        offer: JobOffer,
        scratch: Path,
        paces: Paces,
    ) -> None:
        self.progress = Progress()
        self._job = job
        self._board = board
        flow = Flow(job.id, job.caller, job.weight, Priority.BATCH, tenant=job.tenant)
        self._graph = graph.scheduled(flow)
        self._offer = offer
        self._scratch = scratch
        self._paces = paces
        self._voices: Voices = offer.voices.presets
        # Assembled and let go in one thread: whoever cancels must not close a file that is being written.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="job")
        self._made_characters = 0
        self._noted: tuple[float, int] = (time.monotonic(), 0)

    def note_pace(self) -> None:
        """Measures how fast segments were made since the last time."""
        (then_s, before), now_s, made = self._noted, time.monotonic(), self._made_characters
        if made > before:
            self._board.measured(now_s - then_s, made - before)
            self._noted = now_s, made

    async def make(self) -> JobResult:
        """The files of the job, in the object store."""
        with whole("job", job=self._job.id):
            return await self._make()

    async def _make(self) -> JobResult:
        job = self._job
        request = JobRequest.model_validate_json(await asyncio.to_thread(request_of, self._board, job))
        checkpoints = await asyncio.to_thread(Checkpoints, self._board.objects, job.folder)
        # As they are now, to the end: a voice that is fitted or deleted meanwhile does not change within a book.
        self._voices = await self._offer.voices.of(job.tenant)
        assembly = await self._run(Assembly, request.response_format, self._scratch, request.is_document)
        try:
            await self._fill(assembly, request, checkpoints)
            return await self._run(self._stored, assembly)
        finally:
            self._thread.submit(assembly.close)
            self._thread.shutdown(wait=False)

    async def _fill(self, assembly: Assembly, request: JobRequest, checkpoints: Checkpoints) -> None:
        number = done_characters = 0
        chapters = request.chapters
        most = min(PIECE_CHARACTERS, self._offer.settings.max_input_characters)
        for chapter in chapters:
            voice = self._voices.get(chapter.voice or request.voice)
            about = {"voice": voice.name, "language": chapter.language or request.language or voice.language}
            await self._run(assembly.begin_chapter, chapter.title or "", about)
            whole = (Piece(0, chapter.input),) if request.is_markup(chapter) else None
            for piece in whole or pieces(chapter.input, most):
                await self._run(assembly.begin_piece, piece.start, self._shown(request, chapter, piece))
                before = self.progress.segments
                segments = self._segments(request, chapter, piece, number, checkpoints)
                async with aclosing(segments) as made:
                    async for segment, is_new in made:
                        await self._run(assembly.add, segment)
                        said = max((word.end for word in segment.words), default=0)
                        self._advance(done_characters + said, assembly, is_new)
                await self._run(assembly.end_piece)
                if self.progress.segments > before:
                    await self._run(assembly.pause, piece.pause_after_s)
                done_characters += len(piece.text)
                number += 1
            await self._run(assembly.end_chapter, request.chapter_pause_s if chapter is not chapters[-1] else 0.0)
        if not self.progress.segments:
            raise UnpronounceableText("Nothing in the text can be spoken.")

    def _advance(self, characters: int, assembly: Assembly, is_new: bool) -> None:
        before = self.progress
        if is_new:
            self._made_characters += max(0, characters - before.characters)
        self.progress = Progress(
            segments=before.segments + 1,
            characters=max(before.characters, characters),
            audio_s=assembly.n_samples / SAMPLE_RATE_HZ,
        )

    async def _segments(
        self, request: JobRequest, chapter: Chapter, piece: Piece, number: int, checkpoints: Checkpoints
    ) -> AsyncGenerator[tuple[MadeSegment, bool]]:
        """The segments of a piece, and whether each was made now; those made before are only read."""
        index = 0
        while kept := await asyncio.to_thread(checkpoints.segment, number, index):
            yield kept, False
            index += 1
        if await asyncio.to_thread(checkpoints.count, number) == index:
            return
        if self._job.characters_per_min is not None:
            await self._paces.keep(self._job.pace, self._job.characters_per_min, len(piece.text))
        while True:
            try:
                utterance = utterance_of(request.speech(chapter, piece.text), self._offer, self._voices)
                utterance = replace(utterance, moods=piece.moods)
                async with aclosing(self._graph.speak(utterance, index)) as speech:
                    async for spoken in speech:
                        segment = await asyncio.to_thread(_made, spoken)
                        await asyncio.to_thread(checkpoints.keep, number, index, segment)
                        index += 1
                        yield segment, True
                break
            except (EmptyText, UnpronounceableText):
                break  # a row of asterisks between two scenes; a text that is nothing else fails as a whole
            except Overloaded as error:  # callers who wait on the line go first
                await asyncio.sleep(min(error.retry_after_s, _MOST_BUSY_WAIT_S))
        await asyncio.to_thread(checkpoints.finish, number, index)

    def _shown(self, request: JobRequest, chapter: Chapter, piece: Piece) -> str:
        """The text of a piece as people read it."""
        if not piece.text.strip():
            return piece.text
        return utterance_of(request.speech(chapter, piece.text), self._offer, self._voices).shown

    def _stored(self, assembly: Assembly) -> JobResult:
        files: dict[str, StoredFile] = {}
        for kind, (file, content) in assembly.finish().items():
            key = f"{self._job.folder}/{file.key}"
            self._board.objects.put(key, content)
            files[kind] = file.model_copy(update={"key": key})
        return JobResult(duration_s=round(assembly.n_samples / SAMPLE_RATE_HZ, 6), files=files)

    async def _run(self, work: Callable[..., Result], *args: object) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)
        except OSError as error:
            raise StorageUnavailable("There is no room on the worker's disk to assemble the audio.") from error


def _made(spoken: SpokenAudio) -> MadeSegment:
    timeline = spoken.timeline
    words = timeline.words() if timeline.segment.words else []
    start_s = timeline.start_sample / SAMPLE_RATE_HZ
    marks = relative_marks(timeline.bookmarks(), start_s)
    return MadeSegment(pcm_of(spoken.samples), relative_words(words, start_s), marks)


def _failure(error: Exception) -> JobFailure:
    if isinstance(error, TtsError):
        param = error.param if isinstance(error, RequestError) else ""
        return JobFailure(message=error.message, kind=type(error).__name__, param=param)
    return JobFailure(message="Something went wrong on the server.")


async def _surely(change: Callable[[], None]) -> None:
    """Makes a change of the records, as often as it takes; one that is not ours to make any more is dropped."""
    delay_s = 0.5
    while True:
        try:
            await asyncio.to_thread(change)
            return
        except JobLost:
            return
        except Exception:  # of SQLite or Redis
            logger.warning("Jobs cannot be recorded now; trying again.", exc_info=True)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, 5.0)
