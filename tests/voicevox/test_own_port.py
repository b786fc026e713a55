from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest

from serve_app.voicevox.own_port import listen_on_own_port
from serve_app.voicevox.speakers import speaker_uuid
from tests.support.waiting import free_port
from tests.voicevox.conftest import SPEAKER, serve


async def test_the_facade_answers_on_a_port_of_its_own_as_at_its_mount(tmp_path: Path) -> None:
    port = free_port()
    app = serve(tmp_path, voicevox_port=port).app
    listen_on_own_port(app)
    ask = {"text": "こんにちは", "speaker": SPEAKER}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as own,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as mounted,
    ):
        query = (await own.post("/audio_query", params=ask)).json()
        assert query == (await mounted.post("/voicevox/audio_query", params=ask)).json()
        wave = await own.post("/synthesis", params={"speaker": SPEAKER}, json=query)
        assert (wave.status_code, wave.headers["content-type"]) == (200, "audio/wav")
        assert (await own.get("/v1/models")).status_code == 404
        # What an answer says about addresses holds on the port that was asked.
        params = {"speaker_uuid": speaker_uuid("jf_alpha"), "resource_format": "url"}
        portrait = (await own.get("/speaker_info", params=params)).json()["portrait"]
        assert portrait == f"http://127.0.0.1:{port}/_resources/jf_alpha.png"
        assert (await own.get(portrait)).status_code == 200
        assert 'href="/setting"' in (await own.get("/")).text
        assert "'/openapi.json'" in (await own.get("/docs")).text
        assert "/audio_query" in (await own.get("/openapi.json")).json()["paths"]
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 5):
        pass


async def test_two_replicas_share_the_port(tmp_path: Path) -> None:
    port = free_port()
    one, two = serve(tmp_path, voicevox_port=port).app, serve(tmp_path, voicevox_port=port).app
    listen_on_own_port(one)
    listen_on_own_port(two)
    async with two.router.lifespan_context(two):
        async with one.router.lifespan_context(one):
            pass
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as own:
            assert (await own.get("/version")).status_code == 200


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        app = serve(tmp_path, voicevox_port=other.getsockname()[1]).app
        listen_on_own_port(app)
        with pytest.raises(OSError, match=r"http\.voicevox_port: 127\.0\.0\.1:\d+ cannot be listened on"):
            async with app.router.lifespan_context(app):
                pass
