"""The README's tables of settings are the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.settings import AppSettings, BatchLimits, Settings, field_table

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.parametrize("settings", [AppSettings, BatchLimits])
def test_every_setting_stands_in_the_readme_with_its_default(settings: type[Settings]) -> None:
    lines = set(README.read_text().splitlines())
    rows = [
        f"| `{key}` | {f'`{default}`' if default else 'none'} | {description} |"
        for key, default, description in field_table(settings)
    ]
    assert [row for row in rows if row not in lines] == []


def test_no_row_names_a_setting_that_is_gone() -> None:
    keys = {key for settings in (AppSettings, BatchLimits) for key, _, _ in field_table(settings)}
    rows = [line.split("`")[1] for line in README.read_text().splitlines() if line.startswith("| `")]
    groups = {key.partition(".")[0] for key in keys if "." in key}
    assert [row for row in rows if row.partition(".")[0] in groups and "." in row and row not in keys] == []
