"""What callers wrote stays out of the logs.

An exception may quote what it is about: ``int("my secret")`` does. Ray's replicas log every exception that a request
raised, with its message, and so do we. In a process where :func:`keep_texts_out` was called, what is logged of an
exception is its class and where it came from, and of those behind it, but no message.

Whatever our code logs in a replica goes where Ray Serve's own lines go (:func:`log_with_serve`), in the form that
``logging_config`` in the YAML says: text, or JSON with the request's id, the deployment and the replica.
"""

from __future__ import annotations

import logging
import traceback
from types import TracebackType
from typing import Any

import ray
from ray.serve.context import _get_internal_replica_context as get_internal_replica_context

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


def log_with_serve() -> None:
    """Lets what our code logs in this replica go where Ray Serve's lines go; elsewhere nothing changes.

    Otherwise it would go to the standard error of a Ray worker, warnings and errors only, in no particular form.
    """
    if not ray.is_initialized() or get_internal_replica_context() is None:
        return
    serve = logging.getLogger("ray.serve")
    for name in ("serve_app", "deployments", "tts_models"):
        logger = logging.getLogger(name)
        logger.handlers = serve.handlers  # the list itself: Serve changes it when it is configured anew
        logger.setLevel(serve.level)
        logger.propagate = False


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
