"""How far a fitting is, so that it can be kept and gone on from."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from tts_models.types import TIMBRE_DIM, FloatArray


class StateError(ValueError):
    """These bytes are no state of a fitting."""


@dataclass(frozen=True, slots=True, eq=False)
class FitState:
    """A fitting after some steps.

    Attributes:
        start: Index of the voice it began with.
        step: Steps done.
        timbre: ``(128,)`` float32, what is added to the timbre of that voice, in deviations of the presets' timbres.
        momentum: ``(128,)`` float32, Adam's running mean of the gradient.
        variance: ``(128,)`` float32, Adam's running mean of its square.
        best: ``(128,)`` float32, the ``timbre`` that was best on what is held out.
        best_step: The step after which it was.
        best_unlikeness: How unlike the speaker that was.
        best_similarity: Cosine of the embeddings of that and of what is held out.
        first_similarity: The same before the first step.
    """

    start: int
    step: int
    timbre: FloatArray
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
        zeros = [np.zeros(TIMBRE_DIM, np.float32) for _ in range(4)]
        return cls(start, 0, *zeros[:3], zeros[3], 0, unlikeness, similarity, similarity)

    def to_bytes(self) -> bytes:
        """All of it, 2.5 KB."""
        data: bytes = save({field.name: np.asarray(getattr(self, field.name)) for field in fields(self)})
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> FitState:
        """What :meth:`to_bytes` made.

        Raises:
            StateError: It made something else.
        """
        try:
            arrays = load(data)
        except (SafetensorError, ValueError) as error:
            raise StateError("no state of a fitting") from error
        vectors = {"timbre", "momentum", "variance", "best"}
        if arrays.keys() != {field.name for field in fields(cls)} or any(
            arrays[name].shape != ((TIMBRE_DIM,) if name in vectors else ()) for name in arrays
        ):
            raise StateError("a state of another fitting")
        return cls(**{name: array if name in vectors else array.item() for name, array in arrays.items()})
