"""Directions in the prosody half of the style space, each named after what it does to speech.

An axis is the most likely way in which a voice that differs by one standard deviation in one property (the range of F0,
say), and in no other, differs in its style vector: with ``S`` the covariance of the style vectors of the 54 voices and
``W`` the regression of the properties on them, the columns of ``S W' (W S W' + r)^-1``. ``bench/emotion_axes.py`` finds
them from what the acoustic model predicts, and writes the file that is read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from tts_models.types import STYLE_DIM, TIMBRE_DIM, FloatArray

AXES_FILE = Path(__file__).with_name("axes.safetensors")
AXES = ("f0", "range", "tilt", "final", "energy", "rate", "pauses")
"""Mean F0, its range, its fall over a sentence, its last third of a second, energy, speaking rate, length of pauses."""


@cache
def axes() -> Mapping[str, FloatArray]:
    """``(128,)`` float32 by name of the axis: one standard deviation of the property."""
    return load_file(AXES_FILE)  # of those names, as the bench writes them


def moved(style: FloatArray, along: Mapping[str, float]) -> FloatArray:
    """``style`` ``(256,)`` moved along axes by so many standard deviations; timbre stays to the bit."""
    result = np.array(style, np.float32)
    for name, deviations in along.items():
        result[TIMBRE_DIM:STYLE_DIM] += np.float32(deviations) * axes()[name]
    return result
