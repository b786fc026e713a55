"""Fits cloned voices to their speakers, in the background: a consumer of the voices that wait.

::

    VoiceStore --claim--> [fit] --checkpoint, every few seconds--> VoiceStore     (kill -9: the lease ends, and another
                            |                                                      replica goes on from there)
                            +------finish: the fitted recipe, at once for all---> VoiceStore

The fit runs in a thread that computes only while nothing else wants the core. Another one keeps the lease and the
checkpoint meanwhile, because a step may take long on a busy machine.
"""

from __future__ import annotations

import logging
import math
import os
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from ray.serve.config import AutoscalingContext

from deployments.assets import ECAPA, KOKORO, VOICES, asset_store
from deployments.cores import stand_back
from deployments.errors import StorageUnavailable
from deployments.fair_worker import ReplicaLoad
from deployments.logs import log_with_serve
from deployments.metrics import VOICES_WAITING
from deployments.settings import AssetSettings, FittingSettings, StorageSettings
from deployments.storage.records import Records, open_records
from deployments.storage.voices import ClonedVoice, VoiceLost, VoiceStore
from deployments.voice_keeper import Keeper
from tts_models.errors import AssetError, OutOfMemory, TtsError
from tts_models.fitting.plan import FitPlan, Fitted
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.speaker.reference_audio import ReferenceAudioLimits, decode_audio
from tts_models.types import FloatArray

if TYPE_CHECKING:
    from tts_models.fitting.state import FitState

logger = logging.getLogger(__name__)

WAITING = "waiting_voices"
_POLL_S = 1.0
_FAULT_PAUSE_S = 5.0
_COUNT_S = 2.0
_STOP_S = 20.0
_ANY_LENGTH = ReferenceAudioLimits(max_duration_s=3600)
_PASSING = (AssetError, OutOfMemory, StorageUnavailable)


class FitsVoices(Protocol):
    """What the deployment needs of the fitting."""

    def fit(
        self,
        clips: Sequence[FloatArray],
        start: VoiceRecipe,
        plan: FitPlan,
        state: bytes | None = None,
        on_step: Callable[[FitState], None] = ...,
    ) -> Fitted:
        """A voice fitted to the speaker of ``clips``."""
        ...


def load(settings: FittingSettings, assets: AssetSettings) -> FitsVoices:
    """The fitting with all its models; takes seconds."""
    store = asset_store(assets)
    kokoro, ecapa, voices = (store.ensure(name) for name in (KOKORO, ECAPA, VOICES))
    # Imported when the first voice waits: until then a replica needs no torch.
    from deployments.share import keep_to_share, torch_device
    from tts_models.fitting.fitter import VoiceFitter as Model

    keep_to_share(settings.threads)
    return Model.load(kokoro, ecapa, voices, torch_device(settings.device))


class _StoppedError(Exception):
    """The replica shuts down."""


class VoiceFitter:
    """Deployment of the fitting. Nobody calls it: its work is in the records.

    Args:
        settings: How voices are fitted.
        assets: Where the weights are kept.
        storage: Where the voices are.
        load: Makes the model when a voice waits; tests bring their own.
        records: Instead of those of ``storage``.
    """

    def __init__(
        self,
        settings: FittingSettings,
        assets: AssetSettings,
        storage: StorageSettings,
        load: Callable[[FittingSettings, AssetSettings], FitsVoices] = load,
        records: Records | None = None,
    ) -> None:
        log_with_serve()
        self._settings = settings
        self._load = lambda: load(settings, assets)
        self._voices = VoiceStore(records or open_records(storage))
        self._stopping = threading.Event()
        self._waiting = 0
        self._fitting = 0
        self._waiting_voices = VOICES_WAITING.make()
        self._next_count_s = 0.0
        self._thread = threading.Thread(target=self._work, name="voice-fitter", daemon=True)
        if settings.enabled:
            self._thread.start()

    def record_autoscaling_stats(self) -> dict[str, float]:
        """For :func:`scale_by_voices`."""
        return {WAITING: float(self._waiting)}

    async def load(self) -> ReplicaLoad:
        """What there is to do: the voice that this replica fits, and those that wait for any replica.

        How long they take is not told: a fit takes what other work leaves.
        """
        return ReplicaLoad(
            running=self._fitting,
            waiting=max(0, self._waiting - self._fitting),
            max_running=1,
            max_ongoing=1,
            wait_s=0.0,
            recent=(),
            shares_queue=True,
        )

    def check_health(self) -> None:
        """Called by Serve.

        Raises:
            RuntimeError: No voices are fitted any more.
        """
        if self._settings.enabled and not self._thread.is_alive():
            raise RuntimeError("the thread of the fitter has ended")

    def hand_back(self) -> None:
        """Ends the work; a voice that is being fitted is kept as it is, for another replica to go on at once."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def __del__(self) -> None:
        self.hand_back()

    def _work(self) -> None:
        if self._settings.only_idle:
            stand_back()
        model: FitsVoices | None = None
        pause_s = _POLL_S
        while not self._stopping.wait(pause_s):
            pause_s = _POLL_S
            worker = f"{os.getpid()}-{secrets.token_hex(6)}"
            try:
                self._count()
                voice = self._voices.claim(worker, self._settings.lease_s)
                if voice is None:
                    model = None  # its memory is not kept for a voice that may come tomorrow
                    continue
                try:
                    self._fitting = 1
                    model = model or self._load()
                    self._fit(model, voice, worker)
                finally:
                    self._fitting = 0
                    self._voices.release(voice, worker)
            except _PASSING:
                logger.warning("Voices cannot be fitted now; trying again.", exc_info=True)
                model, pause_s = None, _FAULT_PAUSE_S

    def _fit(self, model: FitsVoices, voice: ClonedVoice, worker: str) -> None:
        plan = FitPlan(steps=self._settings.steps, language=voice.language)
        try:
            keeper = Keeper(self._voices, voice, worker, plan.steps, self._settings.lease_s)
            if keeper.tries > self._settings.attempts:
                logger.error(
                    "A voice is given up: its fit was begun %d times and did not come forward.", keeper.tries - 1
                )
                self._fail(voice, worker, "The server tried several times, and each time something went wrong.")
                return
            with keeper:
                clips = [decode_audio(data, _ANY_LENGTH) for data in self._voices.references(voice)]

                def on_step(state: FitState) -> None:
                    keeper.keep(state)
                    self._count()
                    if self._stopping.is_set():
                        raise _StoppedError

                fitted = model.fit(clips, voice.recipe.recipe(), plan, keeper.state, on_step)
            self._voices.finish(voice, worker, fitted.recipe, fitted.similarity, fitted.first_similarity)
        except (VoiceLost, _StoppedError):
            pass
        except _PASSING:
            raise
        except TtsError as error:
            self._fail(voice, worker, error.message)
        except Exception:
            logger.exception("A voice could not be fitted.")
            self._fail(voice, worker, "Something went wrong on the server.")

    def _fail(self, voice: ClonedVoice, worker: str, error: str) -> None:
        with suppress(VoiceLost):
            self._voices.fail(voice, worker, error)

    def _count(self) -> None:
        """Takes note of how many voices wait, now and then."""
        if time.monotonic() >= self._next_count_s:
            self._waiting = self._voices.waiting()
            self._waiting_voices.set(self._waiting)
            self._next_count_s = time.monotonic() + _COUNT_S


def scale_by_voices(context: AutoscalingContext) -> tuple[float, dict[str, Any]]:
    """An autoscaling policy: as many replicas as the voices fill that wait or are being fitted.

    ``target_ongoing_requests`` is how many of them one replica is for.
    """
    assert context.config is not None
    seen = [series[-1] for series in (context.raw_metrics or {}).get(WAITING, {}).values() if series]
    latest = max(seen, key=lambda value: value.timestamp, default=None)  # every replica counts all of them
    wanted = math.ceil(latest.value / context.config.get_target_ongoing_requests()) if latest else 0
    return max(wanted, context.capacity_adjusted_min_replicas), {}
