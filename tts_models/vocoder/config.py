"""The vocoder's sizes."""

from __future__ import annotations

from dataclasses import dataclass

from tts_models.types import FRAME_SAMPLES, TIMBRE_DIM


@dataclass(frozen=True, slots=True)
class VocoderConfig:
    """Sizes of an iSTFTNet vocoder; the defaults are Kokoro-82M's. Tests use smaller ones.

    Attributes:
        text_channels: Channels of the text encoding.
        style_dim: Length of the timbre vector.
        decoder_channels: Channels of the decoder's blocks at frame rate.
        residual_channels: Channels the text encoding is squeezed into for every decoder block.
        generator_channels: Channels entering the generator; each upsampling halves them.
        upsample_rates: Factors of the two upsamplings, from twice the frame rate to the spectrum's rate.
        upsample_kernels: Kernel sizes of the two upsampling convolutions.
        resblock_kernels: Kernel size of each of the residual blocks that run side by side after an upsampling.
        resblock_dilations: Dilations of the three steps of every Snake residual block.
        noise_kernels: Kernel size of the residual block on the source, one for each upsampling.
        n_fft: Points of the output's inverse STFT and of the source's STFT.
        hop_samples: Hop of both, samples.
        harmonics: Sines in the source: F0 and its overtones.
    """

    text_channels: int = 512
    style_dim: int = TIMBRE_DIM
    decoder_channels: int = 1024
    residual_channels: int = 64
    generator_channels: int = 512
    upsample_rates: tuple[int, int] = (10, 6)
    upsample_kernels: tuple[int, int] = (20, 12)
    resblock_kernels: tuple[int, ...] = (3, 7, 11)
    resblock_dilations: tuple[int, int, int] = (1, 3, 5)
    noise_kernels: tuple[int, int] = (7, 11)
    n_fft: int = 20
    hop_samples: int = 5
    harmonics: int = 9

    @property
    def samples_per_f0(self) -> int:
        """Samples of audio per value of F0: half a frame."""
        return self.upsample_rates[0] * self.upsample_rates[1] * self.hop_samples

    def __post_init__(self) -> None:
        """Check that a frame stays ``FRAME_SAMPLES`` long.

        Raises:
            ValueError: The upsampling does not give two F0 values a frame.
        """
        if 2 * self.samples_per_f0 != FRAME_SAMPLES:
            raise ValueError(f"upsampling by {self.samples_per_f0} gives no frames of {FRAME_SAMPLES} samples")
