"""The cluster grows with the queue: a burst, on Ray's own cluster autoscaler with nodes of this machine.

    python -m bench.growing_cluster --plot docs/images/growing-cluster.svg

Ray's fake multi-node provider starts real raylets, with logical GPUs, as a cloud would start machines.
``config/serve.yaml`` is deployed over models that sleep instead of computing, with shorter delays. A burst of callers
makes the vocoder ask for replicas, they make Ray add GPU nodes, these serve, and when it is quiet replicas and nodes go
away. Queue, replicas and nodes are written down twice a second.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import ray
import yaml
from ray import serve
from ray.serve.schema import ServeDeploySchema
from rich.console import Console

from bench.drawing import Line, Panel, draw
from deployments.settings import SynthesisSettings
from serve_app.graph import RaySpeechGraph, Utterance
from serve_app.stage_load import StageLoads
from tests.cluster.doubles import VOICE, Log
from tests.support.waiting import free_port, until

APP = "voicegraph"
STAGES = ("TextFrontend", "SpeakerEncoder", "AcousticModel", "Vocoder")
SCALING = {
    "min_replicas": 1,
    "max_replicas": 6,
    "target_ongoing_requests": 4,
    "metrics_interval_s": 0.5,
    "look_back_period_s": 2,
    "upscale_delay_s": 2,
    "downscale_delay_s": 8,
}
_COMMANDS = (
    "cluster_synced_files",
    "rsync_exclude",
    "rsync_filter",
    "initialization_commands",
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
    "head_start_ray_commands",
    "worker_start_ray_commands",
)
_START_LIMIT_S = 150
_CONSOLE = Console(stderr=True)


@dataclass(frozen=True)
class Moment:
    """The cluster at one time."""

    at_s: float
    waiting: int
    wanted: int
    running: int
    nodes: int


def main() -> None:
    """Start, burst, watch, draw, print."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="vg") as folder:
        log = Log(Path(folder))
        os.environ["PYTHONPATH"] = str(Path.cwd())
        # Else `ray start` asks for the token that the user may have, and this process, which runs already, sends none.
        os.environ["RAY_AUTH_MODE"] = "disabled"
        with _cluster(Path(folder), options.idle) as address:
            ray.init(address=address, log_to_driver=False)
            serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": free_port()})
            _deploy(Path(folder), shared=options.shared)
            until(_runs, _START_LIMIT_S, "the application runs")
            until(lambda: _gpu_nodes() == 1, _START_LIMIT_S, "one GPU node")
            _CONSOLE.print("running; burst")
            moments, spoken = asyncio.run(_burst(options))
            raylets = _raylets_that_served(log)
            serve.shutdown()
            ray.shutdown()
    result = _summary(moments, options, spoken, raylets)
    if options.plot:
        options.plot.write_text(_drawing(moments))
    print(json.dumps(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.growing_cluster",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--callers", type=int, default=24, help="of the burst (default: %(default)s)")
    parser.add_argument("--quiet", type=float, default=5, help="seconds before the burst (default: %(default)s)")
    parser.add_argument("--burst", type=float, default=40, help="seconds of it (default: %(default)s)")
    parser.add_argument("--after", type=float, default=70, help="seconds after it at most (default: %(default)s)")
    parser.add_argument("--idle", type=float, default=12, help="seconds until Ray takes an idle node away")
    parser.add_argument("--shared", action="store_true", help="scale by deployments.autoscaling:SharedGpus")
    parser.add_argument("--plot", type=Path, help="where to draw it")
    return parser.parse_args()


@contextmanager
def _cluster(folder: Path, idle_s: float) -> Iterator[str]:
    """A head without GPUs, and Ray's cluster autoscaler that may add nodes with one.

    ``AutoscalingCluster`` of ``ray.cluster_utils`` would do the same, but stops every Ray of the machine first.
    """
    port = free_port()
    memory = {"object_store_memory": 100_000_000}  # else a third of the machine's for every node
    config: dict[str, Any] = {
        "cluster_name": "fake_multinode",
        # Without an address its nodes look for the head at port 6379.
        # They all have one address: without their ids in its place Ray takes them for machines that have not come yet.
        "provider": {
            "type": "fake_multinode",
            "gcs_address": f"{ray.util.get_node_ip_address()}:{port}",
            "use_node_id_as_ip": True,
        },
        "max_workers": 4,
        "upscaling_speed": 1.0,
        "idle_timeout_minutes": idle_s / 60,
        "head_node_type": "ray.head.default",
        "available_node_types": {
            "ray.head.default": {"resources": {"CPU": 8}, "node_config": {}, "max_workers": 0},
            "gpu": {"resources": {"CPU": 4, "GPU": 1} | memory, "node_config": {}, "min_workers": 0, "max_workers": 3},
        },
        # The rest is not looked at here, and has to be there.
        "auth": {},
        "docker": {},
        "file_mounts": {},
        "file_mounts_sync_continuously": False,
        **{key: [] for key in _COMMANDS},
    }
    path = folder / "cluster.json"
    path.write_text(json.dumps(config))
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", f"--port={port}", "--num-cpus=8"]
    command += [f"--autoscaling-config={path}", "--include-dashboard=false", "--block", f"--temp-dir={folder}/ray"]
    command += ["--object-store-memory=200000000", "--num-gpus=0", "--disable-usage-stats"]
    env = {**os.environ, "AUTOSCALER_UPDATE_INTERVAL_S": "1", "RAY_FAKE_CLUSTER": "1", "RAY_worker_niceness": "0"}
    with (folder / "ray.log").open("wb") as output:
        head = subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT)
    try:
        address = f"127.0.0.1:{port}"
        until(lambda: "Ray runtime started" in (folder / "ray.log").read_text(), 60, "Ray runs")
        yield address
    finally:
        ours = []
        with contextlib.suppress(psutil.NoSuchProcess):
            ours = [psutil.Process(head.pid), *psutil.Process(head.pid).children(recursive=True)]
        for process in reversed(ours):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(ours, timeout=20)


def _deploy(folder: Path, *, shared: bool) -> None:
    config = yaml.safe_load(Path("config/serve.yaml").read_text())
    config.pop("http_options")
    config["proxy_location"] = "HeadOnly"  # the nodes are one machine, and its port is taken
    (app,) = config["applications"]
    app["import_path"] = "tests.cluster.doubles:build"
    app["args"] = {"assets": {"root": str(folder)}, "storage": {"root": str(folder)}, "fitting": {"enabled": False}}
    if shared:
        shares = {"AcousticModel": 0.05, "Vocoder": 0.3}
        app["autoscaling_policy"] = {
            "policy_function": "deployments.autoscaling:SharedGpus",
            "policy_kwargs": {"gpus": 3, "shares": shares},
        }
    for deployment in app["deployments"]:
        options = deployment.setdefault("ray_actor_options", {})
        options["num_cpus"] = 0.01  # they sleep
        if deployment["name"] == "Vocoder":
            deployment["autoscaling_config"] = SCALING
            deployment["graceful_shutdown_timeout_s"] = 5
        elif options.get("num_gpus"):
            options["num_gpus"] = 0.05
    serve.context._get_global_client().deploy_apps(ServeDeploySchema.model_validate(config))


def _runs() -> bool:
    app = serve.status().applications.get(APP)
    return app is not None and app.status == "RUNNING"


def _gpu_nodes() -> int:
    return sum(node["Alive"] and node["Resources"].get("GPU", 0) > 0 for node in ray.nodes())


async def _burst(options: argparse.Namespace) -> tuple[list[Moment], int]:
    handles = {name: serve.get_deployment_handle(name, APP) for name in STAGES}
    graph = RaySpeechGraph(*handles.values(), SynthesisSettings())
    loads = StageLoads({"Vocoder": handles["Vocoder"]})
    start_s = time.monotonic()
    spoken = 0
    moments: list[Moment] = []

    async def caller() -> None:
        nonlocal spoken
        while time.monotonic() < start_s + options.quiet + options.burst:
            async for _ in graph.speak(Utterance(" ".join(["1000"] * 3), VOICE, "en-US")):
                pass
            spoken += 1

    async def watch() -> None:
        while True:
            (load,) = await loads()
            deployment = serve.status().applications[APP].deployments["Vocoder"]
            running = deployment.replica_states.get("RUNNING", 0)
            wanted = running + deployment.replica_states.get("STARTING", 0)
            at_s = time.monotonic() - start_s
            moments.append(Moment(at_s, load.waiting + load.running, wanted, running, _gpu_nodes()))
            quiet = at_s > options.quiet + options.burst and running == 1 and moments[-1].nodes == 1
            if quiet or at_s > options.quiet + options.burst + options.after:
                return
            await asyncio.sleep(0.5)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(options.quiet)
    await asyncio.gather(*(caller() for _ in range(options.callers)))
    await watching
    return moments, spoken


def _raylets_that_served(log: Log) -> int:
    """Nodes whose vocoders ran batches: those whose processes are still there, and those that are gone."""
    parents = set()
    for pid in log.pids("vocoder"):
        with contextlib.suppress(psutil.NoSuchProcess):
            parents.add(psutil.Process(pid).ppid())
    return len(parents)


def _summary(moments: Sequence[Moment], options: argparse.Namespace, spoken: int, raylets: int) -> dict[str, Any]:
    def first(true: Any) -> float | None:
        found = next((moment.at_s for moment in moments if true(moment)), None)
        return None if found is None else round(found - options.quiet, 1)

    most = max(moments, key=lambda moment: moment.nodes).nodes
    over = options.quiet + options.burst
    return {
        "benchmark": "growing_cluster",
        "policy": "SharedGpus" if options.shared else "Ray's own",
        "utterances": spoken,
        "most_replicas": max(moment.running for moment in moments),
        "most_nodes": most,
        "after_the_burst_began_s": {
            "replicas_wanted": first(lambda moment: moment.wanted > 1),
            "second_node": first(lambda moment: moment.nodes > 1),
            "all_nodes": first(lambda moment: moment.nodes == most),
        },
        "after_it_ended_s": {
            "one_replica": _after(moments, over, lambda moment: moment.wanted == 1),
            "one_node": _after(moments, over, lambda moment: moment.nodes == 1),
        },
        "nodes_still_there_that_served": raylets,
    }


def _after(moments: Sequence[Moment], over_s: float, true: Any) -> float | None:
    found = next((moment.at_s for moment in moments if moment.at_s > over_s and true(moment)), None)
    return None if found is None else round(found - over_s, 1)


def _drawing(moments: Sequence[Moment]) -> str:
    def line(name: str, what: str, *, steps: bool = True) -> Line:
        return Line(name, [(moment.at_s, getattr(moment, what)) for moment in moments], steps=steps)

    return draw(
        [
            Panel("calls at the vocoder", [line("waiting and running", "waiting", steps=False)]),
            Panel("replicas of the vocoder", [line("wanted", "wanted"), line("running", "running")]),
            Panel("GPU nodes", [line("joined", "nodes")]),
        ],
        "seconds",
    )


if __name__ == "__main__":
    main()
