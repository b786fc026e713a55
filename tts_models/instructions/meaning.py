"""What instructions mean, by the examples they are nearest to.

A line is drawn for every effect through the vectors of all examples (ridge regression on which of them are its own),
and an instruction gets the effect on whose side it lies furthest. Single neighbours are worse: what two sentences have
in common is mostly their topic, and only what many examples have in common is their mood. ``bench/instructions.py``
draws the lines, and writes the file that is read here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import regex
from safetensors import safe_open
from safetensors.numpy import save

from tts_models.instructions.examples import EXAMPLES
from tts_models.instructions.manner import Effect
from tts_models.instructions.sentences import SentenceEncoder
from tts_models.types import FloatArray

LINES_FILE = Path(__file__).with_name("lines.safetensors")
MOOD_SHARE = 0.15
"""Least share of a mood that counts: of the examples, each judged by the others, two in three are then right."""
DELIVERY_SHARE = 0.3
"""The same for pace, pitch, loudness and melody: all of them right, since an accent must not change them."""
_RIDGE = 3.0
_FRAME = regex.compile(
    r"^\W*(?:please\s+)?(?:(?:speak|talk|say|read|tell|sound|use|it|this|with|in|as|like|if|though|the|an?|somebody|"
    r"someone|who|you\s+(?:are|have)|voice\s+of|way\s+you['’]d|how|your)\s+)+",
    regex.IGNORECASE,
)


class EmbedsSentences(Protocol):
    """What is needed of a sentence encoder."""

    def embed(self, text: str) -> FloatArray:
        """``(D,)`` float32, unit length."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Between the effects.

    Attributes:
        middle: ``(D,)`` float32, the mean of all examples.
        weights: ``(D, effects)`` float32: the share of each effect of :data:`EXAMPLES` in what is not in the middle.
        examples: Digest of the examples they were drawn through.
    """

    middle: FloatArray
    weights: FloatArray
    examples: str

    @classmethod
    def through(cls, vectors: FloatArray, effects: FloatArray) -> Lines:
        """Through examples.

        Args:
            vectors: ``(N, D)`` float32, unit length.
            effects: ``(N,)`` int: the effect of each.
        """
        middle = vectors.mean(axis=0)
        apart = _centred(vectors, middle)
        own = np.eye(len(EXAMPLES))[effects]
        weights = np.linalg.solve(apart.T @ apart + _RIDGE * np.eye(apart.shape[1]), apart.T @ own)
        return cls(middle, weights.astype(np.float32), examples_digest())

    @classmethod
    def load(cls, path: Path = LINES_FILE) -> Lines:
        """Those of the package."""
        with safe_open(path, "np") as file:
            return cls(file.get_tensor("middle"), file.get_tensor("weights"), file.metadata()["examples"])

    def to_bytes(self) -> bytes:
        """What :meth:`load` reads."""
        return save({"middle": self.middle, "weights": self.weights}, {"examples": self.examples})

    def shares(self, vector: FloatArray) -> FloatArray:
        """The share of each effect in what a sentence means, ``(effects,)`` float32: 1 if all of it."""
        shares: FloatArray = _centred(vector, self.middle) @ self.weights
        return shares


class Meaning:
    """Compares instructions with :data:`~tts_models.instructions.examples.EXAMPLES`.

    Args:
        encoder: Makes vectors of English sentences.
        lines: What they are compared by.
    """

    def __init__(self, encoder: EmbedsSentences, lines: Lines) -> None:
        self._encoder = encoder
        self._lines = lines

    @classmethod
    def load(cls, path: Path) -> Meaning:
        """With the encoder in ``path``, the asset ``all-minilm-l6-v2``.

        Raises:
            AssetError: It cannot be read.
        """
        return cls(SentenceEncoder.load(path), Lines.load())

    def nearest(self, text: str, moods_left_out: Collection[str] = ()) -> Effect:
        """What an English ``text`` asks for; nothing where it is near to nothing that asks for anything.

        Args:
            text: Instructions, without what they say is not wanted.
            moods_left_out: Moods that it is not about.
        """
        if not text.strip():
            return Effect()
        shares = dict(zip(EXAMPLES, self._lines.shares(self._encoder.embed(bare(text))).tolist(), strict=True))
        families: dict[str, list[Effect]] = {}
        for effect in EXAMPLES:
            families.setdefault(family(effect), []).append(effect)
        together = {name: sum(shares[effect] for effect in effects) for name, effects in families.items()}
        best = max(together, key=lambda name: together[name])
        least = DELIVERY_SHARE if best == "delivery" else MOOD_SHARE
        if best == "nothing" or best in moods_left_out or together[best] < least:
            return Effect()
        return max(families[best], key=lambda effect: shares[effect])


def family(effect: Effect) -> str:
    """Shades of a mood are one answer, and so are pace, pitch, loudness and melody together."""
    return effect.emotion or ("nothing" if effect == Effect() else "delivery")


def bare(text: str) -> str:
    """``text`` without how instructions begin, which says nothing: ``speak like a judge`` -> ``judge``."""
    return _FRAME.sub("", text) or text


def examples_digest() -> str:
    """Tells other examples from these."""
    return hashlib.sha256(repr(list(EXAMPLES.items())).encode()).hexdigest()


def _centred(vectors: FloatArray, middle: FloatArray) -> FloatArray:
    """What is left when what all examples have in common is gone, unit length."""
    apart = vectors - middle
    centred: FloatArray = apart / np.linalg.norm(apart, axis=-1, keepdims=True)
    return centred
