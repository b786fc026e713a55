"""Keys over HTTP: when one is needed, what a wrong one is told, what is read without."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest
from fastapi import Request

from deployments.settings import HttpSettings
from deployments.storage.api_keys import ApiKeys, KeyLimits
from deployments.storage.records import Records
from serve_app.http.app import create_app
from serve_app.http.caller import Caller, caller_of
from serve_app.http.keyring import Keyring
from serve_app.voicevox.app import mount_voicevox
from tests.access.conftest import Client, basic
from tests.http.fakes import FakeGraph, catalogue, speech
from tests.http.test_bad_input import error_of

SPEECH = "/v1/audio/speech"
OPEN = ["/health", "/v1/models", "/v1/models/tts-1", "/v1/audio/models", "/v1/audio/voices", "/v1/test", "/docs"]
OPEN += ["/openapi.json", "/static-offline-docs/swagger-ui.css"]


async def say(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await client.post(SPEECH, json=speech(), headers=headers)


@pytest.mark.parametrize(
    ("mode", "listens_on", "address", "needed"),
    [
        ("auto", "127.0.0.1", "127.0.0.1", False),
        ("auto", "::1", "::1", False),
        ("auto", "localhost", "127.0.0.1", False),
        ("auto", "127.0.0.1", None, False),
        ("auto", "127.0.0.1", "203.0.113.7", True),  # a proxy on the server's machine says who it asks for
        ("auto", "0.0.0.0", "127.0.0.1", True),  # as in a container whose port is published
        ("auto", "0.0.0.0", "203.0.113.7", True),
        ("auto", "192.168.1.5", "192.168.1.6", True),
        ("auto", "tts.example.com", "127.0.0.1", True),
        ("auto", None, "127.0.0.1", True),  # nobody knows
        ("required", "127.0.0.1", "127.0.0.1", True),
        ("off", "0.0.0.0", "203.0.113.7", False),
        ("off", None, "203.0.113.7", False),
    ],
)
async def test_when_a_key_is_needed(
    mode: str, listens_on: str | None, address: str | None, needed: bool, client: Client, keys: ApiKeys
) -> None:
    _, key = keys.create("app")
    async with client(address, listens_on=listens_on, api_keys=mode) as asking:
        assert (await say(asking)).status_code == (401 if needed else 200)
        assert (await say(asking, Authorization=f"Bearer {key}")).status_code == 200
        # SillyTavern sends an empty one, and others whatever they were given.
        for sent in ("Bearer", "Bearer ", "Bearer unused", "Basic !", "Digest x", "", "vg"):
            assert (await say(asking, Authorization=sent)).status_code == (401 if needed else 200), sent
        for path in OPEN:
            assert (await asking.get(path)).status_code == 200, path


@pytest.mark.parametrize(
    "path", ["/v1/audio/captions", "/v1/audio/jobs", "/v1/nowhere", "//v1/models", "/v1/models/../x"]
)
async def test_whatever_is_not_open_is_closed(path: str, client: Client) -> None:
    async with client(api_keys="required") as asking:
        for method in ("GET", "POST", "PUT", "DELETE"):
            assert (await asking.request(method, path)).status_code == 401, method
        for readable in OPEN:
            assert (await asking.post(readable)).status_code == 401, readable


async def test_ways_to_send_a_key(client: Client, keys: ApiKeys) -> None:
    _, key = keys.create("app")
    ways = [
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer   {key} "},
        {"x-api-key": key},
        {"Authorization": "Bearer", "x-api-key": key},
        {"Authorization": basic("", key)},
        {"Authorization": basic("user", key)},
        {"Authorization": basic(key, "")},
    ]
    async with client(api_keys="required") as asking:
        for headers in ways:
            assert (await say(asking, **headers)).status_code == 200, headers
        assert (await asking.post(f"{SPEECH}?key={key}&api_key={key}", json=speech())).status_code == 401


async def test_a_refusal_says_why(client: Client, keys: ApiKeys, graph: FakeGraph) -> None:
    revoked, revoked_key = keys.create("old")
    keys.revoke(revoked.key_id)
    _, expired_key = keys.create("older", expires_in_s=1e-9)
    _, good_key = keys.create("app")
    cases = [
        ("", "missing_api_key", "Bearer KEY"),
        ("unused", "invalid_api_key", "not an API key of this server"),
        (good_key[:-3] + "abc", "invalid_api_key", "not an API key of this server"),
        (revoked_key[:-3] + "abc", "invalid_api_key", "not an API key of this server"),  # not told to strangers
        (revoked_key, "revoked_api_key", "has been revoked"),
        (expired_key, "expired_api_key", "has expired"),
    ]
    async with client(api_keys="required") as asking:
        for key, code, hint in cases:
            response = await say(asking, Authorization=f"Bearer {key}")
            assert response.status_code == 401
            error = error_of(response)
            assert (error["type"], error["code"]) == ("invalid_request_error", code)
            assert hint in error["message"]
            assert key not in response.text or len(key) < 10
            challenge = response.headers["www-authenticate"]
            assert challenge.startswith('Bearer realm="voicegraph"')
            assert ('error="invalid_token"' in challenge) is bool(key)
    assert graph.spoken == []


@pytest.fixture
def served_caller(records: Records, graph: FakeGraph) -> Any:
    def app(**settings: Any) -> Any:
        app = create_app(graph, catalogue(), HttpSettings(**settings), count=lambda outcome: None, records=records)

        @app.post("/v1/who")
        async def who(request: Request) -> dict[str, Any]:
            caller: Caller = await caller_of(request)
            return {name: getattr(caller, name) for name in Caller.__slots__}

        return app

    return app


async def test_a_route_is_told_the_caller(client: Client, keys: ApiKeys, served_caller: Any) -> None:
    limits = KeyLimits(max_running=2, max_waiting=5)
    key, told = keys.create("app", tenant="acme", weight=3, limits=limits, admin=True)
    plain, told_plain = keys.create("plain")
    app = served_caller(api_keys="auto", trusted_proxies=("10.0.0.0/8",))
    async with client("127.0.0.1", app=app) as asking:
        anonymous = (await asking.post("/v1/who")).json()
        assert anonymous["key_id"] == anonymous["tenant"] == ""
        assert anonymous["is_admin"]  # nobody else is there
        headers = {"Authorization": f"Bearer {told}"}
        caller = (await asking.post("/v1/who", headers=headers)).json()
        assert caller["key_id"] == key.key_id
        assert (caller["tenant"], caller["weight"], caller["is_admin"]) == ("acme", 3, True)
        assert (caller["max_running"], caller["max_waiting"]) == (2, 5)
        caller = (await asking.post("/v1/who", headers={"x-api-key": told_plain})).json()
        assert (caller["tenant"], caller["is_admin"], caller["max_running"]) == (plain.key_id, False, None)
        assert caller["address"] == "127.0.0.1"
    async with client("10.1.2.3", app=app, key=told) as asking:
        caller = (await asking.post("/v1/who", headers={"X-Forwarded-For": "1.1.1.1, 203.0.113.7"})).json()
        assert caller["address"] == "203.0.113.7"


async def test_changes_are_noticed_by_every_server_within_a_second(client: Client, keys: ApiKeys) -> None:
    """Two servers over the same records, one of which is never told anything."""
    key, told = keys.create("app")
    async with client(api_keys="required", key=told) as one, client(api_keys="required", key=told) as two:
        for server in (one, two):
            assert (await say(server)).status_code == 200
        keys.revoke(key.key_id)
        revoked_s = time.monotonic()
        for server in (one, two):
            while (await say(server)).status_code == 200:
                assert time.monotonic() - revoked_s < 30
                await asyncio.sleep(0.02)
        _, fresh = keys.create("next")
        made_s = time.monotonic()
        while (await say(two, Authorization=f"Bearer {fresh}")).status_code == 401:
            assert time.monotonic() - made_s < 30
            await asyncio.sleep(0.02)


class Away:
    """Keys whose records can be made to go away."""

    def __init__(self, keys: ApiKeys) -> None:
        self.keys = keys
        self.is_away = False
        self.slow_s = 0.0

    def version(self) -> int:
        time.sleep(self.slow_s)
        if self.is_away:
            raise ConnectionError("no Redis")
        return self.keys.version()

    def all(self) -> Any:
        return self.keys.all()


async def test_known_keys_hold_while_the_records_are_away(keys: ApiKeys, caplog: pytest.LogCaptureFixture) -> None:
    key, told = keys.create("app")
    away = Away(keys)
    keyring = Keyring(away, max_age_s=0)  # type: ignore[arg-type]
    away.is_away = True
    with pytest.raises(ConnectionError):
        await keyring.find(told)
    away.is_away = False
    assert await keyring.find(told) == key

    away.is_away = True
    assert await keyring.find(told) == key
    assert "could not be read" in caplog.text
    keys.revoke(key.key_id)
    away.is_away = False
    found = await keyring.find(told)
    assert found is not None
    assert found.state() == "revoked"


async def test_a_request_does_not_wait_long_for_records_that_hang(keys: ApiKeys) -> None:
    key, told = keys.create("app")
    away = Away(keys)
    keyring = Keyring(away, max_age_s=0)  # type: ignore[arg-type]
    assert await keyring.find(told) == key
    away.slow_s = 20.0
    async with asyncio.timeout(10):
        assert await keyring.find(told) == key


async def test_the_server_answers_503_when_it_never_saw_its_keys(
    client: Client, keys: ApiKeys, monkeypatch: Any
) -> None:
    _, told = keys.create("app")
    monkeypatch.setattr(ApiKeys, "version", lambda self: 1 / 0)
    async with client(api_keys="required", key=told) as asking:
        response = await say(asking)
        assert response.status_code == 503
        assert error_of(response)["code"] == "unavailable"
    async with client(api_keys="required", key="unused") as asking:
        assert (await asking.get("/health")).status_code == 200


async def test_voicevox_clients_can_be_let_in(client: Client, records: Records, graph: FakeGraph) -> None:
    def app(**settings: Any) -> Any:
        settings = {"api_keys": "required", **settings}
        app = create_app(graph, catalogue(), HttpSettings(**settings), count=lambda outcome: None, records=records)
        mount_voicevox(app)
        return app

    async with client(app=app()) as asking:
        assert (await asking.get("/voicevox/speakers")).status_code == 401
    async with client(app=app(voicevox_requires_key=False)) as asking:
        assert (await asking.get("/voicevox/speakers")).status_code == 200
        assert (await asking.post("/voicevox/initialize_speaker?speaker=1")).status_code == 422
        assert (await say(asking)).status_code == 401
    async with client(app=app(voicevox_requires_key=False, voicevox_mount="/")) as asking:
        assert (await asking.get("/speakers")).status_code == 200
        assert (await say(asking)).status_code == 401


async def test_the_description_says_what_needs_a_key(client: Client) -> None:
    async with client() as asking:
        description = (await asking.get("/openapi.json")).json()
    assert set(description["components"]["securitySchemes"]) == {"bearer", "header"}
    speech_route = description["paths"][SPEECH]["post"]
    assert {"bearer": []} in speech_route["security"]
    assert set(speech_route["responses"]["401"]["content"]["application/json"]["examples"]) == {
        "missing_api_key",
        "invalid_api_key",
        "revoked_api_key",
        "expired_api_key",
    }
    assert "security" not in description["paths"]["/v1/audio/voices"]["get"]
