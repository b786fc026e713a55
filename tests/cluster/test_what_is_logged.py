"""The logs of a real run hold no text, no audio and no key, whatever goes wrong."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import ray

from deployments.settings import StorageSettings
from deployments.storage.api_keys import ApiKeys
from deployments.storage.records import open_records
from tests.cluster.conftest import Cluster
from tests.support.waiting import until

CANARY = "canary5f2c91"
SPEECH = "/v1/audio/speech"


def speech(text: str, **changes: Any) -> dict[str, Any]:
    return {"model": "tts-1", "voice": "af_test", "input": text, "response_format": "pcm", **changes}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[ApiKeys, Path]:
    root = tmp_path_factory.mktemp("storage")
    return ApiKeys(open_records(StorageSettings(root=root))), root


@pytest.fixture(scope="module")
def server(cluster: Cluster, keys: tuple[ApiKeys, Path]) -> Iterator[Cluster]:
    args = {
        "assets": {"root": str(cluster.log.path.parent)},
        "storage": {"root": str(keys[1])},
        "http": {"api_keys": "required"},
    }
    cluster.deploy(args=args)
    yield cluster
    cluster.deploy()  # as the other modules have it


def logs() -> dict[str, bytes]:
    folder = Path(ray._private.worker._global_node.get_session_dir_path()) / "logs"
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_what_is_logged(server: Cluster, keys: tuple[ApiKeys, Path]) -> None:
    key, told = keys[0].create("app")
    secret = told.rpartition("-")[2] if told.count("-") == 2 else told.split("-", 2)[2]
    before = {name: len(text) for name, text in logs().items()}
    statuses = []
    with httpx.Client(base_url=server.url, timeout=60, headers={"Authorization": f"Bearer {told}"}) as client:

        def post(path: str, **request: Any) -> None:
            try:
                statuses.append(client.post(path, **request).status_code)
            except httpx.RemoteProtocolError:
                statuses.append(-1)

        post(SPEECH, json=speech("1 2"))
        post(SPEECH, json=speech("1 2"), headers={"Authorization": f"Bearer {told[:-3]}{CANARY}"})
        post(SPEECH, json=speech("1 2"), headers={"Authorization": "", "x-api-key": told})
        basic = base64.b64encode(f":{told}".encode()).decode()
        post(SPEECH, json=speech("1 2"), headers={"Authorization": f"Basic {basic}"})
        post(SPEECH, json=speech(CANARY))  # a defect in the text frontend: a ValueError that quotes it
        post(SPEECH, json=speech(CANARY, stream_format="sse"))
        post("/v1/audio/captions", json={"model": "tts-1", "voice": "af_test", "input": CANARY})
        post(SPEECH, json=speech(f"40 40!{CANARY}"))
        post(SPEECH, json=speech("?"))
        post(SPEECH, json=speech("40!vocoder-crashes"))
        post(SPEECH, json=speech("40 40!vocoder-crashes"))  # after the first byte
        post(SPEECH, json={"input": CANARY, "speed": CANARY})
        post(SPEECH, content=f'{{"input": "{CANARY}"'.encode(), headers={"Content-Type": "application/json"})
        post("/voicevox/audio_query", params={"text": CANARY, "speaker": 1})
        speaker = client.get("/voicevox/speakers").json()[0]["styles"][0]["id"]
        post("/voicevox/audio_query", params={"text": CANARY, "speaker": speaker})
    assert statuses[:4] == [200, 401, 200, 200]
    assert 500 in statuses
    assert -1 in statuses

    def news() -> dict[str, bytes]:
        return {name: text[before.get(name, 0) :] for name, text in logs().items()}

    # What went wrong is there, so that the search below searches the right place.
    until(lambda: any(b"ValueError" in text for text in news().values()), 30, "the failures are in the logs")
    until(lambda: any(b"BrokenOff" in text for text in news().values()), 30, "the broken response is in the logs")
    for what in (CANARY, secret, told, basic):
        assert [name for name, text in news().items() if what.encode() in text] == []
    assert any(key.key_id.encode() in text for text in news().values()) is False
