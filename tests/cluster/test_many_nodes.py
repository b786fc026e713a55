"""``ray up config/cluster.local.yaml``, on hosts that are Linux namespaces.

What one node is told the others know; a node dies, and nobody is lost with it; all of it goes away.

The commands are those at the top of the file. Ray, ssh, Serve, Redis, S3 and Voicegraph are real; models sleep. Each
request says which proxy it goes to, and that proxy's node has an ingress of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from bench.balanced_callers import Ask, Callers
from scripts import local_hosts
from serve_app.voicevox.waves import wav_bytes
from tests.cluster.conftest import APP
from tests.cluster.doubles import Log
from tests.config.clusters import FILES, ROOT
from tests.support.robot import robot_speech
from tests.support.s3_server import CREDENTIALS, s3_server
from tests.support.waiting import until
from tts_models.assets import AssetStore

STEP_S = 200
DEPLOY_S = 240
SPEAK_S = 60
GONE_S = 20
WORDS = (40, 30, 20, 10)
TEXT = " ".join(map(str, WORDS))
FRAME_BYTES = 2 * 600
SAMPLE = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background."
TWICE = {"num_replicas": 2, "max_replicas_per_node": 1}
SPREAD = ("Ingress", "TextFrontend", "SpeakerEncoder")
CALLERS = 4

pytestmark = pytest.mark.timeout(600)


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


class Node:
    """A worker, as callers with a key see it.

    Args:
        host: Where.
        key: An API key.
    """

    def __init__(self, host: local_hosts.Host, key: str) -> None:
        self.host = host
        self.url = f"http://{host.address}:8000"
        self.headers = {"Authorization": f"Bearer {key}"}
        self._client = httpx.Client(base_url=self.url, headers=self.headers, timeout=SPEAK_S)

    def ask(self, method: str, path: str, status: int = httpx.codes.OK, **options: Any) -> httpx.Response:
        """The answer, which has that status."""
        answer = self._client.request(method, f"/v1/{path}", **options)
        assert answer.status_code == status, answer.text
        return answer

    def say(self, text: str, voice: str = "af_test") -> bytes:
        """Samples."""
        return self.ask("POST", "audio/speech", json=speech(text, voice)).content

    def answered(self, request_id: str) -> bool:
        """Whether an ingress on this node had the request of that id."""
        logs = (self.host.folder / "tmp/ray").glob("session_2*/logs/serve/replica_*Ingress*.log")
        return any(request_id in log.read_text() for log in logs)


def speech(text: str, voice: str = "af_test") -> dict[str, Any]:
    return {"model": "tts-1", "voice": voice, "input": text, "response_format": "pcm"}


class Deployed:
    """The hosts with the application on them.

    Attributes:
        log: What the models that sleep were given.
        state: What Serve says.
    """

    def __init__(self, s3_url: str) -> None:
        self.hosts = {host.name: host for host in local_hosts.existing()}
        self.log = Log(local_hosts.FOLDER)
        ray("up", "--yes", "--no-config-cache", str(FILES["local"]))
        settings = {
            "storage.records": "redis://voicegraph-redis:6379/1",
            "storage.objects": s3_url,
            "assets.root": local_hosts.FOLDER,
            "cache.enabled": "true",
            "fitting.enabled": "false",
            "http.limits.address_requests_per_s": "100",  # what is asked here is all from one address
        }
        options = " ".join(f"--set '{name}={value}'" for name, value in settings.items())
        execute(f"cd voicegraph && voicegraph config -c config/serve.yaml {options} > ~/serve.yaml")
        self._fit(self.hosts["head"].home / "serve.yaml")
        execute("serve deploy ~/serve.yaml")
        self.key = self.new_key("me")
        self.state = until(self._whole, DEPLOY_S, "every deployment is healthy")
        self.cpu, self.gpu = (Node(self.hosts[name], self.key) for name in ("cpu", "gpu"))

    def _fit(self, file: Path) -> None:
        """Models that sleep need no room, and some stages are to be on both nodes."""
        config = yaml.safe_load(file.read_text())
        (app,) = config["applications"]
        app |= {"import_path": "tests.cluster.doubles:build", "runtime_env": {"env_vars": CREDENTIALS}}
        for deployment in app["deployments"]:
            options = deployment["ray_actor_options"]
            options["num_cpus"] = min(0.1, options["num_cpus"])
            if deployment["name"] in SPREAD:
                del deployment["autoscaling_config"]
                options.pop("num_gpus", None)
                deployment |= TWICE
        file.write_text(yaml.safe_dump(config))

    def new_key(self, *arguments: str) -> str:
        made = execute(f"cd voicegraph && voicegraph keys create {' '.join(arguments)} -c ~/serve.yaml")
        key = re.search(r"vg-[0-9a-f]{12}-[\w-]+", made)
        assert key, made
        return key[0]

    def _whole(self) -> Any:
        """What Serve's API on the head says, once everything is healthy."""
        script = (
            "from urllib.request import *;"
            " print(urlopen('http://127.0.0.1:8265/api/serve/applications/').read().decode())"
        )
        command = self.hosts["head"].command("timeout", "20", sys.executable, "-ISc", script)
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if told.returncode:  # a machine with more to do than it can answers late
            return None
        state = json.loads(told.stdout)
        application = state["applications"].get(APP, {})
        assert application.get("status") != "DEPLOY_FAILED", application.get("message")
        proxies = [proxy["status"] for proxy in state["proxies"].values()]
        return application.get("status") == "RUNNING" and proxies == ["HEALTHY"] * len(self.hosts) and state


@pytest.fixture(scope="module")
def cluster(assets: AssetStore) -> Iterator[Deployed]:
    """Three hosts, with Ray and the application on them; taken away whatever happens."""
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
        with s3_server(f"{local_hosts.NETWORK}.1") as s3:
            yield Deployed(s3.url)
    finally:
        local_hosts.down()


def test_replicas_are_where_they_belong(cluster: Deployed) -> None:
    cpu, gpu = cluster.cpu.host.address, cluster.gpu.host.address
    places = {
        name: {replica["node_ip"] for replica in deployment["replicas"]}
        for name, deployment in cluster.state["applications"][APP]["deployments"].items()
    }
    assert places["AcousticModel"] == places["Vocoder"] == {gpu}
    assert set().union(*places.values()) == {cpu, gpu}  # and none on the head
    assert {proxy["node_ip"] for proxy in cluster.state["proxies"].values()} >= {cpu, gpu}


def test_every_node_speaks_to_who_has_a_key(cluster: Deployed) -> None:
    for node in (cluster.cpu, cluster.gpu):
        refused = httpx.post(f"{node.url}/v1/audio/speech", json=speech(TEXT), timeout=SPEAK_S)
        assert refused.status_code == httpx.codes.UNAUTHORIZED
        answer = node.ask("POST", "audio/speech", json=speech(TEXT), headers={"X-Request-ID": node.host.name})
        assert len(answer.content) == sum(WORDS) * FRAME_BYTES
        assert any(answer.content)
    until(lambda: cluster.cpu.answered("cpu") and cluster.gpu.answered("gpu"), GONE_S, "each node has answered its own")
    assert not cluster.cpu.answered("gpu")
    assert not cluster.gpu.answered("cpu")


def test_a_voice_enrolled_on_one_node_speaks_on_the_other(cluster: Deployed) -> None:
    sample = {"audio_sample": ("ana.wav", wav_bytes(*robot_speech(SAMPLE)), "audio/wav")}
    made = cluster.cpu.ask("POST", "audio/voices", data={"name": "Ana"}, files=sample).json()
    assert len(cluster.gpu.say("25", "Ana")) == 25 * FRAME_BYTES
    assert len(cluster.gpu.say("35", made["id"])) == 35 * FRAME_BYTES
    heard = len(cluster.log.read("speaker"))
    for number in range(8):  # both speaker encoders are asked, and one of them has never heard the clip
        node = (cluster.gpu, cluster.cpu)[number % 2]
        node.ask("POST", "audio/voices", data={"name": f"Ana {number}"}, files=sample)
    assert len(cluster.log.read("speaker")) == heard
    cluster.gpu.ask("DELETE", f"audio/voices/{made['id']}")
    cluster.cpu.ask("POST", "audio/speech", httpx.codes.NOT_FOUND, json=speech("25", "Ana"))


def test_a_dictionary_is_every_nodes(cluster: Deployed) -> None:
    entry = {"surface": "word", "pronunciation": "15"}
    cluster.cpu.ask("POST", "dictionaries/own/entries", httpx.codes.CREATED, json=entry)
    for _ in range(4):  # more often than there are text frontends
        assert len(cluster.gpu.say("word")) == len(cluster.cpu.say("word")) == 15 * FRAME_BYTES


def test_a_limit_is_counted_once(cluster: Deployed) -> None:
    key = cluster.new_key("her", f"--characters-per-min {3 * len(TEXT)}")
    nodes = [Node(cluster.hosts[name], key) for name in ("cpu", "gpu")] * 4

    def ask(node: Node) -> int:
        answer = httpx.post(f"{node.url}/v1/audio/speech", json=speech(TEXT), headers=node.headers, timeout=SPEAK_S)
        return answer.status_code

    with ThreadPoolExecutor(len(nodes)) as pool:
        assert Counter(pool.map(ask, nodes)) == {httpx.codes.OK: 3, httpx.codes.TOO_MANY_REQUESTS: 5}


def test_a_job_begun_on_one_node_is_read_on_the_other(cluster: Deployed) -> None:
    job = cluster.cpu.ask("POST", "audio/jobs", httpx.codes.ACCEPTED, json=speech(TEXT)).json()["id"]
    until(
        lambda: cluster.gpu.ask("GET", f"audio/jobs/{job}").json()["status"] == "succeeded", SPEAK_S, "the job is done"
    )
    one, other = (node.ask("GET", f"audio/jobs/{job}/audio").content for node in (cluster.gpu, cluster.cpu))
    assert one == other
    assert len(one) >= sum(WORDS) * FRAME_BYTES


def test_what_one_node_has_said_the_other_need_not_make(cluster: Deployed) -> None:
    text = "17 18 19"
    said = cluster.cpu.say(text)

    def is_kept() -> bool:
        made = len(cluster.log.read("vocoder"))
        assert cluster.gpu.say(text) == said
        return len(cluster.log.read("vocoder")) == made

    until(is_kept, GONE_S, "it is kept")


def test_nobody_is_lost_with_a_node(cluster: Deployed) -> None:
    """Its cable is pulled for a moment, then it loses power."""
    nodes = (cluster.cpu, cluster.gpu)
    asks = [
        Ask(speech(TEXT) | {"stream": stream, "seed": seed}, sum(WORDS) * FRAME_BYTES, cluster.cpu.headers)
        for seed, stream in enumerate((True, False))
    ]

    async def traffic() -> Callers:
        async with Callers([node.url for node in nodes], asks, CALLERS) as callers:
            await callers.more(2 * CALLERS)
            local_hosts.cut(cluster.cpu.host)
            await asyncio.sleep(1)
            local_hosts.heal(cluster.cpu.host)
            await callers.more(2 * CALLERS)
            await asyncio.to_thread(local_hosts.kill, cluster.cpu.host)
            await callers.more(6 * CALLERS)
        return callers

    callers = asyncio.run(traffic())
    assert [request.problems for request in callers.requests if request.body is None] == []


def test_it_goes_away(cluster: Deployed) -> None:
    head = cluster.hosts["head"]
    ray("down", "--yes", str(FILES["local"]))
    listed = head.command("ps", "-e", "-o", "comm=")
    left = subprocess.run(listed, capture_output=True, text=True, timeout=20, check=True).stdout.split()
    assert not [name for name in left if name.startswith(("ray", "gcs"))]
    pids = [host.pid for host in cluster.hosts.values() if host.pid]
    local_hosts.down()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), GONE_S, "the hosts' processes are gone")
    assert not local_hosts.existing()
    assert not list(Path("/sys/class/net").glob("vg-*"))
