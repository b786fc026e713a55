"""What a sentence such as ``speak like a tired night-shift nurse`` asks of speech, in English, Japanese and Chinese.

By words and, where there is a sentence encoder, by meaning: see :mod:`tts_models.instructions.understanding`.
"""

from tts_models.instructions.manner import Manner
from tts_models.instructions.meaning import Meaning
from tts_models.instructions.understanding import Understanding, understand

__all__ = ["Manner", "Meaning", "Understanding", "understand"]
