"""Files in multipart bodies, in memory only: nothing of what is refused was ever on a disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from serve_app.http.errors import BodyTooLarge
from tts_models.errors import InvalidRequest

MULTIPART = "multipart/form-data"
_MAX_FIELDS = 32
_MAX_FIELD_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Form:
    """What a multipart body held.

    Attributes:
        fields: Values by name; of several of one name the last.
        files: Contents by name, in the order in which they came.
    """

    fields: dict[str, str]
    files: dict[str, list[bytes]]


class _Parser(MultiPartParser):
    """Starlette's, but no file goes to a disk or grows over the limit."""

    spool_max_size = 0  # never
    max_file_bytes: int

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        file = self._current_part.file
        if file is not None:
            assert file.size is not None
            # What is still to be written to it is at most what has just come in.
            if file.size + end - start > self.max_file_bytes:
                raise BodyTooLarge(self.max_file_bytes, "A file in the request")
        super().on_part_data(data, start, end)


async def read_form(request: Request, *, max_file_bytes: int, max_files: int) -> Form:
    """The parts of a multipart body, which is read no further than it may be long.

    Args:
        request: Whose body it is.
        max_file_bytes: Longest file.
        max_files: Most files.

    Raises:
        BodyTooLarge: A file is longer.
        InvalidRequest: There are more, or it is not multipart as it should be.
    """
    parser = _Parser(
        request.headers,
        request.stream(),
        max_files=max_files,
        max_fields=_MAX_FIELDS,
        max_part_size=_MAX_FIELD_BYTES,
    )
    parser.max_file_bytes = max_file_bytes
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidRequest(f"The multipart body cannot be read: {error.message}", "body") from None
    fields: dict[str, str] = {}
    files: dict[str, list[bytes]] = {}
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files.setdefault(name.removesuffix("[]"), []).append(await value.read())
            else:
                fields[name] = value
    finally:
        await form.close()
    return Form(fields, files)


def is_multipart(request: Request) -> bool:
    """Whether the body of ``request`` says that it is multipart."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == MULTIPART


def multipart_body(required: tuple[str, ...], **properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of a multipart body, for the API's description."""
    return {"type": "object", "required": list(required), "properties": properties}
