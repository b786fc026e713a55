"""Whether a voice that is being fitted slows synthesis: how long sentences take, with and without a fit beside them.

    python -m bench.beside_fitting --threads 2

A fit runs in a process of its own with one thread that stands back as its replica's does (``fitting.only_idle``). It is
stopped and let go on by signals, block by block, so that what else happens on the machine meets both. Sentences are
spoken one after the other by both model stages, with as many threads as the processor has cores, and a rest behind
each, so that synthesis is busy for ``--busy`` of the time: a fit lives on what is left. Without
a step of it in that time nothing was measured, and the run fails.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import numpy as np
import psutil
import torch
from rich.console import Console
from rich.table import Table

from deployments.cores import stand_back
from tests.support.speech import SENTENCES
from tts_models.acoustic import AcousticModel
from tts_models.assets import AssetStore, default_root
from tts_models.engine import choose_engine, float32_kernels
from tts_models.fitting.fitter import VoiceFitter
from tts_models.fitting.plan import FitPlan
from tts_models.fitting.state import FitState
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text.vocabulary import encode
from tts_models.types import AcousticFeatures, AcousticInput
from tts_models.vocoder import Vocoder

_START_S = 90
_ASSETS = ("kokoro-82m-v1.0", "ecapa-tdnn-voxceleb", "voices-v1.0")


def main() -> None:
    """Measure and print."""
    options = _options()
    torch.set_num_threads(options.threads)
    store = AssetStore(Path(os.environ.get("VOICEGRAPH_HOME") or default_root()))
    speak = _synthesis(store)
    processes = get_context("spawn")
    steps = processes.Value("i", 0)
    fit = processes.Process(target=_fit_for_ever, args=(store.root, options.nice, steps), daemon=True)
    fit.start()
    assert fit.pid is not None
    try:
        deadline = time.monotonic() + _START_S
        while not steps.value:
            if time.monotonic() > deadline or not fit.is_alive():
                raise SystemExit("the fit did not begin")
            time.sleep(0.1)
        times: dict[bool, list[float]] = {False: [], True: []}
        fitted_s, first, cpu_s = 0.0, steps.value, _cpu_s(fit.pid)
        for block in range(2 * options.blocks):
            is_beside = block % 2 == 1
            os.kill(fit.pid, signal.SIGCONT if is_beside else signal.SIGSTOP)
            speak(SENTENCES[0].symbols)  # what the block before left in the caches
            began_s = time.monotonic()
            for sentence in SENTENCES:
                times[is_beside].append(speak(sentence.symbols))
                time.sleep(times[is_beside][-1] * (1 / options.busy - 1))
            fitted_s += is_beside * (time.monotonic() - began_s)
        cpu_s = _cpu_s(fit.pid) - cpu_s
    finally:
        fit.kill()
        fit.join(10)
    made = steps.value - first
    result = {
        "bench": "beside_fitting",
        "threads": options.threads,
        "nice": options.nice,
        "sentences": len(times[True]),
        "alone_ms": _summary(times[False]),
        "beside_a_fit_ms": _summary(times[True]),
        "slower_by_percent": round(100 * (statistics.median(times[True]) / statistics.median(times[False]) - 1), 1),
        "busy": options.busy,
        "fit_steps": made,
        "fit_steps_per_min": round(60 * made / fitted_s, 1),
        "fit_cpu_percent": round(100 * cpu_s / fitted_s),
    }
    table = Table("", "median ms", "p95 ms")
    for name in ("alone_ms", "beside_a_fit_ms"):
        table.add_row(name.removesuffix("_ms").replace("_", " "), *(str(value) for value in result[name].values()))
    Console(stderr=True).print(table)
    print(json.dumps(result))
    if not made:
        raise SystemExit("the fit made no step meanwhile: this shows nothing (--busy lower, --blocks more)")


def _cpu_s(pid: int) -> float:
    """What a process has computed so far, seconds."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _summary(times_s: list[float]) -> dict[str, float]:
    return {
        "median": round(1000 * statistics.median(times_s)),
        "p95": round(1000 * float(np.quantile(times_s, 0.95))),
    }


def _synthesis(store: AssetStore) -> Callable[[str], float]:
    """Says phoneme symbols and returns how long that took, seconds."""
    weights = store.ensure("kokoro-82m-v1.0")
    acoustic = AcousticModel.load(weights, torch.device("cpu"), float32_kernels())
    vocoder = Vocoder.load(weights, choose_engine("auto", device="cpu"))
    voice = VoiceCatalogue.load(store.ensure("voices-v1.0")).get("af_heart")

    def speak(symbols: str) -> float:
        token_ids = encode(symbols)
        began_s = time.perf_counter()
        (features,) = acoustic.synthesize([AcousticInput(token_ids, voice.style(len(token_ids)))])
        assert isinstance(features, AcousticFeatures)
        vocoder.synthesize([features])
        return time.perf_counter() - began_s

    for sentence in SENTENCES:
        speak(sentence.symbols)
    return speak


def _fit_for_ever(root: Path, nice: int | None, steps: Synchronized[int]) -> None:
    """In a process of its own."""
    torch.set_num_threads(1)
    store = AssetStore(root)
    kokoro, ecapa, voices = (store.ensure(name) for name in _ASSETS)
    fitter = VoiceFitter.load(kokoro, ecapa, voices, torch.device("cpu"))

    def count(state: FitState) -> None:
        if not steps.value:
            # Now: how it begins is not what is measured.
            stand_back() if nice is None else os.nice(nice)
        steps.value += 1

    clip = np.random.default_rng(0).normal(0, 0.05, 6 * 16_000).astype(np.float32)
    plan = FitPlan(steps=100_000, patience=100_000, starts=1)
    fitter.fit([clip], VoiceRecipe({"af_heart": 1.0}), plan, on_step=count)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of synthesis")
    parser.add_argument("--nice", type=int, help="of the fit, to compare; without it as fitting.only_idle")
    parser.add_argument("--blocks", type=int, default=6, help="blocks of four sentences, each kind")
    parser.add_argument("--busy", type=float, default=0.5, help="share of the time in which synthesis computes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
