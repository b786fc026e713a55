"""``ray up config/cluster.local.yaml``, on hosts that are Linux namespaces: it speaks, and goes away.

The commands are those at the top of the file. Ray, ssh, Serve and Voicegraph are real; models sleep.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts import local_hosts
from tests.cluster.conftest import APP
from tests.config.clusters import FILES, ROOT
from tests.support.waiting import until
from tts_models.assets import AssetStore

STEP_S = 120
DEPLOY_S = 120
SPEAK_S = 30
GONE_S = 20
WORDS = (40, 30, 20, 10)
FRAME_BYTES = 2 * 600

pytestmark = pytest.mark.timeout(400)


def ray(*arguments: str) -> str:
    """A command of Ray's, on this machine: what it wrote."""
    command = [str(Path(sys.executable).with_name("ray")), *arguments]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=STEP_S, check=False)
    assert done.returncode == 0, f"ray {' '.join(arguments)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def execute(command: str) -> str:
    """A command on the head, over ssh."""
    return ray("exec", str(FILES["local"]), command)


def processes(host: local_hosts.Host) -> list[str]:
    """The names of a host's processes."""
    told = subprocess.run(
        host.command("ps", "-e", "-o", "comm="), capture_output=True, text=True, timeout=20, check=True
    )
    return told.stdout.split()


@pytest.fixture
def hosts(assets: AssetStore) -> Iterator[dict[str, local_hosts.Host]]:
    """Three hosts, with their sshd and nothing else; taken away whatever happens."""
    try:
        local_hosts.check()
    except local_hosts.NoHosts as error:
        pytest.skip(f"no hosts on this machine: {error}")
    if local_hosts.existing():
        pytest.skip("somebody has hosts here; take them away: python -m scripts.local_hosts down")
    for name in assets.manifest:
        assets.ensure(name)  # `ray up` has the weights fetched on each host, which share this machine's
    try:
        local_hosts.up(local_hosts.hosts())
        yield {host.name: host for host in local_hosts.existing()}
    finally:
        local_hosts.down()


def test_a_cluster_comes_up_speaks_and_goes_away(hosts: dict[str, local_hosts.Host], tmp_path: Path) -> None:
    cpu, gpu = hosts["cpu"].address, hosts["gpu"].address
    ray("up", "--yes", "--no-config-cache", str(FILES["local"]))
    settings = f"--set storage.records=redis://voicegraph-redis:6379/1 --set assets.root={local_hosts.FOLDER}"
    made = execute(
        f"cd voicegraph && voicegraph config -c config/serve.yaml {settings} > ~/serve.yaml"
        " && sed -i s/serve_app.builder:build/tests.cluster.doubles:build/ ~/serve.yaml"
        " && serve deploy ~/serve.yaml && voicegraph keys create me -c ~/serve.yaml"
    )
    key = re.search(r"vg-[0-9a-f]{12}-[\w-]+", made)
    assert key, made
    state = until(lambda: whole(hosts["head"]), DEPLOY_S, "every deployment is healthy")

    places = {
        name: {replica["node_ip"] for replica in deployment["replicas"]}
        for name, deployment in state["applications"][APP]["deployments"].items()
    }
    assert places["AcousticModel"] == places["Vocoder"] == places["SpeakerEncoder"] == {gpu}
    assert set().union(*places.values()) == {cpu, gpu}  # and none on the head
    assert {proxy["node_ip"] for proxy in state["proxies"].values()} >= {cpu, gpu}

    ask = {"model": "tts-1", "voice": "af_test", "input": " ".join(map(str, WORDS)), "response_format": "pcm"}
    for address in (cpu, gpu):
        url = f"http://{address}:8000/v1/audio/speech"
        assert httpx.post(url, json=ask, timeout=SPEAK_S).status_code == httpx.codes.UNAUTHORIZED
        answer = httpx.post(url, json=ask, headers={"Authorization": f"Bearer {key[0]}"}, timeout=SPEAK_S)
        assert answer.status_code == httpx.codes.OK, answer.text
        assert len(answer.content) == sum(WORDS) * FRAME_BYTES
        assert any(answer.content)

    ray("down", "--yes", str(FILES["local"]))
    assert not [name for name in processes(hosts["head"]) if name.startswith(("ray", "gcs"))]
    pids = [host.pid for host in hosts.values()]
    local_hosts.down()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), GONE_S, "the hosts' processes are gone")
    assert not local_hosts.existing()
    assert not list(Path("/sys/class/net").glob("vg-*"))


def whole(head: local_hosts.Host) -> Any:
    """What Serve's API on the head says, once everything is healthy."""
    script = (
        "from urllib.request import *; print(urlopen('http://127.0.0.1:8265/api/serve/applications/').read().decode())"
    )
    command = head.command("timeout", "20", sys.executable, "-ISc", script)
    state = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
    application = state["applications"].get(APP, {})
    assert application.get("status") != "DEPLOY_FAILED", application.get("message")
    return application.get("status") == "RUNNING" and state
