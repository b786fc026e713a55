"""English sentences into vectors: near one another where they mean nearly the same.

Source: ``sentence-transformers/all-MiniLM-L6-v2`` (Apache-2.0), a BERT of six layers, mean over its tokens, unit
length. In numpy: it reads a line or two now and then, in processes that have no use for torch. The tanh form of GELU
stands for the exact one; cosines move by less than 0.001.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from tts_models.errors import AssetError
from tts_models.instructions.word_pieces import WordPieces
from tts_models.types import FloatArray

VOCABULARY = "vocabulary"
"""Name of the tensor that holds the word pieces, a line each, as UTF-8 bytes."""
_MAX_TOKENS = 256  # what it was trained on; the rest of a longer text is not read
_HEAD = 32
_EPSILON = 1e-12


class SentenceEncoder:
    """The network and its vocabulary.

    Args:
        tensors: Those of the release, float16 or float32, and the vocabulary.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        tensors = dict(tensors)
        self._words = WordPieces(tensors.pop(VOCABULARY).tobytes().decode().split("\n"))
        # Of the 24 MB of words a line needs a few rows: they stay as they are.
        self._vectors = tensors.pop("embeddings.word_embeddings.weight")
        self._weights = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
        self._n_layers = sum(name.endswith("attention.self.query.weight") for name in tensors)

    @classmethod
    def load(cls, path: Path) -> SentenceEncoder:
        """Reads the asset ``all-minilm-l6-v2``.

        Raises:
            AssetError: The file cannot be read, or is another one.
        """
        try:
            encoder = cls(load_file(path))
            encoder.embed("Whether everything is there shows at once.")
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise AssetError(f"The sentence encoder in {path} cannot be loaded: {error}") from error
        return encoder

    def embed(self, text: str) -> FloatArray:
        """What ``text`` means: ``(384,)`` float32, unit length."""
        ids = self._words.encode(text, _MAX_TOKENS)
        x = self._vectors[ids].astype(np.float32)
        x += self._weights["embeddings.position_embeddings.weight"][: len(ids)]
        x += self._weights["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x, "embeddings.LayerNorm")
        for number in range(self._n_layers):
            x = self._layer(x, f"encoder.layer.{number}.")
        mean = x.mean(axis=0)
        unit: FloatArray = mean / np.linalg.norm(mean)
        return unit

    def _layer(self, x: FloatArray, name: str) -> FloatArray:
        """``(T, 384)`` -> ``(T, 384)``."""
        x = self._norm(x + self._attention(x, name + "attention."), name + "attention.output.LayerNorm")
        hidden = self._linear(x, name + "intermediate.dense")
        hidden *= 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi, dtype=np.float32) * (hidden + 0.044715 * hidden**3)))
        return self._norm(x + self._linear(hidden, name + "output.dense"), name + "output.LayerNorm")

    def _attention(self, x: FloatArray, name: str) -> FloatArray:
        query, key, value = (
            self._linear(x, f"{name}self.{part}").reshape(len(x), -1, _HEAD).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(1, 2) / np.sqrt(_HEAD, dtype=np.float32)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        return self._linear((weights @ value).swapaxes(0, 1).reshape(len(x), -1), name + "output.dense")

    def _linear(self, x: FloatArray, name: str) -> FloatArray:
        out: FloatArray = x @ self._weights[name + ".weight"].T + self._weights[name + ".bias"]
        return out

    def _norm(self, x: FloatArray, name: str) -> FloatArray:
        centred = x - x.mean(axis=-1, keepdims=True)
        deviation = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + _EPSILON)
        out: FloatArray = centred / deviation * self._weights[name + ".weight"] + self._weights[name + ".bias"]
        return out
