"""Loading a part of a safetensors file into a module, strictly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from tts_models.errors import AssetError


def load_strict(module: nn.Module, path: Path, prefixes: Sequence[str], root: str = "") -> None:
    """Load every tensor of one part of the file into ``module``.

    Args:
        module: Takes the tensors; its dtype and device stay.
        path: Safetensors file.
        prefixes: The part: tensors whose names start with one of these, such as ``"decoder."``.
        root: What to take off the front of the names to get ``module``'s own.

    Raises:
        AssetError: The file cannot be read, or the part and the module differ in a name or a shape.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = [name for name in file.keys() if name.startswith(tuple(prefixes))]  # noqa: SIM118, no mapping
            state = {name.removeprefix(root): file.get_tensor(name) for name in names}
    except (OSError, SafetensorError) as error:
        raise AssetError(f"{path} cannot be read as safetensors: {error}") from error
    own = module.state_dict()
    faults = [
        *(f"{name} is missing" for name in own.keys() - state.keys()),
        *(f"{name} has no place" for name in state.keys() - own.keys()),
        *(
            f"{name} is {_describe(state[name])}, not {_describe(own[name])}"
            for name in own.keys() & state.keys()
            if _describe(state[name]) != _describe(own[name])
        ),
    ]
    if faults:
        shown = "; ".join(sorted(faults)[:3])
        raise AssetError(f"{path} does not fit {type(module).__name__}: {shown} ({len(faults)} such faults)")
    module.load_state_dict(state)


def _describe(tensor: torch.Tensor) -> str:
    return f"{tuple(tensor.shape)} {tensor.dtype}"
