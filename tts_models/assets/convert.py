"""From the files as they are published to the one file that is loaded.

Every function takes the verified files in the order of the manifest and the path of the safetensors file to write.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def kokoro(files: Sequence[Path], out: Path) -> None:
    """Kokoro's ONNX export -> the tensors of the reference package, under its names."""
    from tts_models.kokoro_onnx import convert

    (onnx_file,) = files
    convert(onnx_file, out)


def torch_state_dict(files: Sequence[Path], out: Path) -> None:
    """A pickled torch state dict -> safetensors, names and values unchanged."""
    import torch
    from safetensors.torch import save_file

    (checkpoint,) = files
    # weights_only: the unpickler that cannot run code. The hash is pinned all the same.
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, out)


def style_tables(files: Sequence[Path], out: Path) -> None:
    """54 raw tables -> one file; each ``(510, 256)`` float32 under the name of its voice.

    Row ``n - 1`` is the style vector for a segment of ``n`` tokens.
    """
    from safetensors.numpy import save_file

    save_file({file.stem: np.fromfile(file, dtype="<f4").reshape(510, 256) for file in files}, out)


def sentence_encoder(files: Sequence[Path], out: Path) -> None:
    """MiniLM and its vocabulary -> one file: the tensors in float16, half the size, and the word pieces as bytes."""
    from safetensors.numpy import load_file, save_file

    model, vocabulary = files
    tensors = {
        name: tensor.astype(np.float16)
        for name, tensor in load_file(model).items()
        if tensor.dtype == np.float32 and not name.startswith("pooler.")
    }
    save_file({**tensors, "vocabulary": np.frombuffer(vocabulary.read_bytes().rstrip(b"\n"), np.uint8)}, out)
