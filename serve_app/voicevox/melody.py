"""Predicted lengths and pitches into a query, and a query's into what the acoustic model is given."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from serve_app.voicevox.margins import joined, margins
from serve_app.voicevox.plan import Segment, Unit
from serve_app.voicevox.schemas import AccentPhrase, AudioQuery, Mora
from tts_models.errors import InvalidRequest
from tts_models.prosody import FRAME_S, mean_log_f0, span_points
from tts_models.text.g2p.words import Break
from tts_models.text.gaps import gap_s
from tts_models.types import SAMPLE_RATE_HZ, Prosody, ProsodyEdit

ACCENT_STEP = 0.2
"""How far the pitch falls behind an accent that a client moved, natural logarithm of Hz."""
UPSPEAK_S, UPSPEAK_RISE, UPSPEAK_HIGHEST = 0.15, 0.3, 6.5
MAX_SILENCE_S = 600.0
"""Longest silence in one query, in all."""
_RISES_ITSELF = 0.1
_MIN_PITCH, _MAX_PITCH = math.log(30), math.log(1_500)
_NEVER_VOICED = ("cl", "pau", "sil")


def fill(
    phrases: Sequence[AccentPhrase],
    segments: Sequence[Segment],
    predicted: Sequence[Prosody],
    *,
    lengths: bool,
    pitches: bool,
) -> list[AccentPhrase]:
    """``phrases`` with the predicted lengths or pitches, or both.

    A pause is as long as its marks are spoken; between two segments it is all from the last mora to the first, such
    that the silence that was asked for is heard, or else the language's own gap.
    """
    result = [phrase.model_copy(deep=True) for phrase in phrases]
    for number, (segment, prosody) in enumerate(zip(segments, predicted, strict=True)):
        durations = prosody.durations_frames
        points = span_points(durations, np.array([(unit.start, unit.end) for unit in segment.units]))
        for unit, (start, end) in zip(segment.units, points, strict=True):
            mora = mora_of(result, unit)
            length_s = _seconds(int(durations[unit.start : unit.end].sum()))
            if lengths and unit.part == "consonant":
                mora.consonant_length = length_s
            elif lengths:
                mora.vowel_length = length_s + (mora.vowel_length if unit.part == "pause" else 0)
            if lengths and unit.part == "vowel" and mora.consonant and mora.consonant_length is None:
                mora.consonant_length = 0.0
            if pitches and unit.part == "vowel":
                mean = mean_log_f0(prosody.f0_hz[start:end])
                mora.pitch = 0.0 if math.isnan(mean) or mora.vowel in _NEVER_VOICED else round(mean, 6)
        if lengths and segment.pause_after is not None and number + 1 < len(segments):
            pause = result[segment.pause_after].pause_mora
            if pause:
                silence_s = pause.vowel_length or gap_s(segment.symbols, Break.NONE, "ja")
                one, two = (
                    margins(own, said.durations_frames, said.energy)
                    for own, said in ((segment, prosody), (segments[number + 1], predicted[number + 1]))
                )
                pause.vowel_length = round(joined(one, two, silence_s) / SAMPLE_RATE_HZ, 6)
    if pitches:
        for phrase in result:
            _move_accent(phrase)
    return result


def without_lengths(phrases: Sequence[AccentPhrase], pauses_s: Sequence[float] = ()) -> list[AccentPhrase]:
    """``phrases`` with pauses of the silence asked for only, ``pauses_s`` one a phrase, or none."""
    result = [phrase.model_copy(deep=True) for phrase in phrases]
    for index, phrase in enumerate(result):
        if phrase.pause_mora:
            phrase.pause_mora.vowel_length = pauses_s[index] if pauses_s else 0.0
    return result


def mora_of(phrases: Sequence[AccentPhrase], unit: Unit) -> Mora:
    """The mora that a unit belongs to; for a pause the pause's."""
    phrase = phrases[unit.phrase]
    if unit.part == "pause":
        assert phrase.pause_mora is not None
        return phrase.pause_mora
    return phrase.moras[unit.mora]


def scaled(query: AudioQuery, *, upspeak: bool) -> AudioQuery:
    """``query`` with its scales worked into its moras, as the engine does.

    Lengths include the speed. Where every pitch or every length is 0, as in the queries of engines that do not know
    them, they are left to the model.

    Raises:
        InvalidRequest: There is more silence than one query may ask for.
    """
    result = query.model_copy(deep=True)
    if upspeak:
        for phrase in result.accent_phrases:
            _raise_question(phrase)
    moras = [mora for phrase in result.accent_phrases for mora in phrase.moras]
    _scale_tempo(moras, result.tempoDynamicsScale)
    for phrase in result.accent_phrases:
        for mora in phrase.moras:
            mora.vowel_length /= result.speedScale
            if mora.consonant_length:
                mora.consonant_length /= result.speedScale
        if pause := phrase.pause_mora:
            length_s = pause.vowel_length if result.pauseLength is None else result.pauseLength
            pause.vowel_length = length_s * result.pauseLengthScale / result.speedScale
    voiced = [mora for mora in moras if mora.pitch > 0]
    for mora in voiced:
        mora.pitch *= 2**result.pitchScale
    if voiced:
        mean = sum(mora.pitch for mora in voiced) / len(voiced)
        for mora in voiced:
            mora.pitch = (mora.pitch - mean) * result.intonationScale + mean
            mora.pitch = min(max(mora.pitch, _MIN_PITCH), _MAX_PITCH)
    result.prePhonemeLength /= result.speedScale
    result.postPhonemeLength /= result.speedScale
    pauses = [phrase.pause_mora.vowel_length for phrase in result.accent_phrases if phrase.pause_mora]
    silence_s = sum([*pauses, result.prePhonemeLength, result.postPhonemeLength])
    if silence_s > MAX_SILENCE_S:
        raise InvalidRequest(
            f"The pauses add up to {silence_s:.0f} s; at most {MAX_SILENCE_S:g} s are allowed.", "pause"
        )
    return result


def edit_of(query: AudioQuery, segment: Segment) -> ProsodyEdit:
    """What the acoustic model is given of one segment of a ``scaled`` query. Pauses are cut to length later."""
    moras = [mora for phrase in query.accent_phrases for mora in phrase.moras]
    knows_lengths = any(mora.vowel_length or mora.consonant_length for mora in moras)
    knows_pitches = any(mora.pitch for mora in moras)
    frames, pitches, spans = [], [], []
    for unit in segment.units:
        if unit.part == "pause":
            continue
        mora = mora_of(query.accent_phrases, unit)
        length_s = mora.consonant_length if unit.part == "consonant" else mora.vowel_length
        spans.append((unit.start, unit.end))
        frames.append((length_s or 0.0) / FRAME_S if knows_lengths else math.nan)
        if unit.part == "consonant" or not knows_pitches or mora.vowel in _NEVER_VOICED:
            pitches.append(math.nan)
        else:
            pitches.append(mora.pitch or -math.inf)
    return ProsodyEdit(np.array(spans, np.int64).reshape(-1, 2), np.array(frames), np.array(pitches))


def _seconds(frames: int) -> float:
    return round(frames * FRAME_S, 6)


def _scale_tempo(moras: Sequence[Mora], scale: float) -> None:
    """Moves the length of each mora to or from the mean of all."""
    lengths = [mora.vowel_length + (mora.consonant_length or 0) for mora in moras]
    if scale == 1 or not any(lengths):
        return
    mean = sum(lengths) / len(lengths)
    for mora, length in zip(moras, lengths, strict=True):
        factor = max(mean + (length - mean) * scale, 0.0) / length if length else 1.0
        mora.vowel_length *= factor
        if mora.consonant_length:
            mora.consonant_length *= factor


def _raise_question(phrase: AccentPhrase) -> None:
    """Adds the engine's rising mora to a question, unless the model's own melody rises already."""
    last = phrase.moras[-1]
    before = phrase.moras[-2].pitch if len(phrase.moras) > 1 else 0.0
    if not phrase.is_interrogative or last.pitch <= 0 or 0 < before < last.pitch - _RISES_ITSELF:
        return
    trail = ""
    if last.spoken:  # the marks go behind the new mora
        kept = last.spoken.rstrip("?!.,… \n")
        last.spoken, trail = kept, last.spoken[len(kept) :]
    vowel = last.vowel if last.vowel in ("N", "cl") else last.vowel.lower()
    symbol = "ɴ" if vowel == "N" else "ː"
    phrase.moras.append(
        Mora(
            text=last.text if vowel == "N" else dict(zip("aiueo", "アイウエオ", strict=True)).get(vowel, "ッ"),
            vowel=vowel,
            vowel_length=UPSPEAK_S,
            pitch=max(min(last.pitch + UPSPEAK_RISE, UPSPEAK_HIGHEST), last.pitch),
            spoken=f"{vowel}={symbol}{trail}" if last.spoken else None,
        )
    )


def _pattern(accent: int, n_moras: int) -> list[float]:
    """High (1) and low (0) moras of a phrase in Tokyo's dialect."""
    return [float(number <= accent and (number > 1 or accent == 1)) for number in range(1, n_moras + 1)]


def _move_accent(phrase: AccentPhrase) -> None:
    """Moves the melody from the accent that the model spoke to the one that the phrase has.

    The model knows no accents; it guesses them from the words, as the analysis does. So nothing changes while the
    phrase has the accent it was analysed with, or, where that is not known, the one that the melody resembles most.
    """
    n_moras = len(phrase.moras)
    spoken = phrase.analysed_accent or _heard_accent(phrase)
    if spoken == phrase.accent or not 1 <= spoken <= n_moras:
        return
    old, new = _pattern(spoken, n_moras), _pattern(phrase.accent, n_moras)
    for mora, before, after in zip(phrase.moras, old, new, strict=True):
        if mora.pitch > 0:
            mora.pitch = round(max(mora.pitch + (after - before) * ACCENT_STEP, _MIN_PITCH), 6)


def _heard_accent(phrase: AccentPhrase) -> int:
    """The accent whose pattern the pitches resemble most."""
    heard = [(index, mora.pitch) for index, mora in enumerate(phrase.moras) if mora.pitch > 0]
    if len(heard) < 2:
        return phrase.accent

    def misfit(accent: int) -> float:
        pattern = _pattern(accent, len(phrase.moras))
        rest = np.array([pitch - pattern[index] * ACCENT_STEP for index, pitch in heard])
        return float(rest.var())

    return min(range(1, len(phrase.moras) + 1), key=lambda accent: (misfit(accent), accent != phrase.accent))
