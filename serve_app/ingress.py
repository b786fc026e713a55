"""The ingress deployment: the HTTP app over the graph, one per replica."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from ray import serve
from ray.serve.handle import DeploymentHandle

from deployments.assets import SENTENCES, VOICES, asset_store
from deployments.logs import keep_texts_out, log_with_serve
from deployments.settings import AppSettings, AssetSettings
from deployments.storage.records import open_records
from deployments.text_frontend import word_filter
from serve_app.admission import SharedAdmission
from serve_app.graph import RaySpeechGraph
from serve_app.http.app import create_app
from serve_app.http.context import Jobs
from serve_app.jobs.broker import JobSender, open_board
from serve_app.replicas import RunningReplicas, listening_address
from serve_app.speech_cache import open_cache
from serve_app.stage_load import StageLoads
from serve_app.voicevox.app import mount_voicevox
from serve_app.voicevox.own_port import listen_on_own_port
from tts_models.errors import AssetError
from tts_models.instructions import Meaning, Understanding
from tts_models.speaker.voices import VoiceCatalogue

logger = logging.getLogger(__name__)


def load_voices(assets: AssetSettings) -> VoiceCatalogue:
    """The preset voices."""
    return VoiceCatalogue.load(asset_store(assets).ensure(VOICES))


def load_understanding(assets: AssetSettings) -> Understanding:
    """Of instructions: by their meaning, or by words alone where there is no sentence encoder to be had."""
    try:
        return Understanding(Meaning.load(asset_store(assets).ensure(SENTENCES)))
    except AssetError as error:
        logger.warning("Instructions are understood by words alone: %s", error)
        return Understanding()


class SpeechIngress:
    """Holds the voices and the handles, and answers HTTP with the app built from them.

    Args:
        text: Handle of ``TextFrontend``.
        speaker: Handle of ``SpeakerEncoder``.
        acoustic: Handle of ``AcousticModel``.
        vocoder: Handle of ``Vocoder``.
        admission: Handle of ``Admission``.
        settings: The whole tree; the routes see ``settings.http`` and the records only.
        load_voices: Makes the catalogue; tests bring their own, as of the next.
        load_understanding: Makes what understands instructions.
        jobs: Handle of ``JobWorker``, which takes its work from the board.
        fitter: Handle of ``VoiceFitter``, which takes its work from the stored voices.
    """

    def __init__(
        self,
        text: DeploymentHandle[Any],
        speaker: DeploymentHandle[Any],
        acoustic: DeploymentHandle[Any],
        vocoder: DeploymentHandle[Any],
        admission: DeploymentHandle[Any],
        settings: AppSettings,
        load_voices: Callable[[AssetSettings], VoiceCatalogue] = load_voices,
        load_understanding: Callable[[AssetSettings], Understanding] = load_understanding,
        jobs: DeploymentHandle[Any] | None = None,
        fitter: DeploymentHandle[Any] | None = None,
    ) -> None:
        log_with_serve()
        keep_texts_out(settings.text)
        self._graph = RaySpeechGraph(text, speaker, acoustic, vocoder, settings.synthesis)
        self._voices = load_voices(settings.assets)
        self._understanding = load_understanding(settings.assets)
        self._http = settings.http
        self._places = settings.admission
        # What the cache of speech holds is answered though the desk is full, so it must come this far.
        self._admission = SharedAdmission(admission, settings.admission, proxy_may_refuse=not settings.cache.enabled)
        stages = {"TextFrontend": text, "SpeakerEncoder": speaker, "AcousticModel": acoustic, "Vocoder": vocoder}
        if fitter is not None and settings.fitting.enabled:
            stages["VoiceFitter"] = fitter
        self._stages = StageLoads(stages)
        self._records = open_records(settings.storage)
        self._count_in = settings.storage.records
        redirects = settings.storage.object_links == "redirect"
        self._jobs = Jobs(open_board(settings), JobSender(settings).send, redirects)
        self._forbidden = word_filter(settings.text)
        self._cache = open_cache(settings, self._jobs.board.objects, self._records, self._voices)

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Called by ``serve.ingress`` inside the replica, after ``__init__``: a FastAPI app does not travel well."""
        replicas = RunningReplicas(serve.get_replica_context().app_name)
        app = create_app(
            self._graph,
            self._voices,
            self._http,
            behind_ray_proxy=True,
            replicas=replicas,
            records=self._records,
            places=self._places,
            admission=self._admission,
            stages=self._stages,
            listens_on=listening_address(),
            count_in=self._count_in,
            long_work=self._jobs,
            forbidden=self._forbidden,
            understanding=self._understanding,
            cache=self._cache,
        )
        mount_voicevox(app)
        listen_on_own_port(app)
        return app
