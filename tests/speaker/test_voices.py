"""Voices are found by name, alias and likeness, and give the style row that Kokoro would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from tts_models.errors import AssetError, VoiceNotFound
from tts_models.speaker.voices import OPENAI_ALIASES, Voice, VoiceCatalogue
from tts_models.types import FloatArray

NAMES = ("af_heart", "am_echo", "bf_emma", "bm_fable", "ef_dora", "ff_siwis", "hm_psi", "if_sara", "jm_kumo")
MORE_NAMES = ("pm_alex", "zf_xiaobei", *OPENAI_ALIASES.values())


def table(seed: int) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((510, 256), dtype=np.float32)


@pytest.fixture(scope="module")
def tables() -> dict[str, FloatArray]:
    return {name: table(seed) for seed, name in enumerate(dict.fromkeys(NAMES + MORE_NAMES))}


@pytest.fixture(scope="module")
def catalogue(tables: dict[str, FloatArray], tmp_path_factory: pytest.TempPathFactory) -> VoiceCatalogue:
    path = tmp_path_factory.mktemp("voices") / "voices.safetensors"
    save_file(tables, path)
    return VoiceCatalogue.load(path)


def test_every_table_becomes_a_voice(catalogue: VoiceCatalogue, tables: dict[str, FloatArray]) -> None:
    assert catalogue.names == tuple(sorted(tables))
    assert [voice.name for voice in catalogue] == list(catalogue.names)
    assert len(catalogue) == len(tables)


@pytest.mark.parametrize(
    ("name", "language", "gender"),
    [
        ("af_heart", "en-US", "female"),
        ("bm_fable", "en-GB", "male"),
        ("ef_dora", "es", "female"),
        ("ff_siwis", "fr-FR", "female"),
        ("hm_psi", "hi", "male"),
        ("if_sara", "it", "female"),
        ("jm_kumo", "ja", "male"),
        ("pm_alex", "pt-BR", "male"),
        ("zf_xiaobei", "zh", "female"),
    ],
)
def test_the_prefix_says_language_and_gender(catalogue: VoiceCatalogue, name: str, language: str, gender: str) -> None:
    voice = catalogue.get(name)
    assert (voice.name, voice.language, voice.gender) == (name, language, gender)


@pytest.mark.parametrize(("n_tokens", "row"), [(-3, 0), (0, 0), (1, 0), (2, 1), (509, 508), (510, 509), (9_999, 509)])
def test_the_style_is_the_row_of_the_token_count(
    catalogue: VoiceCatalogue, tables: dict[str, FloatArray], n_tokens: int, row: int
) -> None:
    style = catalogue.get("af_heart").style(n_tokens)
    assert style.shape == (256,)
    assert style.dtype == np.float32
    np.testing.assert_array_equal(style, tables["af_heart"][row])


def test_a_style_cannot_be_changed_by_accident(catalogue: VoiceCatalogue) -> None:
    with pytest.raises(ValueError, match="read-only"):
        catalogue.get("af_heart").style(7)[0] = 1.0


@pytest.mark.parametrize("alias", sorted(OPENAI_ALIASES))
def test_openai_names_are_aliases(catalogue: VoiceCatalogue, alias: str) -> None:
    voice = catalogue.get(alias)
    assert voice.name == OPENAI_ALIASES[alias]
    assert voice.language in ("en-US", "en-GB")


def test_openai_names_speak_with_different_voices() -> None:
    assert len(set(OPENAI_ALIASES.values())) == len(OPENAI_ALIASES) == 13


def test_case_and_white_space_do_not_matter(catalogue: VoiceCatalogue) -> None:
    assert catalogue.get(" AF_Heart\n") is catalogue.get("af_heart")
    assert catalogue.get("Nova") is catalogue.get("af_nova")


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("heart", "af_heart"),
        ("af_hart", "af_heart"),
        ("siwis", "ff_siwis"),
        ("xiaobai", "zf_xiaobei"),
        ("nowa", "af_nova"),
        ("shimer", "af_aoede"),
    ],
)
def test_an_unknown_voice_names_the_nearest(catalogue: VoiceCatalogue, wrong: str, meant: str) -> None:
    with pytest.raises(VoiceNotFound) as caught:
        catalogue.get(wrong)
    assert catalogue.nearest(wrong)[0] == meant
    assert meant in caught.value.message
    assert repr(wrong) in caught.value.message
    assert caught.value.param == "voice"


def test_nothing_is_near_to_nonsense(catalogue: VoiceCatalogue) -> None:
    assert catalogue.nearest("qqqqqqqq") == ()
    with pytest.raises(VoiceNotFound, match="af_alloy") as caught:
        catalogue.get("q" * 10_000)
    assert len(caught.value.message) < 300


@given(st.text(max_size=80))
def test_any_text_is_a_voice_or_not_found(name: str) -> None:
    small = VoiceCatalogue([Voice.from_table("af_heart", np.zeros((510, 256), np.float32))])
    if name.strip().lower() == "af_heart":
        assert small.get(name).name == "af_heart"
    else:
        with pytest.raises(VoiceNotFound):
            small.get(name)


def test_an_alias_of_an_absent_voice_is_left_out() -> None:
    small = VoiceCatalogue([Voice.from_table("af_nova", table(0))])
    assert dict(small.aliases) == {"nova": "af_nova"}
    with pytest.raises(VoiceNotFound):
        small.get("alloy")


def test_display_name() -> None:
    assert Voice.from_table("af_heart", table(0)).display_name == "Heart (en-US, female)"


@pytest.mark.parametrize(
    ("name", "styles"),
    [
        ("heart", np.zeros((510, 256), np.float32)),
        ("xx_heart", np.zeros((510, 256), np.float32)),
        ("af_heart", np.zeros((511, 1, 256), np.float32)),
        ("af_heart", np.zeros((510, 256), np.float16)),
        ("af_heart", np.full((510, 256), np.nan, np.float32)),
    ],
)
def test_what_is_no_voice_is_refused(name: str, styles: FloatArray, tmp_path: Path) -> None:
    save_file({name: styles}, tmp_path / "voices.safetensors")
    with pytest.raises(AssetError, match=name):
        VoiceCatalogue.load(tmp_path / "voices.safetensors")


def test_a_broken_or_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "voices.safetensors"
    with pytest.raises(AssetError, match=r"voices\.safetensors"):
        VoiceCatalogue.load(path)
    path.write_bytes(b"no tensors in here")
    with pytest.raises(AssetError, match=r"voices\.safetensors"):
        VoiceCatalogue.load(path)
    save_file({}, path)
    with pytest.raises(AssetError, match="no voice"):
        VoiceCatalogue.load(path)
