"""The page in a real Chromium, over the fake graph."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.http.fakes import Served, tone, uvicorn_server
from tests.support.chromium import NoBrowser, find_browser
from tts_models.assets import AssetStore
from tts_models.text.vocabulary import encode
from tts_models.types import Phonemes, SpokenWord

TEXT = "Hello there, dear friends."
LIMIT_MS = 20_000


@pytest.fixture(scope="package")
def browser(assets: AssetStore) -> Iterator[Browser]:
    """Chromium with a microphone that beeps.

    Gone with the package: while Playwright runs, no test of another one could run an event loop.
    """
    try:
        found = find_browser(assets)
    except NoBrowser as reason:
        pytest.skip(str(reason))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.path,
            env={**os.environ, **found.environment},
            args=["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        )
        yield browser
        browser.close()


@pytest.fixture
def served() -> Served:
    """The application, for a test to set up before it asks for ``page``."""
    served = Served()
    says(served, TEXT)
    return served


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A new visitor, who reads English."""
    context = browser.new_context(locale="en-US", permissions=["microphone", "clipboard-read", "clipboard-write"])
    context.set_default_timeout(LIMIT_MS)
    yield context
    context.close()


@pytest.fixture
def page(served: Served, context: BrowserContext) -> Iterator[Page]:
    """The page; whatever it complains about in the console fails the test, a broken policy among it."""
    with uvicorn_server(served):
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
        page.goto(served.base_url)
        page.get_by_role("radio").first.wait_for()
        yield page
        page.close()
        assert complaints == []


def is_complaint(message: Any) -> bool:
    # A refused request is told by the browser itself; whether it is expected the test knows.
    return message.type in ("error", "warning") and "Failed to load resource" not in message.text


def says(served: Served, text: str, segment_s: float = 0.6) -> None:
    """Makes the graph say ``text`` as two segments of equally long words."""
    found = [match.span() for match in re.finditer(r"\w+", text)]
    middle = len(found) // 2
    first, later = (phonemes(text, words) for words in (found[:middle], found[middle:]))
    served.graph.segment, served.graph.later = first, later
    served.script(tone(segment_s), tone(segment_s, 330.0))


def phonemes(text: str, words: list[tuple[int, int]]) -> Phonemes:
    symbols = " ".join("a" for _ in words)
    spoken = tuple(SpokenWord(*word, 2 * n, 2 * n + 1) for n, word in enumerate(words))
    return Phonemes(text, symbols, encode(symbols), "en-US", words=spoken)
