"""The HTTP application over a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from deployments.settings import HttpSettings
from deployments.storage.records import Records, SqliteRecords
from serve_app.graph import SpeechGraph
from serve_app.http import captions, health, openai_models, openai_speech
from serve_app.http.body_limit import BodyLimitMiddleware
from serve_app.http.context import Admission, HttpContext, Outcome, Replicas
from serve_app.http.errors import UnknownErrorMiddleware, handle
from serve_app.http.metrics import outcome_counter
from serve_app.http.request_id import RequestIdMiddleware
from tts_models.errors import TtsError
from tts_models.speaker.voices import VoiceCatalogue

_DESCRIPTION = """Text in, speech out, as OpenAI's clients know it; fields marked *Extension* are ours.

Every response carries `x-request-id`. Every error has the shape `{"error": {"message", "type", "param", "code"}}`."""


def create_app(
    graph: SpeechGraph,
    voices: VoiceCatalogue,
    settings: HttpSettings,
    *,
    behind_ray_proxy: bool = False,
    count: Callable[[Outcome], None] | None = None,
    replicas: Replicas | None = None,
    records: Records | None = None,
) -> FastAPI:
    """The application.

    Args:
        graph: Makes the speech.
        voices: The voices a caller can choose.
        settings: What is accepted and answered.
        behind_ray_proxy: Ray Serve's proxy adds ``x-request-id`` to every response; true leaves that to it.
        count: Told the outcome of every speech request; Ray's metrics where absent.
        replicas: How many replicas of each deployment are running; there are none to ask about where absent.
        records: What is kept across restarts; in memory where absent.
    """
    app = FastAPIOffline(
        title="Voicegraph",
        version=_version(),
        description=_DESCRIPTION,
        redoc_url=None,
        exception_handlers=dict.fromkeys((TtsError, HTTPException, RequestValidationError), handle),
    )
    app.docs_url = "/docs"  # FastAPIOffline serves it but forgets to say so, and Ray Serve reports it
    app.state.context = HttpContext(
        graph,
        voices,
        settings,
        count=count or outcome_counter(),
        replicas=replicas or _no_replicas,
        admission=Admission(settings.max_concurrent_speech),
        records=records or SqliteRecords(Path(":memory:")),
    )
    for routes in (openai_speech, captions, openai_models, health):
        app.include_router(routes.router)
    # The last one added is the outermost.
    app.add_middleware(BodyLimitMiddleware, max_bytes=settings.max_body_bytes)
    app.add_middleware(UnknownErrorMiddleware)
    app.add_middleware(RequestIdMiddleware, answer=not behind_ray_proxy)
    return app


async def _no_replicas() -> Mapping[str, int]:
    return {}


def _version() -> str:
    try:
        return version("voicegraph")
    except PackageNotFoundError:  # run from a checkout
        return "0.0.0+checkout"
