"""Fits cloned voices to their speakers, in the background: a consumer of the voices that wait.

::

    VoiceStore --claim--> [fit] --checkpoint, every few seconds--> VoiceStore     (kill -9: the lease ends, another
                            |                                                      replica goes on from there)
                            +------finish: the fitted recipe, at once for all---> VoiceStore

The fit runs in one thread of low priority, so that on a CPU it takes what synthesis leaves; a second one keeps the lease
and the checkpoint meanwhile, because a step may take long on a busy machine.
"""

from __future__ import annotations

import io
import logging
import math
import os
import secrets
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import soundfile
from ray.serve.config import AutoscalingContext

from deployments.assets import ECAPA, KOKORO, VOICES, asset_store
from deployments.errors import StorageUnavailable
from deployments.settings import AssetSettings, FittingSettings, StorageSettings
from deployments.storage.records import Records, open_records
from deployments.storage.voices import ClonedVoice, VoiceLost, VoiceStore
from tts_models.errors import TtsError
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.types import FloatArray

if TYPE_CHECKING:
    from tts_models.fitting.fitter import FitPlan, FitState, Fitted

logger = logging.getLogger(__name__)

WAITING = "waiting_voices"
_POLL_S = 1.0
_STOP_S = 20.0
_RENEWALS = 6  # in the time of a lease
_FAILED = "Something went wrong on the server; the voice stays as it is."
_GAVE_UP = "The fitting was begun {attempts} times and did not come forward; the voice stays as it is."


class FitsVoices(Protocol):
    """What the deployment needs of the fitting."""

    def fit(
        self,
        clips: Sequence[FloatArray],
        starts: Sequence[VoiceRecipe],
        plan: FitPlan,
        state: bytes | None = None,
        on_step: Callable[[FitState], None] = ...,
    ) -> Fitted:
        """A voice fitted to the speaker of ``clips``."""
        ...


def load(settings: FittingSettings, assets: AssetSettings) -> FitsVoices:
    """The fitting with all its models; takes seconds and some 600 MB."""
    store = asset_store(assets)
    paths = [store.ensure(name) for name in (KOKORO, ECAPA, VOICES)]
    # Imported when the first voice waits: until then a replica needs no torch.
    from deployments.share import keep_to_share, torch_device
    from tts_models.fitting.fitter import VoiceFitter as Model

    keep_to_share(settings.threads)
    return Model.load(*paths, torch_device(settings.device))


class Stopped(Exception):
    """The replica shuts down."""


class VoiceFitter:
    """Deployment of the fitting. It is not called: what it does is in the records.

    Args:
        settings: How voices are fitted.
        assets: Where the weights are kept.
        storage: Where the voices are.
        load: Makes the model when a voice waits; tests bring their own.
        records: Instead of those of ``storage``, for tests.
    """

    def __init__(
        self,
        settings: FittingSettings,
        assets: AssetSettings,
        storage: StorageSettings,
        load: Callable[[FittingSettings, AssetSettings], FitsVoices] = load,
        records: Records | None = None,
    ) -> None:
        self._settings = settings
        self._load = lambda: load(settings, assets)
        self._voices = VoiceStore(records or open_records(storage))
        self._stopping = threading.Event()
        self._waiting = 0
        self._thread = threading.Thread(target=self._work, name="voice-fitter", daemon=True)
        if settings.enabled:
            self._thread.start()

    def record_autoscaling_stats(self) -> dict[str, float]:
        """For :func:`scale_by_voices`."""
        return {WAITING: float(self._waiting)}

    def check_health(self) -> None:
        """Called by Serve.

        Raises:
            RuntimeError: No voices are fitted any more.
        """
        if self._settings.enabled and not self._thread.is_alive():
            raise RuntimeError("the thread of the fitter has ended")

    def hand_back(self) -> None:
        """Ends the work; a voice that is being fitted is kept as it is, and another replica goes on at once."""
        self._stopping.set()
        with suppress(RuntimeError):  # it never ran, or this is it
            self._thread.join(_STOP_S)

    def __del__(self) -> None:
        self.hand_back()

    def _work(self) -> None:
        _lower_priority(self._settings.nice)
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
                    model = model or self._load()
                    self._fit(model, voice, worker)
                finally:
                    self._voices.release(voice, worker)
            except (AssetError, OutOfMemory, StorageUnavailable):
                logger.warning("Voices cannot be fitted now; trying again.", exc_info=True)
                model, pause_s = None, _FAULT_PAUSE_S

    def _fit(self, model: FitsVoices, voice: ClonedVoice, worker: str) -> None:
        from tts_models.fitting.fitter import FitPlan

        plan = FitPlan(steps=self._settings.steps)
        try:
            with Keeper(self._voices, voice, worker, plan.steps, self._settings.lease_s) as keeper:
                if keeper.tries > self._settings.attempts:
                    raise FittingError(f"The fitting was begun {keeper.tries - 1} times and did not come forward.")
                clips = [_samples(reference) for reference in self._voices.references(voice)]

                def on_step(state: FitState) -> None:
                    keeper.keep(state)
                    self._count_soon()
                    if self._stopping.is_set():
                        raise _Stopped

                fitted = model.fit(clips, [voice.recipe.recipe()], plan, keeper.state, on_step)
            self._voices.finish(voice, worker, fitted.recipe, fitted.similarity)
        except (VoiceLost, _Stopped):
            pass
        except (AssetError, OutOfMemory, StorageUnavailable):
            raise
        except TtsError as error:
            self._fail(voice, worker, error.message)
        except Exception:
            logger.exception("A voice could not be fitted.")
            self._fail(voice, worker, "Something went wrong on the server.")
