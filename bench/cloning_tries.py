"""What a clone's delivery does to its likeness: the speaker's pace, and the prosody half of other presets.

    python -m bench.cloning_tries --speakers lj mol tom train_grace      # ten minutes on one core

Each speaker is fitted as in ``bench.cloning``; then only what is not timbre is changed. ``rate`` speaks as many
syllables a second as the reference. ``prosody`` takes the prosody half of the style from that of eight presets (the
nearest to the speaker) with which the fit's own encoder hears most of the reference, ``no prosody`` from the mean of
all presets. F0's median is the speaker's each time. Judged as in ``bench.cloning``, on clips that took no part.

Syllables are peaks of loudness in voiced speech, after de Jong & Wempe, Praat script to detect syllable nuclei and
measure speech rate automatically, Behavior Research Methods 41 (2009).

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from bench.cloning import REFERENCE_S, SENTENCES, UNSEEN_CLIPS, UNSEEN_S, Studio, at_16_khz
from bench.cloning_speakers import speakers
from tts_models.assets import AssetStore, default_root
from tts_models.fitting.fitter import VoiceFitter
from tts_models.fitting.plan import FitPlan
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.pitch import f0_curve, pitch_of
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.types import TIMBRE_DIM, FloatArray

_FRAME = ENCODER_RATE_HZ // 100
_SMOOTH_FRAMES = 7
_DIP_DB = 2.0
_LEAST_DB = -25.0
_PRESETS = 8
_MIN_RATE, _MAX_RATE = 0.75, 1.33


def syllables_per_s(clip: FloatArray) -> float:
    """Peaks of loudness that are voiced and stand out by 2 dB, by second of ``clip``, ``(n,)`` at 16 kHz."""
    frames = clip[: len(clip) // _FRAME * _FRAME].reshape(-1, _FRAME)
    window = np.hanning(_SMOOTH_FRAMES + 2)[1:-1]
    power = np.convolve((frames.astype(np.float64) ** 2).mean(axis=1), window / window.sum(), "same")
    level = 10 * np.log10(power + 1e-10)
    is_voiced = f0_curve(clip)[: len(level)] > 0
    count, lowest, highest, at = 0, level[0], -np.inf, 0
    for frame, decibel in enumerate(level):
        if decibel > highest:
            highest, at = decibel, frame
        if decibel < highest - _DIP_DB:  # the peak is over
            if highest > lowest + _DIP_DB and is_voiced[at] and highest > level.max() + _LEAST_DB:
                count += 1
            lowest, highest = decibel, decibel
        lowest = min(lowest, decibel)
    return count * ENCODER_RATE_HZ / len(clip)


def main() -> None:
    """Fit, change, judge, print."""
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speakers", nargs="+", default=["lj", "mol", "tom", "train_grace"])
    parser.add_argument("--steps", type=int, default=FitPlan().steps, help="of a fit, at most")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    store = AssetStore(Path(os.environ.get("VOICEGRAPH_HOME") or default_root()))
    known = speakers()
    studio = Studio(store)
    weights = [store.ensure(name) for name in ("kokoro-82m-v1.0", "ecapa-tdnn-voxceleb", "voices-v1.0")]
    fitter = VoiceFitter.load(*weights, torch.device("cpu"))
    catalogue = VoiceCatalogue.load(weights[2])
    rows = {}
    for speaker in options.speakers:
        clips = known[speaker]
        reference = clips[0][: int(REFERENCE_S * ENCODER_RATE_HZ)]
        unseen = [clip[: int(UNSEEN_S * ENCODER_RATE_HZ)] for clip in clips[1 : 1 + UNSEEN_CLIPS]]
        fitted = fitter.fit([reference], studio.nearest(reference), FitPlan(steps=options.steps)).recipe
        tries = {"fitted": fitted, **_tries(studio, catalogue, fitted, reference)}
        rows[speaker] = {name: studio.marks(recipe, unseen) for name, recipe in tries.items()}
        print(speaker, json.dumps(rows[speaker]), flush=True)
    names = list(next(iter(rows.values())))
    mean = {
        name: {
            mark: round(float(np.mean([row[name][mark] for row in rows.values()])), 3) for mark in rows[speaker][name]
        }
        for name in names
    }
    print(json.dumps({"bench": "cloning_tries", "mean": mean, "speakers": rows}))


def _tries(
    studio: Studio, catalogue: VoiceCatalogue, fitted: VoiceRecipe, reference: FloatArray
) -> dict[str, VoiceRecipe]:
    rate = syllables_per_s(reference) / syllables_per_s(_said(studio, fitted))
    presets = [recipe for recipe in studio.nearest_few(reference, _PRESETS) if recipe.presets != fitted.presets]
    others = [_as_high(studio, _with_prosody(fitted, catalogue, recipe), reference) for recipe in presets]
    heard = [studio.likeness([_said(studio, recipe)], [reference])[1] for recipe in (fitted, *others)]
    mean = VoiceRecipe(dict.fromkeys(catalogue.names, 1 / len(catalogue.names)))
    return {
        "rate": replace(fitted, rate=float(np.clip(rate, _MIN_RATE, _MAX_RATE))),
        "prosody": (fitted, *others)[int(np.argmax(heard))],
        "no prosody": _as_high(studio, _with_prosody(fitted, catalogue, mean), reference),
    }


def _with_prosody(fitted: VoiceRecipe, catalogue: VoiceCatalogue, other: VoiceRecipe) -> VoiceRecipe:
    """``fitted`` with the prosody half of ``other``."""
    ours, theirs = (recipe.voice(catalogue, "try", "en-US", "female").styles for recipe in (fitted, other))
    offset = fitted.offset.copy()
    offset[TIMBRE_DIM:] += (theirs - ours)[:, TIMBRE_DIM:].mean(axis=0)
    return replace(fitted, offset=offset)


def _as_high(studio: Studio, recipe: VoiceRecipe, reference: FloatArray) -> VoiceRecipe:
    heard_hz = pitch_of(_said(studio, recipe)).median_hz
    return replace(recipe, semitones=recipe.semitones + 12 * float(np.log2(pitch_of(reference).median_hz / heard_hz)))


def _said(studio: Studio, recipe: VoiceRecipe, texts: Sequence[str] = SENTENCES[:2]) -> FloatArray:
    said: FloatArray = np.concatenate(at_16_khz(studio.say(recipe, texts)))
    return said


if __name__ == "__main__":
    main()
