"""Acoustic features -> waveform, in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from deployments.assets import KOKORO, asset_store
from deployments.autoscaling import CALL_S
from deployments.batching import Batcher
from deployments.cores import this_machine
from deployments.fair_queue import ANYONE, Flow
from deployments.fair_worker import ReplicaLoad
from deployments.logs import log_with_serve
from deployments.metrics import AUDIO
from deployments.settings import AssetSettings, BatchLimits, VocoderSettings
from deployments.tiers import limits_that_fit
from tts_models.errors import TtsError
from tts_models.types import AcousticFeatures, Audio

DEFAULT_LIMITS = BatchLimits(max_items=4, max_padded_work=1600, wait_s=0.005, max_run_s=60)


class MakesAudio(Protocol):
    """What the deployment needs of a vocoder."""

    def synthesize(self, batch: Sequence[AcousticFeatures]) -> Sequence[Audio | TtsError]:
        """A waveform for each item, or what was wrong with it."""
        ...


def load(settings: VocoderSettings, assets: AssetSettings) -> MakesAudio:
    """The vocoder with its weights, compiled and warm."""
    store = asset_store(assets)
    weights = store.ensure(KOKORO)  # before anything that takes time: what is missing is said at once
    # Imported in the replica only: whoever builds or drives the graph needs no torch.
    from deployments.share import keep_to_share, share_cores, torch_device
    from tts_models.engine import choose_engine
    from tts_models.vocoder import Vocoder as Model

    keep_to_share(settings.threads)
    engine = choose_engine(settings.engine, device=str(torch_device("auto")), cache_dir=store.root / "kernels")
    if engine.kernels is not None:
        share_cores(engine.kernels)
    model = Model.load(weights, engine)
    model.warm_up()
    return model


class Vocoder:
    """Deployment of the vocoder.

    Args:
        settings: Engine and threads.
        assets: Where the weights are kept.
        load: Makes the model; tests bring their own.
    """

    def __init__(
        self,
        settings: VocoderSettings,
        assets: AssetSettings,
        load: Callable[[VocoderSettings, AssetSettings], MakesAudio] = load,
    ) -> None:
        log_with_serve()
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vocoder")
        model = thread.submit(load, settings, assets).result()
        self._synthesize: Batcher[AcousticFeatures, Audio] = Batcher(
            this_machine().seen_by_others(model.synthesize),
            _frames,
            thread,
            limits_that_fit("Vocoder", DEFAULT_LIMITS),
        )
        self._audio_s = AUDIO.make()

    async def synthesize(self, features: AcousticFeatures, flow: Flow = ANYONE) -> Audio:
        """The waveform of one segment, when it is the turn of ``flow``.

        Raises:
            DeadlineExceeded: The deadline of ``flow`` passed before.
            SynthesisError: The model made empty or non-finite audio.
        """
        audio = await self._synthesize(features, flow)
        self._audio_s.inc(audio.duration_s, {"priority": flow.priority.value})
        return audio

    async def load(self) -> ReplicaLoad:
        """What this replica has to do."""
        return self._synthesize.load()

    def record_autoscaling_stats(self) -> dict[str, float]:
        """For :class:`~deployments.autoscaling.SharedGpus`; Ray asks every now and then."""
        return {CALL_S: self._synthesize.call_s}

    def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Take new batch limits; Ray calls it with the ``user_config`` of the YAML."""
        self._synthesize.set_limits(limits_that_fit("Vocoder", BatchLimits.model_validate(user_config)))

    async def check_health(self) -> None:
        """Raise if batches are no longer formed."""
        await self._synthesize.check_health()


def _frames(features: AcousticFeatures) -> int:
    return features.n_frames
