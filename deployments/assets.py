"""The assets each stage loads, from the store of the node its replica runs on."""

from __future__ import annotations

from deployments.settings import AssetSettings
from tts_models.assets import AssetStore, default_root

KOKORO = "kokoro-82m-v1.0"
"""Weights of the acoustic model and the vocoder."""
ECAPA = "ecapa-tdnn-voxceleb"
"""Weights of the speaker encoder."""
VOICES = "voices-v1.0"
"""Style tables of the preset voices."""
SENTENCES = "all-minilm-l6-v2"
"""The sentence encoder, for what instructions mean; a server without it understands words."""


def asset_store(settings: AssetSettings) -> AssetStore:
    """The asset store of this node; an asset that is not there is fetched by ``ensure``."""
    return AssetStore(settings.root or default_root(), offline=settings.offline)
