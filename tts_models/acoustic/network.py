"""The acoustic network: tokens and style to text encoding, durations, F0 and energy, as tensors.

Three steps, so that what lies between them can be given or edited as well as predicted::

    tokens --encode--> TextFeatures --predict_durations--> prosody, durations --predict_curves--> F0, energy
                                            ^                                        ^
                                          style                                    style

Source: ``kokoro`` 0.9.4 ``model.py`` (Apache-2.0), the part of ``forward_with_tokens`` before the decoder. Different
here: batches of different lengths and styles, each item what it is alone; frames are gathered, not multiplied by an
alignment matrix; the text encoding stays one vector per token.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tts_models.acoustic.config import AcousticConfig
from tts_models.acoustic.plbert import PlBert
from tts_models.acoustic.prosody import ProsodyPredictor
from tts_models.acoustic.text_encoder import TextEncoder
from tts_models.layers import length_mask


@dataclass(frozen=True, slots=True)
class TextFeatures:
    """What the network knows of the tokens before any voice.

    Attributes:
        context: ``(B, L, hidden_dim)`` float32, PL-BERT's view, for the prosody predictor; meaningless in the padding.
        encoding: ``(B, hidden_dim, L)`` float32, the text encoder's view, for the vocoder; 0 in the padding.
        lengths: ``(B,)`` int64 tokens of each item, or ``None`` when nothing is padded.
    """

    context: Tensor
    encoding: Tensor
    lengths: Tensor | None


class AcousticNetwork(nn.Module):
    """Kokoro without its decoder. Parameter names are the reference package's."""

    def __init__(self, config: AcousticConfig | None = None) -> None:
        """Make an untrained network; without a ``config`` of Kokoro-82M's sizes."""
        super().__init__()
        self.config = config = config or AcousticConfig()
        self.bert = PlBert(config)
        self.bert_encoder = nn.Linear(config.bert_hidden_dim, config.hidden_dim)
        self.predictor = ProsodyPredictor(config)
        self.text_encoder = TextEncoder(config)

    def encode(self, tokens: Tensor, lengths: Tensor | None) -> TextFeatures:
        """Encode tokens, without a voice.

        Args:
            tokens: ``(B, L)`` int64 vocabulary ids, the padding token at either end of each item.
            lengths: ``(B,)`` int64 tokens of each item, or ``None`` when nothing is padded.
        """
        mask = None if lengths is None else length_mask(lengths, tokens.shape[1])
        keys = None if mask is None else mask.bool()
        context = self.bert_encoder(self.bert(tokens, keys))
        return TextFeatures(context, self.text_encoder(tokens, lengths, mask), lengths)

    def predict_durations(self, text: TextFeatures, style: Tensor) -> tuple[Tensor, Tensor]:
        """Predict how long each token lasts in a voice.

        Args:
            text: From :meth:`encode`.
            style: ``(B, style_dim)`` float32, the prosody half of the style vectors.

        Returns:
            The prosody features ``(B, L, hidden_dim + style_dim)`` that :meth:`predict_curves` takes, and durations
            ``(B, L)`` float32 in frames at speed 1, neither divided by a speed nor rounded; both meaningless in the
            padding.
        """
        prosody = self.predictor.text_encoder(text.context, style, text.lengths)
        return prosody, self.predictor.durations(prosody, text.lengths)

    def predict_curves(self, prosody: Tensor, durations: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """Predict F0 and energy over the frames.

        Args:
            prosody: ``(B, L, hidden_dim + style_dim)`` from :meth:`predict_durations`.
            durations: ``(B, L)`` int64, frames of each token, 0 in the padding; each item has at least one frame.
            style: ``(B, style_dim)`` float32.

        Returns:
            F0 in Hz (near or below 0 where unvoiced) and energy, ``(B, 2T)`` float32 with ``T`` the frames of the
            longest item; 0 behind an item's own ``2 * durations.sum()``.
        """
        ends = durations.cumsum(dim=1)
        lengths = ends[:, -1].contiguous()
        n_frames = int(lengths.max())
        frames = torch.arange(n_frames, device=durations.device).expand(len(durations), -1)
        tokens = torch.searchsorted(ends, frames.contiguous(), right=True).clamp_(max=durations.shape[1] - 1)
        aligned = prosody.gather(1, tokens[..., None].expand(-1, -1, prosody.shape[-1]))
        padded = bool((lengths < n_frames).any())
        mask = length_mask(lengths, n_frames) if padded else None
        return self.predictor.curves(aligned, style, lengths if padded else None, mask)
