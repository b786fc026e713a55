"""What breaks while people speak: every accepted request ends with all of its audio, or with an error that shows."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import openai
import psutil
import pytest
import ray

from serve_app.graph import Utterance
from tests.cluster.conftest import APP, ROOT, Cluster
from tests.cluster.doubles import VOICE, WEIGHTS, toy_store
from tests.support.waiting import until
from tts_models.errors import ReferenceAudioError
from tts_models.types import FRAME_SAMPLES

FRAME_BYTES = 2 * FRAME_SAMPLES
WORDS = (40, 30, 20, 10)
REQUEST_S = 90.0
CALLERS = 4
QUICK_CHECKS = {"health_check_period_s": 1, "health_check_timeout_s": 2}
SOUND, NAME_OF_WEIGHTS = "FRAME_SAMPLES, 0.1,", 'b"weights "'
"""What the doubles say, and what they read, as they are written."""
BATCHES = {"max_items": 4, "max_padded_work": 10_000, "wait_s": 0.005, "max_run_s": 60}


def processes(*names: str) -> list[psutil.Process]:
    """Processes of this Ray whose title starts so, and of no other one."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            title = process.cmdline()[:1]
        except psutil.Error:
            continue
        if title and title[0].startswith(names):
            found.append(process)
    return found


def replicas(deployment: str) -> list[psutil.Process]:
    return processes(f"ray::ServeReplica:{APP}:{deployment}")


class Traffic:
    """Callers that ask again and again, half of them for a stream, and count what they get."""

    def __init__(self, url: str, retries: int, stream_retries: int) -> None:
        self.answered = 0
        self.lost: list[str] = []
        self._clients = {
            stream: openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=most, timeout=REQUEST_S)
            for stream, most in ((True, stream_retries), (False, retries))
        }
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(stream,)) for stream in (True, False) * (CALLERS // 2)
        ]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        self.more(CALLERS)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(REQUEST_S)

    def more(self, requests: int) -> None:
        """Waits until so many more requests were answered."""
        wanted = self.answered + requests
        until(lambda: self.answered >= wanted or self.lost, REQUEST_S, f"{requests} more answers")

    def _ask(self, stream: bool) -> None:
        text = " ".join(map(str, WORDS))
        while not self._stop.is_set():
            try:
                audio = (
                    self._clients[stream]
                    .audio.speech.create(
                        model="tts-1",
                        voice="af_test",
                        input=text,
                        response_format="pcm",
                        extra_body={"stream": stream},
                    )
                    .read()
                )
                assert len(audio) == sum(WORDS) * FRAME_BYTES, f"{len(audio)} bytes"
                self.answered += 1
            except Exception as error:
                self.lost.append(repr(error))


@contextmanager
def traffic(cluster: Cluster, retries: int = 0, stream_retries: int = 0) -> Iterator[Traffic]:
    """Traffic during the block and for some requests after it; none may be lost.

    Args:
        retries: How often a caller asks again, as OpenAI's client does twice unless told otherwise.
        stream_retries: Likewise, of those who ask for a stream.
    """
    with Traffic(cluster.url, retries, max(retries, stream_retries)) as callers:
        yield callers
        callers.more(2 * CALLERS)
    assert callers.lost == []


@pytest.fixture(scope="module")
def app(cluster: Cluster) -> Cluster:
    two = {"num_replicas": 2, **QUICK_CHECKS}
    cluster.deploy(Ingress=two, TextFrontend=two, AcousticModel=two, Vocoder=two | {"user_config": BATCHES})
    return cluster


def back(deployment: str, before: list[psutil.Process]) -> None:
    """Waits until as many replicas run as before."""
    gone = {process.pid for process in before}

    def are_back() -> bool:
        now = replicas(deployment)
        return len(now) >= len(before) and bool({process.pid for process in now} - gone)

    until(are_back, 90, f"{deployment} is back")


@pytest.mark.parametrize("stage", ["TextFrontend", "AcousticModel", "Vocoder", "Admission"])
def test_a_killed_replica_of_a_stage(app: Cluster, stage: str) -> None:
    before = replicas(stage)
    assert before
    with traffic(app):
        before[0].kill()
        back(stage, before)


def test_an_asset_that_has_gone_bad_on_the_disk(app: Cluster) -> None:
    """The next replica that reads it notices, and fetches it again, while the others speak."""
    weights = toy_store(app.log.path.parent).path("weights")
    before = replicas("Vocoder")
    with traffic(app):
        weights.write_bytes(WEIGHTS.replace(b"w", b"v"))
        before[0].kill()
        back("Vocoder", before)
    assert weights.read_bytes() == WEIGHTS


async def test_a_killed_speaker_encoder(app: Cluster) -> None:
    """It has one replica: what is asked meanwhile waits for the next one."""
    (encoder,) = replicas("SpeakerEncoder")
    encoder.kill()
    with pytest.raises(ReferenceAudioError):
        await app.graph().profile([b"no audio"])
    (successor,) = replicas("SpeakerEncoder")
    assert successor.pid != encoder.pid


def test_a_killed_ingress(app: Cluster) -> None:
    """What has not begun to be answered is answered by another one.

    A stream that has begun breaks off where its caller sees it; who asks again, as OpenAI's client does, is served.
    """
    before = replicas("Ingress")
    with traffic(app, stream_retries=2):
        before[0].kill()
        back("Ingress", before)


def test_a_killed_controller(app: Cluster) -> None:
    (controller,) = processes("ray::ServeController")
    with traffic(app) as callers:
        controller.kill()
        until(lambda: processes("ray::ServeController"), 60, "the controller is back")
        callers.more(4 * CALLERS)


def test_a_killed_proxy(app: Cluster) -> None:
    (proxy,) = processes("ray::ProxyActor")
    with traffic(app, retries=12):
        proxy.kill()
        until(lambda: processes("ray::ProxyActor"), 60, "the proxy is back")


def test_a_replica_that_is_stopped_is_replaced(app: Cluster) -> None:
    """Nothing in it moves: neither its model nor its event loop."""
    before = {stage: replicas(stage) for stage in ("TextFrontend", "AcousticModel", "Vocoder")}
    with traffic(app):
        for stage in before.values():
            stage[0].suspend()
        for stage, those in before.items():
            back(stage, those)


async def test_a_model_that_hangs_is_replaced(app: Cluster) -> None:
    """Its event loop goes on, and says so."""
    app.deploy(Vocoder={"num_replicas": 2, **QUICK_CHECKS, "user_config": BATCHES | {"max_run_s": 2}})
    before = {process.pid for process in replicas("Vocoder")}
    stream = app.graph().speak(Utterance("20 30!vocoder-hangs 10", VOICE, "en-US"))
    assert [len(audio.samples) // FRAME_SAMPLES async for audio in stream] == [20, 30, 10]
    assert before - {process.pid for process in replicas("Vocoder")}


def test_a_stage_without_memory_for_its_batches(app: Cluster) -> None:
    app.deploy(Vocoder={"num_replicas": 1, "user_config": BATCHES})
    with traffic(app) as callers:
        app.log.short_of_memory(items=1)
        callers.more(4 * CALLERS)
        until(lambda: app.log.sizes("vocoder")[-12:] == [1] * 12, 60, "batches of one")
    app.log.short_of_memory(items=None)


def test_a_full_object_store(app: Cluster) -> None:
    """Ray moves what it has no room for to the disk."""
    held = [ray.put(np.zeros(20 * 2**20, dtype=np.uint8)) for _ in range(12)]
    with traffic(app) as callers:
        callers.more(2 * CALLERS)
    assert len(held) == 12


def test_a_changed_configuration_is_deployed_under_load(app: Cluster) -> None:
    """Settings of the ingress change, so its replicas are replaced; each answers what it has begun before it goes."""
    before = {process.pid for process in replicas("Ingress")}
    synthesis = {"segments_in_flight": 1}
    with traffic(app) as callers:
        app.deploy(
            args={"assets": {"root": str(app.log.path.parent)}, "synthesis": synthesis},
            Ingress={"num_replicas": 2},
            Vocoder={"num_replicas": 2, "user_config": BATCHES | {"max_items": 2}, "graceful_shutdown_timeout_s": 30},
        )
        callers.more(2 * CALLERS)
    assert before.isdisjoint(process.pid for process in replicas("Ingress"))


def test_new_code_and_new_weights_are_deployed_under_load(app: Cluster, tmp_path: Path) -> None:
    """A release whose models read other weights and say something else replaces every replica of every stage."""
    for package in ("serve_app", "deployments", "tts_models", "tests"):
        shutil.copytree(ROOT / package, tmp_path / "release" / package)
    doubles = tmp_path / "release/tests/cluster/doubles.py"
    code = doubles.read_text()
    assert SOUND in code
    assert NAME_OF_WEIGHTS in code
    doubles.write_text(code.replace(SOUND, "FRAME_SAMPLES, 0.2,").replace(NAME_OF_WEIGHTS, 'b"heavier "'))
    stages = ("Ingress", "TextFrontend", "AcousticModel", "Vocoder")
    before = {stage: {process.pid for process in replicas(stage)} for stage in stages}
    assert loudness(app) == pytest.approx(0.1, abs=0.001)
    with traffic(app) as callers:
        app.deploy(
            args={"assets": {"root": str(tmp_path)}},
            code=tmp_path / "release",
            **{stage: {"num_replicas": 2, "graceful_shutdown_timeout_s": 30} for stage in stages},
        )
        callers.more(2 * CALLERS)
    for stage in stages:
        assert before[stage].isdisjoint(process.pid for process in replicas(stage))
    assert loudness(app) == pytest.approx(0.2, abs=0.001)
    assert toy_store(tmp_path).path("weights").read_bytes() == WEIGHTS.replace(b"weights ", b"heavier ")


def loudness(cluster: Cluster) -> float:
    """Of what the models that sleep say."""
    with openai.OpenAI(base_url=f"{cluster.url}/v1", api_key="none", timeout=REQUEST_S) as client:
        answer = client.audio.speech.create(model="tts-1", voice="af_test", input="10", response_format="pcm").read()
    return float(np.median(np.abs(np.frombuffer(answer, "<i2")))) / 2**15
