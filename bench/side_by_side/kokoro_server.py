"""The ``kokoro`` package as a server of OpenAI's speech API: what one writes in an afternoon.

Run by gunicorn in an environment of its own, see ``contestants``; ``WEIGHTS`` is the folder that
``weights_for_kokoro`` made. Audio is sent piece by piece as the package makes it.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import numpy as np
import torch
from fastapi import FastAPI
from fastapi.responses import JSONResponse, StreamingResponse
from kokoro import KModel, KPipeline
from pydantic import BaseModel

_WEIGHTS = Path(os.environ["WEIGHTS"])
_ONE_AT_A_TIME = threading.Lock()  # two at once on the same cores would take twice as long, each of them


@cache
def pipeline() -> KPipeline:
    """The package's pipeline for American English, with its model."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    model = KModel("local", config=str(_WEIGHTS / "config.json"), model=str(_WEIGHTS / "kokoro-v1_0.pth")).eval()
    return KPipeline("a", repo_id="local", model=model)


class Speech(BaseModel):
    """The part of OpenAI's request that is needed."""

    input: str
    voice: str
    speed: float = 1.0
    response_format: str = "pcm"


@asynccontextmanager
async def _lifespan(app: FastAPI):
    list(_pcm("Warm up, please.", "af_heart", 1.0))
    yield


app = FastAPI(lifespan=_lifespan)


@app.get("/health")
def health() -> int:
    """Which worker is ready."""
    return os.getpid()


@app.post("/v1/audio/speech", response_model=None)
def speech(request: Speech) -> StreamingResponse | JSONResponse:
    """Says it, as 16 bit pcm."""
    if request.response_format != "pcm":
        return JSONResponse({"error": {"message": "only pcm"}}, 400)
    if not _voice(request.voice).is_file():
        return JSONResponse({"error": {"message": f"no voice {request.voice}"}}, 404)
    return StreamingResponse(_pcm(request.input, request.voice, request.speed), media_type="audio/pcm")


def _voice(name: str) -> Path:
    return _WEIGHTS / "voices" / f"{name}.pt"


def _pcm(text: str, voice: str, speed: float) -> Iterator[bytes]:
    with _ONE_AT_A_TIME, torch.inference_mode():
        for piece in pipeline()(text, voice=str(_voice(voice)), speed=speed):
            yield (np.clip(piece.audio.numpy(), -1, 1) * 32767).astype("<i2").tobytes()
