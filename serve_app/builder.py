"""Wires the deployments into one application; ``serve_app.builder:build`` is the import path of ``config/*.yaml``."""

# No ``from __future__ import annotations`` here: Ray reads the class of ``build``'s argument from its signature.

from dataclasses import dataclass
from typing import Any

from ray import serve
from ray.serve import Application, Deployment

from deployments import acoustic, speaker_encoder, text_frontend, vocoder, voice_fitter
from deployments.acoustic import AcousticModel
from deployments.admission import Admission
from deployments.settings import AppSettings
from deployments.speaker_encoder import SpeakerEncoder
from deployments.text_frontend import TextFrontend
from deployments.vocoder import Vocoder
from deployments.voice_fitter import VoiceFitter
from serve_app.ingress import SpeechIngress, load_understanding, load_voices
from serve_app.jobs.deployment import consumer


@dataclass(frozen=True)
class Loaders:
    """What each deployment's replicas make their model with. Tests bring small or slow ones; the rest stays real."""

    text: Any = text_frontend.load
    speaker: Any = speaker_encoder.load
    acoustic: Any = acoustic.load
    vocoder: Any = vocoder.load
    voices: Any = load_voices
    understanding: Any = load_understanding
    decode: str | None = None  # import path of what opens reference audio
    fitter: Any = voice_fitter.load


def build(args: AppSettings) -> Application:
    """The application, with the models that belong to it.

    Args:
        args: ``args`` of the YAML; Ray validates them into the settings tree, where a misspelt key is an error.
    """
    return assemble(args, Loaders())


def assemble(settings: AppSettings, loaders: Loaders) -> Application:
    """The application over the models that ``loaders`` make. Each stage sees only its own part of the settings."""
    assets = settings.assets
    stages = {
        "text": _deployment(TextFrontend).bind(settings.text, loaders.text, storage=settings.storage),
        "speaker": _deployment(SpeakerEncoder).bind(
            settings.speaker, assets, loaders.speaker, loaders.decode, storage=settings.storage
        ),
        "acoustic": _deployment(AcousticModel).bind(settings.acoustic, assets, loaders.acoustic),
        "vocoder": _deployment(Vocoder).bind(settings.vocoder, assets, loaders.vocoder),
    }
    jobs = _deployment(consumer(settings), "JobWorker")
    fitter = _deployment(VoiceFitter).bind(settings.fitting, assets, settings.storage, loaders.fitter)
    return _deployment(serve.ingress()(SpeechIngress), "Ingress").bind(
        **stages,
        admission=_deployment(Admission).bind(settings.admission),
        settings=settings,
        load_voices=loaders.voices,
        load_understanding=loaders.understanding,
        jobs=jobs.bind(
            **stages, settings=settings, load_voices=loaders.voices, load_understanding=loaders.understanding
        ),
        fitter=fitter,
    )


def _deployment(replica: type, name: str | None = None) -> Deployment:
    # Three tries are enough for a passing fault; a missing asset is then reported instead of tried twenty times.
    decorate = serve.deployment(name=name or replica.__name__, max_constructor_retry_count=3)
    return decorate(replica)
