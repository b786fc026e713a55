"""Reference audio -> what it says about its speaker; embeddings in batches, and kept by content."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

import numpy as np

from deployments.assets import ECAPA, asset_store
from deployments.batching import Batcher
from deployments.embedding_cache import EmbeddingCache, lookup_counter
from deployments.fair_queue import ANYONE, Flow
from deployments.fair_worker import ReplicaLoad
from deployments.logs import log_with_serve
from deployments.settings import AssetSettings, BatchLimits, SpeakerSettings, StorageSettings
from deployments.storage.records import open_records
from deployments.tiers import limits_that_fit
from tts_models.errors import ReferenceAudioError, ReferenceTooLong, ReferenceTooShort, TtsError
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.one_speaker import (
    ClipEmbeddings,
    embed_clips,
    heard_of,
    require_one_speaker,
    require_same_speaker,
)
from tts_models.speaker.pitch import pitch_of
from tts_models.speaker.profile import ClipProfile, ReferenceProfile, reference_profile
from tts_models.types import FloatArray, SpeakerEmbedding

R = TypeVar("R")

MAX_CLIPS = 8
"""Most clips of one speaker."""
DEFAULT_LIMITS = BatchLimits(max_items=16, max_padded_work=60 * ENCODER_RATE_HZ, wait_s=0.01, max_run_s=60)
_LISTENERS = 4
"""Clips that are opened and measured at once, beside what the model does."""

PROFILES = "ecapa-tdnn-voxceleb, 3"
"""What makes the numbers of a clip; changed with anything that changes them."""


class EmbedsSpeech(Protocol):
    """What the deployment needs of a speaker encoder."""

    def embed(self, batch: Sequence[FloatArray]) -> Sequence[SpeakerEmbedding | TtsError]:
        """An embedding for each waveform at 16 kHz, or what was wrong with it."""
        ...


def load(settings: SpeakerSettings, assets: AssetSettings) -> EmbedsSpeech:
    """The encoder with its weights, warm."""
    weights = asset_store(assets).ensure(ECAPA)  # before anything that takes time: what is missing is said at once
    # Imported in the replica only: whoever builds or drives the graph needs no torch.
    from deployments.share import keep_to_share, torch_device
    from tts_models.engine import fast_dtype
    from tts_models.speaker.encoder import SpeakerEncoder as Model
    from tts_models.speaker.reference_audio import speech_of

    keep_to_share(settings.threads)
    device = torch_device(settings.device)
    model = Model.load(weights, device, dtype=fast_dtype(device))
    second_of_noise = np.random.default_rng(0).standard_normal(ENCODER_RATE_HZ, dtype=np.float32) * 0.1
    embed_clips(model.embed, [np.tile(second_of_noise, 30)])  # the first of every size is slower, the longest most
    speech_of(second_of_noise)  # loads its detector
    return model


class SpeakerEncoder:
    """Deployment of the speaker encoder.

    Args:
        settings: Device and threads.
        assets: Where the weights are kept.
        load: Makes the model; tests bring their own.
        decode: Import path of what opens a stranger's file, in a process of its own; null is the real one.
        storage: Where embeddings are shared with other replicas; None for nowhere.
    """

    def __init__(
        self,
        settings: SpeakerSettings,
        assets: AssetSettings,
        load: Callable[[SpeakerSettings, AssetSettings], EmbedsSpeech] = load,
        decode: str | None = None,
        storage: StorageSettings | None = None,
    ) -> None:
        log_with_serve()
        from tts_models.speaker.decoder_process import Decoders  # PyAV inside: only the replica needs it

        self._decode = Decoders(decode=decode) if decode else Decoders()
        self._decode.start()
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="speaker-encoder")
        model = thread.submit(load, settings, assets).result()
        listen = partial(embed_clips, model.embed)
        limits = limits_that_fit("SpeakerEncoder", DEFAULT_LIMITS)
        self._listen: Batcher[FloatArray, ClipEmbeddings] = Batcher(listen, _work_of, thread, limits)
        self._listeners = ThreadPoolExecutor(_LISTENERS, "reference-audio", _with_one_thread)
        records = open_records(storage) if storage else None
        self._cache = EmbeddingCache(settings, PROFILES, records, lookup_counter())

    async def profile(self, clips: Sequence[bytes], speech: bool = True, flow: Flow = ANYONE) -> ReferenceProfile:
        """What the contents of one or several audio files say about their speaker.

        Args:
            clips: 1 to 8 files.
            speech: Whether the answer has the speech in it, which takes decoding even where the rest is known.
            flow: When it is its turn, the encoder works.

        Raises:
            DeadlineExceeded: The deadline of ``flow`` passed before.
            ReferenceAudioError: A file is no audio, or none that shows a voice; of several, the message says which.
        """
        if not clips:
            raise ReferenceTooShort("There is no reference audio.")
        if len(clips) > MAX_CLIPS:
            raise ReferenceTooLong(f"There are {len(clips)} clips of reference audio; at most {MAX_CLIPS} are heard.")
        heard = await asyncio.gather(*(self._hear(clip, flow, speech) for clip in clips), return_exceptions=True)
        known: list[tuple[ClipProfile, FloatArray | None]] = []
        for number, result in enumerate(heard, 1):
            if isinstance(result, ReferenceAudioError) and len(clips) > 1:
                raise type(result)(f"Clip {number}: {result.message}", result.param)
            if isinstance(result, BaseException):
                raise result
            known.append(result)
        require_same_speaker([profile.embedding for profile, _ in known])
        return reference_profile(
            [profile for profile, _ in known], [waveform for _, waveform in known if waveform is not None]
        )

    async def _hear(self, clip: bytes, flow: Flow, speech: bool) -> tuple[ClipProfile, FloatArray | None]:
        """The numbers of a clip, and its speech if asked for."""
        waveform: FloatArray | None = None

        async def compute() -> ClipProfile:
            nonlocal waveform
            waveform = await self._speech(clip)
            return await self._measure(waveform, flow)

        profile = await self._cache.of(clip, compute)
        if not speech:
            return profile, None
        return profile, await self._speech(clip) if waveform is None else waveform

    async def _speech(self, clip: bytes) -> FloatArray:
        from tts_models.speaker.reference_audio import decode_reference_audio  # with torch inside: see load

        return await self._aside(decode_reference_audio, clip, None, self._decode)

    async def _measure(self, waveform: FloatArray, flow: Flow) -> ClipProfile:
        pitch, heard = await asyncio.gather(self._aside(pitch_of, waveform), self._listen(waveform, flow))
        require_one_speaker(heard.pieces)
        return ClipProfile(heard.whole.vector, heard.whole.voiced_s, pitch)

    def _aside(self, run: Callable[..., R], *args: object) -> asyncio.Future[R]:
        """``run`` beside the model, in a thread of its own."""
        return asyncio.get_running_loop().run_in_executor(self._listeners, run, *args)

    def __del__(self) -> None:
        self._decode.close()

    async def load(self) -> ReplicaLoad:
        """What this replica has to do."""
        return self._listen.load()

    def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Take new batch limits; Ray calls it with the ``user_config`` of the YAML."""
        self._listen.set_limits(limits_that_fit("SpeakerEncoder", BatchLimits.model_validate(user_config)))

    async def check_health(self) -> None:
        """Raise if batches are no longer formed."""
        await self._listen.check_health()


def _with_one_thread() -> None:
    """Torch computes with one thread in the one that calls this.

    Else OpenMP would keep a team for each, and with more threads in all than cores it lets every team, the model's too,
    sleep after each step: an embedding then takes twice as long.
    """
    import torch

    torch.set_num_threads(1)


def _work_of(waveform: FloatArray) -> int:
    """Samples that are listened to."""
    return sum(map(len, heard_of(waveform)))
