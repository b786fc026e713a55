"""The acoustic model: phonemes and a style vector to durations, F0, energy and a text encoding."""

from tts_models.acoustic.batches import n_tokens
from tts_models.acoustic.model import AcousticModel

__all__ = ["AcousticModel", "n_tokens"]
