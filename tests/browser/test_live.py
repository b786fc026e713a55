"""The live view: it moves with the load, and shows where the time of one's own requests went."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from deployments.fair_worker import ReplicaLoad
from deployments.past_calls import PastCall
from serve_app.http import load_events
from serve_app.stage_load import StageLoad, combined
from tests.browser.conftest import TEXT
from tests.http.fakes import Gate, Served, tone


def stage(name: str, *recent: PastCall, waiting: int = 0, running: int = 0, replicas: int = 1) -> StageLoad:
    idle = ReplicaLoad(running=0, waiting=0, max_running=4, max_ongoing=100, wait_s=0.0, recent=())
    busy = ReplicaLoad(running=running, waiting=waiting, max_running=4, max_ongoing=100, wait_s=0.0, recent=recent)
    return combined(name, [busy, *[idle] * (replicas - 1)])


def caller(start_s: float) -> Callable[..., PastCall]:
    """Makes calls of a request of this machine that began at ``start_s``."""

    def call(segment: int | None, came_s: float, began_s: float, ended_s: float, batch: int = 1) -> PastCall:
        times = (start_s + came_s, start_s + began_s, start_s + ended_s)
        return PastCall("req_of_the_test", "127.0.0.1", segment, *times, batch)

    return call


def fact(page: Page, card: str, name: str) -> str:
    shown = page.get_by_role("region", name=card, exact=True).locator("div", has=page.get_by_text(name, exact=True))
    return shown.locator("dd").inner_text()


def test_the_stages_move_with_the_load(page: Page, served: Served) -> None:
    served.stages = [stage("TextFrontend"), stage("AcousticModel"), stage("Vocoder"), stage("SpeakerEncoder")]
    page.get_by_role("link", name="Live").click()
    vocoder = page.get_by_role("region", name="Vocoder", exact=True)
    expect(vocoder).to_contain_text("0 of 4")
    call = caller(time.time())
    order = page.locator(".graph .stage h2").evaluate_all(
        "(titles) => titles.sort((a, b) => a.parentElement.style.order - b.parentElement.style.order)"
        ".map(({textContent}) => textContent)"
    )
    assert order == ["Utterances", "Text frontend", "Acoustic model", "Vocoder", "Speaker encoder"]

    served.stages = [
        *served.stages[:2],
        stage("Vocoder", call(0, 0, 0, 0.2, batch=4), waiting=30, running=3, replicas=2),
    ]
    expect(vocoder).to_contain_text("3 of 8")
    values = {name: fact(page, "Vocoder", name) for name in ("Replicas", "Waiting", "Running", "Batch", "Median")}
    assert values == {"Replicas": "2", "Waiting": "30", "Running": "3 of 8", "Batch": "4.0", "Median": "200 ms"}
    assert vocoder.locator(".queue .runs").count() == 3
    expect(vocoder.locator(".queue")).to_contain_text("+18")
    expect(page.get_by_role("region", name="Speaker encoder")).to_be_hidden()


def test_utterances_under_way_are_seen(page: Page, served: Served) -> None:
    gate = Gate()
    served.script(tone(0.6), gate, tone(0.6))
    page.get_by_role("textbox", name="Text").fill(TEXT)
    page.get_by_role("button", name="Speak").click()
    expect(page.locator("#facts")).to_contain_text("First sound")
    page.get_by_role("link", name="Live").click()
    expect(page.get_by_role("region", name="Utterances")).to_contain_text("1 of 400")
    gate.open()
    expect(page.get_by_role("region", name="Utterances")).to_contain_text("0 of 400")


def test_the_waterfall_of_a_request(page: Page, served: Served) -> None:
    page.get_by_role("link", name="Live").click()
    expect(page.get_by_text("Nothing in the last minute")).to_be_visible()
    call = caller(float(round(time.time())))
    served.stages = [
        stage("TextFrontend", call(None, 0.0, 0.01, 0.05)),
        stage("AcousticModel", call(0, 0.05, 0.10, 0.20, batch=2), call(1, 0.05, 0.10, 0.20, batch=2)),
        stage("Vocoder", call(0, 0.20, 0.20, 0.60), call(1, 0.20, 0.60, 1.00)),
    ]
    request = page.locator(".request")
    expect(request).to_have_count(1)
    expect(request.locator("summary")).to_contain_text("2 segments · first sound 600 ms")
    assert request.locator(".lane .name").all_inner_texts()[1:] == ["Text", "Segment 1", "Segment 2"]
    bars = request.get_by_role("img")
    expect(bars.nth(2)).to_have_attribute(
        "aria-label",
        "Acoustic model: waited 50 ms, worked 100 ms (batch of 2); Vocoder: waited 400 ms, worked 400 ms",
    )
    vocoder = bars.nth(2).locator(".Vocoder").evaluate("({style}) => [style.left, style.width].map(parseFloat)")
    assert [round(value) for value in vocoder] == [60, 40]
    request.locator("summary").click()
    expect(bars.first).to_be_hidden()


def test_ones_own_request_appears(page: Page, served: Served) -> None:
    with page.expect_response("**/v1/audio/speech") as response:
        page.get_by_role("button", name="Speak").click()
    page.get_by_role("link", name="where the time went").click()
    request_id = response.value.headers["x-request-id"]
    expect(page.locator(".request summary code").first).to_have_text(request_id[:12])
    expect(page.locator(".request summary").first).to_contain_text("all ")


def test_nobody_watches_unseen(page: Page, served: Served) -> None:
    watchers = served.app.state.context.watchers
    free = watchers._value
    page.get_by_role("link", name="Live").click()
    expect(page.locator("#connection")).to_have_text("live")
    assert watchers._value == free - 1
    page.get_by_role("link", name="Listen").click()
    deadline = time.monotonic() + 20
    while watchers._value < free:
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)


def test_a_server_that_goes_away_comes_back(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_events, "LASTS_S", 1.0)
    page.get_by_role("link", name="Live").click()
    expect(page.locator("#connection")).to_have_text("live")
    page.route("**/v1/load/events", lambda route: route.abort())
    expect(page.locator("#connection")).to_contain_text("trying again")
    page.unroute("**/v1/load/events")
    expect(page.locator("#connection")).to_have_text("live")
