"""Named, hash-pinned assets: fetch, verify, convert, cache."""

from tts_models.assets.files import AssetFile
from tts_models.assets.manifest import MANIFEST, Asset
from tts_models.assets.progress import Progress, ProgressEvent
from tts_models.assets.store import AssetStore, default_root

__all__ = ["MANIFEST", "Asset", "AssetFile", "AssetStore", "Progress", "ProgressEvent", "default_root"]
