"""Text -> segments of phonemes, on its own replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from deployments.settings import TextSettings
from tts_models.text.moras import AccentPhrase
from tts_models.types import Phonemes


class SegmentsText(Protocol):
    """What the deployment needs of a text frontend."""

    def segments(self, text: str, language: str) -> Sequence[Phonemes]:
        """The segments ``text`` is spoken in."""
        ...


def load(settings: TextSettings) -> SegmentsText:
    """The text frontend, with the dictionaries of ``settings.warm_languages`` in memory."""
    # Imported in the replica only: whoever builds or drives the graph needs no dictionaries.
    from tts_models.text import TextFrontend as Model

    model = Model(first_segment_tokens=settings.first_segment_tokens, max_segment_tokens=settings.max_segment_tokens)
    model.warm_up(settings.warm_languages)
    return model


class AnalysesAccents(Protocol):
    """What the deployment needs of an analyser of Japanese accent phrases."""

    def phrases(self, text: str) -> Sequence[AccentPhrase]:
        """The accent phrases of Japanese ``text``."""
        ...


def load_accents(settings: TextSettings) -> AnalysesAccents:
    """The analyser of Japanese accent phrases, which makes the segments that the text frontend makes."""
    from tts_models.text.accents import AccentAnalyser

    return AccentAnalyser(settings.first_segment_tokens, settings.max_segment_tokens)


class TextFrontend:
    """Deployment of the text frontend.

    Args:
        settings: Segment lengths and languages.
        load: Makes the model; tests bring their own.
        load_accents: Makes the analyser of accent phrases, when first asked for one.
    """

    def __init__(
        self,
        settings: TextSettings,
        load: Callable[[TextSettings], SegmentsText] = load,
        load_accents: Callable[[TextSettings], AnalysesAccents] = load_accents,
    ) -> None:
        # Off the event loop, which stays free for health checks; more threads would only share one interpreter lock.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="text-frontend")
        self._model = self._thread.submit(load, settings).result()
        self._load_accents = partial(load_accents, settings)
        self._accents: AnalysesAccents | None = None

    async def segments(self, text: str, language: str) -> list[Phonemes]:
        """The segments ``text`` is spoken in.

        Raises:
            EmptyText: There is nothing in the text.
            UnpronounceableText: There is nothing in it that can be spoken.
            UnsupportedLanguage: No language of that tag.
        """
        loop = asyncio.get_running_loop()
        return list(await loop.run_in_executor(self._thread, self._model.segments, text, language))

    async def accent_phrases(self, text: str) -> list[AccentPhrase]:
        """The accent phrases of Japanese ``text``, and exactly the symbols that :meth:`segments` would speak.

        Raises:
            EmptyText: There is nothing in the text.
            UnpronounceableText: There is nothing in it that can be spoken.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._phrases, text)

    def _phrases(self, text: str) -> list[AccentPhrase]:
        self._accents = self._accents or self._load_accents()
        return list(self._accents.phrases(text))
