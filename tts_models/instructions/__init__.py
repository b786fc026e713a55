"""What a sentence such as ``speak like a tired night-shift nurse`` asks of speech, in English, Japanese and Chinese.

By words, not by a language model: see :mod:`tts_models.instructions.understanding`.
"""

from tts_models.instructions.manner import Manner
from tts_models.instructions.understanding import understand

__all__ = ["Manner", "understand"]
