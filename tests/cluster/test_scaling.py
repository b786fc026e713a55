"""Each stage scales on its own queue; quarters of a GPU are placed four at a time."""

from __future__ import annotations

import asyncio
import time

import ray

from deployments import share
from serve_app.graph import Utterance
from tests.cluster.conftest import START_LIMIT_S, Cluster
from tests.cluster.doubles import VOICE
from tests.support.waiting import until

QUICK = {
    "min_replicas": 1,
    "max_replicas": 3,
    "target_ongoing_requests": 3,
    "metrics_interval_s": 0.2,
    "look_back_period_s": 1,
    "upscale_delay_s": 1,
    "downscale_delay_s": 2,
}


async def speak(cluster: Cluster, text: str) -> int:
    stream = cluster.graph().speak(Utterance(text, VOICE, "en-US"))
    return len([audio async for audio in stream])


async def test_a_burst_scales_the_vocoder_and_not_the_text_frontend(cluster: Cluster) -> None:
    cluster.deploy(TextFrontend={"autoscaling_config": QUICK}, Vocoder={"autoscaling_config": QUICK})
    assert cluster.replicas("Vocoder") == 1
    most = {"TextFrontend": 1, "Vocoder": 1}
    until_s = time.monotonic() + 120

    async def listen() -> None:
        while most["Vocoder"] < 2 and time.monotonic() < until_s:
            await speak(cluster, " ".join(["100"] * 4))

    async def watch() -> None:
        while most["Vocoder"] < 2 and time.monotonic() < until_s:
            for name in most:
                most[name] = max(most[name], cluster.replicas(name))
            await asyncio.sleep(0.3)

    await asyncio.gather(watch(), *(listen() for _ in range(8)))
    assert most["Vocoder"] >= 2
    assert most["TextFrontend"] == 1
    await asyncio.to_thread(until, lambda: cluster.replicas("Vocoder") == 1, 120, "back to one vocoder")
    assert await speak(cluster, "10 10") == 2


async def test_waiting_for_the_acoustic_model_is_not_a_queue_of_the_vocoder(cluster: Cluster) -> None:
    """Ray issues 59882 and 60624: it once scaled the stage that had nothing to do."""
    cluster.deploy(Vocoder={"autoscaling_config": QUICK})
    speaking = [asyncio.create_task(speak(cluster, "1!acoustic-slow " * 6)) for _ in range(8)]
    most = 1
    while not all(task.done() for task in speaking):
        most = max(most, cluster.replicas("Vocoder") + cluster.replicas("Vocoder", "STARTING"))
        await asyncio.sleep(0.3)
    assert [task.result() for task in speaking] == [6] * 8
    assert most == 1


def test_a_share_is_known_where_it_was_given_and_a_driver_has_none(cluster: Cluster) -> None:
    @ray.remote(num_cpus=0, num_gpus=0.25)
    class Replica:
        def share(self) -> float:
            return share.assigned_gpus()

    assert ray.get(Replica.remote().share.remote(), timeout=START_LIMIT_S) == 0.25
    assert share.assigned_gpus() == 0


def test_four_quarters_of_a_gpu_are_placed_and_a_fifth_waits(cluster: Cluster) -> None:
    quarter = {
        "ray_actor_options": {"num_cpus": 0.01, "num_gpus": 0.25},
        "graceful_shutdown_timeout_s": 1,  # Ray waits all of it for a replica that was never placed
    }
    cluster.deploy(Vocoder={"num_replicas": 5, **quarter}, wait=False)
    until(lambda: cluster.replicas("Vocoder") == 4, START_LIMIT_S, "four vocoders run")
    time.sleep(3)
    assert cluster.replicas("Vocoder") == 4
    assert cluster.replicas("Vocoder", "STARTING") == 1
    cluster.deploy(Vocoder={"num_replicas": 4, **quarter})
    assert cluster.replicas("Vocoder") == 4
