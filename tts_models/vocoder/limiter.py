"""The last step before a waveform leaves: gain, and no sample over full scale.

The rule: a waveform whose peak stays at or below ``CEILING`` is only multiplied by its volume. A louder one is turned
down around each peak that is over, smoothly and just enough, by a gain that moves over ``WINDOW_S`` before and after
it; everything further away keeps its loudness. Nothing is ever clipped, so nothing crackles.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from tts_models.types import SAMPLE_RATE_HZ

CEILING = 0.99
WINDOW_S = 0.01


def limit_peaks(samples: Tensor) -> Tensor:
    """Turn down what is over ``CEILING``.

    Args:
        samples: ``(n,)`` float32, finite, any range.

    Returns:
        ``(n,)`` float32 in [-CEILING, CEILING]; ``samples`` itself if it was there already.
    """
    magnitude = samples.abs()
    if len(samples) == 0 or magnitude.max() <= CEILING:
        return samples
    half = round(WINDOW_S * SAMPLE_RATE_HZ)
    # The least gain any sample within the window needs, averaged over the window: at a peak all of these are small
    # enough for it, so their mean is too.
    peaks = F.max_pool1d(magnitude[None, None], 2 * half + 1, stride=1, padding=half)
    needed = F.pad((CEILING / peaks).clamp(max=1.0), (half, half), mode="replicate")
    gain = F.avg_pool1d(needed, 2 * half + 1, stride=1)[0, 0]
    return (samples * gain).clamp(-CEILING, CEILING)
