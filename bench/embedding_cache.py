"""What the cache of speaker embeddings saves of the time it takes to prepare a voice from reference audio.

    python -m bench.embedding_cache

A speaker encoder on a Ray of its own, the way the ingress calls it. First one clip in each of the ways it can be known;
then requests one after the other, so many of them for a clip that was sent before, the others for new ones. A voice is
prepared for one use (``reference_audio`` in a request: numbers only) or enrolled (the speech is wanted too, and decoded
again). Clips are read by the presets, 8 s long.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray import serve
from rich.console import Console
from rich.progress import track

from bench.preset_voices import Reader
from deployments.settings import AssetSettings, SpeakerSettings, StorageSettings
from deployments.speaker_encoder import SpeakerEncoder
from serve_app.http.audio_encoding import encode_once
from tts_models.assets import AssetStore, default_root
from tts_models.speaker.presets import preset_voices
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.types import SAMPLE_RATE_HZ, FloatArray

VOICES = ("af_heart", "am_michael", "bf_emma", "bm_george")
CLIP_S = 8


def main() -> None:
    """Measure and print."""
    options = _options()
    store = AssetStore(default_root())
    catalogue = VoiceCatalogue.load(store.ensure("voices-v1.0"))
    readings = [_one_clip(Reader(store).reads(catalogue.get(name))) for name in VOICES]
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        serve.start(proxy_location="Disabled")
        with tempfile.TemporaryDirectory() as root:
            handles = [_encoder(f"encoder-{number}", Path(root), options) for number in range(2)]
            found = asyncio.run(_measure(handles, _new_clips(readings), options))
    finally:
        serve.shutdown()
        ray.shutdown()
    print(json.dumps(found))  # when Ray has said its last


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.embedding_cache",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rates", type=float, nargs="+", default=[0.0, 0.3, 0.5, 0.7, 0.9], help="of hits")
    parser.add_argument("--requests", type=int, default=30, help="at each rate (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="of the encoder (default: %(default)s)")
    parser.add_argument("--redis", help="URL of a server for the shared embeddings; a SQLite file otherwise")
    return parser.parse_args()


def _encoder(name: str, root: Path, options: argparse.Namespace) -> Any:
    storage = StorageSettings(root=root, records=options.redis)
    settings = SpeakerSettings(threads=options.threads)
    app = serve.deployment(SpeakerEncoder).bind(settings, AssetSettings(), storage=storage)
    return serve.run(app, name=name, route_prefix=None).options(method_name="profile")


def _one_clip(reading: FloatArray) -> FloatArray:
    return np.resize(reading, CLIP_S * SAMPLE_RATE_HZ)


def _new_clips(readings: list[FloatArray]) -> Iterator[bytes]:
    """Files that were never seen: the readings, each a little louder or softer than any before."""
    dice = random.Random()
    while True:
        yield encode_once("mp3", dice.choice(readings) * dice.uniform(0.5, 1))


async def _measure(handles: list[Any], clips: Iterator[bytes], options: argparse.Namespace) -> dict[str, object]:
    first, second = handles
    for handle in handles:
        for _ in range(3):  # warm
            await _prepare(handle, next(clips), speech=True)
    ways = {"computed": [], "replica": [], "replica, with speech": [], "shared": [], "joined": []}
    for _ in track(range(8), console=Console(stderr=True), description="ways"):
        clip = next(clips)
        ways["computed"].append(await _prepare(first, clip))
        ways["replica"].append(await _prepare(first, clip))
        ways["replica, with speech"].append(await _prepare(first, clip, speech=True))
        ways["shared"].append(await _prepare(second, clip))
        clip = next(clips)
        ways["joined"].append(max(await asyncio.gather(*(_prepare(first, clip) for _ in range(8)))))
    rates = []
    for kind, speech in (("one use", False), ("enrolled", True)):
        without_s = 0.0
        for rate in track(options.rates, console=Console(stderr=True), description=kind):
            times_s = [await _prepare(first, clip, speech=speech) for clip in _sequence(clips, rate, options.requests)]
            mean_s = statistics.mean(times_s)
            without_s = without_s or mean_s
            saved = round(1 - mean_s / without_s, 3)
            rates.append({"voice": kind, "hit_rate": rate, "mean_s": round(mean_s, 4), "saved": saved})
    return {
        "benchmark": "embedding_cache",
        "clip_s": CLIP_S,
        "threads": options.threads,
        "records": "redis" if options.redis else "sqlite",
        "median_s": {way: round(statistics.median(times_s), 4) for way, times_s in ways.items()},
        "rates": rates,
    }


def _sequence(clips: Iterator[bytes], rate: float, count: int) -> list[bytes]:
    """Clips of which the share ``rate`` was sent before, in the same sequence, in any order; the first never was."""
    n_new = max(1, round(count * (1 - rate)))
    new = [next(clips) for _ in range(n_new)]
    dice = random.Random(0)
    sequence = new[:1]
    is_hit = [True] * (count - n_new) + [False] * (n_new - 1)
    dice.shuffle(is_hit)
    coming = iter(new[1:])
    for hit in is_hit:
        sequence.append(dice.choice(sequence) if hit else next(coming))
    return sequence


async def _prepare(handle: Any, clip: bytes, *, speech: bool = False) -> float:
    """Seconds from the bytes of a clip to a recipe that a voice can be made of."""
    begin_s = time.perf_counter()
    preset_voices().nearest(await handle.remote([clip], speech))
    return time.perf_counter() - begin_s


if __name__ == "__main__":
    main()
