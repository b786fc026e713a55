"""The HTTP application over a graph."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from deployments.settings import AdmissionSettings, HttpSettings, JobSettings
from deployments.storage.api_keys import ApiKeys
from deployments.storage.consents import ConsentStore
from deployments.storage.objects import memory_objects
from deployments.storage.records import Records, SqliteRecords
from deployments.storage.voices import VoiceStore
from serve_app.admission import Admits, LocalAdmission
from serve_app.graph import SpeechGraph
from serve_app.http import (
    captions,
    dictionaries,
    health,
    jobs,
    load,
    load_events,
    openai_models,
    openai_speech,
    past_captions,
    voice_consents,
)
from serve_app.http import voices as voice_routes
from serve_app.http.access import AccessMiddleware
from serve_app.http.body_limit import BodyLimitMiddleware
from serve_app.http.context import HttpContext, Jobs, KeepsSpeech, MeasuresSpeech, Outcome, Replicas, Stages
from serve_app.http.enrolment import Enroller
from serve_app.http.errors import UnknownErrorMiddleware, handle
from serve_app.http.keyring import Keyring
from serve_app.http.limits import EXPOSED_HEADERS, Counters, Limiter
from serve_app.http.metrics import ErrorCountMiddleware, SpeechMeter, outcome_counter
from serve_app.http.openapi import describe_keys
from serve_app.http.page import add_page
from serve_app.http.past_captions import CaptionKeeper
from serve_app.http.request_id import RequestIdMiddleware
from serve_app.jobs.board import JobBoard
from serve_app.manner import INSTRUCTIONS_HEADER
from serve_app.stage_load import StageLoad
from serve_app.voices.registry import VoiceRegistry
from tts_models.errors import TtsError
from tts_models.instructions import Understanding
from tts_models.speaker.presets import PresetVoices, preset_voices
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text.word_filter import WordFilter

_MOST_WATCHERS = 32
"""Each holds one of the ``max_ongoing_requests`` of the ingress replica."""

_IN_BASE64 = 1.4
_DESCRIPTION = """Text in, speech out, as OpenAI's clients know it; fields marked *Extension* are ours.

Every response carries `x-request-id`. Every error has the shape `{"error": {"message", "type", "param", "code"}}`."""


def create_app(
    graph: SpeechGraph,
    voices: VoiceCatalogue,
    settings: HttpSettings,
    *,
    behind_ray_proxy: bool = False,
    count: Callable[[Outcome], None] | None = None,
    meter: MeasuresSpeech | None = None,
    count_error: Callable[[str, int, str], None] | None = None,
    replicas: Replicas | None = None,
    records: Records | None = None,
    places: AdmissionSettings | None = None,
    admission: Admits | None = None,
    stages: Stages | None = None,
    preset_table: PresetVoices | None = None,
    listens_on: str | None = "127.0.0.1",
    count_in: str | None = None,
    long_work: Jobs | None = None,
    forbidden: WordFilter | None = None,
    understanding: Understanding | None = None,
    cache: KeepsSpeech | None = None,
) -> FastAPI:
    """The application.

    Args:
        graph: Makes the speech.
        voices: The preset voices.
        settings: What is accepted and answered.
        behind_ray_proxy: Ray Serve's proxy adds ``x-request-id`` to every response; true leaves that to it.
        count: Told the outcome of every speech request; Ray's metrics where absent, as for the next two.
        meter: Told how soon and how fast speech was made.
        count_error: Told route, status and code of every answer that is an error.
        replicas: How many replicas of each deployment are running; there are none to ask about where absent.
        records: What is kept across restarts; in memory where absent.
        places: How many utterances run and wait; as the settings have it where absent.
        admission: Gives them their places; a desk of this process where absent.
        stages: What each stage has to do; there are none to ask about where absent.
        preset_table: What is known of the presets' voices; of Kokoro's where absent.
        listens_on: What the server's socket is bound to, None if nobody knows: decides whether callers need a key.
        long_work: Where jobs are handed in; nobody makes them where absent.
        forbidden: What may not be spoken; everything may where absent.
        cache: Keeps speech for whoever asks for the very same again; nothing is kept where absent.
        count_in: URL of the Redis server in which rates are counted; None counts them in this process.
        understanding: Of instructions; by words alone where absent.
    """
    records = records or SqliteRecords(Path(":memory:"))
    places = places or AdmissionSettings()
    admits = admission or LocalAdmission(places)
    long_work = long_work or Jobs(JobBoard(records, memory_objects(), JobSettings()), send=lambda _: None)
    count_in_metrics = count or outcome_counter()

    def count_everywhere(outcome: Outcome) -> None:
        count_in_metrics(outcome)
        admits.count(outcome)

    registry = VoiceRegistry(voices, VoiceStore(records))
    consents = ConsentStore(records, long_work.board.objects)
    enroller = Enroller(registry, preset_table or preset_voices(), consents, settings.voices)
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
        registry,
        enroller,
        settings,
        count=count_everywhere,
        meter=meter or SpeechMeter(),
        replicas=replicas or _no_replicas,
        admission=admits,
        timeout_s=places.timeout_s,
        stages=stages or _no_stages,
        records=records,
        jobs=long_work,
        captions=CaptionKeeper.of(records, settings),
        watchers=asyncio.Semaphore(_MOST_WATCHERS),
        understanding=understanding or Understanding(),
        forbidden=forbidden,
        cache=cache,
    )
    rooms = (
        openai_speech,
        captions,
        past_captions,
        jobs,
        openai_models,
        voice_routes,
        voice_consents,
        dictionaries,
        health,
        load,
        load_events,
    )
    for room in rooms:
        app.include_router(room.router)
    add_page(app, settings)
    describe_keys(app)
    made = settings.voices
    with_reference = settings.max_body_bytes + _IN_BASE64 * made.max_sample_bytes
    long_bodies = {
        jobs.router.prefix: long_work.board.settings.max_body_bytes,
        voice_routes.router.prefix: made.max_body_bytes,
        voice_consents.router.prefix: made.max_sample_bytes + settings.max_body_bytes,
        **dict.fromkeys(("/v1/audio/speech", "/v1/audio/captions"), round(with_reference)),
    }
    # The last one added is the outermost.
    app.add_middleware(BodyLimitMiddleware, max_bytes=settings.max_body_bytes, elsewhere=long_bodies)
    app.add_middleware(
        AccessMiddleware,
        settings=settings,
        keyring=Keyring(ApiKeys(records)),
        limiter=Limiter(settings.limits, Counters(count_in)),
        listens_on=listens_on,
    )
    app.add_middleware(UnknownErrorMiddleware)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["*"],
            expose_headers=["x-request-id", INSTRUCTIONS_HEADER, "Retry-After", "retry-after-ms", *EXPOSED_HEADERS],
        )
    known = [route for room in rooms for route in room.router.routes]
    app.add_middleware(ErrorCountMiddleware, routes=known, count=count_error)
    app.add_middleware(RequestIdMiddleware, answer=not behind_ray_proxy)
    return app


async def _no_stages() -> Sequence[StageLoad]:
    return ()


async def _no_replicas() -> Mapping[str, int]:
    return {}


def _version() -> str:
    try:
        return version("voicegraph")
    except PackageNotFoundError:  # run from a checkout
        return "0.0.0+checkout"
