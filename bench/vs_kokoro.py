"""Audio seconds made a second: this project's two model stages beside the reference ``kokoro`` package.

    python -m bench.vs_kokoro --threads 2

Both get the same phonemes, voices and weights, the same number of threads, and take turns utterance by utterance in one
process, so that what else happens on the machine meets both. The reference is ``KModel`` of ``kokoro`` 0.9.4 as its own
pipeline calls it, one utterance at a time, in float32 torch. Graphemes to phonemes are left out on both sides.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

from tests.support.kokoro_reference import reference_model
from tests.support.speech import SENTENCES, Sentence
from tts_models.acoustic import AcousticModel
from tts_models.assets import AssetStore, default_root
from tts_models.engine import ENGINES, choose_engine, float32_kernels
from tts_models.errors import TtsError
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text.vocabulary import SYMBOL_IDS
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, AcousticFeatures, AcousticInput
from tts_models.vocoder import Vocoder

LONG = Sentence("af_bella", " ".join(s.text for s in SENTENCES), " ".join(s.symbols for s in SENTENCES))
REFERENCE = "kokoro"


def main() -> None:
    """Measure and print."""
    options = _options()
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    store = AssetStore(Path(os.environ.get("VOICEGRAPH_HOME") or default_root()))
    weights = store.ensure("kokoro-82m-v1.0")
    items = _items(VoiceCatalogue.load(store.ensure("voices-v1.0")))

    ways: dict[str, Callable[[AcousticInput], float]] = {REFERENCE: _reference(weights)}
    for name in options.engines:
        engine = choose_engine(name, device="cpu")
        acoustic = AcousticModel.load(weights, engine.device, float32_kernels() if engine.kernels else None)
        ways[engine.name] = _ours(acoustic, Vocoder.load(weights, engine))

    rounds = _measure(ways, items, options.rounds)
    result = _summary(rounds, options.threads)
    _print_table(result)
    print(json.dumps(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.vs_kokoro", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--threads", type=int, default=cores, help="CPU threads of either side (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="times every utterance is made (default: %(default)s)")
    parser.add_argument(
        "--engines",
        nargs="+",
        choices=ENGINES,
        default=["fp32", "auto"],
        help="engines of the vocoder, see tts_models/engine.py (default: fp32 auto)",
    )
    return parser.parse_args()


def _items(voices: VoiceCatalogue) -> list[AcousticInput]:
    """Four short utterances and a long one."""
    items = []
    for sentence in (*SENTENCES, LONG):
        token_ids = tuple(SYMBOL_IDS[symbol] for symbol in sentence.symbols)
        items.append(AcousticInput(token_ids, voices.get(sentence.voice).style(len(token_ids))))
    return items


def _reference(weights: Path) -> Callable[[AcousticInput], float]:
    model = reference_model(weights)

    def make(item: AcousticInput) -> float:
        tokens = torch.tensor([[0, *item.token_ids, 0]])
        audio, _ = model.forward_with_tokens(tokens, torch.from_numpy(item.style)[None], item.speed)
        return float(audio.numel() / SAMPLE_RATE_HZ)

    return make


def _ours(acoustic: AcousticModel, vocoder: Vocoder) -> Callable[[AcousticInput], float]:
    acoustic.warm_up()
    vocoder.warm_up()

    def make(item: AcousticInput) -> float:
        (features,) = acoustic.synthesize([item])
        assert isinstance(features, AcousticFeatures), features
        (audio,) = vocoder.synthesize([features])
        assert not isinstance(audio, TtsError), audio
        assert len(audio.samples) == features.n_frames * FRAME_SAMPLES
        return len(audio.samples) / SAMPLE_RATE_HZ

    return make


def _measure(
    ways: dict[str, Callable[[AcousticInput], float]], items: list[AcousticInput], rounds: int
) -> dict[str, list[float]]:
    """Audio seconds a second of every way, a number a round; the first round is not counted."""
    turns = [(turn, item, name) for turn in range(rounds + 1) for item in items for name in ways]
    audio_s: dict[tuple[int, str], float] = defaultdict(float)
    spent_s: dict[tuple[int, str], float] = defaultdict(float)
    for turn, item, name in track(turns, "measuring", console=Console(stderr=True)):
        start = time.perf_counter()
        audio_s[turn, name] += ways[name](item)
        spent_s[turn, name] += time.perf_counter() - start
    return {name: [audio_s[turn, name] / spent_s[turn, name] for turn in range(1, rounds + 1)] for name in ways}


def _summary(measured: dict[str, list[float]], threads: int) -> dict[str, object]:
    """Medians over rounds; a ratio is the median, least and greatest of the rounds' own ratios."""
    engines = {}
    for name, values in measured.items():
        ratios = [ours / reference for ours, reference in zip(values, measured[REFERENCE], strict=True)]
        engines[name] = {
            "audio_s_per_s": round(statistics.median(values), 2),
            "ratio": round(statistics.median(ratios), 2),
            "ratio_min": round(min(ratios), 2),
            "ratio_max": round(max(ratios), 2),
        }
    rounds = len(measured[REFERENCE])
    return {"benchmark": "vs_kokoro", "threads": threads, "rounds": rounds, "torch": torch.__version__} | {
        "engines": engines
    }


def _print_table(result: dict[str, object]) -> None:
    engines = result["engines"]
    assert isinstance(engines, dict)
    print(f"{'':12}{'audio s / s':>12}{'x kokoro':>12}{'least':>8}{'most':>8}")
    for name, row in engines.items():
        print(f"{name:12}{row['audio_s_per_s']:12}{row['ratio']:12}{row['ratio_min']:8}{row['ratio_max']:8}")


if __name__ == "__main__":
    main()
