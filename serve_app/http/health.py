"""``GET /health``: whether the server can speak."""

from __future__ import annotations

from fastapi import APIRouter

from serve_app.graph import StageUnavailable
from serve_app.http.context import Context
from serve_app.http.openapi import documented
from serve_app.http.schemas import Health

router = APIRouter(tags=["health"])

_DISPENSABLE = "Admission"
"""Each ingress replica admits by itself while it is away."""


def _absent(stages: str) -> StageUnavailable:
    return StageUnavailable(f"No replica is running of: {stages}.")


@router.get("/health", summary="Whether the server can speak", responses=documented(_absent("Vocoder")))
async def health(context: Context) -> Health:
    """Answers 200 if every stage has a running replica; it may be polled often.

    The body is JSON and not the bare ``OK`` by which some clients recognise another server.
    """
    replicas = dict(await context.replicas())
    if absent := sorted(name for name, running in replicas.items() if not running and name != _DISPENSABLE):
        raise _absent(", ".join(absent))
    return Health(model=context.settings.model, voices=len(context.voices.presets.catalogue), replicas=replicas)
