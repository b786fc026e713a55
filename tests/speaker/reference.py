"""speechbrain, which the speaker encoder is compared with."""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
from speechbrain.lobes.features import Fbank
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
from speechbrain.processing.features import InputNormalization
from speechbrain.utils.importutils import LazyModule
from torch import Tensor

from tts_models.speaker.ecapa import EcapaConfig
from tts_models.types import FloatArray

# Its lazy modules raise ImportError at any look at them, and hypothesis looks at every module there is.
for _name in [name for name, module in sys.modules.items() if isinstance(module, LazyModule)]:
    del sys.modules[_name]


def reference_network(config: EcapaConfig) -> ECAPA_TDNN:
    """The network with random weights, in evaluation mode."""
    return ECAPA_TDNN(
        config.n_mels,
        channels=[config.channels] * 4 + [config.aggregate_channels],
        kernel_sizes=[5, 3, 3, 3, 1],
        dilations=[1, *config.dilations, 1],
        attention_channels=config.attention_channels,
        se_channels=config.squeeze_channels,
        lin_neurons=config.embedding_dim,
    ).eval()


def reference_features(samples: FloatArray, n_mels: int) -> Tensor:
    """``(T, n_mels)`` features of one waveform."""
    features = Fbank(n_mels=n_mels)(torch.from_numpy(samples)[None])
    normalised: Tensor = InputNormalization(norm_type="sentence", std_norm=False)(features, torch.ones(1))[0]
    return normalised


def reference_embedder(weights: dict[str, Tensor], config: EcapaConfig) -> Callable[[FloatArray], FloatArray]:
    """What ``EncoderClassifier.encode_batch`` computes for one waveform, without its downloads; unit length."""
    network = reference_network(config)
    network.load_state_dict(weights)

    def embed(samples: FloatArray) -> FloatArray:
        with torch.inference_mode():
            vector = network(reference_features(samples, config.n_mels)[None], torch.ones(1))[0, 0]
            unit: FloatArray = (vector / vector.norm()).numpy()
            return unit

    return embed
