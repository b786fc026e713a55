"""PL-BERT: a masked language model over phonemes, here ALBERT run plainly.

Source: ``transformers``' ``AlbertModel`` (Apache-2.0) as StyleTTS 2's PL-BERT uses it, under its parameter names. One
layer's weights serve every pass. Different here: no pooler, no dropout, token types always 0.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from tts_models.acoustic.config import AcousticConfig

_EPS = 1e-12


class PlBert(nn.Module):
    """Phoneme tokens in context."""

    def __init__(self, config: AcousticConfig) -> None:
        """Make an untrained model of the sizes in ``config``."""
        super().__init__()
        self.embeddings = _Embeddings(config)
        self.encoder = _Encoder(config)

    def forward(self, tokens: Tensor, keys: Tensor | None) -> Tensor:
        """Encode.

        Args:
            tokens: ``(B, L)`` int64 vocabulary ids.
            keys: ``(B, 1, L)`` bool, the positions that attention may read, or ``None`` for all.

        Returns:
            ``(B, L, bert_hidden_dim)``; meaningless in the padding.
        """
        hidden: Tensor = self.encoder(self.embeddings(tokens), keys)
        return hidden


class _Embeddings(nn.Module):
    def __init__(self, config: AcousticConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.n_symbols, config.bert_embedding_dim)
        self.position_embeddings = nn.Embedding(config.max_positions, config.bert_embedding_dim)
        self.token_type_embeddings = nn.Embedding(2, config.bert_embedding_dim)
        self.LayerNorm = nn.LayerNorm(config.bert_embedding_dim, eps=_EPS)

    def forward(self, tokens: Tensor) -> Tensor:
        positions = self.position_embeddings.weight[: tokens.shape[1]]
        y: Tensor = self.LayerNorm(self.word_embeddings(tokens) + self.token_type_embeddings.weight[0] + positions)
        return y


class _Encoder(nn.Module):
    def __init__(self, config: AcousticConfig) -> None:
        super().__init__()
        self.n_passes = config.bert_passes
        self.embedding_hidden_mapping_in = nn.Linear(config.bert_embedding_dim, config.bert_hidden_dim)
        self.albert_layer_groups = nn.ModuleList([_Group(config)])

    def forward(self, x: Tensor, keys: Tensor | None) -> Tensor:
        x = self.embedding_hidden_mapping_in(x)
        for _ in range(self.n_passes):
            x = self.albert_layer_groups[0](x, keys)
        return x


class _Group(nn.Module):
    def __init__(self, config: AcousticConfig) -> None:
        super().__init__()
        self.albert_layers = nn.ModuleList([_Layer(config)])

    def forward(self, x: Tensor, keys: Tensor | None) -> Tensor:
        y: Tensor = self.albert_layers[0](x, keys)
        return y


class _Layer(nn.Module):
    def __init__(self, config: AcousticConfig) -> None:
        super().__init__()
        self.attention = _Attention(config)
        self.ffn = nn.Linear(config.bert_hidden_dim, config.bert_ffn_dim)
        self.ffn_output = nn.Linear(config.bert_ffn_dim, config.bert_hidden_dim)
        self.full_layer_layer_norm = nn.LayerNorm(config.bert_hidden_dim, eps=_EPS)

    def forward(self, x: Tensor, keys: Tensor | None) -> Tensor:
        x = self.attention(x, keys)
        y: Tensor = self.full_layer_layer_norm(self.ffn_output(F.gelu(self.ffn(x), approximate="tanh")) + x)
        return y


class _Attention(nn.Module):
    def __init__(self, config: AcousticConfig) -> None:
        super().__init__()
        dim = config.bert_hidden_dim
        self.n_heads = config.bert_heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.dense = nn.Linear(dim, dim)
        self.LayerNorm = nn.LayerNorm(dim, eps=_EPS)

    def forward(self, x: Tensor, keys: Tensor | None) -> Tensor:
        q, k, v = (
            project(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)  # (B, heads, L, dim / heads)
            for project in (self.query, self.key, self.value)
        )
        mask = None if keys is None else keys[:, None]
        heads = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        y: Tensor = self.LayerNorm(self.dense(heads.transpose(1, 2).flatten(2)) + x)
        return y
