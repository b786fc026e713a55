from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
import torch

from tts_models.acoustic import AcousticModel
from tts_models.acoustic.config import AcousticConfig
from tts_models.acoustic.network import AcousticNetwork
from tts_models.types import STYLE_DIM, AcousticInput

TINY = AcousticConfig(
    n_symbols=20,
    hidden_dim=16,
    max_duration_frames=8,
    bert_embedding_dim=8,
    bert_hidden_dim=24,
    bert_heads=3,
    bert_ffn_dim=32,
    bert_passes=3,
)
"""The real model, small: every part is there."""

MakeItem = Callable[..., AcousticInput]


@pytest.fixture(scope="session")
def tiny_network() -> AcousticNetwork:
    """Random weights, large enough that the style, the neighbours and the length of a token all show."""
    torch.manual_seed(7)
    network = AcousticNetwork(TINY).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.3)
    return network


@pytest.fixture
def tiny_model(tiny_network: AcousticNetwork) -> AcousticModel:
    return AcousticModel(tiny_network, torch.device("cpu"))


@pytest.fixture
def make_item() -> MakeItem:
    """Makes items of a given number of random tokens, each with a style of its own."""
    rng = np.random.default_rng(3)

    def make(n: int, tokens: Sequence[int] | None = None, **fields: object) -> AcousticInput:
        ids = tuple(int(token) for token in rng.integers(1, TINY.n_symbols, n)) if tokens is None else tuple(tokens)
        style = rng.normal(size=STYLE_DIM).astype(np.float32)
        return AcousticInput(**{"token_ids": ids, "style": style, **fields})  # type: ignore[arg-type]

    return make


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors gain nothing from threads, and on a busy machine lose much to waiting for them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
