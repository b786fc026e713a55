"""The very same request, answered from what it was answered with before.

::

    utterance, tenant --key--> object store --hit--> its segments, as they were made: any format, streamed or not
                                   |
                                   +--miss--> the graph; what it makes is kept once all of it was made

The key is a digest of all that the sound depends on: text, language, the voice's own numbers, delivery, seed, the
dictionaries' versions, the weights, the code of the models, how the text is cut. So nothing has to be told when a
voice, a dictionary or a model changes: the next request has another key. Speech is a function of its request (each
segment's noise has its seed from the request's), so what is kept is what would be made, to the byte.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import json
import logging
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

import tts_models
from deployments.metrics import SPEECH_LOOKUPS, SPEECH_SAVED
from deployments.settings import AppSettings, CacheSettings, TextSettings
from deployments.storage.dictionaries import GLOBAL, DictionaryStore
from deployments.storage.objects import Objects
from deployments.storage.patience import Patience
from deployments.storage.records import Records
from deployments.storage.speech import SpeechStore
from serve_app.graph import SpokenAudio, Utterance
from tts_models.assets import MANIFEST
from tts_models.speaker.voices import Voice, VoiceCatalogue
from tts_models.timing import Timeline
from tts_models.types import Phonemes

logger = logging.getLogger(__name__)

_FORM = 1
"""Of what is kept; raised when it changes."""
_PATIENCE_S = 1.0
"""How long a request waits for the store before its speech is made, seconds."""
_MOST_KEEPING = 16
"""Speeches on their way to the store; what is made meanwhile is not kept."""
_PHONEMES = TypeAdapter(Phonemes)


def open_cache(
    settings: AppSettings, objects: Objects, records: Records, presets: VoiceCatalogue
) -> SpeechCache | None:
    """The cache that ``settings`` ask for, if they do."""
    if not settings.cache.enabled:
        return None
    if settings.text.forbidden_hook:
        logger.warning("Speech is not kept: what text.forbidden_hook allows can change without notice.")
        return None
    return SpeechCache(objects, records, settings, presets)


class SpeechCache:
    """Keeps what was said.

    Args:
        objects: Where.
        records: Where the dictionaries are.
        settings: The whole tree; what the sound depends on is in the keys.
        presets: The preset voices.
    """

    def __init__(self, objects: Objects, records: Records, settings: AppSettings, presets: VoiceCatalogue) -> None:
        self._settings: CacheSettings = settings.cache
        self._store = SpeechStore(objects, settings.cache)
        self._dictionaries = DictionaryStore(records)
        self._presets = presets
        self._models = [_FORM, _code(), _weights(), settings.vocoder.engine, _reading(settings.text)]
        self._patience = Patience("speech-cache")
        self._keeping: set[asyncio.Task[None]] = set()
        self._lookups = SPEECH_LOOKUPS.make()
        self._saved = SPEECH_SAVED.make()

    async def speech(
        self, utterance: Utterance, tenant: str, made: AsyncGenerator[SpokenAudio]
    ) -> tuple[AsyncGenerator[SpokenAudio], bool]:
        """The audio of ``utterance``, and whether it was kept; it comes from ``made`` where it was not."""
        if self._patience.is_over:
            self._lookups.inc(1, {"found": "error"})
            return made, False
        try:
            place, kept = await self._patience.within(_PATIENCE_S, self._find, utterance, tenant)
        except Exception as error:
            logger.warning("The kept speech cannot be read: %r", error)
            self._lookups.inc(1, {"found": "error"})
            return made, False
        if kept is not None:
            self._lookups.inc(1, {"found": "hit"})
            await made.aclose()  # it was never begun
            return self._said_again(kept), True
        self._lookups.inc(1, {"found": "miss"})
        return self._noted(made, *place), False

    def forget(self, tenant: str) -> None:
        """Remove what was said for ``tenant``, for all where that is everybody; blocks.

        Raises:
            StorageUnavailable: Some is still there.
        """
        self._store.forget(None if tenant == GLOBAL else tenant)

    def _find(self, utterance: Utterance, tenant: str) -> tuple[tuple[str | None, str], list[SpokenAudio] | None]:
        versions = {one: self._dictionaries.version(one) for one in dict.fromkeys((tenant, GLOBAL))}
        is_everybodys = self._settings.shared and not versions[tenant] and self._has_presets_only(utterance)
        whose = None if is_everybodys else tenant
        key = key_of(utterance, [*self._models, versions[GLOBAL], versions[tenant]])
        data = self._store.get(whose, key)
        return (whose, key), None if data is None else from_bytes(data)

    def _has_presets_only(self, utterance: Utterance) -> bool:
        presets = {id(voice) for voice in self._presets}
        return all(id(voice) in presets for voice in (utterance.voice, *utterance.voices.values()))

    async def _said_again(self, kept: list[SpokenAudio]) -> AsyncGenerator[SpokenAudio]:
        for segment in kept:
            yield segment
            self._saved.inc(segment.duration_s)

    async def _noted(
        self, made: AsyncGenerator[SpokenAudio], tenant: str | None, key: str
    ) -> AsyncGenerator[SpokenAudio]:
        """The same audio, kept once all of it was made, if it is not too long."""
        segments: list[SpokenAudio] = []
        audio_s = 0.0
        async with aclosing(made):
            async for segment in made:
                audio_s += segment.duration_s
                if audio_s <= self._settings.max_audio_s:
                    segments.append(segment)
                yield segment
        if segments and audio_s <= self._settings.max_audio_s and len(self._keeping) < _MOST_KEEPING:
            # Nobody waits for it, and it is no part of the request's trace.
            task = asyncio.create_task(self._keep(tenant, key, segments), context=contextvars.Context())
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)

    async def _keep(self, tenant: str | None, key: str, segments: list[SpokenAudio]) -> None:
        try:
            await asyncio.to_thread(lambda: self._store.put(tenant, key, to_bytes(segments)))
        except Exception as error:
            logger.warning("Speech cannot be kept: %r", error)


def key_of(utterance: Utterance, made_by: list[Any]) -> str:
    """The name of what ``utterance`` sounds like, made by models and with dictionaries of ``made_by``."""
    asked = {
        "by": made_by,
        "text": utterance.text,
        "language": utterance.language,
        "voice": _voice(utterance.voice),
        "speed": utterance.speed,
        "volume": utterance.volume,
        "seed": utterance.seed,
        "is_markup": utterance.markup is not None,
        "voices": {name: _voice(voice) for name, voice in utterance.voices.items()},
        "delivery": asdict(utterance.delivery),
        "moods": [asdict(mood) for mood in utterance.moods],
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def to_bytes(segments: list[SpokenAudio]) -> bytes:
    """Segments as they are kept: a line of JSON, and their arrays."""
    heads: list[Mapping[str, Any]] = []
    arrays: list[bytes] = []
    for segment in segments:
        durations = segment.durations_frames
        heads.append(
            {
                "phonemes": _PHONEMES.dump_python(segment.timeline.segment, mode="json"),
                "start_sample": segment.timeline.start_sample,
                "rate_hz": segment.sample_rate_hz,
                "samples": len(segment.samples),
                "energy": None if segment.energy is None else len(segment.energy),
                "durations": None if durations is None else [int(one) for one in durations],
            }
        )
        arrays.append(segment.samples.astype("<f4").tobytes())
        arrays.append(b"" if segment.energy is None else segment.energy.astype("<f4").tobytes())
    return b"".join([json.dumps(heads).encode(), b"\n", *arrays])


def from_bytes(data: bytes) -> list[SpokenAudio]:
    """What :func:`to_bytes` was given.

    Raises:
        ValueError: It is nothing of the kind.
    """
    head, _, arrays = data.partition(b"\n")
    return list(_segments(json.loads(head), memoryview(arrays)))


def _segments(heads: list[Mapping[str, Any]], arrays: memoryview) -> Iterator[SpokenAudio]:
    start = 0

    def take(length: int) -> Any:
        nonlocal start
        start += 4 * length
        return np.frombuffer(arrays[start - 4 * length : start], "<f4").astype(np.float32)

    for head in heads:
        samples = take(head["samples"])
        energy = None if head["energy"] is None else take(head["energy"])
        durations = None if head["durations"] is None else np.array(head["durations"], np.int64)
        phonemes = _PHONEMES.validate_json(json.dumps(head["phonemes"]))
        timeline = Timeline(phonemes, durations, head["start_sample"], energy)
        yield SpokenAudio(samples, head["rate_hz"], durations, energy, timeline=timeline)
    if start != len(arrays):
        raise ValueError("it is shorter or longer than it says")


def _voice(voice: Voice) -> list[Any]:
    """A voice by its value, not by its name."""
    styles = hashlib.blake2b(np.ascontiguousarray(voice.styles).tobytes(), digest_size=16).hexdigest()
    return [styles, voice.semitones, voice.range_scale, voice.rate, voice.language]


def _reading(settings: TextSettings) -> list[Any]:
    """What of the settings decides how a text is read, and whether."""
    forbidden = settings.forbidden_file.read_text() if settings.forbidden_file else ""
    return [settings.first_segment_tokens, settings.max_segment_tokens, settings.forbidden, forbidden]


def _weights() -> list[str]:
    return sorted(file.sha256 for asset in MANIFEST.values() for file in asset.files)


@cache
def _code() -> str:
    """A digest of the code that speech is made by."""
    digest = hashlib.sha256()
    root = Path(tts_models.__file__).parent
    for path in [*sorted(root.rglob("*.py")), *sorted(root.rglob("*.cpp")), Path(__file__).parent / "graph.py"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()
