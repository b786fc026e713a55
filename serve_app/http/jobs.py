"""``/v1/audio/jobs``: long texts, made behind the line and fetched later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from deployments.errors import StorageUnavailable
from serve_app.captions import CaptionFormat
from serve_app.graph import Overloaded
from serve_app.http.caller import CallerOf
from serve_app.http.context import Context, HttpContext
from serve_app.http.errors import BodyTooLarge, ModelNotFound, error_of
from serve_app.http.file_response import stored_file_response
from serve_app.http.job_schemas import JobDeleted, JobFiles, JobInfo, JobList, JobProgress, JobRequest
from serve_app.http.limits import pace_of_jobs
from serve_app.http.openai_speech import utterance_of
from serve_app.http.openapi import documented
from serve_app.jobs.board import JobNotFound, JobNotReady, KeyReused, newest_first
from serve_app.jobs.job import Job, JobStatus, StoredFile
from serve_app.voices.book import Voices
from tts_models.errors import EmptyText, ForbiddenText, InvalidRequest, TextTooLong, UnsupportedLanguage, VoiceNotFound
from tts_models.text.word_filter import WordFilter

router = APIRouter(prefix="/v1/audio/jobs", tags=["jobs"])

_EVENT_POLL_S = 0.5
_KEEP_ALIVE_S = 15.0

JobId = Annotated[str, Path(max_length=64, description="As the submit answered.", examples=["job_5f1d..."])]

_NO_JOB = JobNotFound("There is no job 'job_0'. Jobs are kept for a while after they have ended.")
_AWAY = StorageUnavailable("Jobs cannot be read or kept now; please try again later.")
_FOUND = documented(_NO_JOB, _AWAY)
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The whole file.", "content": {"application/octet-stream": _BINARY}},
    206: {"description": "The range that was asked for.", "content": {"application/octet-stream": _BINARY}},
    304: {"description": "The file is as `If-None-Match` knows it."},
    307: {"description": "A link to the file, where the server is set up so."},
    416: {"description": "The file has no such range; `Content-Range` says how long it is."},
}


@router.post(
    "",
    status_code=202,
    summary="Submit a job",
    responses=documented(
        InvalidRequest("'speed' should be less than or equal to 4, not 9.", "speed"),
        EmptyText("The text is empty: there is nothing to say."),
        TextTooLong("The text has 1,200,000 characters; a job may have 1,000,000. Send it in several jobs."),
        UnsupportedLanguage("There is no text frontend for the language 'tlh'."),
        ForbiddenText("The text holds something that this server does not say (rule: insults)."),
        ModelNotFound("There is no model 'tts-9'. There is kokoro-82m, tts-1."),
        VoiceNotFound("There is no voice 'af_hart'. Did you mean af_heart?"),
        KeyReused("This Idempotency-Key was used for another request; take a new one."),
        BodyTooLarge(8_000_000),
        Overloaded("1,000 jobs are waiting, and no more may.", 60.0),
        _AWAY,
    ),
)
async def submit_job(
    body: JobRequest,
    response: Response,
    context: Context,
    caller: CallerOf,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1, max_length=255, description="A repeated submit with the same key answers with the same job."
        ),
    ] = None,
) -> JobInfo:
    """Takes a long text, or a document in chapters, to be said while nobody waits on the line.

    Callers of `/v1/audio/speech` go first on every stage. The audio is one file; each chapter of a document is also a
    file in a zip.
    """
    await context.voices.using(caller.tenant, lambda voices: _check(body, context, voices))
    if context.forbidden:
        await asyncio.to_thread(_filter, body, context.forbidden)
    jobs = context.jobs
    pace = pace_of_jobs()
    job, is_new = await asyncio.to_thread(
        lambda: jobs.board.submit(
            body.model_dump_json(exclude_unset=True).encode(),
            idempotency_key=idempotency_key or "",
            tenant=caller.tenant,
            caller=caller.key_id or caller.address,
            weight=caller.weight,
            pace=pace.who if pace else "",
            characters_per_min=pace.characters_per_min if pace else None,
            characters=sum(len(chapter.input) for chapter in body.chapters),
            chapters=len(body.chapters),
            response_format=body.response_format,
        )
    )
    if is_new:
        await asyncio.to_thread(jobs.send, job.id)
    response.headers["Location"] = f"{router.prefix}/{job.id}"
    return await _info(job, context)


@router.get("", summary="List jobs", responses=documented(_AWAY))
async def list_jobs(
    context: Context,
    caller: CallerOf,
    status: Annotated[JobStatus | None, Query(description="Only those in this state.")] = None,
    dead: Annotated[bool, Query(description="Only those that failed as often as they are tried.")] = False,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[str | None, Query(max_length=64, description="Those behind the job of this id.")] = None,
) -> JobList:
    """The caller's jobs, newest first."""
    jobs = [job for job in newest_first(await asyncio.to_thread(context.jobs.board.all)) if job.tenant == caller.tenant]
    jobs = [job for job in jobs if status in (None, job.status) and (job.is_dead or not dead)]
    if after is not None:
        last = await asyncio.to_thread(lambda: context.jobs.board.get(after, caller.tenant))
        jobs = [job for job in jobs if (job.created_s, job.id) < (last.created_s, last.id)]
    return JobList(data=[await _info(job, context) for job in jobs[:limit]], has_more=len(jobs) > limit)


@router.get("/{job_id}", summary="How a job is doing", responses=_FOUND)
async def get_job(job_id: JobId, context: Context, caller: CallerOf) -> JobInfo:
    """The state of a job, how far it is, and where its files are."""
    return await _info(await _job(job_id, context, caller.tenant), context)


@router.delete("/{job_id}", summary="Cancel or remove a job", responses=_FOUND)
async def delete_job(job_id: JobId, context: Context, caller: CallerOf) -> JobInfo | JobDeleted:
    """Cancels a job that has not ended; its stages stop within a second or so. Removes one that has, with its files."""
    job = await asyncio.to_thread(lambda: context.jobs.board.cancel(job_id, caller.tenant))
    try:
        return await _info(await _job(job_id, context, caller.tenant), context)
    except JobNotFound:
        return JobDeleted(id=job.id)


@router.post(
    "/{job_id}/retry",
    status_code=202,
    summary="Try a failed job again",
    responses=documented(_NO_JOB, JobNotReady("The job is running; only one that failed can be tried again."), _AWAY),
)
async def retry_job(job_id: JobId, context: Context, caller: CallerOf) -> JobInfo:
    """Puts a job that failed back into the queue. The segments that it had finished are not made again."""
    job = await asyncio.to_thread(lambda: context.jobs.board.replay(job_id, caller.tenant))
    await asyncio.to_thread(context.jobs.send, job.id)
    return await _info(job, context)


@router.get(
    "/{job_id}/events",
    summary="Watch a job",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events of the type `job`, each with the job as `GET` answers it; the last one has a final"
            " state.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **_FOUND,
    },
)
async def watch_job(
    job_id: JobId,
    context: Context,
    caller: CallerOf,
    last_event_id: Annotated[str | None, Header(description="Events up to this one are not sent again.")] = None,
) -> StreamingResponse:
    """Server-sent events: the state of the job now, and whenever it has changed."""
    first = await _job(job_id, context, caller.tenant)
    events = _events(first, context, last_event_id)
    return StreamingResponse(
        events, headers={"X-Accel-Buffering": "no", "Cache-Control": "no-cache"}, media_type="text/event-stream"
    )


@router.get(
    "/{job_id}/audio",
    summary="Fetch the audio",
    response_class=Response,
    responses=_FILE
    | documented(_NO_JOB, JobNotReady("The job is running; its files are there when it has succeeded."), _AWAY),
)
async def get_job_audio(
    job_id: JobId,
    request: Request,
    context: Context,
    caller: CallerOf,
    as_: Annotated[
        Literal["file", "zip"],
        Query(alias="as", description="`file` has all chapters; `zip` a file for each, and the manifest."),
    ] = "file",
) -> Response:
    """The audio file, or the chapters of a document in a zip. Ranges of bytes can be asked for."""
    job = await _job(job_id, context, caller.tenant)
    return await _file(job, "zip" if as_ == "zip" else "audio", request, context)


@router.get(
    "/{job_id}/captions",
    summary="Fetch the captions",
    response_class=Response,
    responses=_FILE
    | documented(_NO_JOB, JobNotReady("The job is running; its files are there when it has succeeded."), _AWAY),
)
async def get_job_captions(
    job_id: JobId,
    request: Request,
    context: Context,
    caller: CallerOf,
    format_: Annotated[CaptionFormat, Query(alias="format", description="SubRip or WebVTT.")] = "srt",
) -> Response:
    """Captions of the audio file."""
    return await _file(await _job(job_id, context, caller.tenant), format_, request, context)


@router.get(
    "/{job_id}/manifest",
    summary="Fetch the times",
    response_class=Response,
    responses=_FILE
    | documented(_NO_JOB, JobNotReady("The job is running; its files are there when it has succeeded."), _AWAY),
)
async def get_job_manifest(job_id: JobId, request: Request, context: Context, caller: CallerOf) -> Response:
    """When each chapter, segment and word is heard, as JSON."""
    return await _file(await _job(job_id, context, caller.tenant), "manifest", request, context)


def _check(body: JobRequest, context: HttpContext, voices: Voices) -> None:
    """What can be known without a text frontend is known at once.

    Raises:
        RequestError: The request cannot be served as it is.
    """
    if body.stream_format != "audio" or body.timestamps:
        raise InvalidRequest("A job has files, no stream; its times are in the manifest.", "stream_format")
    if body.reference_audio is not None:
        raise InvalidRequest(
            "A job takes no reference audio; make a voice of it at /v1/audio/voices, and name that.", "reference_audio"
        )
    limit = context.jobs.board.settings.max_characters
    count = sum(len(chapter.input) for chapter in body.chapters)
    if count > limit:
        raise TextTooLong(f"The text has {count:,} characters; a job may have {limit:,}. Send it in several jobs.")
    for number, chapter in enumerate(body.chapters, start=1):
        if not chapter.input.strip():
            where = f"Chapter {number}" if body.is_document else "The text"
            raise EmptyText(f"{where} is empty: there is nothing to say.")
        start = chapter.input if body.is_markup(chapter) else chapter.input.strip()[:1]
        utterance_of(body.speech(chapter, start), context, voices)


def _filter(body: JobRequest, forbidden: WordFilter) -> None:
    """Nothing forbidden is in the whole of a text, which the text frontend only sees in pieces.

    Raises:
        ForbiddenText: Otherwise.
    """
    for chapter in body.chapters:
        forbidden.check(chapter.input, chapter.language or body.language or "")


async def _job(job_id: str, context: HttpContext, tenant: str) -> Job:
    return await asyncio.to_thread(lambda: context.jobs.board.get(job_id, tenant))


async def _info(job: Job, context: HttpContext) -> JobInfo:
    board = context.jobs.board
    progress = await asyncio.to_thread(lambda: board.progress(job))
    outlook = await asyncio.to_thread(lambda: board.outlook(job))
    where = f"{router.prefix}/{job.id}"
    result = job.result
    return JobInfo(
        id=job.id,
        status=job.status,
        created_at=round(job.created_s, 3),
        started_at=job.started_s,
        finished_at=job.finished_s,
        expires_at=job.expires_s,
        position=outlook.position,
        estimated_s=None if outlook.wait_s is None else round(outlook.wait_s, 1),
        chapters=job.chapters,
        response_format=job.response_format,
        progress=JobProgress(
            segments=progress.segments,
            characters=job.characters if job.status == "succeeded" else progress.characters,
            total_characters=job.characters,
            audio_s=round(progress.audio_s, 3),
        ),
        attempts=job.attempts,
        dead=job.is_dead,
        error=error_of(job.error.kind, job.error.message, job.error.param) if job.error else None,
        duration_s=result.duration_s if result else None,
        size_bytes=result.files["audio"].size_bytes if result else None,
        files=JobFiles(
            audio=f"{where}/audio",
            zip=f"{where}/audio?as=zip" if "zip" in result.files else None,
            manifest=f"{where}/manifest",
            captions=f"{where}/captions",
        )
        if result
        else None,
    )


async def _file(job: Job, kind: str, request: Request, context: HttpContext) -> Response:
    if job.result is None:
        raise JobNotReady(f"The job is {job.status}; its files are there when it has succeeded.")
    file: StoredFile | None = job.result.files.get(kind)
    if file is None:
        raise InvalidRequest("The job was one text and no document in chapters: there is no zip, only the audio.", "as")
    return await stored_file_response(file, job, request, context.jobs)


async def _events(job: Job, context: HttpContext, last_id: str | None) -> AsyncGenerator[bytes]:
    quiet_s = 0.0
    while True:
        info = await _info(job, context)
        event_id = f"{info.status}-{info.attempts}-{info.position}-{info.progress.segments}"
        if event_id != last_id:
            yield f"id: {event_id}\nevent: job\ndata: {info.model_dump_json()}\n\n".encode()
            last_id, quiet_s = event_id, 0.0
        elif quiet_s >= _KEEP_ALIVE_S:
            yield b": still there\n\n"
            quiet_s = 0.0
        if job.is_final:
            return
        await asyncio.sleep(_EVENT_POLL_S)
        quiet_s += _EVENT_POLL_S
        try:
            job = await _job(job.id, context, job.tenant)
        except JobNotFound:
            return
        except StorageUnavailable:
            continue  # it comes back
