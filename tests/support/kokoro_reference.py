"""What our Kokoro is compared with: the ``kokoro`` package, and the ONNX export its weights come from."""

from __future__ import annotations

import re
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnx.utils
import onnxruntime
import torch
from kokoro.model import KModel
from safetensors.torch import load_file
from torch import Tensor, nn

from tests.support.asr import session_options
from tts_models.types import AcousticInput, FloatArray, IntArray

CONFIG = {
    "istftnet": {
        "upsample_kernel_sizes": [20, 12],
        "upsample_rates": [10, 6],
        "gen_istft_hop_size": 5,
        "gen_istft_n_fft": 20,
        "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
        "resblock_kernel_sizes": [3, 7, 11],
        "upsample_initial_channel": 512,
    },
    "dropout": 0.2,
    "hidden_dim": 512,
    "max_dur": 50,
    "n_layer": 3,
    "n_mels": 80,
    "n_token": 178,
    "style_dim": 128,
    "text_encoder_kernel_size": 5,
    "plbert": {
        "hidden_size": 768,
        "num_attention_heads": 12,
        "intermediate_size": 2048,
        "max_position_embeddings": 512,
        "num_hidden_layers": 12,
        "dropout": 0.1,
    },
    "vocab": {},
}
"""``config.json`` of ``hexgrad/Kokoro-82M`` without the vocabulary."""

# Absent from the export: the pooler is never used, and the instance norms' affine is 1 and 0 in the release.
_NOT_EXPORTED = re.compile(r"bert\.pooler\.|\.norm\.(weight|bias)$")


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceFeatures:
    """What a reference hands its decoder for one item.

    Attributes:
        durations_frames: ``(L,)`` int64.
        aligned: ``(512, T)`` float32, the text encoding repeated to frames.
        f0_hz: ``(2T,)`` float32.
        energy: ``(2T,)`` float32.
    """

    durations_frames: IntArray
    aligned: FloatArray
    f0_hz: FloatArray
    energy: FloatArray


def reference_model(weights: Path) -> KModel:
    """The ``kokoro`` package's model with our converted weights, loaded by name; nothing is downloaded."""
    with tempfile.NamedTemporaryFile(suffix=".pth") as empty, warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # its LSTMs have a dropout that a single layer does not use, its weight norm is old
        torch.save({}, empty.name)
        model = KModel(repo_id="none", config=CONFIG, model=empty.name).eval()
    for module in model.modules():
        if isinstance(module, nn.Conv1d | nn.ConvTranspose1d) and hasattr(module, "weight_g"):
            torch.nn.utils.remove_weight_norm(module)
    outcome = model.load_state_dict(load_file(weights), strict=False)
    assert not outcome.unexpected_keys
    assert [name for name in outcome.missing_keys if not _NOT_EXPORTED.search(name)] == []
    return model


def reference_features(model: KModel, item: AcousticInput) -> ReferenceFeatures:
    """What ``model`` hands its decoder for ``item``; the decoder itself does not run."""
    handed: list[Tensor] = []

    def decode(*features: Tensor) -> Tensor:
        handed.extend(features)
        return torch.zeros(1)

    decoder_forward, model.decoder.forward = model.decoder.forward, decode
    try:
        tokens = torch.tensor([[0, *item.token_ids, 0]])
        _, durations = model.forward_with_tokens(tokens, torch.from_numpy(item.style.copy())[None], item.speed)
    finally:
        model.decoder.forward = decoder_forward
    aligned, f0, energy, _ = (feature[0].numpy() for feature in handed)
    return ReferenceFeatures(durations.numpy(), aligned, f0, energy)


class OnnxExport:
    """The part of the export before its decoder, in onnxruntime.

    Args:
        path: ``model.onnx``.
    """

    _OUTPUTS = (
        "/encoder/Clip_output_0",  # durations
        "/encoder/MatMul_1_output_0",
        "/encoder/F0_proj/Conv_output_0",
        "/encoder/N_proj/Conv_output_0",
    )

    def __init__(self, path: Path) -> None:
        export = onnx.load(path)
        inputs = [each.name for each in export.graph.input]
        export.graph.value_info.extend(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in self._OUTPUTS
        )
        before_the_decoder = onnx.utils.Extractor(export).extract_model(inputs, list(self._OUTPUTS))
        options = session_options(threads=2)
        self._session = onnxruntime.InferenceSession(before_the_decoder.SerializeToString(), options)

    def features(self, item: AcousticInput) -> ReferenceFeatures:
        """What the export hands its decoder for ``item``."""
        inputs = {
            "input_ids": np.array([[0, *item.token_ids, 0]]),
            "style": item.style[None],
            "speed": np.array([item.speed], dtype=np.float32),
        }
        durations, aligned, f0, energy = self._session.run(None, inputs)
        return ReferenceFeatures(durations.reshape(-1).astype(np.int64), aligned[0], f0.reshape(-1), energy.reshape(-1))
