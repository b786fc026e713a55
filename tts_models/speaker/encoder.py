"""Who speaks: reference audio -> speaker embedding."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from tts_models.errors import AssetError, ReferenceAudioError, SynthesisError, TtsError
from tts_models.memory import memory_errors_named
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.ecapa import EcapaConfig, EcapaTdnn
from tts_models.speaker.filter_bank import FilterBank
from tts_models.speaker.one_speaker import embed_clips, require_one_speaker, require_same_speaker
from tts_models.speaker.pitch import pitch_of
from tts_models.speaker.profile import ClipProfile, ReferenceProfile, reference_profile
from tts_models.types import FloatArray, SpeakerEmbedding

MIN_SAMPLES = ENCODER_RATE_HZ // 4
"""Shortest waveform worth an embedding (0.25 s); one of about 3 s begins to be reliable."""


_PADDING = 0.25
"""Most of an item that is padding."""


class SpeakerEncoder:
    """ECAPA-TDNN over filter bank features.

    Args:
        network: The network; set to evaluation, its parameters frozen.
        device: Where to run.
        dtype: What its blocks are multiplied in. bfloat16 takes half the time where the processor has it, and the
            embeddings have a cosine of 0.9999 to those of float32.
    """

    def __init__(self, network: EcapaTdnn, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        self._device = device
        self._features = FilterBank(network.config.n_mels).to(device)
        self._network = network.multiply_in(dtype).to(device).eval().requires_grad_(False)

    @classmethod
    def load(
        cls,
        path: Path,
        device: torch.device,
        config: EcapaConfig | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> SpeakerEncoder:
        """Reads the weights, strictly: every tensor is used and none is missing.

        Args:
            path: Safetensors with the tensors of ``spkrec-ecapa-voxceleb``'s ``embedding_model.ckpt``.
            device: Where to run.
            config: Sizes, where they are not the release's.
            dtype: What its blocks are multiplied in.

        Raises:
            AssetError: If the file cannot be read or is of another network.
        """
        network = EcapaTdnn(config or EcapaConfig())
        try:
            network.load_state_dict({_plain_name(name): tensor for name, tensor in load_file(path).items()})
        except (OSError, SafetensorError, RuntimeError) as error:
            raise AssetError(f"The speaker encoder in {path} cannot be loaded: {error}") from error
        return cls(network, device, dtype)

    def embed(self, batch: Sequence[FloatArray]) -> list[SpeakerEmbedding | TtsError]:
        """Embeds waveforms; each comes out as if it were alone, and a bad one fails alone.

        Args:
            batch: ``(n,)`` float32 waveforms at 16 kHz, speech only (see ``decode_reference_audio``).

        Returns:
            In the order of ``batch``: the embedding, or a ``ReferenceAudioError`` for a waveform that is shorter than
            0.25 s, silent or not finite, or a ``SynthesisError`` where the embedding is not finite.

        Raises:
            OutOfMemory: The batch is too large for the memory there is.
        """
        results: list[SpeakerEmbedding | TtsError | None] = [_fault(samples) for samples in batch]
        good = [index for index, fault in enumerate(results) if fault is None]
        # A CPU is faster with one at a time: together they want memory that the system has to find first.
        alone = self._device.type == "cpu"
        for together in [[one] for one in good] if alone else _of_like_length(good, [len(one) for one in batch]):
            lengths = [len(batch[index]) for index in together]
            waveforms = torch.zeros(len(together), max(lengths))
            for row, index in enumerate(together):
                waveforms[row, : lengths[row]] = torch.from_numpy(np.asarray(batch[index], np.float32))
            with memory_errors_named(), torch.inference_mode():
                vectors = self.embeddings(waveforms.to(self._device), lengths).cpu().numpy()
            for index, vector in zip(together, vectors, strict=True):
                results[index] = _embedding(vector, len(batch[index]))
        return [result for result in results if result is not None]

    def profile(self, clips: Sequence[FloatArray]) -> ReferenceProfile:
        """What clips say about their speaker.

        Args:
            clips: ``(n,)`` float32 waveforms at 16 kHz, speech only (see ``decode_reference_audio``).

        Raises:
            ReferenceAudioError: A clip does not show a voice, or they show several.
            OutOfMemory: The clips are too large for the memory there is.
        """
        profiles = []
        for clip, embedded in zip(clips, embed_clips(self.embed, clips), strict=True):
            if isinstance(embedded, TtsError):
                raise embedded
            require_one_speaker(embedded.pieces)
            profiles.append(ClipProfile(embedded.whole.vector, embedded.whole.voiced_s, pitch_of(clip)))
        require_same_speaker([profile.embedding for profile in profiles])
        return reference_profile(profiles, clips)

    def embeddings(self, waveforms: Tensor, lengths: Sequence[int]) -> Tensor:
        """The same for tensors, differentiable with respect to the waveforms.

        Args:
            waveforms: ``(B, N)`` float32 at 16 kHz on the encoder's device, 0 in the padding.
            lengths: Samples of each item, the longest ``N``, each at least ``MIN_SAMPLES``.

        Returns:
            ``(B, 192)`` float32, unit length.
        """
        features, extents = self._features(waveforms, lengths)
        return F.normalize(self._network(features, extents), dim=-1)

    def listen(self, waveforms: Tensor) -> tuple[Tensor, list[Tensor]]:
        """What the encoder hears on the way to its embedding, differentiable with respect to the waveforms.

        Args:
            waveforms: ``(B, N)`` float32 at 16 kHz on the encoder's device, all of one length, at least
                ``MIN_SAMPLES``.

        Returns:
            The embeddings, ``(B, 192)`` float32, unit length; and ``(B, C, T)`` float32 each, a frame 10 ms: the
            filter bank in dB, the network's blocks, and their aggregate.
        """
        decibel, extents = self._features.decibel(waveforms, [waveforms.shape[-1]] * len(waveforms))
        layers = self._network.layers(decibel - extents.mean(decibel), extents)
        return F.normalize(self._network.pooled(layers[-1], extents), dim=-1), [decibel, *layers]


def _of_like_length(indices: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """``indices`` in groups that hardly need padding, the longest first."""
    together: list[int] = []
    for index in sorted(indices, key=lambda index: -lengths[index]):
        if together and lengths[index] < (1 - _PADDING) * lengths[together[0]]:
            yield together
            together = []
        together.append(index)
    if together:
        yield together


def _plain_name(name: str) -> str:
    """The name of a tensor without speechbrain's wrappers: each has torch's layer as ``conv`` or ``norm`` in it."""
    return re.sub(r"\.(conv|norm)\.(weight|bias|running_mean|running_var|num_batches_tracked)$", r".\2", name)


def _fault(samples: FloatArray) -> ReferenceAudioError | None:
    if len(samples) < MIN_SAMPLES:
        return ReferenceAudioError(
            f"The reference audio holds {len(samples) / ENCODER_RATE_HZ:.2f} s of speech; "
            f"a voice needs at least {MIN_SAMPLES / ENCODER_RATE_HZ:.2f} s."
        )
    if not np.isfinite(samples).all():
        return ReferenceAudioError("The reference audio holds samples that are not numbers.")
    if not np.any(samples):
        return ReferenceAudioError("The reference audio is silent.")
    return None


def _embedding(vector: FloatArray, n_samples: int) -> SpeakerEmbedding | SynthesisError:
    if not np.isfinite(vector).all():
        return SynthesisError("The speaker encoder returned numbers that are not finite.")
    return SpeakerEmbedding(vector, n_samples / ENCODER_RATE_HZ)
