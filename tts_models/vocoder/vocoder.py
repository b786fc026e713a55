"""Acoustic features to waveforms."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tts_models.checkpoint import load_strict
from tts_models.engine import Engine
from tts_models.errors import SynthesisError, TtsError
from tts_models.memory import memory_errors_named
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, AcousticFeatures, Audio, FloatArray
from tts_models.vocoder.config import VocoderConfig
from tts_models.vocoder.limiter import limit_peaks
from tts_models.vocoder.native import NativeNetwork
from tts_models.vocoder.network import VocoderNetwork
from tts_models.vocoder.stft import inverse_stft


class Vocoder:
    """Turns acoustic features into audio. Stateless: a waveform depends on its own features only."""

    def __init__(self, network: VocoderNetwork, engine: Engine) -> None:
        """Take over ``network``: its weights are moved to the engine's device and dtype, or packed and dropped."""
        self.config = network.config
        self.engine = engine
        network = network.eval().requires_grad_(False).to(engine.device)
        self._source = network.generator.m_source
        self._native: NativeNetwork | None = None
        self._torch: Callable[..., Tensor] | None = None
        if engine.kernels is not None:
            self._native = NativeNetwork(network, engine.kernels, engine.dtype)
        elif engine.name == "cuda-half":
            # Inductor reads it when it first compiles. Dynamic shapes: one graph for a lone item, one for batches.
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(engine.cache_dir / "inductor")
            self._torch = torch.compile(network.to(engine.dtype), dynamic=True)
        else:
            self._torch = network

    @classmethod
    def load(cls, path: Path, engine: Engine, config: VocoderConfig | None = None) -> Vocoder:
        """Load from Kokoro's weights.

        Args:
            path: Safetensors file with the tensors ``decoder.*`` among others.
            engine: How to compute.
            config: Sizes, if not Kokoro-82M's.

        Raises:
            AssetError: The file cannot be read, or does not hold exactly the tensors the network has.
        """
        network = VocoderNetwork(config or VocoderConfig())
        load_strict(network, path, ["decoder."])
        return cls(network, engine)

    @torch.inference_mode()
    def synthesize(self, batch: Sequence[AcousticFeatures]) -> list[Audio | TtsError]:
        """Make the waveforms of a batch.

        Args:
            batch: Features, of any lengths, voices, volumes and seeds.

        Returns:
            For each item its audio, ``600 * n_frames`` samples in [-0.99, 0.99] (see :mod:`tts_models.vocoder.limiter`)
            or, where its features or its waveform were empty, of wrong shape or not finite, a ``SynthesisError``.

        Raises:
            OutOfMemory: The batch is too large for the memory there is.
        """
        results: list[Audio | TtsError | None] = [self._defect(features) for features in batch]
        sound = [index for index, defect in enumerate(results) if defect is None]
        # On a CPU one at a time is faster: a batch only leaves the cache. On a GPU the batch fills it.
        groups = [[index] for index in sound] if self.engine.device.type == "cpu" else [sound] if sound else []
        for group in groups:
            with memory_errors_named():
                waveforms = self.waveforms([batch[index] for index in group])
            for index, waveform in zip(group, waveforms, strict=True):
                results[index] = _finish(waveform.cpu(), batch[index])
        return [result for result in results if result is not None]

    def waveforms(self, batch: Sequence[AcousticFeatures], noise: Sequence[Tensor] | None = None) -> list[Tensor]:
        """The waveforms of one padded batch as the network makes them, without volume or limit.

        Args:
            batch: Features without defects.
            noise: ``(600T,)`` float32 standard normal an item, in place of what the items' seeds give.

        Returns:
            ``(600T,)`` float32 an item, on the engine's device.
        """
        device, hop = self.engine.device, self.config.hop_samples
        noise = [seeded_noise(features) for features in batch] if noise is None else noise
        f0_hz = [_tensor(features.f0_hz, device) for features in batch]
        energy = [_tensor(features.energy, device) for features in batch]
        timbre = [_tensor(features.timbre, device) for features in batch]
        text = [_aligned_text(features).to(device) for features in batch]
        source = self._source.polar_spectra(f0_hz, [own.to(device) for own in noise], self.config)
        frames = [features.n_frames for features in batch]
        lengths = [count * (FRAME_SAMPLES // hop) + 1 for count in frames]
        if self._native is not None:
            sources = [own[:, :length].T.contiguous() for own, length in zip(source, lengths, strict=True)]
            spectra = map(self._native, text, f0_hz, energy, timbre, sources)
            return [inverse_stft(own[None], [length], hop)[0] for own, length in zip(spectra, lengths, strict=True)]
        assert self._torch is not None
        dtype = self.engine.dtype
        # A compiled network is always given lengths: one graph then does for a lone item and for a batch.
        unequal = min(frames) < max(frames) or self.engine.name == "cuda-half"
        padded = self._torch(
            _pad(text).transpose(1, 2).to(dtype),
            _pad(f0_hz).to(dtype),
            _pad(energy).to(dtype),
            torch.stack(timbre).to(dtype),
            source.to(dtype),
            torch.tensor(frames, device=device) if unequal else None,
        )
        waves = inverse_stft(padded.float(), lengths, hop)
        return [wave[: count * FRAME_SAMPLES] for wave, count in zip(waves, frames, strict=True)]

    def warm_up(self) -> None:
        """Do everything that only a first call does, so that the first request is as fast as the next.

        Raises:
            SynthesisError: The warm-up gave no audio; the replica must not serve.
        """
        items = [self._placeholder(n_frames) for n_frames in (20, 200, 60)]
        for batch in ([items[0]], items[1:]):
            for result in self.synthesize(batch):
                if isinstance(result, TtsError):
                    raise result

    def _placeholder(self, n_frames: int) -> AcousticFeatures:
        return AcousticFeatures(
            text_encoding=np.zeros((self.config.text_channels, 1), np.float32),
            durations_frames=np.array([n_frames]),
            f0_hz=np.full(2 * n_frames, 120.0, np.float32),
            energy=np.zeros(2 * n_frames, np.float32),
            timbre=np.zeros(self.config.style_dim, np.float32),
        )

    def _defect(self, features: AcousticFeatures) -> SynthesisError | None:
        config, frames = self.config, features.n_frames
        tokens = len(features.durations_frames)
        wanted = {
            "text_encoding": (config.text_channels, tokens),
            "f0_hz": (2 * frames,),
            "energy": (2 * frames,),
            "timbre": (config.style_dim,),
        }
        if features.gain is not None:
            wanted["gain"] = (2 * frames,)
        if frames < 1 or features.durations_frames.min() < 0:
            return SynthesisError("the acoustic model gave a segment without any length")
        for name, shape in wanted.items():
            array = getattr(features, name)
            if array.shape != shape:
                return SynthesisError(f"acoustic features: {name} has shape {array.shape}, not {shape}")
            if not np.isfinite(array).all():
                return SynthesisError(f"acoustic features: {name} holds numbers that are not finite")
        return None


def _finish(waveform: Tensor, features: AcousticFeatures) -> Audio | SynthesisError:
    waveform = waveform * features.volume
    if features.gain is not None:
        waveform = waveform * _upsampled(features.gain, len(waveform))
    if not bool(torch.isfinite(waveform).all()):
        return SynthesisError("the vocoder made samples that are not finite")
    return Audio(limit_peaks(waveform).numpy(), SAMPLE_RATE_HZ, features.durations_frames, features.energy)


def _upsampled(gain: FloatArray, n_samples: int) -> Tensor:
    """A gain curve at the sample rate, without steps."""
    middles = (np.arange(len(gain)) + 0.5) * (n_samples / len(gain))
    return torch.from_numpy(np.interp(np.arange(n_samples), middles, gain).astype(np.float32))


def _tensor(array: FloatArray, device: torch.device) -> Tensor:
    # Ray's object store hands out read-only arrays, of which torch.from_numpy would warn; this copies.
    return torch.tensor(array, dtype=torch.float32, device=device)


def _pad(rows: Sequence[Tensor]) -> Tensor:
    return nn.utils.rnn.pad_sequence(list(rows), batch_first=True)


def _aligned_text(features: AcousticFeatures) -> Tensor:
    """The text encoding repeated to frames, ``(T, text_channels)`` float32."""
    return torch.from_numpy(np.repeat(features.text_encoding.T, features.durations_frames, axis=0))


def seeded_noise(features: AcousticFeatures) -> Tensor:
    """The item's own standard normal noise, ``(600T,)`` float32: equal for equal seeds and lengths, on any device."""
    generator = torch.Generator().manual_seed(features.seed)
    return torch.randn(features.n_frames * FRAME_SAMPLES, generator=generator)
