"""Acoustic features to waveforms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from tts_models.engine import Engine
from tts_models.errors import AssetError, SynthesisError, TtsError
from tts_models.layers import length_mask
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, AcousticFeatures, Audio
from tts_models.vocoder.config import VocoderConfig
from tts_models.vocoder.decoder import Decoder
from tts_models.vocoder.generator import Generator
from tts_models.vocoder.limiter import limit_peaks
from tts_models.vocoder.stft import inverse_stft, polar_spectrum

_PREFIX = "decoder."


class VocoderNetwork(nn.Module):
    """The vocoder's parameters and arithmetic: a decoder, a source, a generator, and the transforms between.

    Source: ``Decoder`` of ``kokoro`` 0.9.4 ``istftnet.py`` (iSTFTNet, https://arxiv.org/abs/2203.02395).
    """

    def __init__(self, config: VocoderConfig) -> None:
        """Make a network of ``config``'s sizes, with random weights."""
        super().__init__()
        self.config = config
        self.decoder = Decoder(config)
        self.generator = Generator(config)

    def source(self, f0_hz: Sequence[Tensor], noise: Sequence[Tensor]) -> Tensor:
        """The items' sources, as the generator takes them.

        Args:
            f0_hz: ``(2T,)`` float32 an item, Hz.
            noise: ``(600T,)`` float32 an item, standard normal.

        Returns:
            ``(B, n_fft + 2, 120T + 1)`` float32, 0 behind each item's own spectra.
        """
        config = self.config
        waves = [
            self.generator.m_source(hz, own_noise, config.samples_per_f0)
            for hz, own_noise in zip(f0_hz, noise, strict=True)
        ]
        samples = [len(wave) for wave in waves]
        spectrum = polar_spectrum(
            nn.utils.rnn.pad_sequence(waves, batch_first=True), samples, config.n_fft, config.hop_samples
        )
        if min(samples) == max(samples):
            return spectrum
        spectra = torch.tensor(samples, device=spectrum.device) // config.hop_samples + 1
        return spectrum * length_mask(spectra, spectrum.shape[-1])

    def forward(
        self, text: Tensor, f0_hz: Tensor, energy: Tensor, timbre: Tensor, source: Tensor, frames: list[int]
    ) -> Tensor:
        """Features and source to waveforms.

        Args:
            text: ``(B, text_channels, T)`` float32, the text encoding repeated to frames; 0 in the padding.
            f0_hz: ``(B, 2T)`` float32, Hz; 0 in the padding.
            energy: ``(B, 2T)`` float32; 0 in the padding.
            timbre: ``(B, style_dim)`` float32.
            source: ``(B, n_fft + 2, 120T + 1)`` float32, from :meth:`source`.
            frames: Frames of each item, at most ``T``.

        Returns:
            ``(B, 600T)`` float32, 0 behind each item's own samples.
        """
        longest = text.shape[-1]
        lengths = None if min(frames) == longest else torch.tensor(frames, device=text.device)
        x = self.decoder(text, f0_hz, energy, timbre, lengths)
        spectra = self.generator(x, source, timbre, lengths).float()
        bins = spectra.shape[1] // 2
        per_frame = (source.shape[-1] - 1) // longest
        own_spectra = [count * per_frame + 1 for count in frames]
        return inverse_stft(spectra[:, :bins], torch.sin(spectra[:, bins:]), own_spectra, self.config.hop_samples)


class Vocoder:
    """Turns acoustic features into audio. Stateless: a waveform depends on its own features only."""

    def __init__(self, network: VocoderNetwork, engine: Engine) -> None:
        """Wrap ``network``, whose weights are moved to the engine's device."""
        self.engine = engine
        self.network = network.eval().requires_grad_(False).to(engine.device)

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
        try:
            with safe_open(path, framework="pt") as file:
                names = [name for name in file.keys() if name.startswith(_PREFIX)]  # noqa: SIM118 - no mapping
                tensors = {_own_name(name): file.get_tensor(name) for name in names}
        except (OSError, SafetensorError) as error:
            raise AssetError(f"vocoder weights {path} cannot be read: {error}") from error
        network = VocoderNetwork(config or VocoderConfig())
        try:
            network.load_state_dict(tensors, strict=True)
        except RuntimeError as error:
            raise AssetError(f"vocoder weights {path} do not fit: {error}") from error
        return cls(network, engine)

    @torch.inference_mode()
    def synthesize(self, batch: Sequence[AcousticFeatures]) -> list[Audio | TtsError]:
        """Make the waveforms of a batch.

        Args:
            batch: Features, of any lengths, voices, volumes and seeds.

        Returns:
            For each item its audio, ``600 * n_frames`` samples in [-0.99, 0.99] (see :mod:`tts_models.vocoder.limiter`)
            or, where its features or its waveform were empty, of wrong shape or not finite, a ``SynthesisError``.
        """
        results: list[Audio | TtsError | None] = [self._defect(features) for features in batch]
        sound = [index for index, defect in enumerate(results) if defect is None]
        # On a CPU one at a time is faster: a longer batch only leaves the cache. On a GPU the batch fills it.
        groups = [[index] for index in sound] if self.engine.device.type == "cpu" else [sound] if sound else []
        for group in groups:
            waveforms = self.waveforms([batch[index] for index in group])
            for index, waveform in zip(group, waveforms, strict=True):
                results[index] = self._finish(waveform.cpu(), batch[index].volume)
        return [result for result in results if result is not None]

    def waveforms(self, batch: Sequence[AcousticFeatures], noise: Sequence[Tensor] | None = None) -> list[Tensor]:
        """The waveforms of one padded batch as the network makes them, without volume or limit.

        Args:
            batch: Features, without defects.
            noise: ``(600T,)`` float32 standard normal an item, in place of what the items' seeds give.

        Returns:
            ``(600T,)`` float32 an item, on the engine's device.
        """
        device = self.engine.device
        frames = [features.n_frames for features in batch]
        if noise is None:
            noise = [seeded_noise(features) for features in batch]
        # Ray's object store hands out read-only arrays, of which torch.from_numpy would warn; torch.tensor copies.
        f0_hz = [torch.tensor(features.f0_hz, device=device) for features in batch]
        energy = [torch.tensor(features.energy, device=device) for features in batch]
        text = [aligned_text(features).to(device) for features in batch]
        timbre = torch.stack([torch.tensor(features.timbre, device=device) for features in batch])

        def pad(rows: Sequence[Tensor]) -> Tensor:
            return nn.utils.rnn.pad_sequence(list(rows), batch_first=True)

        waves = self.network(
            pad(text).transpose(1, 2),
            pad(f0_hz),
            pad(energy),
            timbre,
            self.network.source(f0_hz, [own.to(device) for own in noise]),
            frames,
        )
        samples_per_frame = 2 * self.network.config.samples_per_f0
        return [wave[: count * samples_per_frame] for wave, count in zip(waves, frames, strict=True)]

    def warm_up(self) -> None:
        """Do everything that only a first call does, so that the first request is as fast as the next.

        Raises:
            SynthesisError: The warm-up gave no audio; the replica must not serve.
        """
        config = self.network.config
        for n_frames in (20, 60):
            features = AcousticFeatures(
                text_encoding=np.zeros((config.text_channels, 1), np.float32),
                durations_frames=np.array([n_frames]),
                f0_hz=np.full(2 * n_frames, 120.0, np.float32),
                energy=np.zeros(2 * n_frames, np.float32),
                timbre=np.zeros(config.style_dim, np.float32),
            )
            for result in self.synthesize([features]):
                if isinstance(result, TtsError):
                    raise result

    def _defect(self, features: AcousticFeatures) -> SynthesisError | None:
        config, frames = self.network.config, features.n_frames
        tokens = len(features.durations_frames)
        wanted = {
            "text_encoding": (config.text_channels, tokens),
            "f0_hz": (2 * frames,),
            "energy": (2 * frames,),
            "timbre": (config.style_dim,),
        }
        if frames < 1 or features.durations_frames.min() < 0:
            return SynthesisError("the acoustic model gave a segment without any length")
        for name, shape in wanted.items():
            array = getattr(features, name)
            if array.shape != shape:
                return SynthesisError(f"acoustic features: {name} has shape {array.shape}, not {shape}")
            if not np.isfinite(array).all():
                return SynthesisError(f"acoustic features: {name} holds numbers that are not finite")
        return None

    @staticmethod
    def _finish(waveform: Tensor, volume: float) -> Audio | SynthesisError:
        waveform = waveform * volume
        if not bool(torch.isfinite(waveform).all()):
            return SynthesisError("the vocoder made samples that are not finite")
        return Audio(limit_peaks(waveform).numpy(), SAMPLE_RATE_HZ)


def _own_name(name: str) -> str:
    """``decoder.generator.*`` as ``generator.*``; the other names are the same here."""
    return name.removeprefix(_PREFIX) if name.startswith(f"{_PREFIX}generator.") else name


def aligned_text(features: AcousticFeatures) -> Tensor:
    """The text encoding repeated to frames, ``(T, text_channels)`` float32."""
    return torch.from_numpy(np.repeat(features.text_encoding.T, features.durations_frames, axis=0))


def seeded_noise(features: AcousticFeatures) -> Tensor:
    """The item's own standard normal noise, ``(600T,)`` float32: equal for equal seeds and lengths, on any device."""
    generator = torch.Generator().manual_seed(features.seed)
    return torch.randn(features.n_frames * FRAME_SAMPLES, generator=generator)
