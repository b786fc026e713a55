"""Finds the axes of the style space that moods go along, and writes ``tts_models/emotion/axes.safetensors``.

    python -m bench.emotion_axes --write

The acoustic model says a few texts in the styles of the 54 voices and of random mixtures of them; what it predicts is
measured (:data:`~tts_models.emotion.style.AXES`) and regressed on the prosody half of the style; see
:mod:`tts_models.emotion.style` for the rest. Prints how well the regression predicts mixtures that it has not seen, and
what one step along each axis does to every property, in standard deviations over voices. No vocoder, no audio: about
two minutes on one core. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file

from tts_models.acoustic.batches import pad_tokens
from tts_models.acoustic.network import AcousticNetwork, TextFeatures
from tts_models.assets import AssetStore, default_root
from tts_models.checkpoint import load_strict
from tts_models.emotion.style import AXES, AXES_FILE
from tts_models.prosody import VOICED_ABOVE_HZ, span_points
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text import TextFrontend
from tts_models.text.vocabulary import PUNCTUATION, is_sound
from tts_models.types import STYLE_DIM, TIMBRE_DIM, AcousticFeatures, AcousticInput, FloatArray, Phonemes, Prosody

TEXTS = (
    ("en-US", "We looked for it everywhere, upstairs and downstairs, and in the end it was lying in the garden."),
    ("ja", "昨日は雨が降っていたので、家で本を読んで、早く寝ました。"),
    ("zh", "他昨天去了北京，没有告诉我，我今天早上才知道。"),
)
MIXTURES = 66
RIDGE = 0.1
"""Of the regression, in units of the styles' mean variance."""
NOISE = 0.1
"""Variance of a property that the styles do not explain, in variances over voices."""
BATCH = 8
Matrix = NDArray[np.float64]


def main() -> None:
    """Find, print, and if asked write."""
    options = _options()
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    store = AssetStore(Path(os.environ.get("VOICEGRAPH_HOME") or default_root()))
    voices = VoiceCatalogue.load(store.ensure("voices-v1.0"))
    network = AcousticNetwork().eval()
    load_strict(network, store.ensure("kokoro-82m-v1.0"), [f"{part}." for part, _ in network.named_children()])
    frontend = TextFrontend(first_segment_tokens=300)
    segments = [segment for language, text in TEXTS for segment in frontend.segments(text, language)]
    styles = _styles(voices, round(np.mean([len(segment.token_ids) for segment in segments])))
    measured = properties(network, segments, styles)
    result, axes = _found(styles, measured, len(voices))
    if options.write:
        save_file({name: axes[:, column].astype(np.float32) for column, name in enumerate(AXES)}, AXES_FILE)
    result["effects"] = _effects(network, segments, styles[: len(voices)], measured[: len(voices)], axes)
    _print(result)
    print(json.dumps(result))


def _styles(voices: VoiceCatalogue, n_tokens: int) -> FloatArray:
    """``(54 + MIXTURES, 256)``: the voices' styles, then mixtures of two to four."""
    own = np.stack([voice.style(n_tokens) for voice in voices])
    rng = np.random.default_rng(20)
    shares = np.zeros((MIXTURES, len(own)), np.float32)
    for row in shares:
        chosen = rng.choice(len(own), rng.integers(2, 5), replace=False)
        row[chosen] = rng.dirichlet(np.ones(len(chosen)))
    return np.concatenate([own, shares @ own])


def properties(network: AcousticNetwork, segments: Sequence[Phonemes], styles: FloatArray) -> Matrix:
    """``(N, len(AXES))``: what is predicted in each style, the mean over segments of the difference to its mean."""
    per_segment = []
    for segment in segments:
        tokens, lengths = pad_tokens([AcousticInput(segment.token_ids, styles[0])], torch.device("cpu"))
        text = network.encode(tokens, lengths)  # without a voice: most of the work, and done once
        rows = [
            measured_of(segment, prosody)
            for start in range(0, len(styles), BATCH)
            for prosody in _predicted(network, text, styles[start : start + BATCH])
        ]
        per_segment.append(np.array(rows))
    return np.nanmean([rows - np.nanmean(rows, axis=0) for rows in per_segment], axis=0)


def _predicted(network: AcousticNetwork, text: TextFeatures, styles: FloatArray) -> Iterator[Prosody]:
    """What the model predicts for one text in each of ``styles``, as :class:`AcousticModel` does."""
    style = torch.from_numpy(styles[:, TIMBRE_DIM:])
    rows = len(styles)
    texts = TextFeatures(text.context.expand(rows, -1, -1), text.encoding.expand(rows, -1, -1), None)
    context, durations = network.predict_durations(texts, style)
    frames = durations.round().clamp(min=1).long()
    curves = network.predict_curves(context, frames, style)
    for own, f0, energy in zip(frames, *curves, strict=True):
        end = 2 * int(own.sum())
        yield Prosody(own.numpy(), f0[:end].numpy(), energy[:end].numpy())


def measured_of(segment: Phonemes, features: Prosody | AcousticFeatures) -> list[float]:
    """The properties of one segment, in the order of ``AXES``."""
    f0_hz = features.f0_hz.astype(np.float64)
    voiced = np.flatnonzero(f0_hz > VOICED_ABOVE_HZ)
    semitones = 12 * np.log2(f0_hz[voiced] / 100)
    time = (voiced - voiced[0]) / (voiced[-1] - voiced[0])
    slope, start = np.polyfit(time, semitones, 1)
    last = voiced > voiced[-1] - 26  # a third of a second
    sounds = [at + 1 for at, symbol in enumerate(segment.symbols) if is_sound(symbol)]
    marks = [at + 1 for at, symbol in enumerate(segment.symbols[:-1]) if symbol in PUNCTUATION]
    pauses = sum(features.durations_frames[mark : mark + 2].sum() for mark in marks)
    points = np.concatenate([np.arange(*span) for span in span_points(
        features.durations_frames, np.array([(at, at + 1) for at in sounds]))])  # fmt: skip
    return [
        float(semitones.mean()),
        float(np.std(semitones - np.polyval((slope, start), time))),
        float(slope),
        float(semitones[last].mean() - semitones.mean()),
        float(features.energy[points].mean()),
        float(np.log(len(sounds) / features.durations_frames[sounds].sum())),
        float(np.log(pauses)),
    ]


def _found(styles: FloatArray, measured: Matrix, n_voices: int) -> tuple[dict[str, object], Matrix]:
    """What the regression is worth, and ``(128, len(AXES))`` steps of one standard deviation over voices."""
    prosody = styles[:, TIMBRE_DIM:STYLE_DIM].astype(np.float64)
    centred = prosody - prosody[:n_voices].mean(axis=0)
    deviation = measured[:n_voices].std(axis=0)
    wanted = measured / deviation
    covariance = np.cov(centred[:n_voices].T)
    held_out = np.arange(len(styles)) % 5 == 4
    train = ~held_out
    weights, constant = _regression(centred[train], wanted[train])
    residual = wanted[held_out] - (centred[held_out] @ weights + constant)
    explained = 1 - residual.var(axis=0) / wanted[held_out].var(axis=0)
    weights, _ = _regression(centred, wanted)
    shared = covariance @ weights
    axes = shared @ np.linalg.inv(weights.T @ shared + NOISE * np.eye(len(AXES)))
    axes /= np.diag(weights.T @ axes)
    lengths = np.sqrt(np.diag(axes.T @ np.linalg.pinv(covariance, rcond=1e-3, hermitian=True) @ axes))
    result = {
        "deviation": dict(zip(AXES, deviation.round(4).tolist(), strict=True)),
        "explained_of_unseen": dict(zip(AXES, explained.round(3).tolist(), strict=True)),
        "mahalanobis_length": dict(zip(AXES, lengths.round(2).tolist(), strict=True)),
    }
    return result, axes


def _regression(x: Matrix, y: Matrix) -> tuple[Matrix, Matrix]:
    """Ridge regression: ``(128, K)`` weights and the constant."""
    mean, target = x.mean(axis=0), y.mean(axis=0)
    x = x - mean
    penalty = RIDGE * len(x) * x.var(axis=0).mean() * np.eye(x.shape[1])
    weights = np.linalg.solve(x.T @ x + penalty, x.T @ (y - target))
    return weights, target - mean @ weights


def _effects(
    network: AcousticNetwork, segments: Sequence[Phonemes], styles: FloatArray, before: Matrix, axes: Matrix
) -> dict[str, dict[str, float]]:
    """What a step along each axis really does to every property, from every 18th voice, standard deviations."""
    some = styles[::18]
    deviation = before.std(axis=0)
    effects = {}
    for column, name in enumerate(AXES):
        up, down = some.copy(), some.copy()
        up[:, TIMBRE_DIM:] += axes[:, column].astype(np.float32)
        down[:, TIMBRE_DIM:] -= axes[:, column].astype(np.float32)
        both = properties(network, segments, np.concatenate([up, down]))
        change = (both[: len(some)] - both[len(some) :]).mean(axis=0) / 2 / deviation
        effects[name] = dict(zip(AXES, change.round(2).tolist(), strict=True))
    return effects


def _print(result: dict[str, object]) -> None:
    for name in ("deviation", "explained_of_unseen", "mahalanobis_length"):
        print(f"{name:20s}", result[name])
    print("a step along         does, in standard deviations over voices:")
    effects = result["effects"]
    assert isinstance(effects, dict)
    for name, effect in effects.items():
        print(f"{name:20s}", "  ".join(f"{key} {value:+.2f}" for key, value in effect.items()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write the axes into the package")
    return parser.parse_args()


if __name__ == "__main__":
    main()
