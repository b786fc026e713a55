"""The acoustic model as its callers see it: segments in, features out, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tts_models.acoustic.batches import group_by_length, n_tokens, pad_tokens, whole_frames
from tts_models.acoustic.edits import edit_curves, edit_durations, edit_fault
from tts_models.acoustic.native import use_kernels
from tts_models.acoustic.network import AcousticNetwork
from tts_models.checkpoint import load_strict
from tts_models.errors import InvalidRequest, SynthesisError, TtsError
from tts_models.kernels.convolution import Kernels
from tts_models.memory import memory_errors_named
from tts_models.prosody_changes import gain_curve
from tts_models.types import (
    MAX_SPEED,
    MAX_TOKENS,
    MIN_SPEED,
    STYLE_DIM,
    TIMBRE_DIM,
    AcousticFeatures,
    AcousticInput,
)

_CPU_MIN_LENGTH_RATIO = 0.8
"""On a CPU the arithmetic is the time: company saves a fifth of it, so padding may cost no more than that."""


class AcousticModel:
    """Kokoro's acoustic model.

    Never in half precision, which changes durations (6 of 8 utterances kept theirs): float32, or products of factors of
    16 bits, see :mod:`tts_models.acoustic.native`.

    Stateless: a segment's features depend on that segment only, whatever it shares a batch with (durations exactly,
    the rest up to float rounding).
    """

    def __init__(self, network: AcousticNetwork, device: torch.device, kernels: Kernels | None = None) -> None:
        """Run ``network`` on ``device``, on a CPU by ``kernels`` where they are given and faster than torch."""
        self._device = device
        self._network = network.to(device=device, dtype=torch.float32).eval()
        if kernels is not None and device.type == "cpu":
            use_kernels(self._network, kernels)
        self._min_length_ratio = _CPU_MIN_LENGTH_RATIO if device.type == "cpu" else 0.0

    @classmethod
    def load(cls, path: Path, device: torch.device, kernels: Kernels | None = None) -> AcousticModel:
        """Load Kokoro's weights, every one that is not the vocoder's.

        Args:
            path: Safetensors file as :func:`tts_models.kokoro_onnx.convert` writes it.
            device: Where to compute.
            kernels: From :func:`tts_models.engine.float32_kernels`, or ``None`` for plain torch.

        Raises:
            AssetError: The file does not hold exactly this model.
        """
        network = AcousticNetwork()
        load_strict(network, path, [f"{part}." for part, _ in network.named_children()])
        return cls(network, device, kernels)

    def warm_up(self) -> None:
        """Run the model once, so that the first real segment finds the kernels chosen and the memory mapped."""
        tokens = tuple(1 + i % (self._network.config.n_symbols - 1) for i in range(100))
        style = np.zeros(STYLE_DIM, dtype=np.float32)
        self.synthesize([AcousticInput(tokens, style), AcousticInput(tokens[:90], style)])

    def synthesize(self, batch: Sequence[AcousticInput]) -> list[AcousticFeatures | TtsError]:
        """Predict the features of every segment.

        Args:
            batch: Segments of any lengths, voices and speeds. The work is that of their tokens (:func:`n_tokens`),
                padded to the longest; on a CPU, where padding costs more than company saves, to one of like length.

        Returns:
            In the order of ``batch``: features, or for an item that cannot be synthesised the error, an
            :class:`InvalidRequest` or a :class:`SynthesisError`. It does not affect the others.

        Raises:
            OutOfMemory: The batch is too large for the memory there is.
        """
        results: dict[int, AcousticFeatures | TtsError] = {}
        for index, item in enumerate(batch):
            if fault := self._fault(item):
                results[index] = fault
        sound = [index for index in range(len(batch)) if index not in results]
        for group in group_by_length([n_tokens(batch[index]) for index in sound], self._min_length_ratio):
            indices = [sound[position] for position in group]
            with memory_errors_named():
                results |= zip(indices, self._predict([batch[index] for index in indices]), strict=True)
        return [results[index] for index in range(len(batch))]

    def _fault(self, item: AcousticInput) -> InvalidRequest | None:
        """What is wrong with ``item``, if anything."""
        n_symbols = self._network.config.n_symbols
        if not 1 <= len(item.token_ids) <= MAX_TOKENS:
            return InvalidRequest(f"a segment has 1 to {MAX_TOKENS} phoneme tokens, not {len(item.token_ids)}", "input")
        if not all(isinstance(token, int | np.integer) and 0 < token < n_symbols for token in item.token_ids):
            return InvalidRequest(f"phoneme tokens are integers from 1 to {n_symbols - 1}", "input")
        style = np.asarray(item.style)
        if style.shape != (STYLE_DIM,) or style.dtype.kind != "f" or not np.isfinite(style).all():
            return InvalidRequest(f"a style vector is {STYLE_DIM} finite numbers", "voice")
        if not MIN_SPEED <= item.speed <= MAX_SPEED:
            return InvalidRequest(f"speed is from {MIN_SPEED:g} to {MAX_SPEED:g}, not {item.speed}", "speed")
        return edit_fault(item.prosody, n_tokens(item), item.speed) if item.prosody else None

    def _predict(self, items: Sequence[AcousticInput]) -> list[AcousticFeatures | SynthesisError]:
        """Features of items without a fault, in one padded batch."""
        network, device = self._network, self._device
        tokens, lengths = pad_tokens(items, device)
        styles = np.stack([item.style[TIMBRE_DIM:] for item in items]).astype(np.float32)
        style = torch.from_numpy(styles).to(device)
        speeds = torch.tensor([item.speed for item in items], device=device)
        results: dict[int, AcousticFeatures | SynthesisError] = {}
        # cuDNN would otherwise take TF32 for float32.
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            text = network.encode(tokens, lengths)
            prosody, durations = network.predict_durations(text, style)
            frames = edit_durations(items, durations, whole_frames(durations, speeds, lengths))
            # Tokens of like number can differ in frames: by their speeds.
            for rows in group_by_length(frames.sum(dim=1).tolist(), self._min_length_ratio):
                curves = network.predict_curves(prosody[rows], frames[rows], style[rows])
                parts = (x.cpu() for x in (text.encoding[rows], frames[rows], *curves))
                for row, *own in zip(rows, *parts, strict=True):
                    results[row] = _features(items[row], *own)
        return [results[row] for row in range(len(items))]


def _features(
    item: AcousticInput, encoding: Tensor, frames: Tensor, f0: Tensor, energy: Tensor
) -> AcousticFeatures | SynthesisError:
    """One item's features, cut out of its row of the padded batch (``encoding (C, L)``, the rest one-dimensional)."""
    length, end = n_tokens(item), 2 * int(frames.sum())
    # Copies: a view would keep, and pickle would send, the whole batch.
    own = [part.numpy().copy() for part in (encoding[:, :length], frames[:length], f0[:end], energy[:end])]
    if not all(np.isfinite(part).all() for part in own):
        return SynthesisError("the acoustic model made features that are not finite numbers")
    if item.prosody:
        own[1:] = edit_curves(item.prosody, *own[1:])
    return AcousticFeatures(
        text_encoding=own[0],
        durations_frames=own[1],
        f0_hz=own[2],
        energy=own[3],
        timbre=np.asarray(item.style[:TIMBRE_DIM], dtype=np.float32),
        volume=item.volume,
        seed=item.seed,
        gain=gain_curve(item.prosody.changes, own[1]) if item.prosody else None,
    )
