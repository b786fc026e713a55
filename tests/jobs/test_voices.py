"""Jobs speak with the voices of their tenant, as they were when their worker began."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from deployments.storage.voices import ClonedVoice, VoiceStore
from serve_app.graph import SpokenAudio, Utterance
from tests.jobs.conftest import Shop
from tests.jobs.fakes import WordGraph
from tts_models.speaker.recipe import VoiceRecipe


@dataclass
class CastGraph(WordGraph):
    """Remembers how high the voice of each piece is."""

    semitones: list[float] = field(default_factory=list)

    async def speak(self, utterance: Utterance, first: int = 0) -> AsyncGenerator[SpokenAudio]:
        self.semitones.append(utterance.voice.semitones)
        async with aclosing(super().speak(utterance, first)) as speech:
            async for spoken in speech:
                yield spoken


def ana(tenant: str, semitones: float) -> ClonedVoice:
    recipe = VoiceRecipe({"af_heart": 1.0}, semitones=semitones)
    return ClonedVoice.new(tenant, "Ana", recipe, language="en-US", gender="female", source="clone")


async def test_a_book_is_read_in_one_voice_to_its_end(shop: Shop) -> None:
    store = VoiceStore(shop.records)
    store.add(ana("mine", 2.0), [b"speech"])
    store.add(ana("another's", 5.0))

    def fit(sentence: str) -> None:
        if sentence.startswith("One") and (claimed := store.claim("w", 60)):
            store.finish(claimed, "w", VoiceRecipe({"af_heart": 1.0}, semitones=3.0), 0.9)

    graph = CastGraph(before=fit)
    chapters = ["One.", {"input": "Two.", "voice": "Ana+af_heart"}, "Three."]
    job = await shop.work(shop.submit(chapters, tenant="mine", voice="Ana"), graph=graph)
    assert job.status == "succeeded"
    assert graph.semitones == [2.0, 1.0, 2.0]

    job = await shop.work(shop.submit("Next.", tenant="mine", voice="Ana"), graph=graph)
    assert graph.semitones[-1] == 3.0


async def test_a_voice_that_is_gone_ends_the_job(shop: Shop) -> None:
    store = VoiceStore(shop.records)
    kept = store.add(ana("mine", 2.0))
    job = shop.submit("One.", tenant="mine", voice="Ana")
    store.delete("mine", kept.id)
    job = await shop.work(job)
    assert job.status == "failed"
    assert job.error is not None
    assert (job.error.kind, job.error.param) == ("VoiceNotFound", "voice")
