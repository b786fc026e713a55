from __future__ import annotations

import pytest

from tests.timings.real import Models
from tts_models.assets import AssetStore


@pytest.fixture(scope="session")
def models(assets: AssetStore) -> Models:
    return Models(assets)
