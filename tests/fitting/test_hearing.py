"""What is compared: the speaker, not the words, the level or the length; and it can be differentiated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from tests.fitting.conftest import CPU
from tests.speaker.test_encoder import buzz
from tts_models.acoustic import AcousticModel
from tts_models.fitting.delivery import delivered_as, say
from tts_models.fitting.hearing import hear, speaker_sound, unlikeness
from tts_models.fitting.speech import FrozenVocoder
from tts_models.fitting.texts import HELD_OUT, SENTENCES
from tts_models.speaker.encoder import SpeakerEncoder
from tts_models.speaker.profile import ReferenceProfile
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text.vocabulary import encode
from tts_models.types import MAX_TOKENS, TIMBRE_DIM

HEART = VoiceRecipe({"af_one": 1.0})


def test_the_embedding_is_the_encoders_own(encoder: SpeakerEncoder) -> None:
    clip = torch.from_numpy(buzz(1, 1.0)[None])
    heard = hear(encoder, clip)
    level = clip.square().mean().sqrt()
    torch.testing.assert_close(heard.embeddings, encoder.embeddings(clip * 0.05 / level, [clip.shape[-1]]))
    assert [len(layer[0]) for layer in heard.statistics] == [2 * 80, *[2 * 32] * 4, 2 * 48]


def test_a_speaker_is_like_itself_and_unlike_others_at_any_level(encoder: SpeakerEncoder) -> None:
    speaker = speaker_sound(encoder, [buzz(1, 4.0)], 1.0, CPU)
    same, loud, other = (
        [float(part) for part in unlikeness(hear(encoder, torch.from_numpy(clip[None])), speaker)]
        for clip in (buzz(1, 4.0)[:16000], 20 * buzz(1, 4.0)[:16000], buzz(2, 1.0))
    )
    assert all(mine < theirs for mine, theirs in zip(same, other, strict=True))
    np.testing.assert_allclose(same, loud, rtol=2e-3, atol=1e-4)


def test_the_gradient_says_where_the_speaker_is(
    vocoder: FrozenVocoder, encoder: SpeakerEncoder, acoustic: AcousticModel, catalogue: VoiceCatalogue
) -> None:
    (features,) = say(acoustic, HEART.voice(catalogue, "x", "en-US", "female"), [encode(SENTENCES[0])])
    passage = vocoder.passage(features)
    speaker = speaker_sound(encoder, [buzz(3, 3.0)], 1.0, CPU)

    def loss(timbre: torch.Tensor) -> torch.Tensor:
        return torch.stack(unlikeness(hear(encoder, vocoder.waveform(passage, timbre)), speaker)).sum()

    timbre = torch.tensor(features.timbre, requires_grad=True)
    before = loss(timbre)
    (gradient,) = torch.autograd.grad(before, timbre)
    assert gradient.shape == (TIMBRE_DIM,)
    assert gradient.isfinite().all()
    with torch.no_grad():
        step = 1e-3 / gradient.norm()
        slope = (loss(timbre + step * gradient) - loss(timbre - step * gradient)) / (2 * step)
    np.testing.assert_allclose(float(slope), float(gradient.square().sum()), rtol=0.05)


def test_a_window_of_a_passage_has_all_of_its_parts(
    vocoder: FrozenVocoder, acoustic: AcousticModel, catalogue: VoiceCatalogue
) -> None:
    (features,) = say(acoustic, HEART.voice(catalogue, "x", "en-US", "female"), [encode(SENTENCES[1])])
    passage = vocoder.passage(features)
    assert passage.n_frames == features.durations_frames[1:-1].sum()
    window = passage.cut(3, 11)
    assert window.n_frames == 8
    assert vocoder.waveform(window, torch.tensor(features.timbre)).shape == (1, 8 * 600 * 2 // 3)


def test_a_voice_speaks_at_the_speakers_pitch(acoustic: AcousticModel, catalogue: VoiceCatalogue) -> None:
    texts = [encode(symbols) for symbols in HELD_OUT]
    speaker = ReferenceProfile(np.zeros(192, np.float32), (), 3.0, median_f0_hz=220.0, f0_range_semitones=6.0)
    recipe = delivered_as(HEART, speaker, acoustic, catalogue, texts)
    curves = [one.f0_hz for one in say(acoustic, recipe.voice(catalogue, "x", "en-US", "female"), texts)]
    f0_hz = np.concatenate([curve[curve > 50] for curve in curves])
    assert abs(12 * np.log2(np.median(f0_hz) / 220)) < 0.5
    whisper = replace(speaker, median_f0_hz=0.0)
    assert delivered_as(recipe, whisper, acoustic, catalogue, texts) is recipe


def test_every_sentence_can_be_said() -> None:
    for symbols in (*SENTENCES, *HELD_OUT):
        assert 10 < len(encode(symbols)) == len(symbols) < MAX_TOKENS
