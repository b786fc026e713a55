"""The real files: fetched on the first run, then only verified."""

from __future__ import annotations

import pytest
from safetensors import safe_open

from tts_models.assets import MANIFEST, AssetStore


@pytest.mark.parametrize("name", MANIFEST)
def test_asset_is_had_and_intact(assets: AssetStore, name: str) -> None:
    assert assets.ensure(name) == assets.path(name)
    assert assets.state(name) == "ready"


def test_voice_tables(assets: AssetStore) -> None:
    with safe_open(assets.ensure("voices-v1.0"), "numpy") as tables:
        assert set(tables.keys()) == {file.name.removesuffix(".bin") for file in MANIFEST["voices-v1.0"].files}
        heart = tables.get_tensor("af_heart")
    assert (heart.shape, heart.dtype) == ((510, 256), "float32")


def test_speaker_encoder_parameters(assets: AssetStore) -> None:
    with safe_open(assets.ensure("ecapa-tdnn-voxceleb"), "numpy") as weights:
        assert weights.get_tensor("fc.conv.weight").shape == (192, 6144, 1)
        assert weights.get_tensor("blocks.0.conv.conv.weight").shape == (1024, 80, 5)
