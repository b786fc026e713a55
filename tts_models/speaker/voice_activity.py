"""Which parts of a recording are speech.

Source: Silero VAD 6 (MIT): the 16 kHz network, its weights out of the ``silero-vad`` wheel, and the hysteresis of its
``get_speech_timestamps_from_probs``. Different here: all windows are analysed at once and one LSTM call runs over
them, where the package steps through them; short pauses inside speech are kept.
"""

from __future__ import annotations

import re
from importlib.metadata import distribution

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from onnx.numpy_helper import to_array
from torch import Tensor, nn

from tts_models.types import FloatArray

_WINDOW = 512
_CONTEXT = 64
_HOP = 128
_N_BINS = 129
_ENTER, _LEAVE = 0.5, 0.35
_MIN_SPEECH_WINDOWS = 8  # 0.26 s: shorter is a click or a cough
_MIN_PAUSE_WINDOWS = 10  # 0.32 s: shorter pauses belong to the way somebody speaks
_MARGIN_WINDOWS = 1


class SpeechProbability(nn.Module):
    """How likely each window of 32 ms is speech, given those before it."""

    def __init__(self) -> None:
        """Make a network with random weights."""
        super().__init__()
        self.stft = nn.Conv1d(1, 2 * _N_BINS, 256, stride=_HOP, bias=False)
        self.encoder = nn.Sequential(
            *(nn.Conv1d(_N_BINS, 128, 3, padding=1), nn.ReLU()),
            *(nn.Conv1d(128, 64, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Conv1d(64, 64, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Conv1d(64, 128, 3, padding=1), nn.ReLU()),
        )
        self.rnn = nn.LSTM(128, 128)
        self.output = nn.Conv1d(128, 1, 1)

    def forward(self, waveform: Tensor) -> Tensor:
        """Analyses one recording.

        Args:
            waveform: ``(n,)`` float32 at 16 kHz.

        Returns:
            ``(ceil(n / 512),)`` float32 in [0, 1].
        """
        padded = F.pad(waveform, (_CONTEXT, -len(waveform) % _WINDOW))
        windows = padded.unfold(0, _CONTEXT + _WINDOW, _WINDOW)
        spectrum = self.stft(F.pad(windows, (0, _CONTEXT), mode="reflect")[:, None])
        magnitude = torch.hypot(spectrum[:, :_N_BINS], spectrum[:, _N_BINS:])
        x, _ = self.rnn(self.encoder(magnitude)[..., 0])
        probability: Tensor = torch.sigmoid(self.output(F.relu(x)[..., None]))[:, 0, 0]
        return probability


class VoiceActivityDetector:
    """Finds speech in recordings at 16 kHz, on the CPU, in time linear in their length."""

    def __init__(self, network: SpeechProbability) -> None:
        self._network = network.eval().requires_grad_(False)

    @classmethod
    def load(cls) -> VoiceActivityDetector:
        """The detector with the weights of the installed ``silero-vad``."""
        # The package cannot be imported: it would set torch to one thread for the whole process. Its TorchScript file
        # is deprecated and its safetensors are of an older release, so the weights come out of an ONNX file.
        path = distribution("silero-vad").locate_file("silero_vad/data/silero_vad_16k_op15.onnx")
        initializers = onnx.load(str(path)).graph.initializer
        network = SpeechProbability()
        network.load_state_dict(
            {_our_name(tensor.name): torch.from_numpy(to_array(tensor).copy()) for tensor in initializers}
        )
        return cls(network)

    def probabilities(self, waveform: FloatArray) -> FloatArray:
        """How likely each window of 512 samples is speech, ``(ceil(n / 512),)`` float32 in [0, 1].

        Args:
            waveform: ``(n,)`` float32 at 16 kHz, n > 0, at any level.
        """
        level = waveform - waveform.mean()
        # The network expects the level of normal speech; a whisper and a shout into the microphone are speech as well.
        loud = np.sqrt(np.quantile(np.square(level), 0.99))
        with torch.inference_mode():
            probabilities: FloatArray = self._network(torch.from_numpy(level * (0.2 / max(loud, 1e-5)))).numpy()
        return probabilities

    def speech(self, waveform: FloatArray) -> list[tuple[int, int]]:
        """Start and end, in samples, of every stretch of speech, in order; short pauses are inside.

        Args:
            waveform: ``(n,)`` float32 at 16 kHz, n > 0.
        """
        stretches = _merge(_stretches(self.probabilities(waveform)))
        long_enough = [(a, b) for a, b in stretches if b - a >= _MIN_SPEECH_WINDOWS]
        return [
            (max(a - _MARGIN_WINDOWS, 0) * _WINDOW, min((b + _MARGIN_WINDOWS) * _WINDOW, len(waveform)))
            for a, b in long_enough
        ]


def _our_name(name: str) -> str:
    """The name of one of Silero's tensors in :class:`SpeechProbability`."""
    name = name.removeprefix("model.").replace("stft.forward_basis_buffer", "stft.weight")
    name = re.sub(r"^encoder\.(\d)\.reparam_conv", lambda match: f"encoder.{2 * int(match[1])}", name)
    name = re.sub(r"^decoder\.rnn\.(.*)", r"rnn.\1_l0", name)
    return name.replace("decoder.decoder.2", "output")


def _stretches(probabilities: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Windows [start, end) from where the probability rises to ``_ENTER`` to where it falls below ``_LEAVE``."""
    stretches: list[tuple[int, int]] = []
    start = -1
    for index, probability in enumerate(probabilities):
        if start < 0 and probability >= _ENTER:
            start = index
        elif start >= 0 and probability < _LEAVE:
            stretches.append((start, index))
            start = -1
    return [*stretches, (start, len(probabilities))] if start >= 0 else stretches


def _merge(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Joins stretches that only a short pause parts."""
    merged: list[tuple[int, int]] = []
    for start, end in stretches:
        if merged and start - merged[-1][1] < _MIN_PAUSE_WINDOWS:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged
