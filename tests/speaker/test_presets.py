"""The presets as they are heard: the table is what the models say, and the nearest one is near."""

from __future__ import annotations

import numpy as np
import pytest

from bench.preset_voices import Reader
from tts_models.assets import AssetStore
from tts_models.speaker.presets import MAX_SEMITONES, PresetVoices, preset_voices
from tts_models.speaker.profile import ReferenceProfile
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.types import SPEAKER_EMBEDDING_DIM, FloatArray


def somebody(embedding: FloatArray, f0_hz: float, range_semitones: float = 8.0) -> ReferenceProfile:
    return ReferenceProfile(embedding, (), 5.0, f0_hz, range_semitones)


@pytest.fixture(scope="module")
def reader(assets: AssetStore) -> Reader:
    return Reader(assets)


@pytest.fixture(scope="module")
def catalogue(assets: AssetStore) -> VoiceCatalogue:
    return VoiceCatalogue.load(assets.ensure("voices-v1.0"))


def test_every_preset_is_in_the_table(catalogue: VoiceCatalogue) -> None:
    presets = preset_voices()
    assert presets.names == catalogue.names
    np.testing.assert_allclose(np.linalg.norm(presets.embeddings, axis=1), 1, atol=1e-5)
    genders = np.array([catalogue.get(name).gender for name in presets.names])
    assert np.median(presets.median_f0_hz[genders == "female"]) > 1.4 * np.median(
        presets.median_f0_hz[genders == "male"]
    )
    assert presets.median_f0_hz.min() > 70
    assert presets.median_f0_hz.max() < 350
    assert presets.f0_range_semitones.min() > 2


@pytest.mark.parametrize("name", ["af_heart", "am_michael"])
def test_the_table_is_what_is_heard(reader: Reader, catalogue: VoiceCatalogue, name: str) -> None:
    presets = preset_voices()
    row = presets.names.index(name)
    heard = reader.hears(reader.reads(catalogue.get(name)))
    assert heard.embedding @ presets.embeddings[row] > 0.98, "engines differ a little"
    assert heard.pitch.median_hz == pytest.approx(presets.median_f0_hz[row], rel=0.01)
    assert heard.pitch.range_semitones == pytest.approx(presets.f0_range_semitones[row], abs=0.3)


def test_the_speakers_f0_is_heard_from_the_nearest_voice(reader: Reader, catalogue: VoiceCatalogue) -> None:
    """A speaker of which nothing fits any preset: lower, and flatter."""
    presets = preset_voices()
    row = presets.names.index("af_heart")
    wanted = somebody(presets.embeddings[row], presets.median_f0_hz[row] * 2 ** (-4 / 12), 5.0)
    (nearest,) = presets.nearest(wanted)
    assert nearest.recipe.presets == {"af_heart": 1.0}
    assert nearest.similarity == pytest.approx(1.0, abs=1e-5)
    heard = reader.hears(reader.reads(nearest.recipe.voice(catalogue, "clone", "en-US", "female")))
    assert 12 * np.log2(heard.pitch.median_hz / wanted.median_f0_hz) == pytest.approx(0, abs=0.5)
    assert heard.pitch.range_semitones < presets.f0_range_semitones[row] - 0.5


@pytest.mark.parametrize("name", ["af_heart", "am_michael"])
def test_f0_of_what_is_heard_is_what_was_predicted(reader: Reader, catalogue: VoiceCatalogue, name: str) -> None:
    predicted_hz = np.concatenate([features.f0_hz for features in reader.features(catalogue.get(name))])
    predicted_hz = predicted_hz[predicted_hz > 50]
    presets = preset_voices()
    row = presets.names.index(name)
    # Creaky ends of sentences are predicted as very low, and heard as unvoiced.
    assert 12 * np.log2(presets.median_f0_hz[row] / np.median(predicted_hz)) == pytest.approx(0.3, abs=0.7)


def table() -> PresetVoices:
    embeddings = np.zeros((3, SPEAKER_EMBEDDING_DIM), np.float32)
    embeddings[[0, 1, 2], [0, 1, 2]] = 1
    return PresetVoices(("low", "high", "other"), embeddings, np.float32([100, 220, 200]), np.float32([8, 8, 8]))


def between(*weights: float) -> FloatArray:
    vector = np.zeros(SPEAKER_EMBEDDING_DIM, np.float32)
    vector[: len(weights)] = weights
    return vector / np.linalg.norm(vector)


def test_f0_decides_between_voices_that_are_about_as_near() -> None:
    presets = table()
    speaker = between(0.50, 0.45)
    assert presets.nearest(somebody(speaker, 110.0))[0].recipe.presets == {"low": 1.0}
    assert presets.nearest(somebody(speaker, 300.0))[0].recipe.presets == {"high": 1.0}
    assert presets.nearest(somebody(between(0.9, 0.1), 300.0))[0].recipe.presets == {"low": 1.0}
    ranked = presets.nearest(somebody(speaker, 110.0), count=3)
    assert [next(iter(one.recipe.presets)) for one in ranked] == ["low", "high", "other"]
    assert ranked[0].similarity == pytest.approx(0.50 / np.hypot(0.50, 0.45), abs=1e-6)


def test_a_voice_of_the_language_is_taken_where_it_is_about_as_near() -> None:
    plain = table()
    presets = PresetVoices(("em_one", "bf_two", "if_three"), *(getattr(plain, name) for name in plain.__slots__[1:]))

    def nearest(weights: tuple[float, float], language: str) -> str:
        return next(iter(presets.nearest(somebody(between(*weights), 0.0), language=language)[0].recipe.presets))

    assert nearest((0.50, 0.45), "") == nearest((0.50, 0.45), "es") == "em_one"
    assert nearest((0.50, 0.45), "en-US") == "bf_two", "of whatever country"
    assert nearest((0.50, 0.30), "en-US") == "em_one", "it is much nearer"
    assert nearest((0.50, 0.45), "hi") == "em_one", "no other is nearer in a language that none of them reads"


def test_what_of_a_speaker_is_taken_over() -> None:
    presets = table()
    (exact,) = presets.nearest(somebody(between(1.0), 100 * 2 ** (3 / 12), 8.0))
    assert exact.recipe.semitones == pytest.approx(3, abs=1e-4)
    assert exact.recipe.range_scale == pytest.approx(1)
    assert not exact.recipe.offset.any()
    (lively,) = presets.nearest(somebody(between(1.0), 100.0, 11.0))
    (flat,) = presets.nearest(somebody(between(1.0), 100.0, 4.0))
    assert flat.recipe.range_scale < 1 < lively.recipe.range_scale
    (whisper,) = presets.nearest(somebody(between(1.0), 0.0, 0.0))
    assert (whisper.recipe.semitones, whisper.recipe.range_scale) == (0.0, 1.0)
    (squeak,) = presets.nearest(somebody(between(1.0), 590.0, 30.0))
    assert squeak.recipe.semitones == MAX_SEMITONES
