"""Wires the deployments into one application; ``serve_app.builder:build`` is the import path of ``config/*.yaml``."""

# No ``from __future__ import annotations`` here: Ray reads the class of ``build``'s argument from its signature.

from dataclasses import dataclass
from typing import Any

from ray import serve
from ray.serve import Application

from deployments import acoustic, speaker_encoder, text_frontend, vocoder
from deployments.settings import AppSettings
from serve_app.ingress import SpeechIngress, load_voices


@dataclass(frozen=True)
class Loaders:
    """What each deployment's replicas make their model with. Tests bring small or slow ones; the rest stays real."""

    text: Any = text_frontend.load
    speaker: Any = speaker_encoder.load
    acoustic: Any = acoustic.load
    vocoder: Any = vocoder.load
    voices: Any = load_voices


def build(args: AppSettings) -> Application:
    """The application, with the models that belong to it.

    Args:
        args: ``args`` of the YAML; Ray validates them into the settings tree, where a misspelt key is an error.
    """
    return assemble(args, Loaders())


def assemble(settings: AppSettings, loaders: Loaders) -> Application:
    """The application over the models that ``loaders`` make. Each stage sees only its own part of the settings."""
    assets = settings.assets
    return serve.deployment(serve.ingress()(SpeechIngress), name="Ingress").bind(
        text=serve.deployment(text_frontend.TextFrontend).bind(settings.text, loaders.text),
        speaker=serve.deployment(speaker_encoder.SpeakerEncoder).bind(settings.speaker, assets, loaders.speaker),
        acoustic=serve.deployment(acoustic.AcousticModel).bind(settings.acoustic, assets, loaders.acoustic),
        vocoder=serve.deployment(vocoder.Vocoder).bind(settings.vocoder, assets, loaders.vocoder),
        settings=settings,
        load_voices=loaders.voices,
    )
