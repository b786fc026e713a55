from __future__ import annotations

from collections.abc import Callable

import pytest

from tts_models.errors import VoiceNotFound
from tts_models.text.ssml import CastVoice, SsmlText, VoiceWish, parse_ssml

Parse = Callable[..., SsmlText]


def cast(wish: VoiceWish) -> CastVoice:
    """Any name there is but one; its first letter is its language."""
    if "nobody" in wish.names:
        raise VoiceNotFound("There is no voice 'nobody'.")
    name = wish.names[0] if wish.names else f"{wish.languages or wish.current_language}-{wish.gender}-{wish.variant}"
    return CastVoice(name, "ja" if name.startswith("j") else "en-US")


@pytest.fixture
def parse() -> Parse:
    return lambda source, language="en-US": parse_ssml(source, language, cast)
