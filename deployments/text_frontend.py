"""Text -> segments of phonemes, on its own replicas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from deployments.dictionaries import Dictionaries
from deployments.fair_queue import ANYONE, Flow
from deployments.fair_worker import FairWorker, ReplicaLoad
from deployments.logs import keep_texts_out, log_with_serve
from deployments.metrics import CHARACTERS
from deployments.settings import BatchLimits, StorageSettings, TextSettings
from deployments.slices import SLICE_CHARACTERS, InSlices, Paused, Sliced
from deployments.storage.dictionaries import DictionaryStore
from deployments.storage.records import open_records
from tts_models.text.controls import ControlledText, parse_controls
from tts_models.text.languages import resolve_language
from tts_models.text.moras import AccentPhrase
from tts_models.types import Phonemes

if TYPE_CHECKING:
    from tts_models.text.dictionary import Dictionary
    from tts_models.text.word_filter import WordFilter


class SegmentsText(Protocol):
    """What the deployment needs of a text frontend."""

    def segments(self, text: str | ControlledText, language: str, dictionary: Dictionary = ...) -> Sequence[Phonemes]:
        """The segments ``text`` is spoken in, read with a dictionary if there is one."""
        ...


def load(settings: TextSettings) -> SegmentsText:
    """The text frontend, with the dictionaries of ``settings.warm_languages`` in memory."""
    # Imported in the replica only: whoever builds or drives the graph needs no dictionaries.
    from tts_models.text import TextFrontend as Model
    from tts_models.text.g2p.router import G2PRouter

    model = Model(settings.first_segment_tokens, settings.max_segment_tokens, InSlices(G2PRouter()))
    model.warm_up(settings.warm_languages)
    return model


class AnalysesAccents(Protocol):
    """What the deployment needs of an analyser of Japanese accent phrases."""

    def phrases(self, text: str, dictionary: Dictionary = ...) -> Sequence[AccentPhrase]:
        """The accent phrases of Japanese ``text``, read with a dictionary if there is one."""
        ...


def load_accents(settings: TextSettings) -> AnalysesAccents:
    """The analyser of Japanese accent phrases, which makes the segments that the text frontend makes."""
    from tts_models.text.accents import AccentAnalyser

    return AccentAnalyser(settings.first_segment_tokens, settings.max_segment_tokens)


def word_filter(settings: TextSettings) -> WordFilter | None:
    """What may not be spoken; None if everything may."""
    if not (settings.forbidden or settings.forbidden_file or settings.forbidden_hook):
        return None
    from tts_models.text.word_filter import WordFilter

    return WordFilter(settings.forbidden, settings.forbidden_file, settings.forbidden_hook)


@dataclass(frozen=True, slots=True)
class _Work:
    """Something to do in the thread, and the number of characters it is done to."""

    run: Callable[[], Any]
    characters: int


class TextFrontend:
    """Deployment of the text frontend.

    Args:
        settings: Segment lengths and languages.
        load: Makes the model; tests bring their own.
        load_accents: Makes the analyser of accent phrases, when first asked for one.
        storage: Where the dictionaries are kept; None for none.
    """

    def __init__(
        self,
        settings: TextSettings,
        load: Callable[[TextSettings], SegmentsText] = load,
        load_accents: Callable[[TextSettings], AnalysesAccents] = load_accents,
        storage: StorageSettings | None = None,
    ) -> None:
        log_with_serve()
        keep_texts_out(settings)
        # Off the event loop, which stays free for health checks; more threads would only share one interpreter lock.
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="text-frontend")
        self._model = thread.submit(load, settings).result()
        self._do: FairWorker[_Work, Any] = FairWorker(
            _each,
            lambda work: work.characters,
            thread,
            BatchLimits(max_items=1, max_padded_work=1, wait_s=0, max_run_s=60),
        )
        self._load_accents = partial(load_accents, settings)
        self._accents: AnalysesAccents | None = None
        self._dictionaries = Dictionaries(DictionaryStore(open_records(storage))) if storage else None
        self._forbidden = word_filter(settings)
        self._characters = CHARACTERS.make()

    async def segments(self, text: str | ControlledText, language: str, flow: Flow = ANYONE) -> list[Phonemes]:
        """The segments ``text`` is spoken in, when it is the turn of ``flow``.

        Raises:
            DeadlineExceeded: The deadline of ``flow`` passed before.
            EmptyText: There is nothing in the text.
            ForbiddenText: There is something in it that the word filter refuses.
            UnpronounceableText: There is nothing in it that can be spoken.
            UnsupportedLanguage: No language of that tag.
        """
        read = partial(self._segments, text, language, await self._dictionary(flow))
        characters = len(text if isinstance(text, str) else text.text)
        segments = list(await self._in_turn(read, characters, flow))
        self._characters.inc(characters, {"language": resolve_language(language).tag})
        return segments

    async def check_health(self) -> None:
        """Raise if a text has been worked on for too long."""
        await self._do.check_health()

    async def accent_phrases(self, text: str, flow: Flow = ANYONE) -> list[AccentPhrase]:
        """The accent phrases of Japanese ``text``, and exactly the symbols that :meth:`segments` would speak.

        Raises:
            DeadlineExceeded: The deadline of ``flow`` passed before.
            EmptyText: There is nothing in the text.
            ForbiddenText: There is something in it that the word filter refuses.
            UnpronounceableText: There is nothing in it that can be spoken.
        """
        read = partial(self._phrases, text, await self._dictionary(flow))
        phrases: list[AccentPhrase] = await self._in_turn(read, len(text), flow)
        return phrases

    async def load(self) -> ReplicaLoad:
        """What this replica has to do."""
        return self._do.load()

    async def _dictionary(self, flow: Flow) -> Dictionary | None:
        """The entries that hold for ``flow``, as they are now; None without any."""
        return await self._dictionaries.of(flow.tenant) if self._dictionaries else None

    async def _in_turn(self, work: Callable[[], Any], characters: int, flow: Flow) -> Any:
        """The result of ``work``, done in slices if it is long."""
        if characters <= SLICE_CHARACTERS:
            return await self._do(_Work(work, max(1, characters)), flow)
        sliced = Sliced(work)
        try:
            while isinstance(result := await self._do(_Work(sliced.step, SLICE_CHARACTERS), flow), Paused):
                pass
            return result
        finally:
            sliced.abandon()

    def _segments(self, text: str | ControlledText, language: str, dictionary: Dictionary | None) -> Sequence[Phonemes]:
        if self._forbidden:
            _check(self._forbidden, text, language, dictionary)
        return self._model.segments(text, language, *([dictionary] if dictionary else []))

    def _phrases(self, text: str, dictionary: Dictionary | None) -> list[AccentPhrase]:
        if self._forbidden:
            _check(self._forbidden, text, "ja", dictionary)
        self._accents = self._accents or self._load_accents()
        return list(self._accents.phrases(text, *([dictionary] if dictionary else [])))


def _each(batch: Sequence[_Work]) -> list[Any]:
    return [work.run() for work in batch]


def _check(forbidden: WordFilter, text: str | ControlledText, language: str, dictionary: Dictionary | None) -> None:
    """Passes if neither what was written is forbidden nor what is read, without controls and tags and as respelt."""
    if isinstance(text, str):
        forbidden.check(text, language)
        text = parse_controls(text)
    for spoken in dict.fromkeys([language, *(tag for _, tag in text.languages)]):
        readings = [text.text, text.as_read()]
        if dictionary:
            readings.append(dictionary.respelt(text.text, resolve_language(spoken).tag))
        for read in dict.fromkeys(readings):
            forbidden.check(read, spoken)
