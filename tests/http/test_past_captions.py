"""The captions of a past request: who may have them, when, and what is kept."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

import httpx
import pytest

from deployments.settings import HttpSettings
from deployments.storage.api_keys import ApiKeys
from serve_app.http.past_captions import CaptionKeeper
from tests.http.fakes import Gate, Served, speech, tone
from tts_models.errors import SynthesisError
from tts_models.types import Phonemes, SpokenWord

SEGMENT = Phonemes("Hi you.", "hˈI ju.", (1,) * 7, "en-US", words=(SpokenWord(0, 2, 0, 3), SpokenWord(3, 6, 4, 6)))


def client_of(served: Served, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(served.app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)


async def captions(client: httpx.AsyncClient, request_id: str, **params: str) -> httpx.Response:
    """The answer, once it is no longer that the audio is being made."""
    for _ in range(200):
        answer = await client.get(f"/v1/audio/speech/{request_id}/captions", params=params)
        if answer.status_code != 409:
            return answer
        await asyncio.sleep(0.02)
    raise AssertionError("still being made")


def spoken(served: Served) -> None:
    served.graph.segment = SEGMENT
    served.script(tone(1.0))


@pytest.mark.parametrize("changes", [{}, {"stream": False}, {"stream_format": "sse"}, {"timestamps": "word"}])
async def test_of_every_kind_of_answer(changes: dict[str, Any], served: Served, client: httpx.AsyncClient) -> None:
    spoken(served)
    said = await client.post("/v1/audio/speech", json=speech(input="Hi you.", **changes))
    request_id = said.headers["x-request-id"]
    srt = await captions(client, request_id)
    assert srt.headers["content-type"].startswith("application/x-subrip")
    assert "Hi you." in srt.text
    vtt = await captions(client, request_id, format="vtt")
    assert vtt.text.startswith("WEBVTT")
    made = await client.post("/v1/audio/captions", json=speech(input="Hi you.", caption_format="vtt"))
    assert made.text == vtt.text
    marks = (await captions(client, request_id, format="json")).json()
    assert [word["word"] for word in marks["words"]] == ["Hi", "you"]
    assert marks["duration_s"] == 1.0


async def test_while_it_is_being_made(live: Served) -> None:
    live.graph.segment = SEGMENT
    gate = Gate()
    live.script(tone(0.5), gate)
    async with httpx.AsyncClient(base_url=live.base_url) as client:
        async with client.stream("POST", "/v1/audio/speech", json=speech(response_format="pcm")) as answer:
            body = answer.aiter_raw()
            await anext(body)
            path = f"/v1/audio/speech/{answer.headers['x-request-id']}/captions"
            early = await client.get(path)
            assert (early.status_code, early.json()["error"]["code"]) == (409, "captions_not_ready")
            assert early.headers["retry-after"] == "1"
            gate.open()
            async for _ in body:
                pass
        assert (await captions(client, answer.headers["x-request-id"])).status_code == 200


async def test_what_failed_has_none(served: Served, client: httpx.AsyncClient) -> None:
    served.script(SynthesisError("no"))
    failed = await client.post("/v1/audio/speech", json=speech())
    missing = await captions(client, failed.headers["x-request-id"])
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "captions_not_found")
    assert (await captions(client, "never-was")).status_code == 404


async def test_only_for_the_same_tenant(served: Served) -> None:
    spoken(served)
    keys = ApiKeys(served.app.state.context.records)
    mine, yours = (client_of(served, authorization=f"Bearer {keys.create(name)[1]}") for name in "ab")
    async with mine, yours:
        said = await mine.post("/v1/audio/speech", json=speech(), headers={"x-request-id": "same"})
        assert said.status_code == 200
        assert (await captions(mine, "same")).status_code == 200
        assert (await captions(yours, "same")).status_code == 404


async def test_none_are_kept_where_the_settings_say_so() -> None:
    served = Served(HttpSettings(keep_captions_s=0))
    async with client_of(served) as client:
        said = await client.post("/v1/audio/speech", json=speech())
        refused = await captions(client, said.headers["x-request-id"])
        assert refused.status_code == 404
        assert "keeps no captions" in refused.json()["error"]["message"]
        assert served.app.state.context.records.all("captions:") == {}


async def test_the_oldest_go_first_and_a_failing_store_costs_no_audio(served: Served, caplog: Any) -> None:
    records = served.app.state.context.records
    keeper = CaptionKeeper(records, 60, most=2)

    async def say(request_id: str) -> int:
        spoken(served)
        audio = served.graph.speak(None)  # type: ignore[arg-type]
        return len([piece async for piece in keeper.noted(audio, "", request_id, "Hi you.")])

    for request_id in "abc":
        assert await say(request_id) == 1
    keeper._thread.submit(lambda: None).result(10)
    kept = records.all("captions:")
    assert sorted(kept) == ["b", "c"]
    assert b"Hi you." in zlib.decompress(kept["c"])

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("Hi you. is secret")

    records.put = fail
    assert await say("d") == 1
    keeper._thread.submit(lambda: None).result(10)
    assert "not kept: OSError" in caplog.text
    assert "secret" not in caplog.text
