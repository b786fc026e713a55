"""Tracebacks without messages."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from deployments.logs import keep_texts_out
from deployments.settings import TextSettings


@pytest.fixture
def factory() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(before)


def logged() -> str:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logger = logging.getLogger("a library")
    logger.addHandler(handler)
    try:
        try:
            int("my secret")
        except ValueError as error:
            error.add_note("my secret")
            try:
                raise ExceptionGroup("my secret", [KeyError("my secret")]) from error
            except ExceptionGroup as group:
                raise RuntimeError("my secret") from group
    except RuntimeError:
        logger.exception("It failed.")
    finally:
        logger.removeHandler(handler)
    return written.getvalue()


@pytest.mark.usefixtures("factory")
def test_classes_and_places_are_logged_and_messages_are_not() -> None:
    keep_texts_out(TextSettings())
    keep_texts_out(TextSettings())
    text = logged()
    assert text.startswith("It failed.\n")
    for name in ("ValueError", "KeyError", "ExceptionGroup", "RuntimeError", "direct cause", "in logged\n"):
        assert name in text
    assert "secret" not in text.replace('int("my secret")', "").replace('("my secret")', "").replace(
        '("my secret", [KeyError', ""
    )  # the lines of the source, which are ours


@pytest.mark.usefixtures("factory")
def test_a_setting_says_otherwise() -> None:
    keep_texts_out(TextSettings(in_logs=True))
    assert "invalid literal for int() with base 10: 'my secret'" in logged()
