"""``GET /health``: whether the server can speak."""

from __future__ import annotations

from fastapi import APIRouter

from serve_app.http.context import Context
from serve_app.http.schemas import Health

router = APIRouter(tags=["health"])


@router.get("/health", summary="Whether the server is up")
async def health(context: Context) -> Health:
    """Answers once the voices are loaded and requests are taken. Asks no stage, so it may be polled often.

    The body is JSON and not the bare ``OK`` by which some clients recognise another server.
    """
    return Health(model=context.settings.model, voices=len(context.voices))
