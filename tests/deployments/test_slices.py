"""Long work on one thread lets others in between, ends when it is not wanted, and comes to the same."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from deployments.fair_queue import Flow
from deployments.settings import TextSettings
from deployments.slices import SLICE_CHARACTERS, InSlices, Paused, Sliced, pause
from deployments.text_frontend import TextFrontend
from tts_models.errors import UnpronounceableText
from tts_models.text import TextFrontend as Model
from tts_models.text.g2p.router import G2PRouter
from tts_models.types import Phonemes

LONG = "x" * 5 * SLICE_CHARACTERS


def test_work_is_done_a_slice_at_a_time() -> None:
    done: list[int] = []

    def work() -> str:
        for number in range(3):
            done.append(number)
            pause()
        return "result"

    sliced = Sliced(work)
    for expected in ([0], [0, 1], [0, 1, 2]):
        assert isinstance(sliced.step(), Paused)
        assert done == expected
    assert sliced.step() == "result"


def test_errors_are_raised_where_the_step_is_made() -> None:
    def work() -> None:
        pause()
        raise UnpronounceableText("nothing")

    sliced = Sliced(work)
    sliced.step()
    with pytest.raises(UnpronounceableText):
        sliced.step()


def test_abandoned_work_ends_its_thread() -> None:
    cleaned = threading.Event()

    def work() -> None:
        try:
            while True:
                pause()
        finally:
            cleaned.set()

    sliced = Sliced(work)
    sliced.step()
    sliced.abandon()
    assert cleaned.wait(10)
    assert sliced._thread is not None
    sliced._thread.join(10)
    assert not sliced._thread.is_alive()


def test_a_pause_outside_of_sliced_work_is_nothing() -> None:
    pause()


class Pausing:
    """A text frontend that pauses for every thousand characters, and notes what it does."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.go = threading.Event()

    def segments(self, text: str, language: str) -> Sequence[Phonemes]:
        for _ in range(max(1, len(text) // SLICE_CHARACTERS)):
            self.log.append(text[0])
            assert self.go.wait(60)
            pause()
        return []


async def test_a_short_text_is_read_between_the_slices_of_a_long_one() -> None:
    model = Pausing()
    stage = TextFrontend(TextSettings(), lambda _: model)
    long = asyncio.create_task(stage.segments(LONG, "en-US", Flow("long")))
    while not model.log:
        await asyncio.sleep(0.01)
    short = asyncio.create_task(stage.segments("s", "en-US", Flow("short")))
    await asyncio.sleep(0.01)
    model.go.set()
    await asyncio.gather(long, short)
    assert model.log == ["x", "s", "x", "x", "x", "x"]


async def test_whoever_leaves_in_the_middle_of_a_long_text_ends_its_work() -> None:
    model = Pausing()
    stage = TextFrontend(TextSettings(), lambda _: model)
    long = asyncio.create_task(stage.segments(LONG, "en-US", Flow("long")))
    while not model.log:
        await asyncio.sleep(0.01)
    long.cancel()
    await asyncio.wait([long])
    model.go.set()
    assert await stage.segments("s", "en-US", Flow("short")) == []
    assert model.log == ["x", "s"]
    for thread in threading.enumerate():
        if thread.name == "sliced":
            thread.join(10)
            assert not thread.is_alive()


@pytest.mark.parametrize(
    ("language", "paragraph"),
    [
        ("en-US", "Dr. Smith paid $5.20 at 10:30, in 1984. “Why?” she asked; nobody knew. "),
        ("zh", "北京有一家店，叫さくら。价格是 3.5 元。欢迎光临！"),
        ("zh", "北京有一家很好的店。价格是 3.5 元。欢迎光临！"),
        ("ja", "東京に、小さな店があります。値段は350円です。"),
    ],
)
def test_slices_come_to_the_same_as_the_whole(language: str, paragraph: str) -> None:
    text = paragraph * (3 * SLICE_CHARACTERS // len(paragraph))
    router = G2PRouter()
    calls: list[int] = []

    def counted(texts: Sequence[str], *rest: object) -> list[object]:
        calls.append(len(texts))
        return router(texts, *rest)  # type: ignore[arg-type,return-value]

    whole = Model(g2p=router).segments(text, language)
    sliced = Model(g2p=InSlices(counted)).segments(text, language)
    assert sliced == whole
    mixed = "さくら" in text and language != "ja"
    assert (len(calls) == 1) == mixed
