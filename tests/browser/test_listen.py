"""The view to listen in, by clicks and keys."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Download, Page, expect

from tests.browser.conftest import LIMIT_MS, TEXT, says
from tests.http.fakes import Gate, Served, tone
from tts_models.errors import EmptyText, SynthesisError
from tts_models.text.languages import LANGUAGES


def speak(page: Page, text: str = TEXT) -> None:
    page.get_by_role("textbox", name="Text").fill(text)
    page.get_by_role("button", name="Speak").click()


def until_heard(page: Page) -> None:
    """The button offers to play again."""
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible(timeout=LIMIT_MS)


def asked(page: Page, served: Served) -> dict[str, Any]:
    """The fields of the request that a click on Speak sends."""
    with page.expect_request("**/v1/audio/speech") as request:
        speak(page)
    until_heard(page)
    body: dict[str, Any] = request.value.post_data_json
    return body


def test_a_text_is_heard_and_its_words_light_up(page: Page, served: Served) -> None:
    speak(page)

    expect(page.locator("#facts")).to_contain_text("1.20 s of speech")
    expect(page.locator("#facts")).to_contain_text("first sound after")
    assert page.locator(".word").all_inner_texts() == ["Hello", "there", "dear", "friends"]
    expect(page.locator("#words")).to_have_text(TEXT)
    expect(page.locator(".word.now")).to_have_count(1)
    until_heard(page)
    expect(page.locator(".word.said")).to_have_count(4)
    expect(page.get_by_role("slider", name="Position")).to_have_attribute("aria-valuenow", "1.2")
    assert (page.locator("#wave .made").get_attribute("d") or "").count("M") > 50
    assert served.graph.ended == ["done"]


def test_it_is_heard_while_the_rest_is_being_made(page: Page, served: Served) -> None:
    gate = Gate()
    served.script(tone(0.6), gate, tone(0.6))
    speak(page)
    expect(page.locator("#facts")).to_contain_text("First sound after")
    expect(page.locator(".word.said")).to_have_count(2)
    expect(page.locator("#words")).to_have_text(TEXT)
    expect(page.locator("#player")).to_have_attribute("aria-busy", "true")
    gate.open()
    expect(page.locator(".word.said")).to_have_count(4)
    until_heard(page)
    expect(page.locator("#facts")).to_contain_text("1.20 s of speech")


def test_stop_stops_the_work_too(page: Page, served: Served) -> None:
    served.script(tone(0.6), Gate(), tone(0.6))
    speak(page)
    expect(page.locator("#facts")).to_contain_text("First sound after")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#facts")).to_have_text("Stopped.")
    assert served.wait_for_ending() == "closed"
    page.get_by_role("button", name="Play", exact=True).click()  # what there is of it
    until_heard(page)


def test_errors_are_told_in_the_words_of_the_server(page: Page, served: Served) -> None:
    served.script(EmptyText("There is nothing to say in it."))
    speak(page)
    expect(page.locator("#composer").get_by_role("alert")).to_have_text("There is nothing to say in it.")
    expect(page.locator("#player")).to_be_hidden()


def test_an_error_on_the_way_leaves_what_was_made(page: Page, served: Served) -> None:
    gate = Gate()
    served.script(tone(0.6), gate, SynthesisError("The model made no sound."))
    speak(page)
    expect(page.locator("#facts")).to_contain_text("First sound after")
    gate.open()
    expect(page.locator("#composer").get_by_role("alert")).to_contain_text("The model made no sound.")
    until_heard(page)
    expect(page.get_by_role("slider", name="Position")).to_have_attribute("aria-valuemax", "0.6")


def test_a_server_that_is_gone_is_told(page: Page) -> None:
    page.context.set_offline(True)
    speak(page)
    expect(page.locator("#composer").get_by_role("alert")).to_contain_text("The server does not answer")


def test_the_voice_is_found_and_chosen(page: Page, served: Served) -> None:
    search = page.get_by_role("searchbox", name="Search voices")
    search.fill("british fem")
    expect(page.get_by_role("radio")).to_have_count(1)
    expect(page.locator("#found")).to_have_text("1 voices found")
    page.get_by_text("Emma").click()
    expect(page.locator("#with")).to_have_text("Emma, British English")
    assert asked(page, served)["voice"] == "bf_emma"
    page.reload()
    expect(page.get_by_role("radio", name="Emma")).to_be_checked()


def test_the_delivery_goes_with_the_request(page: Page, served: Served) -> None:
    assert asked(page, served) == {
        "model": "tts-1",
        "voice": "af_heart",
        "input": TEXT,
        "response_format": "pcm",
        "stream_format": "sse",
        "timestamps": "word",
    }
    page.get_by_role("slider", name="Speed").fill("1.5")
    page.get_by_role("slider", name="Pitch").fill("-2")
    page.get_by_role("slider", name="Energy").fill("1.2")
    page.get_by_role("slider", name="Intonation").fill("0.5")
    page.get_by_role("combobox", name="Emotion").select_option("Happy")
    page.get_by_role("slider", name="Intensity").fill("0.4")
    page.get_by_role("textbox", name="In words").fill("like a nurse at night")
    page.get_by_role("combobox", name="Language of the text").select_option("British English")
    own = {
        "speed": 1.5,
        "pitch": -2,
        "energy": 1.2,
        "intonation": 0.5,
        "emotion": "happy",
        "intensity": 0.4,
        "instructions": "like a nurse at night",
        "language": "en-GB",
    }
    assert own.items() <= asked(page, served).items()
    page.get_by_role("button", name="Reset").click()
    assert not own.keys() & asked(page, served).keys()


def test_what_is_offered_is_what_the_server_takes(page: Page, served: Served) -> None:
    fields = served.app.openapi()["components"]["schemas"]["SpeechRequest"]["properties"]
    for name in ("speed", "pitch", "energy", "intonation", "intensity"):
        low, high, value = page.locator(f"#{name}").evaluate("({min, max, value}) => [min, max, value].map(Number)")
        assert fields[name]["minimum"] <= low < high <= fields[name]["maximum"]
        assert value == fields[name]["default"]
    emotions = page.locator("#emotion option").evaluate_all("(options) => options.map(({value}) => value)")
    assert sorted(emotions) == sorted(fields["emotion"]["enum"])
    assert emotions[0] == fields["emotion"]["default"]
    formats = page.locator("#format option").all_inner_texts()
    assert sorted(formats) == sorted(fields["response_format"]["enum"])
    languages = page.locator("#text-language option").evaluate_all("(options) => options.map(({value}) => value)")
    assert sorted(languages[1:]) == sorted(LANGUAGES)


def test_one_can_go_anywhere_in_it(page: Page, served: Served) -> None:
    says(served, TEXT, segment_s=4)
    speak(page)
    wave = page.get_by_role("slider", name="Position")
    expect(wave).to_have_attribute("aria-valuemax", "8.0")
    page.get_by_role("button", name="Pause").click()
    wave.focus()
    page.keyboard.press("End")
    expect(wave).to_have_attribute("aria-valuenow", "8.0")
    page.keyboard.press("ArrowLeft")
    expect(wave).to_have_attribute("aria-valuetext", "7.0 of 8.0 seconds")
    page.get_by_text("there", exact=True).click()
    expect(page.locator(".word.now")).to_have_text("there")
    wave.click(position={"x": 1, "y": 20})
    expect(page.locator(".word.said")).to_have_count(0)
    page.keyboard.press("Space")
    expect(page.locator(".word.said")).not_to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


@pytest.mark.parametrize("name", ["wav", "mp3"])
def test_the_audio_is_downloaded(name: str, page: Page, served: Served, tmp_path: Path) -> None:
    speak(page)
    until_heard(page)
    page.get_by_role("combobox", name="Format").select_option(name)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download audio").click()
    data = saved(download.value, f"speech.{name}", tmp_path)
    assert data.startswith(b"RIFF" if name == "wav" else b"\xff\xf3")
    if name == "wav":
        assert len(data) == 44 + 2 * 28_800
        assert len(served.graph.spoken) == 1, "it is there already"


def test_captions_are_downloaded(page: Page, served: Served, tmp_path: Path) -> None:
    speak(page)
    until_heard(page)
    for button, name, says_when in (("SRT", "speech.srt", "00:00:0"), ("VTT", "speech.vtt", "WEBVTT")):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Captions ({button})").click()
        text = saved(download.value, name, tmp_path).decode()
        assert says_when in text
        assert "Hello" in text
    assert len(served.graph.spoken) == 1, "they were kept"


def saved(download: Download, name: str, folder: Path) -> bytes:
    assert download.suggested_filename == name
    download.save_as(folder / name)
    return (folder / name).read_bytes()


@pytest.mark.parametrize("language", ["curl", "Python"])
def test_the_code_does_the_same(language: str, page: Page, served: Served, tmp_path: Path) -> None:
    text = 'It\'s "quoted" $HOME `date` \\ 日本 🙂\nsecond line'
    page.get_by_role("textbox", name="Text").fill(text)
    page.get_by_role("slider", name="Speed").fill("1.5")
    page.get_by_role("slider", name="Pitch").fill("3")
    page.get_by_role("combobox", name="Language of the text").select_option("British English")
    page.get_by_text("The same by program").click()
    page.get_by_role("tab", name=language).click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    code = page.evaluate("navigator.clipboard.readText()")
    run = ["bash", "-euo", "pipefail", "-c", code] if language == "curl" else [sys.executable, "-c", code]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "speech.wav").read_bytes().startswith(b"RIFF")
    (utterance,) = served.graph.spoken
    assert (utterance.text, utterance.speed, utterance.language) == (text, 1.5, "en-GB")


def test_keys_alone_are_enough(page: Page, served: Served) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(9):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "text":
            break
    page.keyboard.press("Control+a")
    page.keyboard.type(TEXT)
    page.keyboard.press("Control+Enter")
    until_heard(page)
    page.get_by_role("radio", name="Heart").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="Michael")).to_be_checked()
    expect(page.locator("#with")).to_have_text("Michael, American English")
    assert [utterance.text for utterance in served.graph.spoken] == [TEXT]


def test_json_in_the_page_is_what_the_server_reads(page: Page, served: Served) -> None:
    """Half a surrogate pair cannot be sent, and is told; everything else arrives as it was typed."""
    text = "a\u2028b \u200d \ufeff 𝄞"
    speak(page, text)
    until_heard(page)
    assert json.loads(json.dumps(served.graph.spoken[0].text)) == text
