"""Routes that make and change queries."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException

from serve_app.voicevox.engine import CoreVersion, Engine, EngineOf, StyleId
from serve_app.voicevox.schemas import AccentPhrase, AudioQuery, KanaBadRequest, Preset
from serve_app.voicevox.synthesis import require_short
from tts_models.text import moras
from tts_models.text.kana import parse_kana, write_kana
from tts_models.types import SAMPLE_RATE_HZ

router = APIRouter(tags=["queries"])

_KANA: dict[int | str, dict[str, Any]] = {400: {"model": KanaBadRequest, "description": "Not in the kana notation."}}
KatakanaEnglish = Annotated[bool, Query(description="Not read: Latin words are read by Open JTalk's dictionary.")]


@router.post("/audio_query", summary="A query for a text")
async def audio_query(
    text: str,
    speaker: StyleId,
    engine: EngineOf,
    enable_katakana_english: KatakanaEnglish = True,
    core_version: CoreVersion = None,
) -> AudioQuery:
    """Accent phrases with the lengths and pitches that the voice's model predicts, and neutral scales."""
    return query_of(await engine.read(text, speaker))


@router.post("/audio_query_from_preset", summary="A query for a text with a preset's scales")
async def audio_query_from_preset(
    text: str,
    preset_id: int,
    engine: EngineOf,
    enable_katakana_english: KatakanaEnglish = True,
    core_version: CoreVersion = None,
) -> AudioQuery:
    """As `/audio_query`, in the voice and with the scales of a preset."""
    presets = {preset.id: preset for preset in await asyncio.to_thread(engine.presets.all)}
    if preset_id not in presets:
        raise HTTPException(422, "該当するプリセットIDが見つかりません")
    preset = presets[preset_id]
    return query_of(await engine.read(text, preset.style_id), preset)


@router.post("/accent_phrases", summary="Accent phrases of a text", responses=_KANA)
async def accent_phrases(
    text: str,
    speaker: StyleId,
    engine: EngineOf,
    is_kana: bool = False,
    enable_katakana_english: KatakanaEnglish = True,
    core_version: CoreVersion = None,
) -> list[AccentPhrase]:
    """Of plain text, or of the kana notation.

    Katakana, `/` or `、` between phrases, `'` after the accent, `_` before a devoiced mora, `？` ending a question.
    """
    if not is_kana:
        return await engine.read(text, speaker)
    require_short(text, engine.settings.max_input_characters)
    voice = engine.voice(speaker)
    return await engine.analysed(parse_kana(text), voice)


@router.post("/mora_data", summary="Predict lengths and pitches again")
async def mora_data(
    phrases: list[AccentPhrase], speaker: StyleId, engine: EngineOf, core_version: CoreVersion = None
) -> list[AccentPhrase]:
    """Of every mora; an accent that was moved moves the melody."""
    return await _predicted(engine, phrases, speaker, lengths=True, pitches=True)


@router.post("/mora_length", summary="Predict lengths again")
async def mora_length(
    phrases: list[AccentPhrase], speaker: StyleId, engine: EngineOf, core_version: CoreVersion = None
) -> list[AccentPhrase]:
    """Of every mora and pause."""
    return await _predicted(engine, phrases, speaker, lengths=True, pitches=False)


@router.post("/mora_pitch", summary="Predict pitches again")
async def mora_pitch(
    phrases: list[AccentPhrase], speaker: StyleId, engine: EngineOf, core_version: CoreVersion = None
) -> list[AccentPhrase]:
    """Of every mora; an accent that was moved moves the melody."""
    return await _predicted(engine, phrases, speaker, lengths=False, pitches=True)


@router.post("/validate_kana", summary="Whether a text is in the kana notation", responses=_KANA)
async def validate_kana(text: str) -> bool:
    """True, or an error that says what is wrong."""
    parse_kana(text)
    return True


async def _predicted(
    engine: Engine, phrases: list[AccentPhrase], speaker: int, *, lengths: bool, pitches: bool
) -> list[AccentPhrase]:
    return await engine.filled(phrases, engine.voice(speaker), lengths=lengths, pitches=pitches)


def query_of(phrases: list[AccentPhrase], preset: Preset | None = None) -> AudioQuery:
    """A query of neutral scales, or of a preset's."""
    return AudioQuery(
        accent_phrases=phrases,
        speedScale=preset.speedScale if preset else 1.0,
        pitchScale=preset.pitchScale if preset else 0.0,
        intonationScale=preset.intonationScale if preset else 1.0,
        volumeScale=preset.volumeScale if preset else 1.0,
        prePhonemeLength=preset.prePhonemeLength if preset else 0.1,
        postPhonemeLength=preset.postPhonemeLength if preset else 0.1,
        pauseLength=preset.pauseLength if preset else None,
        pauseLengthScale=preset.pauseLengthScale if preset else 1.0,
        tempoDynamicsScale=preset.tempoDynamicsScale if preset else 1.0,
        outputSamplingRate=SAMPLE_RATE_HZ,
        outputStereo=False,
        kana=write_kana([_analysed(phrase) for phrase in phrases]),
    )


def _analysed(phrase: AccentPhrase) -> moras.AccentPhrase:
    """What the kana notation tells of a phrase."""
    return moras.AccentPhrase(
        tuple(moras.Mora(mora.text, mora.consonant, mora.vowel, "") for mora in phrase.moras),
        phrase.accent,
        phrase.is_interrogative,
        "," if phrase.pause_mora else "",
    )
