"""The façade as an application of its own, mounted beside the other routes.

Errors have the engine's shapes: 422 ``{"detail"}`` for a request that cannot be, 422 ``{"message"}`` for a style that
does not exist, 400 for text that is not in the kana notation; 429 and 503 with ``Retry-After`` as on every route.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.requests import Request
from starlette.responses import JSONResponse

from serve_app.http.context import HttpContext
from serve_app.http.errors import describe, log
from serve_app.voicevox import (
    info_routes,
    portal_routes,
    query_routes,
    setting_routes,
    synthesis_routes,
    user_dict_routes,
)
from serve_app.voicevox.engine import Engine
from serve_app.voicevox.origins import OriginMiddleware, SettingStore
from serve_app.voicevox.own_port import AtRoot
from serve_app.voicevox.presets import Presets
from serve_app.voicevox.samples import Samples
from serve_app.voicevox.schemas import KanaBadRequest
from serve_app.voicevox.speakers import NoSuchStyle
from tts_models.errors import TtsError
from tts_models.text.kana import KanaError

_DESCRIPTION = """The HTTP API of VOICEVOX's engine. Any voice reads Japanese text; lengths (seconds) and pitches
(natural logarithm of Hz) of moras are the model's own, and what a query says is what is heard."""


def mount_voicevox(app: FastAPI) -> None:
    """Mounts the façade where the settings of ``app`` want it; at ``/`` it answers what no other route does."""
    context: HttpContext = app.state.context
    mount = context.settings.voicevox_mount
    if mount is not None:
        app.mount(mount.rstrip("/"), AtRoot(create_voicevox_app(context, app.version)), name="voicevox")


def create_voicevox_app(context: HttpContext, version: str) -> FastAPI:
    """The façade over the graph of ``context``."""
    settings = context.settings
    handlers: dict[int | type[Exception], Any] = {
        TtsError: _handle,
        KanaError: _bad_kana,
        NoSuchStyle: _no_style,
        RequestValidationError: _invalid,
        Exception: _handle,
    }
    app = FastAPIOffline(
        title="Voicegraph, VOICEVOX's API",
        version=version,
        description=_DESCRIPTION,
        redoc_url=None,
        exception_handlers=handlers,
        strict_content_type=False,  # many a client sends JSON without saying so; pages are kept out by their origin
    )
    app.state.context = context
    app.state.engine = partial(
        Engine,
        presets=Presets(context.records),
        settings=settings,
        admission=context.admission,
        count=context.count,
        version=version,
        forbidden=context.forbidden,
    )
    for routes in (portal_routes, query_routes, synthesis_routes, info_routes, setting_routes, user_dict_routes):
        app.include_router(routes.router)
    app.state.samples = Samples()
    app.state.setting = SettingStore(context.records)
    app.add_middleware(OriginMiddleware, store=app.state.setting, elsewhere=tuple(settings.allowed_origins))
    return app


async def _handle(request: Request, error: Exception) -> JSONResponse:
    failure = describe(error, request)
    if isinstance(error, TtsError) and failure.status >= 500:
        log(error, request.scope)  # others are logged where they end up
    status = 422 if failure.status in (400, 409) else failure.status
    return JSONResponse({"detail": failure.message}, status, dict(failure.headers))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's own shape, without what was sent: a NaN is no JSON."""
    assert isinstance(error, RequestValidationError)
    detail = [{key: fault[key] for key in ("loc", "msg", "type")} for fault in error.errors()]
    return JSONResponse({"detail": detail}, 422)


async def _no_style(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"message": "指定されたスタイルが見つかりませんでした。"}, 422)


async def _bad_kana(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, KanaError)
    detail = KanaBadRequest(text=error.message, error_name=error.name, error_args=error.details)
    return JSONResponse({"detail": detail.model_dump()}, 400)
