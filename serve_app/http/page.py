"""The page to listen on: at ``/``, or at ``/listen`` where VOICEVOX's clients have the root.

The files of ``serve_app/static`` are sent as they are, from memory. Their address holds a hash of all of them, so that
browsers keep them until they change and never mix old with new.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from deployments.settings import HttpSettings

_FOLDER = Path(__file__).resolve().parents[1] / "static"
_PAGE = "index.html"
_WHERE = '"static/'
"""How the page names its files."""

_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "media-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": "microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Encoding",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_FIRST = "no-cache"


@dataclass(frozen=True, slots=True)
class _File:
    """A file, ready to be sent."""

    content: bytes
    packed: bytes
    content_type: str
    tag: str

    @classmethod
    def of(cls, name: str, content: bytes) -> _File:
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        charset = "; charset=utf-8" if kind.startswith("text/") or kind.endswith("javascript") else ""
        tag = hashlib.sha256(content).hexdigest()[:16]
        return cls(content, gzip.compress(content, mtime=0), kind + charset, f'W/"{tag}"')

    def response(self, request: Request, cache: str) -> Response:
        headers = {**_HEADERS, "Cache-Control": cache, "ETag": self.tag}
        if request.headers.get("if-none-match") == self.tag:
            return Response(status_code=304, headers=headers)
        content = self.content
        if "gzip" in request.headers.get("accept-encoding", ""):
            content = self.packed
            headers["Content-Encoding"] = "gzip"
        return Response(content, media_type=self.content_type, headers=headers)


def page_path(settings: HttpSettings) -> str:
    """Where the page is."""
    return "/listen" if settings.voicevox_mount == "/" else "/"


def add_page(app: FastAPI, settings: HttpSettings) -> None:
    """Adds the page and its files to the routes of ``app``."""
    contents = {path.name: path.read_bytes() for path in sorted(_FOLDER.iterdir()) if path.is_file()}
    version = hashlib.sha256(b"".join(contents.values())).hexdigest()[:12]
    html = contents.pop(_PAGE).decode().replace(_WHERE, f"{_WHERE}{version}/")
    page = _File.of(_PAGE, html.encode())
    files = {name: _File.of(name, content) for name, content in contents.items()}

    async def send_page(request: Request) -> Response:
        return page.response(request, _ASK_FIRST)

    async def send_file(request: Request) -> Response:
        file = files.get(request.path_params["name"])
        if file is None:
            raise HTTPException(404)
        # Another one is asked for while replicas of two versions run: what there is may be of use, but not for ever.
        is_current = request.path_params["version"] == version
        return file.response(request, _FOR_EVER if is_current else _ASK_FIRST)

    app.add_route(page_path(settings), send_page, ["GET", "HEAD"], include_in_schema=False)
    app.add_route("/static/{version}/{name}", send_file, ["GET", "HEAD"], include_in_schema=False)
