"""Features to waveform: the iSTFTNet vocoder."""

from tts_models.vocoder.config import VocoderConfig
from tts_models.vocoder.network import VocoderNetwork
from tts_models.vocoder.vocoder import Vocoder

__all__ = ["Vocoder", "VocoderConfig", "VocoderNetwork"]
