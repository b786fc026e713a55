"""How long the stages take: batch size x length -> seconds, over the real models, for ``voicegraph plan``.

    python -m bench.service_times --threads 1 > curves.json
    voicegraph plan --rps 50 --curves curves.json

Each stage alone in this process, on the device that ``auto`` chooses; the median of several rounds, warm. With one
thread and no GPU it is processor time, which other programs on the machine hardly change. With
``--url`` also what a running server on this machine takes for everything that is no model (HTTP, Ray, encoding): the
processor time of its processes over requests of two lengths. ``--memory`` measures instead how much memory a batch of
the vocoder and of the acoustic model takes, in plain float32.

The last line is one JSON object, which ``--curves`` of ``voicegraph plan`` reads.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track

from bench.handling import measure_handling
from bench.prose import SHORT, long_text
from tts_models.acoustic import AcousticModel
from tts_models.assets import AssetStore, default_root
from tts_models.engine import choose_engine, float32_kernels
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text import TextFrontend
from tts_models.types import AcousticFeatures, AcousticInput
from tts_models.vocoder import Vocoder

TOKENS = (12, 50, 100, 200, 300)
_LONG_TOKENS = 200
CHARACTERS = (20, 80, 300, 1000)
_TEXT = long_text(4000)


def main() -> None:
    """Measure and print."""
    options = _options()
    if options.memory:
        print(json.dumps(_memory()))
        return
    result = json.loads(options.stages.read_text()) if options.stages else _stages(options)
    if options.url:
        asyncio.run(measure_handling(options.url, result))
    print(json.dumps(result))


def _stages(options: argparse.Namespace) -> dict[str, Any]:
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    store = AssetStore(Path(os.environ.get("VOICEGRAPH_HOME") or default_root()))
    bench = _Bench(store, options.engine)
    return {
        "benchmark": "service_times",
        "machine": options.machine or f"{_processor()}, {options.threads} thread(s), vocoder {bench.engine}",
        "date": time.strftime("%Y-%m-%d"),
        "threads": options.threads,
        "stages": bench.measure(options.items, options.rounds),
        "speech": bench.speech(),
        "short": bench.short(),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.service_times", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of a model (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="times every batch is run (default: %(default)s)")
    parser.add_argument("--items", type=int, nargs="+", default=[1, 2, 4, 8], help="batch sizes (default: 1 2 4 8)")
    parser.add_argument("--engine", default="auto", help="of the vocoder, see tts_models/engine.py (default: auto)")
    parser.add_argument("--machine", help="what to call this machine")
    parser.add_argument("--url", help="a running server on this machine, to measure what is no model")
    parser.add_argument("--stages", type=Path, help="what this printed before, instead of measuring the stages again")
    parser.add_argument("--memory", action="store_true", help="measure memory instead of time")
    return parser.parse_args()


class _Bench:
    """The stages, and batches for them.

    Args:
        store: Where the weights are.
        engine: Of the vocoder.
    """

    def __init__(self, store: AssetStore, engine: str) -> None:
        weights = store.ensure("kokoro-82m-v1.0")
        chosen = choose_engine(engine, cache_dir=store.root / "kernels")
        self.engine = chosen.name
        self._text = TextFrontend()
        self._text.warm_up(("en-US",))
        self.acoustic = AcousticModel.load(weights, chosen.device, float32_kernels(store.root / "kernels"))
        self.vocoder = Vocoder.load(weights, chosen)
        self.acoustic.warm_up()
        self.vocoder.warm_up()
        self._voice = VoiceCatalogue.load(store.ensure("voices-v1.0")).get("af_heart")
        self._token_ids = [token for one in self._text.segments(_TEXT, "en-US") for token in one.token_ids]

    def measure(self, items: Sequence[int], rounds: int) -> dict[str, Any]:
        """Seconds of every batch, by stage."""
        inputs = {tokens: self.input(tokens) for tokens in TOKENS}
        features = {tokens: self.features(item) for tokens, item in inputs.items()}
        runs: list[tuple[str, int, int, Callable[[], Any]]] = []
        for characters in CHARACTERS:
            text = long_text(len(_TEXT))[:characters]
            runs.append(("TextFrontend", 1, characters, lambda text=text: self._text.segments(text, "en-US")))
        for size in items:
            for tokens in TOKENS:
                batch, made = [inputs[tokens]] * size, [features[tokens]] * size
                runs.append(("AcousticModel", size, tokens + 2, lambda batch=batch: self.acoustic.synthesize(batch)))
                frames = features[tokens].n_frames
                runs.append(("Vocoder", size, frames, lambda made=made: self.vocoder.synthesize(made)))
        points: dict[str, Any] = {name: {"points": []} for name in ("TextFrontend", "AcousticModel", "Vocoder")}
        for name, size, length, run in track(runs, "measuring", console=Console(stderr=True)):
            run()
            points[name]["points"].append([size, length, round(_median_s(run, rounds), 6)])
        for name, unit in (("TextFrontend", "characters"), ("AcousticModel", "tokens"), ("Vocoder", "frames")):
            points[name]["unit"] = unit
        return points

    def speech(self) -> dict[str, float]:
        """What text turns into."""
        segments = self._text.segments(_TEXT, "en-US")
        tokens = sum(len(one.token_ids) for one in segments)
        frames = sum(
            self.features(AcousticInput(one.token_ids, self._voice.style(len(one.token_ids)))).n_frames
            for one in segments[:12]
        )
        return {
            "tokens_per_character": round(tokens / len(_TEXT), 4),
            "frames_per_token": round(frames / sum(len(one.token_ids) for one in segments[:12]), 4),
        }

    def short(self) -> dict[str, int]:
        """How long ``SHORT`` is, in each model's units."""
        (segment,) = self._text.segments(SHORT, "en-US")
        features = self.features(AcousticInput(segment.token_ids, self._voice.style(len(segment.token_ids))))
        return {"AcousticModel": len(segment.token_ids) + 2, "Vocoder": features.n_frames}

    def input(self, tokens: int) -> AcousticInput:
        """So many tokens of prose."""
        return AcousticInput(tuple(self._token_ids[:tokens]), self._voice.style(tokens))

    def features(self, item: AcousticInput) -> AcousticFeatures:
        """What the acoustic model makes of it."""
        (features,) = self.acoustic.synthesize([item])
        assert isinstance(features, AcousticFeatures), features
        return features


def _median_s(run: Callable[[], Any], rounds: int) -> float:
    alone = torch.get_num_threads() == 1 and not torch.cuda.is_available()
    clock = time.process_time if alone else time.perf_counter
    times = []
    for _ in range(rounds):
        start = clock()
        run()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(clock() - start)
    return statistics.median(times)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def _memory() -> dict[str, Any]:
    """Bytes that a batch takes for each frame and token of its padded work, beside the weights, in float32."""
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    bench = _Bench(AssetStore(Path(os.environ.get("VOICEGRAPH_HOME") or default_root())), "fp32")
    item = bench.input(_LONG_TOKENS)
    features = bench.features(item)
    tokens, frames = 2 * (_LONG_TOKENS + 2), 2 * features.n_frames
    return {
        "benchmark": "memory",
        "AcousticModel": round(_growth_bytes(lambda: bench.acoustic.synthesize([item] * 2)) / tokens),
        "Vocoder": round(_growth_bytes(lambda: bench.vocoder.synthesize([features] * 2)) / frames),
    }


def _growth_bytes(run: Callable[[], Any]) -> int:
    """By how much more memory this process has at the peak of ``run`` than before it; Linux."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # else what was freed before is used again, and nothing grows
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = _status_bytes("VmRSS")
    run()
    return _status_bytes("VmHWM") - before


def _status_bytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{field}:")).split()[1]) * 1024


if __name__ == "__main__":
    main()
