from __future__ import annotations

import pytest

from tts_models.errors import UnsupportedLanguage
from tts_models.text import LANGUAGES, resolve_language


def test_nine_languages_each_with_the_prefix_of_its_voices() -> None:
    assert list(LANGUAGES) == ["en-US", "en-GB", "es", "fr-FR", "hi", "it", "ja", "pt-BR", "zh"]
    assert "".join(sorted(language.voice_prefix for language in LANGUAGES.values())) == "abefhijpz"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("en", "en-US"),
        ("EN_us", "en-US"),
        ("en-AU", "en-GB"),
        ("en-CA", "en-US"),
        ("es-ES", "es"),
        ("es-419", "es"),
        ("fr-CA", "fr-FR"),
        ("hi-IN", "hi"),
        ("it-IT", "it"),
        ("ja-JP", "ja"),
        ("pt", "pt-BR"),
        ("zh-CN", "zh"),
        ("zh-Hant-TW", "zh"),
        ("cmn", "zh"),
        ("cmn-Hans-CN", "zh"),
        (" de-DE".replace("de-DE", "it "), "it"),
    ],
)
def test_tags_and_aliases(asked: str, found: str) -> None:
    assert resolve_language(asked).tag == found


@pytest.mark.parametrize("asked", ["de", "xx", "", "english", "zh-yue", "yue", "-", "e"])
def test_an_unknown_language_is_told_what_works(asked: str) -> None:
    with pytest.raises(UnsupportedLanguage) as error:
        resolve_language(asked)
    assert all(tag in error.value.message for tag in LANGUAGES)
    assert error.value.param == "language"
