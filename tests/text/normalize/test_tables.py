"""What a person would read aloud, one table per language (``tables/*.txt``, lines of ``written => said``)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tts_models.text.normalize import normalize

_TABLES = sorted(Path(__file__).with_name("tables").glob("*.txt"))


def _rows(path: Path) -> list[tuple[str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [tuple(line.split(" => ")) for line in lines if line and not line.startswith("## ")]  # type: ignore[misc]


_CASES = [pytest.param(path.stem, *row, id=f"{path.stem}: {row[0]}") for path in _TABLES for row in _rows(path)]


@pytest.mark.parametrize(("language", "written", "said"), _CASES)
def test_reads_as_a_person_would(language: str, written: str, said: str) -> None:
    assert normalize(written, language) == said


@pytest.mark.parametrize("path", _TABLES, ids=lambda path: path.stem)
def test_every_table_is_full(path: Path) -> None:
    assert len(_rows(path)) >= 25


def test_every_language_has_a_table() -> None:
    assert {path.stem for path in _TABLES} == {"en-US", "en-GB", "es", "fr-FR", "hi", "it", "ja", "pt-BR", "zh"}
