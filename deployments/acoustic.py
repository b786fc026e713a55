"""Phonemes and a style -> acoustic features, in batches."""

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
from deployments.settings import AcousticSettings, AssetSettings, BatchLimits
from deployments.tiers import limits_that_fit
from tts_models.errors import TtsError
from tts_models.types import AcousticFeatures, AcousticInput, Prosody

DEFAULT_LIMITS = BatchLimits(max_items=8, max_padded_work=2048, wait_s=0.005, max_run_s=60)


class PredictsFeatures(Protocol):
    """What the deployment needs of an acoustic model."""

    def synthesize(self, batch: Sequence[AcousticInput]) -> Sequence[AcousticFeatures | TtsError]:
        """Features for each input, or what was wrong with it."""
        ...


def load(settings: AcousticSettings, assets: AssetSettings) -> PredictsFeatures:
    """The acoustic model with its weights, warm."""
    store = asset_store(assets)
    weights = store.ensure(KOKORO)  # before anything that takes time: what is missing is said at once
    # Imported in the replica only: whoever builds or drives the graph needs no torch.
    import torch

    from deployments.share import keep_to_share, share_cores, torch_device
    from tts_models.acoustic import AcousticModel as Model
    from tts_models.engine import float32_kernels

    keep_to_share(settings.threads)
    device = torch_device(settings.device)
    kernels = float32_kernels(store.root / "kernels") if device.type == "cpu" else None
    if kernels is not None:
        share_cores(kernels)
        # What is left to torch is little, and its sums, and so F0, would depend on how many threads compute them.
        torch.set_num_threads(1)
    model = Model.load(weights, device, kernels)
    model.warm_up()
    return model


class AcousticModel:
    """Deployment of the acoustic model.

    Args:
        settings: Device and threads.
        assets: Where the weights are kept.
        load: Makes the model; tests bring their own.
    """

    def __init__(
        self,
        settings: AcousticSettings,
        assets: AssetSettings,
        load: Callable[[AcousticSettings, AssetSettings], PredictsFeatures] = load,
    ) -> None:
        log_with_serve()
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="acoustic-model")
        model = thread.submit(load, settings, assets).result()
        self._synthesize: Batcher[AcousticInput, AcousticFeatures] = Batcher(
            this_machine().seen_by_others(model.synthesize),
            _padded_tokens,
            thread,
            limits_that_fit("AcousticModel", DEFAULT_LIMITS),
        )

    async def synthesize(self, item: AcousticInput, flow: Flow = ANYONE) -> AcousticFeatures:
        """The acoustic features of one segment, when it is the turn of ``flow``.

        Raises:
            DeadlineExceeded: The deadline of ``flow`` passed before.
            SynthesisError: The model made nothing that could be spoken.
        """
        return await self._synthesize(item, flow)

    async def predict(self, item: AcousticInput, flow: Flow = ANYONE) -> Prosody:
        """How one segment would be said, for a caller who wants to see it or change it first.

        Shares its batches with :meth:`synthesize`.

        Raises:
            DeadlineExceeded: The deadline of ``flow`` passed before.
            SynthesisError: The model made nothing that could be spoken.
        """
        features = await self._synthesize(item, flow)
        return Prosody(features.durations_frames, features.f0_hz, features.energy)

    async def load(self) -> ReplicaLoad:
        """What this replica has to do."""
        return self._synthesize.load()

    def record_autoscaling_stats(self) -> dict[str, float]:
        """For :class:`~deployments.autoscaling.SharedGpus`; Ray asks every now and then."""
        return {CALL_S: self._synthesize.call_s}

    def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Take new batch limits; Ray calls it with the ``user_config`` of the YAML."""
        self._synthesize.set_limits(limits_that_fit("AcousticModel", BatchLimits.model_validate(user_config)))

    async def check_health(self) -> None:
        """Raise if batches are no longer formed."""
        await self._synthesize.check_health()


def _padded_tokens(item: AcousticInput) -> int:
    return len(item.token_ids) + 2
