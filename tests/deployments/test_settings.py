from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from deployments.settings import AppSettings, BatchLimits, Settings, field_table
from tts_models.text import frontend


def trees(settings: type[Settings] = AppSettings) -> list[type[Settings]]:
    below = [field.annotation for field in settings.model_fields.values()]
    return [settings, *(tree for s in below if isinstance(s, type) and issubclass(s, Settings) for tree in trees(s))]


@pytest.mark.parametrize(
    "args", [{"vocodr": {}}, {"vocoder": {"engin": "auto"}}, {"synthesis": {"segments_in_flight": 0}}, {"http": 3}]
)
def test_wrong_settings_are_refused(args: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AppSettings.model_validate(args)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        AppSettings().vocoder.engine = "fp32"  # type: ignore[misc]


def test_every_field_says_what_it_is() -> None:
    assert len(trees()) == 16
    for tree in [*trees(), BatchLimits]:
        for name, field in tree.model_fields.items():
            assert field.description, f"{tree.__name__}.{name}"
            assert field.description.endswith("."), f"{tree.__name__}.{name}"


def test_the_table_lists_every_leaf() -> None:
    rows = {key: default for key, default, _ in field_table()}
    assert rows["synthesis.segments_in_flight"] == "3"
    assert rows["assets.root"] == "null"
    leaves = [
        field
        for tree in trees()
        for field in tree.model_fields.values()
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel))
    ]
    assert len(rows) == len(leaves)


def test_batch_limits_have_no_defaults() -> None:
    """A ``user_config`` in the YAML replaces the one before it whole, so a part of one must not pass."""
    with pytest.raises(ValidationError):
        BatchLimits.model_validate({"max_items": 4})


def test_segment_lengths_are_those_of_the_text_frontend() -> None:
    settings = AppSettings().text
    assert settings.first_segment_tokens == frontend.FIRST_SEGMENT_TOKENS
    assert settings.max_segment_tokens == frontend.MAX_SEGMENT_TOKENS


def test_the_warm_languages_are_all_of_them() -> None:
    from tts_models.text import LANGUAGES

    assert set(AppSettings().text.warm_languages) == {
        language if isinstance(language, str) else language.tag for language in LANGUAGES
    }
