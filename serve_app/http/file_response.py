"""A stored file over HTTP: whole, a range of it, or a link to it (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from deployments.storage.objects import Objects
from serve_app.http.context import Jobs
from serve_app.http.errors import RangeNotSatisfiable
from serve_app.jobs.job import Job, StoredFile

_CHUNK_BYTES = 512 * 1024
_LINK_S = 3_600.0
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


async def stored_file_response(file: StoredFile, job: Job, request: Request, jobs: Jobs) -> Response:
    """The answer to a request for ``file``.

    Raises:
        RangeNotSatisfiable: It has no such range.
        StorageUnavailable: It cannot be read.
    """
    objects = jobs.board.objects
    if jobs.redirects and (link := await asyncio.to_thread(objects.link, file.key, _LINK_S)):
        return RedirectResponse(link, 307, {"Cache-Control": "no-store"})
    tag = f'"{file.sha256}"'
    name = file.key.rpartition("/")[2]
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'attachment; filename="{job.id}-{name}"',
    }
    known = [etag.strip().removeprefix("W/") for etag in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    wanted = request.headers.get("range")
    if request.headers.get("if-range", tag) != tag:
        wanted = None  # of a file that was another: all of this one
    start, length = _range(wanted, file.size_bytes)
    status = 200
    if length < file.size_bytes or start:
        status = 206
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{file.size_bytes}"
    headers["Content-Length"] = str(length)
    chunks = _chunks(objects, file.key, start, length)
    first = await anext(chunks)  # an error gets its own status
    return StreamingResponse(_with(first, chunks), status, headers, file.content_type)


def _range(header: str | None, size: int) -> tuple[int, int]:
    """Start and length of what a ``Range`` header asks for; of several ranges or another unit, the whole file."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match[1] == match[2] == "":
        return 0, size
    if not match[1]:  # the last so many
        length = min(int(match[2]), size)
        start = size - length
    else:
        start = int(match[1])
        last = min(int(match[2]), size - 1) if match[2] else size - 1
        if match[2] and int(match[2]) < start:
            return 0, size  # no range at all
        length = last - start + 1
    if length < 1:
        raise RangeNotSatisfiable(size)
    return start, length


async def _chunks(objects: Objects, key: str, start: int, length: int) -> AsyncGenerator[bytes]:
    end = start + length
    while start < end:
        chunk = await asyncio.to_thread(objects.get, key, start, min(_CHUNK_BYTES, end - start))
        start += len(chunk)
        yield chunk


async def _with(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
