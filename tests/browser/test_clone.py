"""A voice from a clip: recorded, chosen as a file, with consent; and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from deployments.settings import HttpSettings, VoiceSettings
from deployments.storage.voices import VoiceStore
from tests.browser.conftest import TEXT, says
from tests.http.fakes import Served, wait_until
from tts_models.errors import NoSpeech

WEBM = b"\x1a\x45\xdf\xa3"


@pytest.fixture
def dialog(page: Page) -> Locator:
    """The dialog, named and agreed to."""
    page.get_by_role("button", name="Clone a voice").click()
    dialog = page.get_by_role("dialog", name="Clone a voice")
    dialog.get_by_role("textbox", name="Name").fill("Ana")
    dialog.get_by_role("checkbox").check()
    return dialog


def record(dialog: Locator, index: int = 0) -> None:
    dialog.get_by_role("button", name="Record").nth(index).click()
    stop = dialog.get_by_role("button", name="Stop recording")
    expect(stop).to_have_attribute("aria-pressed", "true")
    expect(dialog.locator(".time").nth(index)).not_to_have_text("0.0 s")
    stop.click()
    expect(dialog.locator("audio").nth(index)).to_be_visible()


def clone(dialog: Locator) -> None:
    dialog.get_by_role("button", name="Clone", exact=True).click()


def store(served: Served) -> VoiceStore:
    return VoiceStore(served.app.state.context.records)


def test_a_voice_is_recorded_cloned_followed_and_spoken_with(page: Page, served: Served, dialog: Locator) -> None:
    clone(dialog)
    expect(dialog.get_by_role("alert").last).to_have_text("Record a clip first, or choose a file.")
    record(dialog)
    clone(dialog)
    expect(dialog.get_by_role("status").last).to_contain_text("Ana can speak")
    (((clip,), _),) = served.graph.profiled
    assert clip.startswith(WEBM)

    voices = store(served)
    fitting = voices.claim("worker", lease_s=60)
    assert fitting is not None
    voices.checkpoint(fitting, "worker", b"", 0.4, 0.7)
    expect(dialog.locator("#clone-status")).to_have_text("fitting, 40 % · similarity 0.70 (same speaker: over 0.5)")
    expect(dialog.get_by_role("progressbar", name="Fitting")).to_have_js_property("value", 0.4)
    voices.finish(fitting, "worker", fitting.recipe.recipe(), 0.81)
    expect(dialog.locator("#clone-status")).to_have_text("fitted · similarity 0.81 (same speaker: over 0.5)")
    expect(dialog.get_by_role("progressbar")).to_be_hidden()
    dialog.get_by_role("button", name="Close").click()

    expect(page.get_by_role("group", name="Your voices").get_by_role("radio", name="Ana")).to_be_checked()
    with page.expect_request("**/v1/audio/speech") as request:
        page.get_by_role("button", name="Speak").click()
    assert request.value.post_data_json["voice"] == fitting.id
    expect(page.locator("#facts")).to_contain_text("s of speech")

    page.once("dialog", lambda question: question.accept())
    page.get_by_role("button", name="Delete Ana").click()
    expect(page.get_by_role("group", name="Your voices")).to_have_count(0)
    assert store(served).kept() == ()


def test_a_file_that_will_not_do_is_told_in_words(page: Page, served: Served, dialog: Locator, tmp_path: Path) -> None:
    served.graph.heard = NoSpeech("Nobody speaks in the reference audio.")
    (tmp_path / "silence.wav").write_bytes(b"RIFF....WAVE")
    dialog.locator("input[type=file]").first.set_input_files(tmp_path / "silence.wav")
    clone(dialog)
    expect(dialog.get_by_role("alert").last).to_have_text("Nobody speaks in the reference audio.")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert store(served).kept() == ()


def test_several_clips_make_one_voice(page: Page, served: Served, dialog: Locator, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.wav" for number in range(3)]
    for number, file in enumerate(files):
        file.write_bytes(b"RIFF....WAVE%d" % number)
    choose = dialog.locator("input[type=file]").first
    choose.set_input_files(files)
    record(dialog)
    expect(dialog.locator("audio")).to_have_count(4)
    dialog.get_by_role("button", name="Remove this clip").nth(1).click()
    expect(dialog.locator("audio")).to_have_count(3)
    clone(dialog)
    expect(dialog.get_by_role("status").last).to_contain_text("Ana can speak")
    (((first, third, recorded), _),) = served.graph.profiled
    assert [first, third] == [files[0].read_bytes(), files[2].read_bytes()]
    assert recorded.startswith(WEBM)
    choose.set_input_files(files * 3)
    expect(dialog.get_by_role("alert").first).to_have_text("8 clips are enough.")


def test_no_microphone_is_told(page: Page, dialog: Locator) -> None:
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('It is covered.')); }")
    dialog.get_by_role("button", name="Record").first.click()
    expect(dialog.get_by_role("alert").first).to_contain_text("The microphone cannot be used: It is covered.")


class TestWithConsent:
    @pytest.fixture
    def served(self) -> Served:
        served = Served(HttpSettings(voices=VoiceSettings(require_consent=True)))
        says(served, TEXT)
        return served

    def test_it_is_recorded_where_the_server_wants_it(self, served: Served, dialog: Locator) -> None:
        expect(dialog.get_by_role("button", name="Record")).to_have_count(1)
        record(dialog)
        clone(dialog)
        expect(dialog.get_by_role("alert").last).to_contain_text("consent")
        expect(dialog.get_by_text("I agree that my voice is cloned here")).to_be_visible()
        record(dialog, 1)
        clone(dialog)
        expect(dialog.get_by_role("status").last).to_contain_text("Ana can speak")
        wait_until(lambda: len(store(served).kept()) == 1)
        assert store(served).kept()[0].consents


def test_a_sample_is_heard(page: Page, served: Served) -> None:
    sample = page.get_by_role("button", name="Sample of Emma")
    with page.expect_response("**/v1/audio/voices/bf_emma/sample") as response:
        sample.click()
    assert response.value.headers["content-type"] == "audio/mpeg"
    expect(sample).to_have_attribute("aria-pressed", "true")
    expect(sample).to_have_attribute("aria-pressed", "false")
    assert served.graph.spoken[0].voice.name == "bf_emma"
