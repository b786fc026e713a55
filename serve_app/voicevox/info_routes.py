"""Routes that tell of the engine, its speakers and presets, and those that answer that it does not sing."""

from __future__ import annotations

import asyncio
import base64
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serve_app.voicevox.engine import CoreVersion, EngineOf, StyleId
from serve_app.voicevox.presets import NoSuchPreset
from serve_app.voicevox.samples import Samples
from serve_app.voicevox.schemas import (
    EngineFeatures,
    EngineManifest,
    LicenseInfo,
    Preset,
    Speaker,
    SpeakerInfo,
    SupportedDevices,
    UpdateInfo,
)
from serve_app.voicevox.speakers import picture_base64, picture_png, speaker_info
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ

router = APIRouter(tags=["engine"])

ENGINE_UUID = "0f4b5c51-36e4-5a50-9b0e-6c3e9d8e4f27"
_TERMS = "Kokoro-82M v1.0 and its voices: Apache License 2.0. What is spoken is whoever's who has it spoken."


def _own_url(request: Request) -> str:
    """Where the façade is mounted, without a slash at the end."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"


@router.get("/version", summary="Version of the server")
async def version(engine: EngineOf) -> str:
    """As a JSON string."""
    return engine.version


@router.get("/core_versions", summary="Versions of the core")
async def core_versions(engine: EngineOf) -> list[str]:
    """There is one: the server's own."""
    return [engine.version]


@router.get("/engine_manifest", summary="What the engine is and can do")
async def engine_manifest(engine: EngineOf, request: Request) -> EngineManifest:
    """Name, licences, sample rate, features."""
    return EngineManifest(
        manifest_version="0.13.1",
        name="Voicegraph",
        brand_name="Voicegraph",
        uuid=ENGINE_UUID,
        url=_own_url(request),
        icon=picture_base64("Voicegraph"),
        default_sampling_rate=SAMPLE_RATE_HZ,
        frame_rate=SAMPLE_RATE_HZ / FRAME_SAMPLES,
        terms_of_service=_TERMS,
        update_infos=[UpdateInfo(version=engine.version, descriptions=["See CHANGELOG.md."])],
        dependency_licenses=[LicenseInfo(name="Kokoro-82M", version="1.0", license="Apache-2.0", text=_TERMS)],
        supported_features=EngineFeatures(),
    )


@router.get("/supported_devices", summary="What can be computed on")
async def supported_devices(core_version: CoreVersion = None) -> SupportedDevices:
    """The stages run on CPUs or on CUDA, as each is deployed."""
    return SupportedDevices(cpu=True, cuda=True, dml=False)


@router.get("/speakers", summary="All voices")
async def speakers(engine: EngineOf, core_version: CoreVersion = None) -> list[Speaker]:
    """Each voice is a speaker with one style. All of them read Japanese here."""
    return engine.speakers.all(engine.version)


@router.get("/speaker_info", summary="One voice")
async def speaker_details(
    speaker_uuid: str,
    engine: EngineOf,
    request: Request,
    resource_format: Literal["base64", "url"] = "base64",
    core_version: CoreVersion = None,
) -> SpeakerInfo:
    """Licence, picture, and a sentence spoken by the voice, which is made when it is first asked for.

    With `url` it is made when it is fetched.
    """
    cast = engine.speakers.by_uuid(speaker_uuid)
    if cast is None:
        raise HTTPException(404, "該当するキャラクターが見つかりません")
    if resource_format == "url":
        url = f"{_own_url(request)}/_resources/{cast.name}"
        return speaker_info(cast, f"{url}.png", f"{url}.wav")
    sample = base64.b64encode(await _samples(request).get(engine, cast)).decode("ascii")
    return speaker_info(cast, picture_base64(cast.name), sample)


@router.get("/_resources/{name}.png", include_in_schema=False)
async def resource(name: str, engine: EngineOf) -> Response:
    """The picture of a voice."""
    if engine.speakers.named(name) is None:
        raise HTTPException(404)
    return Response(picture_png(name), media_type="image/png", headers={"Cache-Control": "max-age=2592000"})


@router.get("/_resources/{name}.wav", include_in_schema=False)
async def sample(name: str, engine: EngineOf, request: Request) -> Response:
    """What a voice sounds like."""
    cast = engine.speakers.named(name)
    if cast is None:
        raise HTTPException(404)
    wav = await _samples(request).get(engine, cast)
    return Response(wav, media_type="audio/wav", headers={"Cache-Control": "max-age=86400"})


def _samples(request: Request) -> Samples:
    samples: Samples = request.app.state.samples
    return samples


@router.post("/initialize_speaker", summary="Make a style ready", status_code=204)
async def initialize_speaker(
    speaker: StyleId, engine: EngineOf, skip_reinit: bool = False, core_version: CoreVersion = None
) -> None:
    """Every style always is: the stages load their weights before the server answers."""
    engine.voice(speaker)


@router.get("/is_initialized_speaker", summary="Whether a style is ready")
async def is_initialized_speaker(speaker: StyleId, engine: EngineOf, core_version: CoreVersion = None) -> bool:
    """It is, if there is such a style."""
    engine.voice(speaker)
    return True


@router.get("/presets", summary="All presets")
async def presets(engine: EngineOf) -> list[Preset]:
    """In the order they were added."""
    return await asyncio.to_thread(engine.presets.all)


@router.post("/add_preset", summary="Add a preset")
async def add_preset(preset: Preset, engine: EngineOf) -> int:
    """Its id; a new one where the given one is negative or taken."""
    return await asyncio.to_thread(engine.presets.add, preset)


@router.post("/update_preset", summary="Change a preset")
async def update_preset(preset: Preset, engine: EngineOf) -> int:
    """The preset of the same id."""
    try:
        return await asyncio.to_thread(engine.presets.update, preset)
    except NoSuchPreset as error:
        raise HTTPException(422, str(error)) from None


@router.post("/delete_preset", summary="Remove a preset", status_code=204)
async def delete_preset(preset_id: Annotated[int, Query(alias="id")], engine: EngineOf) -> None:
    """The preset of that id."""
    try:
        await asyncio.to_thread(engine.presets.delete, preset_id)
    except NoSuchPreset as error:
        raise HTTPException(422, str(error)) from None


@router.get("/singers", summary="Not implemented: no voice sings")
@router.get("/singer_info", summary="Not implemented: no voice sings")
@router.post("/sing_frame_audio_query", summary="Not implemented: no voice sings")
@router.post("/sing_frame_f0", summary="Not implemented: no voice sings")
@router.post("/sing_frame_volume", summary="Not implemented: no voice sings")
@router.post("/frame_synthesis", summary="Not implemented: no voice sings")
async def sing() -> None:
    """Answers 501."""
    raise HTTPException(501, "歌唱音声合成には対応していません")
