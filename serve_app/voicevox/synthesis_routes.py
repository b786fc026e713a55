"""Routes that make sound."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serve_app.http.audio_encoding import open_wav
from serve_app.http.errors import describe
from serve_app.http.limits import charge
from serve_app.http.streaming import SpeechResponse
from serve_app.voicevox.engine import BYTES_PER_MORA, CoreVersion, Engine, EngineOf, StyleId, unless_left
from serve_app.voicevox.schemas import AudioQuery, MorphableTarget
from serve_app.voicevox.synthesis import speak, whole
from serve_app.voicevox.waves import BadWave, Resampler, connect, resample, wav_bytes
from tts_models.speaker.voices import Voice
from tts_models.types import SAMPLE_RATE_HZ, FloatArray

router = APIRouter(tags=["synthesis"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_WAV: dict[int | str, dict[str, Any]] = {200: {"description": "A WAV file.", "content": {"audio/wav": _BINARY}}}
_ZIP: dict[int | str, dict[str, Any]] = {200: {"description": "WAV files.", "content": {"application/zip": _BINARY}}}
Upspeak = Annotated[
    bool,
    Query(
        alias="enable_interrogative_upspeak", description="Raise the end of questions that do not rise by themselves."
    ),
]


@router.post("/synthesis", summary="Speak a query", response_class=Response, responses=_WAV)
@router.post("/cancellable_synthesis", summary="The same", response_class=Response, responses=_WAV)
async def synthesis(
    query: AudioQuery,
    speaker: StyleId,
    engine: EngineOf,
    request: Request,
    upspeak: Upspeak = True,
    core_version: CoreVersion = None,
) -> Response:
    """A WAV file. When the client leaves, the work stops on every stage, on either route."""
    wav = await unless_left(request, wav_of(engine, query, engine.voice(speaker), upspeak=upspeak))
    return Response(wav, media_type="audio/wav")


@router.post("/multi_synthesis", summary="Speak several queries", response_class=Response, responses=_ZIP)
async def multi_synthesis(
    queries: list[AudioQuery],
    speaker: StyleId,
    engine: EngineOf,
    request: Request,
    upspeak: Upspeak = True,
    core_version: CoreVersion = None,
) -> Response:
    """A zip of `001.wav`, `002.wav` ...; all queries have the same sample rate."""
    if not queries:
        raise HTTPException(422, "クエリがありません")
    if len({query.outputSamplingRate for query in queries}) > 1:
        raise HTTPException(422, "サンプリングレートが異なるクエリがあります")
    voice = engine.voice(speaker)

    async def every() -> list[bytes]:
        return [await wav_of(engine, query, voice, upspeak=upspeak) for query in queries]

    wavs = await unless_left(request, every())
    return Response(await asyncio.to_thread(_zipped, wavs), media_type="application/zip")


@router.post("/streaming_synthesis", summary="Speak a query, as it is made", response_class=Response, responses=_WAV)
async def streaming_synthesis(
    query: AudioQuery,
    speaker: StyleId,
    engine: EngineOf,
    request: Request,
    upspeak: Upspeak = True,
    core_version: CoreVersion = None,
) -> Response:
    """A WAV file of unknown length, sent while later sentences are still being made."""
    voice = engine.voice(speaker)
    engine.require_allowed(query.accent_phrases)
    await charge(query.n_moras)
    parts = speak(engine.graph, query, voice, upspeak=upspeak)
    return SpeechResponse(
        _streamed(parts, query.outputSamplingRate, 2 if query.outputStereo else 1),
        "audio/wav",
        admission=engine.admission,
        explain=partial(describe, request=request),
        turn=engine.turn,
        work=_work_of(query),
        count=engine.count,
    )


@router.post(
    "/synthesis_morphing", summary="Speak a query in a mixture of two styles", response_class=Response, responses=_WAV
)
async def synthesis_morphing(
    query: AudioQuery,
    base_speaker: Annotated[int, Query(ge=-(2**31), lt=2**31)],
    target_speaker: Annotated[int, Query(ge=-(2**31), lt=2**31)],
    morph_rate: Annotated[float, Query(ge=0, le=1)],
    engine: EngineOf,
    request: Request,
    upspeak: Upspeak = True,
    core_version: CoreVersion = None,
) -> Response:
    """From the base style (`morph_rate` 0) to the target (1): what they are made of is mixed, so there is one voice."""
    _require_styles(engine, base_speaker, target_speaker)
    mixture = engine.speakers.mixture(base_speaker, target_speaker, morph_rate)
    wav = await unless_left(request, wav_of(engine, query, mixture, upspeak=upspeak))
    return Response(wav, media_type="audio/wav")


@router.post("/morphable_targets", summary="What each style can be mixed with")
async def morphable_targets(
    base_style_ids: list[int], engine: EngineOf, core_version: CoreVersion = None
) -> list[dict[str, MorphableTarget]]:
    """Every style with every other."""
    _require_styles(engine, *base_style_ids)
    targets = {str(number): MorphableTarget(is_morphable=True) for number in engine.speakers.style_ids}
    return [targets for _ in base_style_ids]


@router.post("/connect_waves", summary="Join WAV files", response_class=Response, responses=_WAV)
async def connect_waves(waves: list[str]) -> Response:
    """WAV files in base64 to one, at the highest of their rates."""
    try:
        return Response(await asyncio.to_thread(connect, waves), media_type="audio/wav")
    except BadWave as error:
        raise HTTPException(422, str(error)) from None


async def wav_of(engine: Engine, query: AudioQuery, voice: Voice, *, upspeak: bool) -> bytes:
    """A WAV file of ``query``, made in its turn."""
    engine.require_allowed(query.accent_phrases)
    await charge(query.n_moras)
    async with engine.place(_work_of(query)):
        samples = await whole(engine.graph, query, voice, upspeak=upspeak)

    def encoded() -> bytes:
        rate_hz = query.outputSamplingRate
        return wav_bytes(resample(samples, SAMPLE_RATE_HZ, rate_hz), rate_hz, stereo=query.outputStereo)

    return await asyncio.to_thread(encoded)


def _require_styles(engine: Engine, *style_ids: int) -> None:
    """Answers 404 where one does not exist, as the engine does where styles are mixed; elsewhere it says 422."""
    for number in style_ids:
        if not engine.speakers.has(number):
            raise HTTPException(404, f"該当するスタイル(style_id={number})が見つかりません")


def _work_of(query: AudioQuery) -> int:
    return BYTES_PER_MORA * query.n_moras


async def _streamed(parts: AsyncGenerator[FloatArray], rate_hz: int, channels: int) -> AsyncGenerator[bytes]:
    resampler, encoder = Resampler(SAMPLE_RATE_HZ, rate_hz), open_wav(rate_hz, channels)

    def encoded(part: FloatArray) -> bytes:
        return encoder.write(np.repeat(resampler.write(part), channels))

    async with aclosing(parts):
        async for part in parts:
            if data := await asyncio.to_thread(encoded, part):
                yield data
    yield encoder.write(np.repeat(resampler.finish(), channels)) + encoder.finish()


def _zipped(wavs: list[bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, wav in enumerate(wavs, start=1):
            archive.writestr(f"{number:03}.wav", wav)
    return file.getvalue()
