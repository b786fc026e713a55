"""``kokoro-onnx`` as a server of OpenAI's speech API, through its own streaming call.

Run by gunicorn in an environment of its own, see ``contestants``; ``MODEL`` is the export, ``VOICES`` the tables,
``THREADS`` those of one worker.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import onnxruntime
from fastapi import FastAPI
from fastapi.responses import JSONResponse, StreamingResponse
from kokoro_onnx import Kokoro
from pydantic import BaseModel

_ONE_AT_A_TIME = asyncio.Lock()  # two at once on the same cores would take twice as long, each of them
_LOUDNESS = 1 / 1.5  # the export is that much too loud


class Speech(BaseModel):
    """The part of OpenAI's request that is needed."""

    input: str
    voice: str
    speed: float = 1.0
    response_format: str = "pcm"


@asynccontextmanager
async def _lifespan(app: FastAPI):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["THREADS"])
    session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
    app.state.kokoro = Kokoro.from_session(session, os.environ["VOICES"])
    async for _ in app.state.kokoro.create_stream("Warm up, please.", "af_heart"):
        pass
    yield


app = FastAPI(lifespan=_lifespan)


@app.get("/health")
async def health() -> int:
    """Which worker is ready."""
    return os.getpid()


@app.post("/v1/audio/speech", response_model=None)
async def speech(request: Speech) -> StreamingResponse | JSONResponse:
    """Says it, as 16 bit pcm."""
    if request.response_format != "pcm":
        return JSONResponse({"error": {"message": "only pcm"}}, 400)
    if request.voice not in app.state.kokoro.voices:
        return JSONResponse({"error": {"message": f"no voice {request.voice}"}}, 404)
    return StreamingResponse(_pcm(request), media_type="audio/pcm")


async def _pcm(request: Speech) -> AsyncIterator[bytes]:
    async with _ONE_AT_A_TIME:
        async for samples, _ in app.state.kokoro.create_stream(request.input, request.voice, request.speed):
            yield (np.clip(samples * _LOUDNESS, -1, 1) * 32767).astype("<i2").tobytes()
