"""How much: counted over HTTP, in memory and in a real Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from limits import RateLimitItemPerSecond

from deployments.settings import HttpSettings, LimitSettings
from deployments.storage.api_keys import ApiKeys, KeyLimits
from deployments.storage.records import Records
from serve_app.http.app import create_app
from serve_app.http.limits import Counters, _per_second
from serve_app.voicevox.app import mount_voicevox
from tests.access.conftest import Client
from tests.http.fakes import FakeGraph, catalogue, speech
from tests.http.test_bad_input import error_of
from tests.support.redis_server import RedisServer

SPEECH = "/v1/audio/speech"
STRANGER = "203.0.113.7"


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


async def asked(client: httpx.AsyncClient, n: int, **headers: str) -> list[int]:
    return [(await client.get("/v1/models", headers=headers)).status_code for _ in range(n)]


def quick(**changes: Any) -> dict[str, Any]:
    return speech(response_format="pcm", **changes)


async def test_addresses_are_limited_by_default_but_not_on_this_machine(client: Client) -> None:
    app = create_app(FakeGraph(), catalogue(), HttpSettings(api_keys="off"), count=lambda outcome: None)
    async with client(STRANGER, app=app) as stranger, client("198.51.100.1", app=app) as other, client(app=app) as near:
        assert await asked(stranger, 20) == [200] * 20  # four seconds' worth of 5/s at once
        assert set(await asked(stranger, 3)) <= {200, 429}
        assert 429 in await asked(stranger, 30)
        assert await asked(other, 20) == [200] * 20
        assert await asked(near, 50) == [200] * 50
        for _ in range(30):
            assert (await stranger.get("/health")).status_code == 200


async def test_a_refusal_tells_when_to_come_back_and_that_is_true(client: Client, graph: FakeGraph) -> None:
    async with client(STRANGER, api_keys="off", limits=LimitSettings(address_requests_per_s=3, burst_s=1)) as asking:
        while (response := await asking.post(SPEECH, json=quick())).status_code == 200:
            pass
        spoken = len(graph.spoken)
        assert spoken >= 3
        error = error_of(response)
        assert (response.status_code, error["type"], error["code"]) == (429, "rate_limit_error", "rate_limit_exceeded")
        assert "this address may have 3 requests in 1 s" in error["message"]
        assert response.headers["retry-after"] in ("1", "2")
        wait_s = int(response.headers["retry-after-ms"]) / 1000
        assert 0 < wait_s <= int(response.headers["retry-after"])
        assert response.headers["x-ratelimit-remaining-requests"] == "0"
        assert len(graph.spoken) == spoken
        await asyncio.sleep(wait_s + 0.02)
        assert (await asking.post(SPEECH, json=quick())).status_code == 200


async def test_headers(client: Client, keys: ApiKeys) -> None:
    _, told = keys.create("app", limits=KeyLimits(requests_per_s=10, characters_per_min=1_000))
    async with client(STRANGER, listens_on="0.0.0.0", key=told) as asking:
        first = await asking.post(SPEECH, json=quick(input="x" * 300))
        second = await asking.post(SPEECH, json=quick(input="x" * 300))
    assert first.headers["ratelimit-policy"] == '"requests";q=40;w=4, "characters";q=1000;w=60'
    assert first.headers["x-ratelimit-limit-requests"] == "40"
    assert first.headers["x-ratelimit-limit-tokens"] == "1000"
    assert first.headers["x-ratelimit-remaining-tokens"] == "700"
    assert second.headers["x-ratelimit-remaining-tokens"] == "400"
    assert second.headers["x-ratelimit-remaining-requests"] == "38"
    assert second.headers["ratelimit"].startswith('"requests";r=38;t=')
    assert second.headers["x-ratelimit-reset-tokens"].endswith("ms")


async def test_characters_a_minute(client: Client, keys: ApiKeys, graph: FakeGraph) -> None:
    _, told = keys.create("app", limits=KeyLimits(characters_per_min=100))
    async with client(STRANGER, listens_on="0.0.0.0", key=told) as asking:
        assert (await asking.post(SPEECH, json=quick(input="x" * 60))).status_code == 200
        caption = {"model": "tts-1", "voice": "marin", "input": "x" * 30}
        assert (await asking.post("/v1/audio/captions", json=caption)).status_code == 200
        refused = await asking.post(SPEECH, json=quick(input="x" * 60))
        assert refused.status_code == 429
        assert "this API key may have 100 characters in 60 s" in error_of(refused)["message"]
        assert 1 <= int(refused.headers["retry-after"]) <= 120
        never = await asking.post(SPEECH, json=quick(input="x" * 101))
        assert never.status_code == 429
        assert "retry-after" not in never.headers
        assert never.headers["x-should-retry"] == "false"
        assert "Send it in parts" in error_of(never)["message"]
        assert (await asking.post(SPEECH, json=quick(input=""))).status_code == 400  # costs nothing
        assert (await asking.post(SPEECH, json=quick(input="x" * 10))).status_code == 200
    assert len(graph.spoken) == 3


async def test_keys_have_their_own_count(client: Client, keys: ApiKeys) -> None:
    own, told_own = keys.create("own", limits=KeyLimits(requests_per_s=2))
    _, told_default = keys.create("default")
    limits = LimitSettings(key_requests_per_s=3, burst_s=1, address_requests_per_s=1)
    async with client(STRANGER, listens_on="0.0.0.0", limits=limits) as asking:
        for told, most in ((told_own, 2), (told_default, 3)):
            headers = {"Authorization": f"Bearer {told}"}
            started_s = time.monotonic()
            codes = await asked(asking, 12, **headers)
            windows = 1 + int(time.monotonic() - started_s + 1)
            assert most <= codes.count(200) <= most * windows
        keys.update(own.key_id, limits=KeyLimits(requests_per_s=100).model_dump())
        await asyncio.sleep(0.6)
        headers = {"Authorization": f"Bearer {told_own}"}
        assert await asked(asking, 12, **headers) == [200] * 12


async def test_wrong_keys_are_counted_with_their_address(client: Client) -> None:
    async with client(STRANGER, listens_on="0.0.0.0", key="wrong") as asking:
        codes = [(await asking.get("/v1/audio/speech")).status_code for _ in range(60)]
    assert codes[0] == 401
    assert 429 in codes


async def test_voicevox_counts_characters_and_moras(client: Client, records: Records, keys: ApiKeys) -> None:
    _, told = keys.create("app", limits=KeyLimits(characters_per_min=10))
    app = create_app(FakeGraph(), catalogue(), HttpSettings(api_keys="required"), count=lambda o: None, records=records)
    mount_voicevox(app)
    async with client(app=app, key=told) as asking:
        speaker = (await asking.get("/voicevox/speakers")).json()[0]["styles"][0]["id"]
        response = await asking.post("/voicevox/audio_query", params={"text": "あ" * 11, "speaker": speaker})
        assert response.status_code == 429
        assert "11 characters" in response.json()["detail"]
        mora = {"text": "ア", "vowel": "a", "vowel_length": 0.1, "pitch": 5.0}
        query = {
            "accent_phrases": [{"moras": [mora] * 11, "accent": 1}],
            "speedScale": 1,
            "pitchScale": 0,
            "intonationScale": 1,
            "volumeScale": 1,
            "prePhonemeLength": 0.1,
            "postPhonemeLength": 0.1,
            "outputSamplingRate": 24000,
            "outputStereo": False,
        }
        for route in ("synthesis", "streaming_synthesis"):
            response = await asking.post(f"/voicevox/{route}", params={"speaker": speaker}, json=query)
            assert response.status_code == 429, response.text


@pytest.mark.parametrize(
    ("rate", "burst_s", "amount", "period_s"), [(5, 4, 20, 4), (0.1, 4, 1, 10), (2.5, 1, 2, 1), (0.5, 60, 30, 60)]
)
def test_rates(rate: float, burst_s: int, amount: int, period_s: int) -> None:
    item = _per_second(rate, burst_s)
    assert (item.amount, item.get_expiry()) == (amount, period_s)


@pytest.mark.parametrize("where", ["memory", "redis"])
async def test_what_a_window_promises_holds(where: str, redis_server: RedisServer) -> None:
    counters = Counters(redis_server.url if where == "redis" else None)
    item = RateLimitItemPerSecond(10, 1)
    who = f"{where} {time.time()}"
    taken = [await counters.take(item, who, 4) for _ in range(3)]
    assert [window.is_hit for window in taken] == [True, True, False]
    assert [window.remaining for window in taken] == [6, 2, 2]
    assert 0 < taken[2].retry_s <= 2
    await asyncio.sleep(taken[2].retry_s + 0.02)
    again = await counters.take(item, who, 4)
    assert again.is_hit
    assert again.reset_s <= 2


async def test_several_servers_count_together_in_redis(client: Client, redis_server: RedisServer) -> None:
    redis_server.client().flushall()
    settings = HttpSettings(api_keys="off", limits=LimitSettings(address_requests_per_s=0.5, burst_s=20))

    def app() -> Any:
        return create_app(FakeGraph(), catalogue(), settings, count=lambda outcome: None, count_in=redis_server.url)

    async with client(STRANGER, app=app()) as one, client(STRANGER, app=app()) as two:
        assert await asked(one, 5) == [200] * 5
        assert await asked(two, 5) == [200] * 5
        assert await asked(one, 1) == await asked(two, 1) == [429]


async def test_a_server_speaks_while_redis_is_away(client: Client, tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        settings = HttpSettings(api_keys="off", limits=LimitSettings(address_requests_per_s=0.5, burst_s=20))
        app = create_app(FakeGraph(), catalogue(), settings, count=lambda outcome: None, count_in=server.url)
        async with client(STRANGER, app=app) as asking:
            assert await asked(asking, 1) == [200]
            server.stop()
            codes = await asked(asking, 11)
            assert codes == [200] * 10 + [429]  # counts by itself


async def test_cors_is_off_unless_asked_for(client: Client) -> None:
    preflight = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
    async with client() as asking:
        response = await asking.options(SPEECH, headers=preflight)
        assert "access-control-allow-origin" not in response.headers
        response = await asking.post(SPEECH, json=quick(), headers={"Origin": "https://app.example.com"})
        assert "access-control-allow-origin" not in response.headers


async def test_cors_by_list(client: Client) -> None:
    """Keys are needed, so that the preflight, which carries none, is answered before they are asked for."""
    origin = {"Origin": "https://app.example.com"}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    async with client(STRANGER, listens_on="0.0.0.0", allowed_origins=("https://app.example.com",)) as asking:
        response = await asking.options(SPEECH, headers=origin | asks)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == "https://app.example.com"
        assert "authorization" in response.headers["access-control-allow-headers"].lower()
        assert "POST" in response.headers["access-control-allow-methods"]
        assert "Origin" in response.headers["vary"]
        refused = await asking.post(SPEECH, json=quick(), headers=origin)
        assert refused.status_code == 401  # and the page may read why
        assert refused.headers["access-control-allow-origin"] == "https://app.example.com"
        assert "x-request-id" in refused.headers["access-control-expose-headers"]
        other = await asking.options(SPEECH, headers={"Origin": "https://app.example.com.evil.example"} | asks)
        assert other.status_code == 400
        assert "access-control-allow-origin" not in other.headers
