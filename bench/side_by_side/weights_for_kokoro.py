"""Our weights and voices as the files that the ``kokoro`` package and Kokoro-FastAPI load.

    python weights_for_kokoro.py model.safetensors voices.safetensors config.json FOLDER

Run in an environment that has ``kokoro``. Its loader wants weight norm, and silently keeps random numbers where a name
is missing; so its own names are filled, every one of them, and the result is loaded and compared.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from kokoro import KModel
from safetensors.torch import load_file

_NOT_EXPORTED = ("bert.pooler.", ".norm.weight", ".norm.bias")  # unused, and 1 and 0 in the release


def main() -> None:
    """Write ``kokoro-v1_0.pth``, ``config.json`` and ``voices``."""
    weights, voices, config, folder = map(Path, sys.argv[1:])
    (folder / "voices").mkdir(parents=True, exist_ok=True)
    shutil.copy(config, folder / "config.json")
    names = json.loads(config.read_text())
    empty = folder / "empty.pth"
    torch.save({}, empty)
    model = KModel("local", config=names, model=str(empty)).eval()
    empty.unlink()
    folded = load_file(weights)
    filled = {}
    for name, value in model.state_dict().items():
        stem = name.removesuffix("_g").removesuffix("_v")
        if name in folded:
            filled[name] = folded.pop(name)
        elif stem != name and stem in folded:
            whole = folded[stem]
            # Norm over all but the first dimension, as torch.nn.utils.weight_norm has it.
            norm = whole.flatten(1).norm(dim=1).reshape(-1, *[1] * (whole.dim() - 1))
            filled[name] = norm if name.endswith("_g") else whole
        elif any(part in name for part in _NOT_EXPORTED):
            filled[name] = value
        else:
            raise SystemExit(f"there are no weights for {name}")
    parts = {name: {} for name, _ in model.named_children()}
    for name, value in filled.items():
        part, rest = name.split(".", 1)
        parts[part][rest] = value.contiguous()
    torch.save(parts, folder / "kokoro-v1_0.pth")

    loaded = KModel("local", config=names, model=str(folder / "kokoro-v1_0.pth")).eval()
    for module in loaded.modules():
        if hasattr(module, "weight_g"):
            torch.nn.utils.remove_weight_norm(module)
    for name, value in load_file(weights).items():
        if not torch.allclose(loaded.state_dict()[name], value, rtol=1e-5, atol=1e-7):
            raise SystemExit(f"{name} was not loaded as it was given")
    for name, table in load_file(voices).items():
        torch.save(table.reshape(510, 1, 256).clone(), folder / "voices" / f"{name}.pt")


if __name__ == "__main__":
    main()
