"""The real deployments on a real Ray, over models that sleep: batches, errors, cancellation, retries, queues."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from deployments.settings import SynthesisSettings
from serve_app.graph import Overloaded, Utterance
from tests.cluster.conftest import Cluster
from tests.cluster.doubles import VOICE
from tests.support.waiting import at_rest, until
from tts_models.errors import ReferenceAudioError, SynthesisError, UnpronounceableText
from tts_models.types import FRAME_SAMPLES

VOCODER = {
    "num_replicas": 1,
    "max_ongoing_requests": 16,
    "user_config": {"max_items": 8, "max_padded_work": 10_000, "wait_s": 0.02, "max_run_s": 60},
}


@pytest.fixture(scope="module")
def app(cluster: Cluster) -> Cluster:
    cluster.deploy(Vocoder=VOCODER)
    return cluster


async def spoken(cluster: Cluster, text: str, settings: SynthesisSettings | None = None) -> list[int]:
    """Frames of each piece of audio."""
    stream = cluster.graph(settings).speak(Utterance(text, VOICE, "en-US"))
    return [len(audio.samples) // FRAME_SAMPLES async for audio in stream]


async def test_requests_that_come_together_share_batches(app: Cluster) -> None:
    app.log.clear()
    texts = [f"{50 + n} {60 + n} {70 + n}" for n in range(6)]
    heard = await asyncio.gather(*(spoken(app, text) for text in texts))
    assert heard == [[int(word) for word in text.split()] for text in texts]
    for stage in ("acoustic", "vocoder"):
        assert sum(app.log.sizes(stage)) == 18
        assert max(app.log.sizes(stage)) > 1, stage
        assert len(app.log.sizes(stage)) <= 12, stage


async def test_features_go_from_replica_to_replica(app: Cluster) -> None:
    app.log.clear()
    await spoken(app, "40 200")
    assert len(app.log.read("features")) == 2
    assert app.log.pids("features") == app.log.pids("vocoder")
    assert os.getpid() not in app.log.pids("features"), "this process stands where the ingress does"


async def test_a_failing_item_fails_alone_and_as_what_it_was(app: Cluster) -> None:
    app.log.clear()
    flags = ["", "!vocoder-fails", "!acoustic-fails", "!vocoder-crashes", ""]
    busy = asyncio.create_task(spoken(app, "9!vocoder-waits"))
    await asyncio.to_thread(until, lambda: app.log.read("vocoder"), 60, "the vocoder is at work")
    together = [asyncio.create_task(spoken(app, f"50{flag}")) for flag in flags]
    await asyncio.to_thread(until, lambda: sum(app.log.sizes("acoustic")) == 6, 60, "they are made for it")
    await asyncio.sleep(0.5)  # on their way to it
    app.log.open_gate()
    results = await asyncio.gather(*together, return_exceptions=True)
    assert await busy == [9]
    assert results[0] == results[4] == [50]
    assert [type(result) for result in results[1:4]] == [SynthesisError, SynthesisError, RuntimeError]
    assert [str(result) for result in results[1:4]] == [
        "The vocoder made nothing.",
        "The acoustic model made nothing.",
        "a defect of the model",
    ]
    assert max(app.log.sizes("vocoder")) > 1, "they did share a batch"


async def test_errors_of_the_other_stages(app: Cluster) -> None:
    with pytest.raises(UnpronounceableText) as caught:
        await spoken(app, "?")
    assert type(caught.value) is UnpronounceableText
    assert caught.value.param == "input"
    with pytest.raises(ReferenceAudioError):
        await app.graph().profile([b"not audio"])


async def test_a_file_that_breaks_the_decoder_breaks_no_replica(app: Cluster) -> None:
    """On a real replica, the decoder a child of Ray's worker."""
    graph = app.graph()
    for defect in (b"segfault", b"memory", b"kill", b"segfault"):
        with pytest.raises(ReferenceAudioError, match="its decoder failed"):
            await graph.profile([defect])
        with pytest.raises(ReferenceAudioError, match="could not be read"):
            await graph.profile([b"not audio"])
    assert app.replicas("SpeakerEncoder") == 1
    status = app.status()
    assert status is not None
    assert status.deployments["SpeakerEncoder"].status == "HEALTHY"


async def test_batch_limits_change_without_a_restart(app: Cluster) -> None:
    app.log.clear()
    await spoken(app, "10")
    before = app.log.pids("vocoder")
    app.deploy(Vocoder={**VOCODER, "user_config": {"max_items": 1, "max_padded_work": 1, "wait_s": 0, "max_run_s": 60}})
    await asyncio.gather(*(spoken(app, "50") for _ in range(5)))
    assert app.log.sizes("vocoder") == [1] * 5
    app.deploy(Vocoder=VOCODER)
    await asyncio.gather(*(spoken(app, "50") for _ in range(5)))
    assert max(app.log.sizes("vocoder")) > 1
    assert app.log.pids("vocoder") == before, "the same process, so it was not restarted"


async def test_a_long_text_does_not_block_short_ones(app: Cluster) -> None:
    long = app.graph().speak(Utterance(" ".join(["100"] * 40), VOICE, "en-US"))
    await anext(long)
    heard_of_long = 1

    async def listen() -> None:
        nonlocal heard_of_long
        async for _ in long:
            heard_of_long += 1

    listening = asyncio.create_task(listen())
    assert await spoken(app, "10") == [10]
    assert heard_of_long < 30
    await listening
    assert heard_of_long == 40


async def test_closing_the_stream_stops_the_work_on_every_stage(app: Cluster) -> None:
    app.log.clear()
    stream = app.graph(SynthesisSettings(segments_in_flight=3)).speak(
        Utterance(" ".join(str(100 + n) for n in range(20)), VOICE, "en-US")
    )
    await anext(stream)
    await stream.aclose()

    def made() -> tuple[int, int]:
        return sum(app.log.sizes("acoustic")), sum(app.log.sizes("vocoder"))

    acoustic, vocoder = await asyncio.to_thread(at_rest, made, 1.0)
    assert 1 <= vocoder <= acoustic <= 4, "one delivered, three in flight"
    # Nothing was left behind that would take a place in a queue.
    assert await spoken(app, "7") == [7]
    assert sum(app.log.sizes("vocoder")) == vocoder + 1


async def test_what_waits_in_line_is_cancelled_there(app: Cluster) -> None:
    """Requests that are cancelled while a batch runs are never computed."""
    app.log.clear()
    running = asyncio.create_task(spoken(app, "15!vocoder-waits"))
    await asyncio.to_thread(until, lambda: app.log.read("vocoder"), 60, "the vocoder is at work")
    waiting = [asyncio.create_task(spoken(app, f"{200 + n}")) for n in range(5)]
    await asyncio.to_thread(until, lambda: sum(app.log.sizes("acoustic")) == 6, 60, "the others are made for it")
    await asyncio.sleep(0.5)  # on their way to it
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    await asyncio.sleep(0.5)  # and the news that they are not wanted
    app.log.open_gate()
    assert await running == [15]
    assert await spoken(app, "9") == [9]
    assert [line["frames"] for line in app.log.read("vocoder")] == [[15], [9]]


async def test_killing_a_vocoder_under_load_loses_no_request(app: Cluster) -> None:
    app.deploy(Vocoder={**VOCODER, "num_replicas": 2})
    texts = [" ".join(str(20 + n + 10 * segment) for segment in range(8)) for n in range(12)]
    speaking = [asyncio.create_task(spoken(app, text)) for text in texts]
    while len(app.log.pids("vocoder")) < 2:
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in speaking)
    os.kill(app.log.pids("vocoder").pop(), signal.SIGKILL)
    assert not any(task.done() for task in speaking), "they are all under way when the replica dies"
    async with asyncio.timeout(120):
        heard = await asyncio.gather(*speaking)
    assert heard == [[int(word) for word in text.split()] for text in texts]


async def test_a_full_queue_turns_new_callers_away_and_keeps_its_promises(app: Cluster) -> None:
    app.deploy(Vocoder=VOCODER, AcousticModel={"max_ongoing_requests": 1, "max_queued_requests": 2})
    results = await asyncio.gather(
        *(spoken(app, "20!acoustic-slow 21 22 23") for _ in range(12)), return_exceptions=True
    )
    turned_away = [result for result in results if isinstance(result, Overloaded)]
    assert turned_away
    assert all(error.retry_after_s > 0 for error in turned_away)
    served = [result for result in results if not isinstance(result, Overloaded)]
    assert served
    assert all(result == [20, 21, 22, 23] for result in served)
