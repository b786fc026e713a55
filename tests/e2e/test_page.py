"""The page through Ray's own proxy, and what a real request's calls are told to have taken."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

import httpx

from tests.e2e.conftest import Application

TEXT = (
    "The first sentence is short. The second one is a little longer, so that it becomes a segment of its own, I hope."
)
CLOCK_S = 0.005


def test_the_page_comes_through_the_proxy(application: Application) -> None:
    with httpx.Client(base_url=application.url, timeout=30) as client:
        page = client.get("/")
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]
        (script,) = [line for line in page.text.splitlines() if 'type="module"' in line]
        assert client.get("/" + script.split('src="')[1].split('"')[0]).headers["content-encoding"] == "gzip"


def test_every_call_of_a_request_is_told(application: Application) -> None:
    headers = {"x-request-id": "req_of_the_waterfall"}
    with httpx.Client(base_url=application.url, timeout=120) as client:
        body = {"model": "tts-1", "voice": "af_heart", "input": TEXT}
        assert client.post("/v1/audio/speech", json=body, headers=headers).status_code == 200
        calls = [call for call in told(client) if call["request"] == "req_of_the_waterfall"]

    by_stage = {
        stage: sorted(made, key=lambda call: call["segment"] or 0)
        for stage, made in groupby(sorted(calls, key=lambda call: call["stage"]), lambda call: call["stage"])
    }
    assert by_stage.keys() == {"Admission", "TextFrontend", "AcousticModel", "Vocoder"}
    (whole,), (text,) = by_stage["Admission"], by_stage["TextFrontend"]
    assert (whole["segment"], text["segment"]) == (None, None)
    acoustic, vocoder = by_stage["AcousticModel"], by_stage["Vocoder"]
    assert [call["segment"] for call in acoustic] == [call["segment"] for call in vocoder] == list(range(len(vocoder)))
    assert len(vocoder) >= 2
    for call in calls:
        assert whole["came_s"] - CLOCK_S <= call["came_s"] <= call["began_s"] <= call["ended_s"]
        assert call["ended_s"] <= whole["ended_s"] + CLOCK_S
    for before, after in [(text, acoustic[0]), *zip(acoustic, vocoder, strict=True)]:
        assert before["ended_s"] <= after["came_s"] + CLOCK_S


def told(client: httpx.Client) -> list[dict[str, Any]]:
    """Everything that was done lately for callers on this machine."""
    calls = []
    for line in client.get("/v1/load/events").text.splitlines():
        event = json.loads(line.removeprefix("data: ") or "{}")
        calls += event.get("calls", [])
    return calls
