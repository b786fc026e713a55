"""``ray up config/cluster.local.yaml``, on hosts that are Linux namespaces; ``config/serve.yaml`` speaks on them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from scripts import local_hosts
from scripts.local_hosts import Host
from tests.config.clusters import FILES, ROOT
from tests.support.asr import SpeechRecogniser, word_error_rate
from tests.support.waiting import until
from tts_models.assets import AssetStore

UP_S = 180
DEPLOY_S = 420  # seven models on the cores of one machine; a first start compiles the vocoder's kernels
SPEAK_S = 120
RECORDS = "redis://voicegraph-redis:6379/1"
SETTINGS = (f"storage.records={RECORDS}", "text.warm_languages=[en-US]", "assets.offline=true")
SENTENCE = "The next train to Cambridge leaves from platform four."
HEALTHY = {"HEALTHY"}

pytestmark = pytest.mark.timeout(900)


def ray(*arguments: str, limit_s: float) -> str:
    """A command of Ray's, in this machine's environment."""
    command = [Path(sys.executable).with_name("ray"), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit_s, check=False)
    assert done.returncode == 0, f"ray {' '.join(arguments)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def on(host: Host, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(host.command(*command), capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def hosts(assets: AssetStore) -> Iterator[dict[str, Host]]:
    """The hosts, with Ray on them: one head and two workers."""
    try:
        local_hosts.check()
    except local_hosts.NoHosts as error:
        pytest.skip(f"no hosts here: {error}")
    for name in assets.manifest:
        assets.ensure(name)
    try:
        local_hosts.up(local_hosts.hosts())
    except local_hosts.NoHosts as error:
        if "not permitted" not in str(error):
            raise
        pytest.skip(f"no hosts here: {error}")
    try:
        ray("up", "--yes", "--no-config-cache", str(FILES["local"]), limit_s=UP_S)
        yield {host.name: host for host in local_hosts.existing()}
    finally:
        local_hosts.down()


def served(hosts: dict[str, Host]) -> dict[str, Any]:
    """What Serve's API on the head says."""
    script = "import requests; print(requests.get('http://127.0.0.1:8265/api/serve/applications/', timeout=20).text)"
    told = on(hosts["head"], f"{hosts['head'].checkout}/.venv/bin/python", "-c", script)
    return json.loads(told.stdout) if told.returncode == 0 else {}


def test_a_cluster_is_brought_up_speaks_and_is_taken_down(hosts: dict[str, Host], recogniser: SpeechRecogniser) -> None:
    settings = " ".join(f"--set '{each}'" for each in SETTINGS)
    config = f"voicegraph config -c config/serve.yaml {settings} > ~/serve.yaml"
    ray("exec", str(FILES["local"]), f"cd voicegraph && {config} && serve deploy ~/serve.yaml", limit_s=UP_S)
    made = ray("exec", str(FILES["local"]), "voicegraph keys create me -c ~/serve.yaml", limit_s=UP_S)
    key = next(word for word in made.split() if word.startswith("vg"))

    def runs() -> bool:
        application = served(hosts).get("applications", {}).get("voicegraph", {})
        assert application.get("status") != "DEPLOY_FAILED", application.get("message")
        deployments = application.get("deployments", {}).values()
        return bool(deployments) and {each["status"] for each in deployments} == HEALTHY

    until(runs, DEPLOY_S, "every deployment is healthy")
    state = served(hosts)
    place = {
        name: {replica["node_ip"] for replica in deployment["replicas"]}
        for name, deployment in state["applications"]["voicegraph"]["deployments"].items()
    }
    gpu, cpu = hosts["gpu"].address, hosts["cpu"].address
    assert place["AcousticModel"] == place["Vocoder"] == {gpu}
    assert place["Ingress"] | place["TextFrontend"] <= {cpu, gpu}
    # A proxy on every node with a replica, and on the head; each finds the replicas, wherever they are.
    proxies = {proxy["node_ip"] for proxy in state["proxies"].values()}
    assert set().union(*place.values()) <= proxies

    for address in proxies:
        answer = httpx.post(
            f"http://{address}:8000/v1/audio/speech",
            headers={"Authorization": f"Bearer {key}"},
            json={"model": "tts-1", "voice": "af_heart", "input": SENTENCE, "response_format": "pcm"},
            timeout=SPEAK_S,
        )
        assert answer.status_code == 200, answer.text
        samples = np.frombuffer(answer.content, "<i2").astype(np.float32) / 32768
        assert word_error_rate(SENTENCE, recogniser.transcribe(samples, 24_000)) == 0

    ray("down", "--yes", str(FILES["local"]), limit_s=UP_S)
    for host in hosts.values():
        assert on(host, "pgrep", "-x", "raylet").stdout == "", host.name
