"""The acoustic model: phonemes and a style vector to durations, F0, energy and a text encoding."""

from tts_models.acoustic.batches import n_tokens
from tts_models.acoustic.model import MAX_SPEED, MIN_SPEED, AcousticModel

__all__ = ["MAX_SPEED", "MIN_SPEED", "AcousticModel", "n_tokens"]
