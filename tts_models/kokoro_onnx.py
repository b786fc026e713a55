"""Kokoro's weights, from the published ONNX export to one safetensors file.

The file written holds what the reference ``kokoro`` package's modules hold, under the same names (``bert.*``,
``bert_encoder.*``, ``predictor.*``, ``text_encoder.*``, ``decoder.*``), float32, except that weight norm is folded:
``conv.weight`` where the package has ``conv.weight_g`` and ``conv.weight_v``. ``bert.pooler`` (never used) and the
affine of the instance norms (1 and 0) do not exist.

The export kept the names of most parameters. The rest were folded or transposed by constant folding and are named
after the node that reads them, whose name is the path of the module it came from:

===========================  =========================================================================================
``Conv``, ``ConvTranspose``  weight norm folded into ``.../Mul_output_0``
``MatMul``                   ``nn.Linear`` weights, transposed; ALBERT's one layer reads the same ones twelve times
``LSTM``                     both directions stacked, gates ordered i o f c (torch: i f c o), both biases concatenated
===========================  =========================================================================================

Source: ``onnx-community/Kokoro-82M-v1.0-ONNX``, ``onnx/model.onnx`` (Apache-2.0).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import numpy_helper
from safetensors.numpy import save_file

from tts_models.errors import AssetError

N_TENSORS = 457
"""Tensors in a complete conversion."""
N_PARAMETERS = 81_140_664
"""Numbers in a complete conversion."""

Weights = NDArray[np.float32]

_NAMED = ("encoder.", "decoder.")
_TORCH_GATES_IN_ONNX = (0, 2, 3, 1)
_PREDICTOR_CHILDREN = ("F0.", "N.", "shared")


def convert(onnx_path: Path, out_path: Path) -> None:
    """Write the parameters of Kokoro's ONNX export as safetensors.

    Args:
        onnx_path: The float32 export.
        out_path: Safetensors file to write.

    Raises:
        AssetError: The file is no such export: not ONNX, or a parameter is missing, left over, double or not float32.
    """
    tensors: dict[str, Weights] = {}
    for name, weights in read_parameters(onnx_path):
        if name in tensors:
            raise AssetError(f"{onnx_path}: two tensors are both {name}")
        tensors[name] = np.ascontiguousarray(weights)
    n_parameters = sum(weights.size for weights in tensors.values())
    if (len(tensors), n_parameters) != (N_TENSORS, N_PARAMETERS):
        raise AssetError(
            f"{onnx_path}: {len(tensors)} tensors with {n_parameters} parameters where Kokoro-82M has {N_TENSORS} with "
            f"{N_PARAMETERS}"
        )
    save_file(tensors, out_path, metadata={"format": "pt"})


def read_parameters(onnx_path: Path) -> Iterator[tuple[str, Weights]]:
    """The parameters of the export under the reference package's names.

    Args:
        onnx_path: The float32 export.

    Yields:
        Name and weights, each parameter once.

    Raises:
        AssetError: See :func:`convert`.
    """
    try:
        graph = onnx.load(os.fspath(onnx_path)).graph
    except (OSError, DecodeError) as error:
        raise AssetError(f"{onnx_path} cannot be read as an ONNX model: {error}") from error
    unread = {tensor.name: tensor for tensor in graph.initializer}

    def take(name: str) -> Weights:
        if name not in unread:
            raise AssetError(f"{onnx_path}: {name} is no parameter, or one that was already read")
        values = numpy_helper.to_array(unread.pop(name))
        if values.dtype != np.float32:
            raise AssetError(f"{onnx_path}: {name} is {values.dtype}, not float32")
        return values

    for name in [name for name in unread if name.startswith(_NAMED)]:
        weights = take(name)
        if ".stft." not in name:  # the export's own window and basis
            yield name.split(".", 1)[1], weights
    for node in graph.node:
        if node.op_type in ("Conv", "ConvTranspose", "MatMul") and node.input[1] in unread:
            weights = take(node.input[1])
            yield f"{_module_path(node.name)}.weight", weights.T if node.op_type == "MatMul" else weights
        elif node.op_type == "LSTM":
            yield from _lstm_parameters(_module_path(node.name), *(take(name) for name in node.input[1:4]))


def _module_path(node_name: str) -> str:
    """The reference package's module for a node: ``/encoder/F0.1/conv1x1/Conv`` is ``predictor.F0.1.conv1x1``."""
    scopes = node_name.split("/")[2:-1]
    # A child of an nn.Sequential repeats its parent: asr_res/asr_res.0.
    path = ".".join(s for s, child in zip(scopes, [*scopes[1:], ""], strict=True) if not child.startswith(f"{s}."))
    return f"predictor.{path}" if path.startswith(_PREDICTOR_CHILDREN) else path


def _lstm_parameters(module: str, w: Weights, r: Weights, b: Weights) -> Iterator[tuple[str, Weights]]:
    """An ONNX LSTM's ``w (2, 4H, C)``, ``r (2, 4H, H)`` and ``b (2, 8H)`` as ``nn.LSTM`` names and orders them."""

    def reorder(gates: Weights) -> Weights:
        return np.concatenate([np.split(gates, 4)[gate] for gate in _TORCH_GATES_IN_ONNX])

    for direction, suffix in enumerate(("", "_reverse")):
        bias_ih, bias_hh = np.split(b[direction], 2)
        yield f"{module}.weight_ih_l0{suffix}", reorder(w[direction])
        yield f"{module}.weight_hh_l0{suffix}", reorder(r[direction])
        yield f"{module}.bias_ih_l0{suffix}", reorder(bias_ih)
        yield f"{module}.bias_hh_l0{suffix}", reorder(bias_hh)
