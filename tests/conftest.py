"""What every test may ask for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tts_models.assets import AssetStore, default_root

if TYPE_CHECKING:
    from tests.support.asr import SpeechRecogniser
    from tests.support.speech import Speech

# The same examples in every run, however slow the machine; --hypothesis-profile=default looks for new ones.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Each worker of ``pytest --numprocesses`` takes whole folders, whose tests share what is slow to make."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return Path(nodeid.partition("::")[0]).parts[1]

    return ByFolder(config, log)


@pytest.fixture(scope="module", autouse=True)
def no_ray_left() -> Iterator[None]:
    """A Ray that a module leaves behind would change what the next ones see, and slow them down."""
    yield
    ray = sys.modules.get("ray")
    assert ray is None or not ray.is_initialized()


@pytest.fixture(scope="session", autouse=True)
def no_traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Servers that the tests start keep what clients store in the user's data folder: another one, then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(scope="session")
def assets() -> AssetStore:
    """The user's own asset store (or ``$VOICEGRAPH_HOME``): fetched once, then shared by every run."""
    home = os.environ.get("VOICEGRAPH_HOME")
    return AssetStore(Path(home) if home else default_root())


@pytest.fixture(scope="session")
def recogniser(assets: AssetStore) -> SpeechRecogniser:
    """English speech recognition, to check what was said."""
    from tests.support.asr import SpeechRecogniser
    from tests.support.assets import MOONSHINE, beside

    return SpeechRecogniser(beside(assets).ensure(MOONSHINE.name))


@pytest.fixture(scope="session")
def speech(assets: AssetStore) -> list[Speech]:
    """Four English sentences in four voices, from the real models."""
    from tests.support.speech import speak_sentences

    return speak_sentences(assets)
