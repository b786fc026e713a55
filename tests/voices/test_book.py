"""Voices as callers name them: alone, and mixed in every form that users of this field write."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deployments.storage.voices import ClonedVoice
from serve_app.voices.book import VoiceBook
from tts_models.errors import InvalidRequest, VoiceNotFound
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.speaker.voices import Voice, VoiceCatalogue

LEVELS = {"af_bella": 1.0, "af_sky": 4.0, "am_puck": 10.0, "jf_alpha": 0.0, "af_heart": 2.0}


def presets() -> VoiceCatalogue:
    """Presets whose every style is one number."""
    return VoiceCatalogue(
        Voice.from_table(name, np.full((510, 256), level, np.float32)) for name, level in LEVELS.items()
    )


def own(name: str, level: float = 7.0, tenant: str = "t", **fields: Any) -> ClonedVoice:
    """A voice whose every style is ``level``."""
    offset = np.full(256, level - LEVELS["am_puck"], np.float32)
    recipe = VoiceRecipe({"am_puck": 1.0}, offset, **fields)
    return ClonedVoice.new(tenant, name, recipe, language="en-GB", gender="male", source="clone")


@pytest.fixture
def book() -> VoiceBook:
    return VoiceBook(presets(), [own("Ana-María 2", semitones=4.0), own("my-voice", 3.0)])


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("af_bella(2)+af_sky(1)", 2.0),
        ("af_bella+af_sky", 2.5),
        ("0.5*af_bella+0.5*af_sky", 2.5),
        (" 0.9 * af_bella + af_sky*.1 ", 1.3),
        ("af_bella:60,af_sky:40", 2.2),
        ("af_bella, af_sky", 2.5),
        ("AF_Bella(1) + Af_Sky", 2.5),
        ("af_bella(2)-af_sky(0.5)", 0.0),
        ("-af_sky(0.5)+af_bella(2)", 0.0),
        ("af_bella(4)-af_sky", 0.0),
        ("af_bella+af_bella+af_sky", 2.0),
        ("af_bella(3)", 1.0),
        ("marin", 2.0),
        ("coral+af_sky", 2.5),
        ("my-voice", 3.0),
        ("MY-VOICE(1)+af_bella(1)", 2.0),
        ("af_bella-my-voice(0.25)", 1 / 3),
        ("Ana-María 2+my-voice", 5.0),
        ("0.25*Ana-María 2 + 0.75 * my-voice", 4.0),
    ],
)
def test_a_mix_has_the_styles_of_its_voices_in_proportion(book: VoiceBook, text: str, level: float) -> None:
    voice = book.get(text)
    assert voice.styles.shape == (510, 256)
    assert voice.styles == pytest.approx(level, abs=1e-5)
    assert book.get(voice.name).styles == pytest.approx(level, abs=1e-5)  # under its own name too, as SSML asks
    assert " " not in voice.name


def test_a_mix_has_the_language_and_the_gender_of_what_is_most_in_it(book: VoiceBook) -> None:
    about = {text: book.get(text) for text in ("af_bella(2)+my-voice(1)", "af_bella(1)+my-voice(2)")}
    assert [(voice.language, voice.gender) for voice in about.values()] == [("en-US", "female"), ("en-GB", "male")]
    assert book.get("jf_alpha(2)-af_sky(0.1)").language == "ja"
    assert book.get("af_bella+Ana-María 2").semitones == pytest.approx(2.0)


def test_a_table_is_made_once(book: VoiceBook) -> None:
    assert book.get("af_bella+af_sky") is book.get("af_bella(1)+af_sky")
    assert book.get("af_bella") is book.get("coral")


def test_own_voices_go_by_name_and_id_and_win_over_everybodys() -> None:
    everybodys, mine = own("Ana", 1.0, tenant=""), own("ana", 2.0)
    book = VoiceBook(presets(), [mine, everybodys])
    assert book.get("ANA").styles == pytest.approx(2.0)
    assert book.get(everybodys.id).styles == pytest.approx(1.0)
    assert book.get(f"{everybodys.id}+{mine.id}(3)").styles == pytest.approx(1.75)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("af_bela", "'af_bela'. Did you mean af_bella"),
        ("af_bela+af_sky", "'af_bela'. Did you mean af_bella"),
        ("af_sky-af_bela", "'af_bela'. Did you mean af_bella"),
        ("af_bela-af_sky", "'af_bela'. Did you mean af_bella"),
        ("my-voise(2)+af_sky", "'my-voise'. Did you mean my-voice"),
        ("anna maría 2", "Did you mean Ana-María 2"),
        ("af_bella+nova", "There is no voice 'nova'"),  # an alias of a preset that is not here
        ("zzz", "among the 7 voices"),
        ("voice_" + "0" * 24, "There is no voice"),
        ("", "There is no voice ''"),
    ],
)
def test_what_is_unknown_is_answered_with_the_nearest(book: VoiceBook, text: str, says: str) -> None:
    with pytest.raises(VoiceNotFound) as error:
        book.get(text)
    assert says in error.value.message
    assert error.value.param == "voice"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("af_bella+", "A voice is missing"),
        ("+", "A voice is missing"),
        ("af_bella++af_sky", "A voice is missing"),
        ("af_bella(x)+af_sky", "'(x)+af_sky' makes no sense behind 'af_bella'"),
        ("af_bella(2", "'(2' makes no sense"),
        ("af_bella(2)(3)", "'(3)' makes no sense"),
        ("2*af_bella(3)", "two weights"),
        ("af_bella(0)", "must be more than 0"),
        ("af_bella(1e9)", "makes no sense"),
        ("af_bella(99999999)", "at most 1000"),
        ("-af_bella", "takes away 1 and adds 0"),
        ("af_bella-af_sky", "25% of what is added"),
        ("af_bella(2)-af_sky(1)-am_puck(0.1)", "takes away 1.1 and adds 2"),
        ("+".join(["af_bella"] * 17), "at most 16"),
        ("af_bella+" * 100, "at most 512"),
    ],
)
def test_what_is_no_mix_is_refused(book: VoiceBook, text: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        book.get(text)
    assert says in error.value.message
    assert error.value.param == "voice"
