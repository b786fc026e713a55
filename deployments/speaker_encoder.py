"""Reference audio -> speaker embedding, in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from deployments.assets import ECAPA, asset_store
from deployments.batching import Batcher
from deployments.fair_queue import ANYONE, Flow
from deployments.fair_worker import ReplicaLoad
from deployments.settings import AssetSettings, BatchLimits, SpeakerSettings
from tts_models.errors import TtsError
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.types import FloatArray, SpeakerEmbedding

DEFAULT_LIMITS = BatchLimits(max_items=8, max_padded_work=60 * ENCODER_RATE_HZ, wait_s=0.01, max_run_s=60)


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
    from tts_models.speaker.encoder import SpeakerEncoder as Model

    keep_to_share(settings.threads)
    model = Model.load(weights, torch_device(settings.device))
    second_of_noise = np.random.default_rng(0).standard_normal(ENCODER_RATE_HZ, dtype=np.float32) * 0.1
    model.embed([second_of_noise])
    return model


class SpeakerEncoder:
    """Deployment of the speaker encoder.

    Args:
        settings: Device and threads.
        assets: Where the weights are kept.
        load: Makes the model; tests bring their own.
        decode: Import path of what opens a stranger's file, in a process of its own; null is the real one.
    """

    def __init__(
        self,
        settings: SpeakerSettings,
        assets: AssetSettings,
        load: Callable[[SpeakerSettings, AssetSettings], EmbedsSpeech] = load,
        decode: str | None = None,
    ) -> None:
        from tts_models.speaker.decoder_process import Decoders  # PyAV inside: only the replica needs it

        self._decode = Decoders(decode=decode) if decode else Decoders()
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="speaker-encoder")
        model = thread.submit(load, settings, assets).result()
        self._embed: Batcher[FloatArray, SpeakerEmbedding] = Batcher(model.embed, len, thread, DEFAULT_LIMITS)

    async def embed(self, audio: bytes, flow: Flow = ANYONE) -> SpeakerEmbedding:
        """The speaker embedding of an audio file's contents, when it is the turn of ``flow``.

        Raises:
            DeadlineExceeded: The deadline of ``flow`` passed before.
            ReferenceAudioError: Not audio, or none that shows a voice.
        """
        from tts_models.speaker.reference_audio import decode_reference_audio  # with torch inside: see load

        return await self._embed(await asyncio.to_thread(decode_reference_audio, audio, None, self._decode), flow)

    async def load(self) -> ReplicaLoad:
        """What this replica has to do."""
        return self._embed.load()

    def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Take new batch limits; Ray calls it with the ``user_config`` of the YAML."""
        self._embed.set_limits(BatchLimits.model_validate(user_config))

    async def check_health(self) -> None:
        """Raise if batches are no longer formed."""
        await self._embed.check_health()
