"""The acoustic model as its callers see it: segments in, features out, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tts_models.acoustic.network import AcousticNetwork
from tts_models.checkpoint import load_strict
from tts_models.errors import InvalidRequest, SynthesisError, TtsError
from tts_models.layers import length_mask
from tts_models.types import MAX_TOKENS, STYLE_DIM, TIMBRE_DIM, AcousticFeatures, AcousticInput

MIN_SPEED = 0.25
MAX_SPEED = 4.0
PAD_TOKEN = 0
"""Stands before and after the tokens of every segment; the vocabulary's own symbols are 1 and up."""


class AcousticModel:
    """Kokoro's acoustic model. Always float32: half precision changes durations (6 of 8 utterances kept theirs).

    Stateless: a segment's features depend on that segment only, whatever it shares a batch with (durations exactly,
    the rest up to float rounding).
    """

    def __init__(self, network: AcousticNetwork, device: torch.device) -> None:
        """Run ``network`` on ``device``."""
        self._device = device
        self._network = network.to(device=device, dtype=torch.float32).eval()

    @classmethod
    def load(cls, path: Path, device: torch.device) -> AcousticModel:
        """Load Kokoro's weights, every one that is not the vocoder's.

        Args:
            path: Safetensors file as :func:`tts_models.kokoro_onnx.convert` writes it.
            device: Where to compute.

        Raises:
            AssetError: The file does not hold exactly this model.
        """
        network = AcousticNetwork()
        load_strict(network, path, [f"{part}." for part, _ in network.named_children()])
        return cls(network, device)

    def synthesize(self, batch: Sequence[AcousticInput]) -> list[AcousticFeatures | TtsError]:
        """Predict the features of every segment.

        Args:
            batch: Segments of any lengths, voices and speeds. They are padded to the longest, so the work is
                ``len(batch) * max(map(n_tokens, batch))`` tokens.

        Returns:
            In the order of ``batch``: features, or for an item that cannot be synthesised the error, an
            :class:`InvalidRequest` or a :class:`SynthesisError`. It does not affect the others.
        """
        results: list[AcousticFeatures | TtsError | None] = [self._fault(item) for item in batch]
        sound = [index for index, fault in enumerate(results) if fault is None]
        if sound:
            features = self._predict([batch[index] for index in sound])
            for index, result in zip(sound, features, strict=True):
                results[index] = result
        return [result for result in results if result is not None]

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
        return None

    def warm_up(self) -> None:
        """Run the model once, so that the first real segment finds the kernels chosen and the memory mapped."""
        tokens = tuple(1 + i % (self._network.config.n_symbols - 1) for i in range(100))
        style = np.zeros(STYLE_DIM, dtype=np.float32)
        self.synthesize([AcousticInput(tokens, style), AcousticInput(tokens[:50], style)])

    def _predict(self, items: Sequence[AcousticInput]) -> list[AcousticFeatures | SynthesisError]:
        """Features of one or more items without a fault."""
        lengths = [n_tokens(item) for item in items]
        padded = max(lengths)
        tokens = torch.full((len(items), padded), PAD_TOKEN)
        for row, item in zip(tokens, items, strict=True):
            row[1 : 1 + len(item.token_ids)] = torch.tensor(item.token_ids)
        styles = torch.from_numpy(np.stack([item.style for item in items]).astype(np.float32))
        speeds = torch.tensor([item.speed for item in items])
        unequal = torch.tensor(lengths, device=self._device) if min(lengths) < padded else None
        network, device = self._network, self._device
        # cuDNN would otherwise take TF32 for float32.
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            style = styles[:, TIMBRE_DIM:].to(device)
            text = network.encode(tokens.to(device), unequal)
            prosody, durations = network.predict_durations(text, style)
            frames = _whole_frames(durations, speeds.to(device), unequal)
            f0, energy = network.predict_curves(prosody, frames, style)
        return list(_split(items, text.encoding.cpu(), frames.cpu(), f0.cpu(), energy.cpu()))


def n_tokens(item: AcousticInput) -> int:
    """``L``, the length of ``item`` to the model: its tokens and the padding token at either end."""
    return len(item.token_ids) + 2


def _whole_frames(durations: Tensor, speeds: Tensor, lengths: Tensor | None) -> Tensor:
    """Durations in whole frames.

    Args:
        durations: ``(B, L)`` float32, frames at speed 1.
        speeds: ``(B,)`` float32.
        lengths: ``(B,)`` tokens of each item, or ``None`` when nothing is padded.

    Returns:
        ``(B, L)`` int64, >= 1; 0 in the padding.
    """
    # What is not a number belongs to an item that its curves will give away; here it must not become an index.
    frames = (durations / speeds[:, None]).nan_to_num(nan=1.0).round().clamp(min=1).long()
    if lengths is None:
        return frames
    return frames * length_mask(lengths, frames.shape[1], torch.int64)[:, 0]


def _split(
    items: Sequence[AcousticInput], encodings: Tensor, frames: Tensor, f0: Tensor, energy: Tensor
) -> Iterator[AcousticFeatures | SynthesisError]:
    """Cut the batch's padded tensors, on the CPU, into every item's own features."""
    for item, encoding, durations, pitch, loudness in zip(items, encodings, frames, f0, energy, strict=True):
        length = n_tokens(item)
        end = 2 * int(durations.sum())
        # Copies: a view would keep, and pickle would send, the whole batch.
        own = [part.numpy().copy() for part in (encoding[:, :length], durations[:length], pitch[:end], loudness[:end])]
        if not all(np.isfinite(part).all() for part in own):
            yield SynthesisError("the acoustic model made features that are not finite numbers")
        else:
            yield AcousticFeatures(
                text_encoding=own[0],
                durations_frames=own[1],
                f0_hz=own[2],
                energy=own[3],
                timbre=np.asarray(item.style[:TIMBRE_DIM], dtype=np.float32),
                volume=item.volume,
                seed=item.seed,
            )
