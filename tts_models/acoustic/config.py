"""Sizes of the acoustic model."""

from __future__ import annotations

from dataclasses import dataclass

from tts_models.types import MAX_TOKENS, STYLE_DIM, TIMBRE_DIM


@dataclass(frozen=True, slots=True)
class AcousticConfig:
    """Sizes of an :class:`~tts_models.acoustic.network.AcousticNetwork`; the defaults are Kokoro-82M's.

    Attributes:
        n_symbols: Size of the phoneme vocabulary; id 0 is the padding token.
        hidden_dim: Channels of everything behind PL-BERT.
        style_dim: Length of the prosody half of a style vector.
        n_layers: Depth of the text encoder and of the duration encoder.
        kernel_size: Width of the text encoder's convolutions, odd.
        max_duration_frames: Most frames a token can last at speed 1.
        max_positions: Most tokens PL-BERT has positions for, the padding token at either end included.
        bert_embedding_dim: Channels of PL-BERT's embeddings.
        bert_hidden_dim: Channels of PL-BERT's layer.
        bert_heads: Attention heads of PL-BERT.
        bert_ffn_dim: Channels inside PL-BERT's feed-forward part.
        bert_passes: How many times PL-BERT's one layer is applied.
    """

    n_symbols: int = 178
    hidden_dim: int = 512
    style_dim: int = STYLE_DIM - TIMBRE_DIM
    n_layers: int = 3
    kernel_size: int = 5
    max_duration_frames: int = 50
    max_positions: int = MAX_TOKENS + 2
    bert_embedding_dim: int = 128
    bert_hidden_dim: int = 768
    bert_heads: int = 12
    bert_ffn_dim: int = 2048
    bert_passes: int = 12
