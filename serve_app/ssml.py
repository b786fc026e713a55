"""SSML in an utterance: the document is read once, at the ingress, and its voices are found there."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Literal

from serve_app.graph import Utterance
from serve_app.voices.book import Voices
from tts_models.errors import InvalidRequest, VoiceNotFound
from tts_models.speaker.voices import Gender, Voice
from tts_models.text.languages import resolve_language
from tts_models.text.ssml import CastVoice, SsmlText, VoiceWish, looks_like_ssml, parse_ssml

InputFormat = Literal["auto", "text", "ssml"]

MIN_TOTAL_RATE = 0.1
"""Slowest that the request's speed and a document's rates may make speech together."""


def marked_up(utterance: Utterance, voices: Voices, input_format: InputFormat = "auto") -> Utterance:
    """``utterance`` with its text read as SSML, if that is what it is.

    Args:
        utterance: Its text as the caller wrote it.
        voices: Where a ``voice`` element finds its own.
        input_format: ``auto`` takes a text that begins with ``<speak`` for SSML.

    Raises:
        InvalidSsml: The document is not well formed or asks for what there is not.
        RequestError: A voice or a language there is not, or speech too slow.
    """
    if input_format == "text" or (input_format == "auto" and not looks_like_ssml(utterance.text)):
        return utterance
    cast: dict[str, Voice] = {}

    def find(wish: VoiceWish) -> CastVoice:
        voice = _cast(wish, voices, utterance.voice)
        cast[voice.name] = voice
        return CastVoice(voice.name, voice.language)

    markup = parse_ssml(utterance.text, resolve_language(utterance.language).tag, find)
    _check_rate(markup, utterance.speed)
    return replace(utterance, markup=markup, voices=cast)


def _cast(wish: VoiceWish, voices: Voices, speaker: Voice) -> Voice:
    """The voice for a ``voice`` element: the first of its names there is, or the first that is as it asks.

    Names stand between spaces, but a name and a mix may have spaces in them: all of them together may be one.
    """
    if len(wish.names) > 1:
        with suppress(VoiceNotFound):
            return voices.get(" ".join(wish.names))
    missing: VoiceNotFound | None = None
    for name in wish.names:
        try:
            return voices.get(name)
        except VoiceNotFound as error:
            missing = missing or error
    if missing:
        raise missing
    current = voices.get(wish.current) if wish.current else speaker
    gender: Gender | None = "female" if wish.gender == "female" else "male" if wish.gender == "male" else None
    fitting = [
        voice for language in wish.languages or (wish.current_language,) for voice in voices.like(language, gender)
    ]
    if not fitting:
        wanted = " ".join(
            filter(None, (wish.gender, "voice of", " or ".join(wish.languages or (wish.current_language,))))
        )
        raise VoiceNotFound(f"There is no {wanted}; GET /v1/audio/voices lists what there is.")
    if wish.variant > len(fitting):
        raise VoiceNotFound(f"There are {len(fitting)} such voices, no variant {wish.variant}.")
    if wish.variant == 1 and any(voice.name == current.name for voice in fitting):
        return current
    return fitting[wish.variant - 1]


def _check_rate(markup: SsmlText, speed: float) -> None:
    slowest = min((change.rate for change in markup.controlled.changes), default=1.0)
    if slowest < 1 and speed * slowest < MIN_TOTAL_RATE:
        raise InvalidRequest(
            f"'speed' {speed:g} and the slowest rate in the SSML make {speed * slowest:.2g} together;"
            f" {MIN_TOTAL_RATE:g} is as slow as it gets.",
            "speed",
        )
