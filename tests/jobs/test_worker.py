"""From a text to the files of a job, whatever happens in between."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serve_app.graph import Overloaded, StageUnavailable
from serve_app.jobs import pace
from serve_app.jobs.assembly import MadeSegment
from serve_app.jobs.pace import Paces
from tests.jobs.conftest import Shop
from tests.jobs.fakes import FRAMES_PER_LETTER, WordGraph
from tests.support.redis_server import RedisServer
from tts_models.errors import SynthesisError
from tts_models.timing import BookmarkMark, WordMark
from tts_models.types import FRAME_SAMPLES

DOCUMENT = [
    {"title": "One/1", "input": "It began. So it did."},
    "It went on.",
    {"input": "It ended!", "voice": "bf_emma"},
]


class Killed(BaseException):
    """In the place of kill -9: nothing after it runs."""


async def test_one_text(shop: Shop) -> None:
    job = await shop.work(shop.submit("Hello there. And good bye.", response_format="wav"))

    assert job.status == "succeeded"
    assert job.progress.segments == 2
    assert shop.graph.spoken == ["Hello there. ", "And good bye."]
    assert shop.graph.flows[0].priority == "batch"
    letters = len("HellothereAndgoodbye")
    frames = FRAMES_PER_LETTER * letters + 4
    audio = shop.file(job)
    assert len(audio) == 44 + 2 * frames * FRAME_SAMPLES
    assert int.from_bytes(audio[40:44], "little") == len(audio) - 44
    assert job.result is not None
    assert job.result.duration_s == frames * FRAME_SAMPLES / 24_000
    assert "zip" not in job.result.files


async def test_the_words_of_the_manifest_are_where_they_are_heard(shop: Shop) -> None:
    job = await shop.work(shop.submit(DOCUMENT, response_format="pcm", chapter_pause_s=0.5))

    manifest = json.loads(shop.file(job, "manifest"))
    chapters = manifest["chapters"]
    assert [chapter["title"] for chapter in chapters] == ["One/1", "", ""]
    assert [chapter["voice"] for chapter in chapters] == ["af_heart", "af_heart", "bf_emma"]
    words = [word for chapter in chapters for segment in chapter["segments"] for word in segment["words"]]
    assert [word["word"] for word in words] == ["It", "began", "So", "it", "did", "It", "went", "on", "It", "ended"]
    starts = [word["start_s"] for word in words]
    assert starts == sorted(starts)
    assert chapters[1]["start_s"] == pytest.approx(chapters[0]["duration_s"] + 0.5)
    assert manifest["duration_s"] == pytest.approx(len(shop.file(job)) / 48_000)
    text = DOCUMENT[0]["input"]  # type: ignore[index]
    first = chapters[0]["segments"][1]["words"][0]
    assert text[first["text_start"] : first["text_end"]] == "So"


async def test_chapters_are_joined_and_zipped(shop: Shop) -> None:
    job = await shop.work(shop.submit(DOCUMENT, response_format="pcm", chapter_pause_s=0.25))

    with zipfile.ZipFile(io.BytesIO(shop.file(job, "zip"))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["001 One 1.pcm", "002.pcm", "003.pcm", "manifest.json"]
        parts = [archive.read(name) for name in archive.namelist()[:3]]
        assert archive.read("manifest.json") == shop.file(job, "manifest")
    assert bytes(12_000).join(parts) == shop.file(job)


async def test_captions_cover_the_whole_document(shop: Shop) -> None:
    shop.piece_characters = 200
    job = await shop.work(shop.submit(["A dog barked. " * 60, "The cat slept."]))

    srt, vtt = shop.file(job, "srt").decode(), shop.file(job, "vtt").decode()
    numbers = [int(block.split("\n")[0]) for block in srt.strip().split("\n\n")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert vtt.startswith("WEBVTT\n\n")
    assert vtt.count("-->") == len(numbers)
    assert "The cat slept." in srt
    starts = [line.split(" --> ")[0] for line in srt.splitlines() if "-->" in line]
    assert starts == sorted(starts)


async def test_ssml_is_made_in_one_piece_and_its_tags_are_not_shown(shop: Shop) -> None:
    shop.piece_characters = 100
    ssml = '<speak>Hello <emphasis level="strong">there</emphasis>.</speak>'
    job = await shop.work(shop.submit([ssml, "x <speak> y"], response_format="pcm"))

    assert job.status == "succeeded"
    assert len(shop.graph.spoken) == 2
    assert "<" not in shop.file(job, "srt").decode().split("x ")[0]


async def test_marks_are_in_the_manifest_wherever_they_are_reached(shop: Shop) -> None:
    ssml = '<speak>One. Two <mark name="here"/>three. Four <mark name="there"/>five.</speak>'
    job = await shop.work(shop.submit(["Zero.", ssml], response_format="pcm"))

    _, chapter = json.loads(shop.file(job, "manifest"))["chapters"]
    one, two, three = chapter["segments"]
    assert "marks" not in one
    for segment, name in ((two, "here"), (three, "there")):
        (mark,) = segment["marks"]
        assert mark == {
            "name": name, "start_s": segment["words"][1]["start_s"], "text_start": ssml.index(f'<mark name="{name}"'),
        }  # fmt: skip


def test_a_segment_without_marks_is_read_as_before() -> None:
    made = MadeSegment(np.array([1, -2], np.int16), (WordMark(0, 2, 0.1, 0.2),), (BookmarkMark("a", 3, 0.15),))
    kept = MadeSegment.from_bytes(made.to_bytes())
    assert (kept.words, kept.marks, kept.pcm.tolist()) == (made.words, made.marks, [1, -2])
    older = MadeSegment.from_bytes(b'{"words": [[0, 2, 0.1, 0.2]]}\n\x01\x00')
    assert (older.words, older.marks) == (made.words, ())


@pytest.mark.parametrize("audio_format", ["mp3", "opus", "aac", "flac"])
async def test_files_say_how_long_they_are(audio_format: str, shop: Shop) -> None:
    job = await shop.work(shop.submit("One two three. Four five six.", response_format=audio_format))

    with av.open(io.BytesIO(shop.file(job))) as file:
        decoded = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
        announced_s = (file.duration or 0) / 1e6
    assert job.result is not None
    assert decoded == pytest.approx(job.result.duration_s, abs=0.1)
    if audio_format in ("mp3", "flac"):
        assert announced_s == pytest.approx(job.result.duration_s, abs=0.1)


async def test_pieces_that_say_nothing_are_left_out(shop: Shop) -> None:
    stars = "*" * 95 + "\n\n" + "-" * 95 + "\n\n"
    shop.piece_characters = 100
    job = await shop.work(shop.submit(stars + "Here I am.", response_format="pcm"))

    assert job.status == "succeeded"
    assert shop.graph.spoken == ["Here I am."]
    assert any(shop.file(job)[:100])  # nor is there a silence for them


async def test_a_text_that_says_nothing_fails_at_once(shop: Shop) -> None:
    job = await shop.work(shop.submit("***"))

    assert job.status == "failed"
    assert job.error is not None
    assert (job.error.kind, job.error.message) == ("UnpronounceableText", "Nothing in the text can be spoken.")
    assert not job.is_dead
    assert job.attempts == 1


async def make_with_crashes(shop: Shop, text: Any, crashes: list[int], audio_format: str) -> tuple[bytes, ...]:
    """The files of a job whose worker is killed when it is about to write each of those objects."""
    job = shop.submit(text, response_format=audio_format)
    for n, crash in enumerate(crashes):
        left = crash

        def kill(_: str) -> bool:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return False

        shop.objects.refuse = kill
        offer_graph = WordGraph(spoken=shop.graph.spoken)
        await shop.work(job, f"worker {n}", offer_graph)
        shop.objects.refuse = lambda _: False
        if shop.board.get(job.id).status != "running":
            break
        shop.records.delete("job_leases", job.id)  # it runs out
        shop.board.sweep(lambda _: None, lambda: True)
        shop.clock.now_s += 1_000
    done = await shop.work(job, "the last")
    assert done.status == "succeeded", done
    assert done.result is not None
    return tuple(shop.file(done, kind) for kind in sorted(done.result.files))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    crashes=st.lists(st.integers(0, 12), max_size=2),
    audio_format=st.sampled_from(["mp3", "flac", "wav"]),
    text=st.sampled_from(
        [DOCUMENT, "One. Two. Three. Four. Five.", "A dog barked. " * 7, '<speak>One. <mark name="m"/>Two.</speak>']
    ),
)
def test_a_crash_anywhere_changes_no_byte(
    crashes: list[int], audio_format: str, text: Any, new_shop: Callable[[], Shop]
) -> None:
    calm, rough = new_shop(), new_shop()
    calm.piece_characters = rough.piece_characters = 40
    expected = asyncio.run(make_with_crashes(calm, text, [], audio_format))
    got = asyncio.run(make_with_crashes(rough, text, crashes, audio_format))

    assert got == expected
    # Each segment once, and the one that was on its way when the worker died once more.
    again = len(rough.graph.spoken) - len(calm.graph.spoken)
    assert 0 <= again <= len(crashes)


async def test_what_may_pass_is_tried_again_later_and_not_from_the_start(shop: Shop) -> None:
    failures = [StageUnavailable("A part of the server keeps failing."), None]

    def fail_once(sentence: str) -> None:
        if sentence.startswith("Two") and (error := failures.pop(0)):
            raise error

    shop.graph.before = fail_once
    job = await shop.work(shop.submit("One. Two. Three."))
    assert (job.status, job.attempts) == ("queued", 1)
    assert job.error is not None
    assert job.error.kind == "StageUnavailable"
    assert await shop.work(job) == job  # not yet
    shop.clock.now_s += 5
    job = await shop.work(job)

    assert job.status == "succeeded"
    assert job.error is None
    assert shop.graph.spoken == ["One. ", "Two. ", "Three."]


async def test_after_so_many_tries_it_is_dead_and_can_be_replayed(shop: Shop) -> None:
    def fail(_: str) -> None:
        raise StageUnavailable("A part of the server keeps failing.")

    shop.graph.before = fail
    job = shop.submit("One.")
    waits = []
    for _ in range(3):
        job = await shop.work(job)
        waits.append(job.not_before_s - shop.clock.now_s)
        shop.clock.now_s = max(shop.clock.now_s, job.not_before_s)
    assert (job.status, job.is_dead, job.attempts) == ("failed", True, 3)
    assert waits[:2] == [5.0, 10.0]

    shop.graph.before = None
    shop.board.replay(job.id)
    job = await shop.work(job)
    assert (job.status, job.is_dead) == ("succeeded", False)


async def test_a_busy_server_is_waited_for_and_no_try_is_used_up(shop: Shop) -> None:
    busy = [Overloaded("busy", 0.01), Overloaded("busy", 0.01)]

    def turn_away(_: str) -> None:
        if busy:
            raise busy.pop()

    shop.graph.before = turn_away
    job = await shop.work(shop.submit("One. Two."))
    assert (job.status, job.attempts) == ("succeeded", 1)
    assert shop.graph.spoken == ["One. ", "Two."]


async def test_a_model_that_fails_fails_the_job(shop: Shop) -> None:
    def fail(_: str) -> None:
        raise SynthesisError("The vocoder made nothing.")

    shop.graph.before = fail
    job = await shop.work(shop.submit("One."))
    assert job.status == "failed"
    assert job.error is not None
    assert job.error.message == "The vocoder made nothing."


async def test_a_defect_is_not_told(shop: Shop) -> None:
    def fail(_: str) -> None:
        raise ZeroDivisionError("a secret")

    shop.graph.before = fail
    job = await shop.work(shop.submit("One."))
    assert job.status == "queued"
    assert job.error is not None
    assert "secret" not in job.error.message


async def test_a_full_store_loses_nothing(shop: Shop) -> None:
    job = shop.submit("One. Two. Three.")
    shop.objects.refuse = lambda key: key.endswith("-00001") or "audio" in key
    job = await shop.work(job)
    assert job.status == "queued"
    assert job.error is not None
    assert "full" in job.error.message
    shop.objects.refuse = lambda _: False
    shop.clock.now_s += 5
    job = await shop.work(job)

    assert job.status == "succeeded"
    assert shop.graph.spoken.count("One. ") == 1


async def test_cancelling_stops_the_work(shop: Shop) -> None:
    reached = asyncio.Event()

    async def wait(sentence: str) -> None:
        if sentence.startswith("Two"):
            reached.set()
            await asyncio.sleep(60)

    shop.graph.before = wait
    job = shop.submit("One. Two. Three.")
    work = asyncio.create_task(shop.work(job))
    await asyncio.wait_for(reached.wait(), 10)
    shop.board.cancel(job.id)
    done = await asyncio.wait_for(work, 20)

    assert done.status == "cancelled"
    assert shop.graph.spoken == ["One. "]
    shop.board.sweep(lambda _: None, lambda: True)
    assert list(shop.objects.keys(f"jobs/{job.id}/segments")) == []


async def test_a_worker_that_shuts_down_gives_the_job_back(shop: Shop) -> None:
    stopping = False

    def stop(sentence: str) -> Any:
        nonlocal stopping
        if sentence.startswith("Two"):
            stopping = True
            return asyncio.sleep(60)
        return None

    shop.graph.before = stop
    job = await shop.work(shop.submit("One. Two."), stop=lambda: stopping)
    assert (job.status, job.attempts) == ("queued", 0)
    shop.graph.before = None
    job = await shop.work(job, "b")

    assert job.status == "succeeded"
    assert shop.graph.spoken == ["One. ", "Two."]


async def test_two_workers_make_no_job_twice(shop: Shop) -> None:
    job = shop.submit("One. Two. Three.")
    await asyncio.gather(*(shop.work(job, name) for name in "abcd"))
    assert shop.graph.spoken == ["One. ", "Two. ", "Three."]


@pytest.mark.parametrize("shared", [False, True], ids=["memory", "redis"])
async def test_a_caller_with_so_many_characters_a_minute_has_them_and_no_more(
    shop: Shop, shared: bool, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "_POLL_S", 0.01)
    paces = Paces(redis_server.url if shared else None)
    who = f"jobs of key {shared}"
    await asyncio.wait_for(paces.keep(who, 100, 60), 5)
    waiting = asyncio.create_task(paces.keep(who, 100, 60))
    await asyncio.wait_for(paces.keep("somebody else", 100, 60), 5)
    await asyncio.wait([waiting], timeout=0.2)
    assert not waiting.done()
    waiting.cancel()


async def test_a_job_is_made_at_the_pace_of_its_caller(shop: Shop) -> None:
    asked: list[tuple[str, int, int]] = []

    class Watched(Paces):
        async def keep(self, who: str, characters_per_min: int, characters: int) -> None:
            asked.append((who, characters_per_min, characters))

    job = shop.submit("Hello there. And good bye.", pace="jobs of key 7", characters_per_min=500)
    await shop.work(job, paces=Watched())
    assert asked == [("jobs of key 7", 500, 26)]
    await shop.work(shop.submit("No limit."), paces=Watched())
    assert len(asked) == 1
