"""Long work on one thread, cut into slices between which others have their turn.

::

    FairWorker   [text A, slice 1][text B][text A, slice 2][text A, slice 3] ...
                        |                       ^
                        +-- pause() ------------+   A's own thread sleeps meanwhile; only one of them ever works

The work itself is a plain function that calls :func:`pause` now and then, however deep inside; it knows no scheduler.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import regex

SLICE_CHARACTERS = 1000
"""Of a text, between two pauses: about 25 ms of work, as long as the shortest segment takes on the other stages."""

_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}ーｰ]")

Result = TypeVar("Result")


class Paused:
    """What :meth:`Sliced.step` returns while there is more to do."""


class _AbandonedError(BaseException):
    """Unwinds the thread of work that nobody waits for any more."""


class Sliced(Generic[Result]):
    """Work that is done a slice at a time.

    Args:
        work: Calls :func:`pause`.
    """

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._go = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        self._thread: threading.Thread | None = None
        self._is_abandoned = False
        self._outcome: Paused | Result | BaseException = Paused()

    def step(self) -> Paused | Result:
        """Do the next slice; blocks as long as that takes.

        Returns:
            The result, or that there is more to do.

        Raises:
            BaseException: What the work raised.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sliced", daemon=True)
            self._thread.start()
        else:
            self._go.release()
        self._stopped.acquire()
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome

    def abandon(self) -> None:
        """Do no more of it; nothing if it is done."""
        self._is_abandoned = True
        self._go.release()

    def pause(self) -> None:
        """Called in the work's own thread."""
        self._stopped.release()
        self._go.acquire()
        if self._is_abandoned:
            raise _AbandonedError

    def _run(self) -> None:
        _current.work = self
        try:
            outcome: Result | BaseException = self._work()
        except _AbandonedError:
            return  # nobody waits, and whoever made the last step has been told that there is more
        except BaseException as error:
            outcome = error
        self._outcome = outcome
        self._stopped.release()


_current = threading.local()


def pause() -> None:
    """Let others have their turn; nothing outside of :class:`Sliced` work."""
    if (work := getattr(_current, "work", None)) is not None:
        work.pause()


class InSlices:
    """G2P of consecutive texts, with a pause after every ``SLICE_CHARACTERS``. G2P is nine tenths of a text's work.

    Args:
        g2p: As :class:`~tts_models.text.frontend.TextFrontend` takes it.
    """

    def __init__(self, g2p: Callable[..., list[Any]]) -> None:
        self._g2p = g2p

    def __call__(
        self, texts: Sequence[str], language: str, given: Mapping[int, Sequence[Any]] | None = None
    ) -> list[Any]:
        """The words of each of ``texts``, the same as if all were given at once."""
        given = given or {}
        # Kana anywhere in a text make its kanji Japanese, which a part of it would not know.
        if language != "ja" and any(map(_KANA.search, texts)):
            return self._g2p(texts, language, given)
        words: list[Any] = []
        start = characters = 0
        for stop, text in enumerate(texts, start=1):
            characters += len(text)
            if characters >= SLICE_CHARACTERS or stop == len(texts):
                mine = {index - start: given[index] for index in range(start, stop) if index in given}
                words.extend(self._g2p(texts[start:stop], language, mine))
                start, characters = stop, 0
                if stop < len(texts):
                    pause()
        return words
