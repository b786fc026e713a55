"""Moods: how happiness, grief or a whisper change the way a voice speaks.

::

    Emotion --MOODS--> Mood --+--> style vector, its prosody half      style.py, axes.safetensors
                              +--> rate, pitch, range, loudness, pauses, contour       apply.py

There is no emotional speech behind it: nothing here was learnt from actors. The table in
:mod:`~tts_models.emotion.moods` says what studies of such speech agree on, and the acoustic model is steered to do it.
"""

from tts_models.emotion.apply import felt, gap_scale
from tts_models.emotion.moods import EXPECTED, MOODS, Mood

__all__ = ["EXPECTED", "MOODS", "Mood", "felt", "gap_scale"]
