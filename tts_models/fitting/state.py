"""How far a fitting is, so that it can be kept and gone on from."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from tts_models.types import TIMBRE_DIM, FloatArray

_MOMENTUM, _MEMORY = 0.9, 0.99
_AVERAGED_STEPS = 6


class StateError(ValueError):
    """These bytes are no state of a fitting."""


@dataclass(frozen=True, slots=True, eq=False)
class FitState:
    """A fitting after some steps.

    Attributes:
        start: Index of the voice it began with.
        step: Steps done.
        change: ``(128,)`` float32, what is added to the timbre of that voice, in deviations of the presets' timbres.
        average: ``(128,)`` float32, running mean of ``change`` over some steps: steadier than where the last one led.
        momentum: ``(128,)`` float32, Adam's running mean of the gradient.
        variance: ``(128,)`` float32, Adam's running mean of its square.
        best: ``(128,)`` float32, the ``average`` that was best on what is held out.
        best_step: The step after which it was.
        best_unlikeness: How unlike the speaker that was.
        best_similarity: Cosine of the embeddings of that and of what is held out.
        first_similarity: The same before the first step.
    """

    start: int
    step: int
    change: FloatArray
    average: FloatArray
    momentum: FloatArray
    variance: FloatArray
    best: FloatArray
    best_step: int
    best_unlikeness: float
    best_similarity: float
    first_similarity: float

    @classmethod
    def beginning(cls, start: int, unlikeness: float, similarity: float) -> FitState:
        """Before the first step."""
        zeros = np.zeros(TIMBRE_DIM, np.float32)
        return cls(start, 0, zeros, zeros, zeros, zeros, zeros, 0, unlikeness, similarity, similarity)

    def descended(self, gradient: FloatArray, learning_rate: float) -> FitState:
        """After a step of Adam.

        Args:
            gradient: ``(128,)``, of what is to become smaller by ``change``.
            learning_rate: Longest step, about.
        """
        step = self.step + 1
        momentum = _MOMENTUM * self.momentum + (1 - _MOMENTUM) * gradient
        variance = _MEMORY * self.variance + (1 - _MEMORY) * gradient**2
        slope = momentum / (1 - _MOMENTUM**step)
        scale = np.sqrt(variance / (1 - _MEMORY**step)) + 1e-8
        change = (self.change - learning_rate * slope / scale).astype(np.float32)
        return replace(
            self,
            step=step,
            change=change,
            average=(self.average + (change - self.average) / min(step, _AVERAGED_STEPS)).astype(np.float32),
            momentum=momentum.astype(np.float32),
            variance=variance.astype(np.float32),
        )

    def to_bytes(self) -> bytes:
        """All of it, 3 KB."""
        data: bytes = save({field.name: np.asarray(getattr(self, field.name)) for field in fields(self)})
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> FitState:
        """What :meth:`to_bytes` made.

        Raises:
            StateError: It made something else.
        """
        try:
            arrays: dict[str, Any] = load(data)
        except (SafetensorError, ValueError) as error:
            raise StateError("no state of a fitting") from error
        vectors = {"change", "average", "momentum", "variance", "best"}
        if arrays.keys() != {field.name for field in fields(cls)} or any(
            array.shape != ((TIMBRE_DIM,) if name in vectors else ()) for name, array in arrays.items()
        ):
            raise StateError("a state of another fitting")
        return cls(**{name: array if name in vectors else array.item() for name, array in arrays.items()})
