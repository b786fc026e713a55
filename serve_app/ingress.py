"""The ingress deployment: the HTTP app over the graph, one per replica."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from ray.serve.handle import DeploymentHandle

from deployments.replica import asset_store
from deployments.settings import AppSettings
from serve_app.graph import RaySpeechGraph
from serve_app.http.app import create_app
from tts_models.speaker.voices import VoiceCatalogue

VOICES = "voices-v1.0"
"""Asset with the preset voices."""


class SpeechIngress:
    """Holds the voices and the handles, and answers HTTP with the app built from them.

    Args:
        text: Handle of ``TextFrontend``.
        speaker: Handle of ``SpeakerEncoder``.
        acoustic: Handle of ``AcousticModel``.
        vocoder: Handle of ``Vocoder``.
        settings: The whole tree; the routes see ``settings.http`` only.
    """

    def __init__(
        self,
        text: DeploymentHandle[Any],
        speaker: DeploymentHandle[Any],
        acoustic: DeploymentHandle[Any],
        vocoder: DeploymentHandle[Any],
        settings: AppSettings,
    ) -> None:
        self._graph = RaySpeechGraph(text, speaker, acoustic, vocoder, settings.synthesis)
        self._voices = VoiceCatalogue.load(asset_store(settings.assets).ensure(VOICES))
        self._http = settings.http

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Called by ``serve.ingress`` inside the replica, after ``__init__``: a FastAPI app does not travel well."""
        return create_app(self._graph, self._voices, self._http)
