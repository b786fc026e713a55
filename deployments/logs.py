"""What callers wrote stays out of the logs.

An exception may quote what it is about: ``int("my secret")`` does. Ray's replicas log every exception that a request
raised, with its message, and so do we. In a process where :func:`keep_texts_out` was called, what is logged of an
exception is its class and where it came from, and of those behind it, but no message.
"""

from __future__ import annotations

import logging
import traceback
from types import TracebackType
from typing import Any

from deployments.settings import TextSettings

Raised = tuple[type[BaseException], BaseException, TracebackType | None]


def keep_texts_out(settings: TextSettings) -> None:
    """Takes the messages of exceptions out of whatever this process logs from here on, unless ``settings`` want them.

    To be called in replicas that are given texts.
    """
    make = logging.getLogRecordFactory()
    if settings.in_logs or isinstance(make, _Factory):
        return
    logging.setLogRecordFactory(_Factory(make))


def without_messages(raised: Raised) -> str:
    """A traceback without the messages of its exceptions."""
    shown = traceback.TracebackException(*raised)
    _strip(shown)
    return "".join(shown.format()).rstrip("\n")


class _Factory:
    """Makes records whose traceback is already text, which every formatter then takes as it is."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*args, **kwargs)
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = without_messages(record.exc_info)
        return record


def _strip(shown: traceback.TracebackException) -> None:
    shown._str = ""  # type: ignore[attr-defined]  # the one place where the message is kept, notes aside
    shown.__notes__ = None
    for behind in (shown.__cause__, shown.__context__, *(shown.exceptions or ())):
        if behind is not None:
            _strip(behind)
