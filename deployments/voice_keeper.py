"""Keeps a voice that is being fitted: its lease, and how far the fit is."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from deployments.errors import StorageUnavailable
from deployments.storage.voices import ClonedVoice, VoiceLost, VoiceStore

if TYPE_CHECKING:
    from tts_models.fitting.state import FitState

logger = logging.getLogger(__name__)

_RENEWALS = 6  # in the time of a lease


class Keeper:
    """A context in which a claimed voice stays its worker's, however long a step of the fit takes.

    What is kept is the number of times that the fit was begun since it last came forward, in the first byte, and its
    state. A voice whose fit brings its worker down is so known after some tries.

    Args:
        voices: Where the voice is.
        voice: As claimed.
        worker: Who claimed it.
        steps: Most steps of the fit.
        lease_s: How long the voice is held after each checkpoint, seconds.

    Raises:
        VoiceLost: The voice is not the worker's any more.
    """

    def __init__(self, voices: VoiceStore, voice: ClonedVoice, worker: str, steps: int, lease_s: float) -> None:
        self._voices, self._voice, self._worker, self._steps = voices, voice, worker, steps
        self._every_s = lease_s / _RENEWALS
        saved = voices.state(voice) or b"\0"
        self.tries = saved[0] + 1
        """How many times the fit was begun since it came forward, this one included."""
        self.state: bytes | None = saved[1:] or None
        """What to go on from."""
        self._data = bytes([min(self.tries, 255)]) + saved[1:]
        self._progress, self._similarity, self._first = voice.progress, voice.similarity, voice.similarity_start
        self._is_lost = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="voice-keeper", daemon=True)

    def __enter__(self) -> Self:
        self._checkpoint()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join()
        if not self._is_lost and kind is not VoiceLost:
            self._checkpoint()

    def keep(self, state: FitState) -> None:
        """Takes note of a step; it is in the records a moment later.

        Raises:
            VoiceLost: The voice was deleted, or another worker has it.
        """
        if self._is_lost:
            raise VoiceLost(self._voice.id)
        self._progress, self._similarity = state.step / self._steps, state.best_similarity
        self._first = state.first_similarity
        self._data = b"\0" + state.to_bytes()

    def _renew(self) -> None:
        while not self._closing.wait(self._every_s):
            try:
                self._checkpoint()
            except VoiceLost:
                self._is_lost = True
                return
            except StorageUnavailable:
                logger.warning("The fit of a voice cannot be kept now; trying again.", exc_info=True)

    def _checkpoint(self) -> None:
        self._voices.checkpoint(self._voice, self._worker, self._data, self._progress, self._similarity, self._first)
