"""One text frontend for all tests of the room: the dictionaries load once."""

from __future__ import annotations

import pytest

from tts_models.text import TextFrontend
from tts_models.text.g2p.router import G2PRouter


@pytest.fixture(scope="session")
def frontend() -> TextFrontend:
    return TextFrontend()


@pytest.fixture(scope="session")
def router() -> G2PRouter:
    return G2PRouter()
