"""Languages, colours, keys, narrow screens and names of everything, in both views."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from deployments.settings import HttpSettings
from deployments.storage.api_keys import ApiKeys
from serve_app.voicevox.app import mount_voicevox
from tests.browser.conftest import LIMIT_MS, TEXT, says
from tests.http.fakes import Served, uvicorn_server

CONTROL = re.compile(r"^\s*- (button|textbox|combobox|slider|radio|checkbox|searchbox|link|tab|img|dialog)\b(?! \")")


def test_the_language_is_chosen_and_kept(page: Page) -> None:
    page.get_by_role("combobox", name="Language of this page").select_option("日本語")
    expect(page.get_by_role("button", name="話す")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    expect(page.get_by_role("group", name="アメリカ英語")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="話す")).to_be_visible()


@pytest.mark.parametrize(("locale", "speak"), [("ja-JP", "話す"), ("zh-TW", "朗读"), ("fr-FR", "Speak")])
def test_the_browser_says_which_language(locale: str, speak: str, served: Served, browser: Browser) -> None:
    with uvicorn_server(served):
        context = browser.new_context(locale=locale)
        page = context.new_page()
        page.goto(served.base_url)
        expect(page.get_by_role("button", name=speak)).to_be_visible()
        context.close()


def test_every_language_says_everything(page: Page) -> None:
    read = """async (language) => {
        const app = [...document.scripts].find(({type}) => type === "module").src;
        return (await import(new URL(`./lang-${language}.js`, app))).default;
    }"""
    said = {language: page.evaluate(read, language) for language in ("en", "ja", "zh")}
    for language in ("ja", "zh"):
        assert said[language].keys() == said["en"].keys()
        for key, text in said["en"].items():
            assert sorted(re.findall(r"\{\w+\}", said[language][key])) == sorted(re.findall(r"\{\w+\}", text)), key
    used = page.evaluate("[...document.querySelectorAll('[data-t]')].map(({dataset}) => dataset.t)")
    assert set(used) <= said["en"].keys()


def colours(page: Page) -> list[float]:
    """Contrast of each kind of text with what is behind it."""
    pairs = ["ink card", "soft card", "soft ground", "ink wash", "on-accent accent", "bad card", "ink ground"]
    return [
        page.evaluate(
            """(names) => {
                const [front, back] = names.split(" ").map((name) => {
                    const probe = document.createElement("i");
                    probe.style.color = `var(--${name})`;
                    document.body.append(probe);
                    const [r, g, b] = getComputedStyle(probe).color.match(/[\\d.]+/g).map(Number);
                    probe.remove();
                    const linear = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
                    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
                });
                return (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
            }""",
            pair,
        )
        for pair in pairs
    ]


def test_dark_and_light(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    assert min(colours(page)) >= 4.5
    page.emulate_media(color_scheme="light")
    light = page.evaluate(ground)
    assert min(colours(page)) >= 4.5
    assert dark != light
    page.get_by_role("button", name="Dark or light").click()
    assert page.evaluate(ground) == dark
    page.reload()
    assert page.evaluate(ground) == dark, "it was chosen"


@pytest.mark.parametrize("view", ["listen", "live"])
def test_everything_has_a_name(view: str, page: Page) -> None:
    page.goto(f"{page.url.partition('#')[0]}#{view}")
    if view == "listen":
        page.get_by_role("button", name="Speak").click()
        page.get_by_text("The same by program").click()
        page.get_by_role("combobox", name="Emotion").select_option("Sad")
    expect(page.get_by_role("heading", level=2).first).to_be_attached()
    for scope in ("body", "#clone", "#keys"):
        if scope == "#clone" and view == "listen":
            page.get_by_role("button", name="Clone a voice").click()
        elif scope == "#keys" and view == "live":
            page.get_by_role("button", name="API key").click()
        elif scope != "body":
            continue
        tree = page.locator(scope).aria_snapshot()
        assert len(tree.splitlines()) > 5
        assert [line for line in tree.splitlines() if CONTROL.match(line)] == []


@pytest.mark.parametrize("view", ["listen", "live"])
@pytest.mark.parametrize("width", [360, 768])
def test_narrow_screens_need_no_scrolling_sideways(view: str, width: int, page: Page) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.goto(f"{page.url.partition('#')[0]}#{view}")
    if view == "listen":
        page.get_by_role("button", name="Speak").click()
        page.get_by_text("The same by program").click()
        expect(page.locator("#player")).to_be_visible()
    else:
        expect(page.get_by_role("heading", name="Utterances")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.fixture
def guarded(context: Any) -> Iterator[tuple[Page, str]]:
    """The page of a server that needs a key, and one."""
    served = Served(HttpSettings(api_keys="required"))
    says(served, TEXT)
    _, secret = ApiKeys(served.app.state.context.records).create("page")
    with uvicorn_server(served):
        page = context.new_page()
        page.goto(served.base_url)
        page.get_by_role("radio").first.wait_for()
        yield page, secret
        page.close()


def test_a_key_is_asked_for_where_one_is_needed(guarded: tuple[Page, str]) -> None:
    page, secret = guarded
    page.get_by_role("button", name="Speak").click()
    dialog = page.get_by_role("dialog", name="API key")
    expect(dialog).to_contain_text("This server needs an API key.")
    dialog.get_by_role("textbox", name="API key").fill("vg_wrong")
    dialog.get_by_role("button", name="Use").click()
    page.get_by_role("button", name="Speak").click()
    expect(dialog).to_contain_text("That is not an API key of this server.")
    dialog.get_by_role("textbox", name="API key").fill(secret)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Speak").click()
    expect(page.locator("#facts")).to_contain_text("s of speech")
    assert secret not in page.evaluate("JSON.stringify(localStorage)")
    page.get_by_text("The same by program").click()
    assert "$VOICEGRAPH_API_KEY" in page.locator("#snippet").inner_text()
    assert secret not in page.content()
    page.get_by_role("link", name="Live").click()
    expect(page.locator("#connection")).to_have_text("live")
    page.reload()
    expect(page.locator("#connection")).to_have_text("live", timeout=LIMIT_MS)
    page.get_by_role("button", name="API key").click()
    dialog.get_by_role("button", name="Forget it").click()
    assert page.evaluate("sessionStorage.length") == 0


def test_where_voicevox_has_the_root_the_page_is_at_listen(context: Any) -> None:
    served = Served(HttpSettings(voicevox_mount="/"))
    says(served, TEXT)
    mount_voicevox(served.app)
    with uvicorn_server(served):
        page = context.new_page()
        page.goto(served.base_url + "/listen")
        page.get_by_role("radio").first.wait_for()
        page.get_by_role("button", name="Speak").click()
        expect(page.locator("#facts")).to_contain_text("s of speech")
        page.close()
