"""Features to waveform: the iSTFTNet vocoder."""

from tts_models.vocoder.config import VocoderConfig
from tts_models.vocoder.vocoder import Vocoder, VocoderNetwork

__all__ = ["Vocoder", "VocoderConfig", "VocoderNetwork"]
