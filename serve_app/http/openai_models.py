"""What can be asked for: models and voices, in the shapes that OpenAI's clients and its imitators' clients read."""

from __future__ import annotations

from fastapi import APIRouter

from serve_app.http.caller import CallerOf
from serve_app.http.context import Context, Offer
from serve_app.http.errors import ModelNotFound
from serve_app.http.openapi import documented
from serve_app.http.schemas import (
    ModelDetails,
    ModelInfo,
    ModelList,
    ModelName,
    ModelNameList,
    ModelVoice,
)

router = APIRouter(prefix="/v1", tags=["models and voices"])

MODEL_CREATED_UNIX_S = 1_737_936_000  # 27 January 2025, Kokoro-82M v1.0
_OWNER = "voicegraph"


@router.get("/models", summary="Every model name")
async def list_models(context: Context) -> ModelList:
    """The served model under its own name, then under the names that other clients know."""
    return ModelList(
        data=[ModelInfo(id=name, created=MODEL_CREATED_UNIX_S, owned_by=_OWNER) for name in context.models]
    )


@router.get(
    "/models/{model:path}",
    summary="One model and its voices",
    responses=documented(ModelNotFound("There is no model 'tts-9'. There is kokoro-82m, tts-1.")),
)
async def get_model(model: str, context: Context, caller: CallerOf) -> ModelDetails:
    """A model under any of its names, and the voices that the caller can choose."""
    require_model(model, context)
    book = await context.voices.known(caller.tenant)
    voices = [
        ModelVoice(name=voice.name, language=voice.language, gender=voice.gender)
        for voice in (*book.catalogue, *book.own)
    ]
    return ModelDetails(id=model, created=MODEL_CREATED_UNIX_S, owned_by=_OWNER, voices=voices)


@router.get("/audio/models", summary="Every model name, for Open WebUI")
async def list_speech_models(context: Context) -> ModelNameList:
    """The same names as ``/v1/models``, in the shape that Open WebUI reads."""
    return ModelNameList(models=[ModelName(id=name) for name in context.models])


@router.get("/test", include_in_schema=False)
async def probe() -> dict[str, str]:
    """How wyoming_openai (Home Assistant) asks whether it may read ``/v1/audio/voices``; else it offers nine voices."""
    return {"status": "ok"}


def require_model(name: str, context: Offer) -> None:
    """Passes if ``name`` is one of the model's names.

    Raises:
        ModelNotFound: Otherwise; the message lists them.
    """
    if name not in context.models:
        raise ModelNotFound(f"There is no model {name[:64]!r}. There is {', '.join(context.models)}.")
