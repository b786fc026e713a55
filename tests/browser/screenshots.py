"""Pictures of the page for the README, from a server that runs with the real models.

``python -m tests.browser.screenshots --url http://localhost:8000``
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests.support.chromium import find_browser
from tts_models.assets import AssetStore, default_root

FOLDER = Path(__file__).resolve().parents[2] / "docs/images"
SIZE = ViewportSize(width=1200, height=860)
CALLERS = 5
APART_S = 0.7
TEXT = (
    "The gauge on the wall shows what the tide is doing. It climbs all morning, rests for a quarter of an hour, and"
    " falls again until the boats lie on the mud. Nobody here looks at the clock; they look at the gauge."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8000")
    url = parser.parse_args().url
    found = find_browser(AssetStore(default_root()))
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.path, env={**os.environ, **found.environment})
        page = browser.new_page(viewport=SIZE, color_scheme="light", locale="en-US")
        page.goto(url)
        listen(page)
        page.screenshot(path=FOLDER / "listen.png")
        page.emulate_media(color_scheme="dark")
        live(page, url)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=FOLDER / "live.png")
        browser.close()
    for picture in FOLDER.glob("*.png"):
        print(picture.name, picture.stat().st_size, "bytes")


def listen(page: Page) -> None:
    """Until the middle of what is said."""
    page.get_by_role("radio", name="Heart").wait_for()
    page.get_by_role("button", name="Speak").click()
    page.locator("#facts", has_text="real time").wait_for(timeout=60_000)
    page.locator(".word.said").nth(14).wait_for(timeout=60_000)


def live(page: Page, url: str) -> None:
    """While several callers speak, with the way of one that has been answered."""
    page.get_by_role("link", name="Live").click()
    for number in range(CALLERS):
        threading.Thread(target=speak, args=(url, number * APART_S), daemon=True).start()
    answered = page.locator(".request", has_text="first sound").filter(has_text="all ")
    answered.nth(2).wait_for(timeout=60_000)
    shown = answered.first
    others = page.locator(".request[open]")
    while others.count():
        others.first.locator("summary").click()
    shown.locator("summary").click()
    page.mouse.move(0, 0)


def speak(url: str, wait_s: float) -> None:
    time.sleep(wait_s)
    body = {"model": "tts-1", "voice": "af_heart", "input": TEXT}
    for _ in range(4):
        httpx.post(f"{url}/v1/audio/speech", json=body, timeout=120)


if __name__ == "__main__":
    main()
