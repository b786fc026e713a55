"""The fit over small random models: it gets nearer, the same way every time, and goes on from where it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.fitting.conftest import NAMES, PLAN, START
from tests.speaker.test_encoder import buzz
from tts_models.errors import ReferenceAudioError, VoiceNotFound
from tts_models.fitting.fitter import VoiceFitter, split
from tts_models.fitting.plan import Fitted
from tts_models.fitting.state import FitState, StateError
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.types import TIMBRE_DIM, FloatArray

Clips = list[FloatArray]


def states_of(fitter: VoiceFitter, clips: Clips, **changes: int) -> tuple[Fitted, list[FitState]]:
    states: list[FitState] = []
    return fitter.fit(clips, START, replace(PLAN, **changes), on_step=states.append), states


def test_a_fit_gets_nearer_on_what_it_was_not_fitted_to(fitter: VoiceFitter, clips: Clips) -> None:
    fitted, states = states_of(fitter, clips, steps=10)
    assert states[-1].best_unlikeness < FitState.from_bytes(states[0].to_bytes()).best_unlikeness
    assert fitted.steps == states[-1].best_step > 0
    assert (fitted.similarity, fitted.first_similarity) == (states[-1].best_similarity, states[0].first_similarity)


def test_only_the_timbre_is_moved_and_the_delivery_is_the_speakers(fitter: VoiceFitter, clips: Clips) -> None:
    fitted, states = states_of(fitter, clips)
    recipe = fitted.recipe
    assert recipe.presets == START.presets
    assert not recipe.offset[TIMBRE_DIM:].any()
    assert recipe.offset[:TIMBRE_DIM].any() == states[-1].best.any()
    assert recipe.semitones != 0


def test_equal_fits_are_equal_to_the_bit(fitter: VoiceFitter, clips: Clips) -> None:
    one, two = (states_of(fitter, clips)[1][-1].to_bytes() for _ in range(2))
    assert one == two
    assert one != states_of(fitter, clips, seed=1)[1][-1].to_bytes()


@pytest.mark.parametrize("stop", [1, 4])
def test_what_was_interrupted_ends_as_if_it_had_not_been(fitter: VoiceFitter, clips: Clips, stop: int) -> None:
    whole, states = states_of(fitter, clips)

    class KilledError(Exception):
        pass

    def until(state: FitState) -> None:
        if state.step == stop:
            raise KilledError

    with pytest.raises(KilledError):
        fitter.fit(clips, START, PLAN, on_step=until)
    resumed: list[FitState] = []
    again = fitter.fit(clips, START, PLAN, states[stop - 1].to_bytes(), resumed.append)
    assert [state.to_bytes() for state in resumed] == [state.to_bytes() for state in states[stop:]]
    assert (again.recipe.offset == whole.recipe.offset).all()


def test_the_best_of_several_voices_is_taken_and_kept_when_it_goes_on(fitter: VoiceFitter, clips: Clips) -> None:
    plan = replace(PLAN, steps=1)
    alone: dict[str, FitState] = {}
    for name in NAMES:
        fitter.fit(clips, VoiceRecipe({name: 1.0}), plan, on_step=lambda state, name=name: alone.update({name: state}))
    together: list[FitState] = []
    fitted = fitter.fit(clips, START, replace(plan, starts=3), on_step=together.append)
    best = min(NAMES, key=lambda name: alone[name].best_unlikeness)
    assert fitted.recipe.presets == {best: 1.0}
    assert together[-1].best_unlikeness == alone[best].best_unlikeness
    resumed = fitter.fit(clips, START, replace(PLAN, starts=3), together[-1].to_bytes())
    assert resumed.recipe.presets == {best: 1.0}


def test_it_ends_when_it_no_longer_gets_better(fitter: VoiceFitter, clips: Clips) -> None:
    states: list[FitState] = []
    plan = replace(PLAN, steps=100, learning_rate=50.0, check_every=1, patience=2)
    fitted = fitter.fit(clips, START, plan, on_step=states.append)
    assert states[-1].step == fitted.steps + 3 < 100
    assert fitted.similarity == states[-1].best_similarity


def test_too_little_speech_is_refused(fitter: VoiceFitter) -> None:
    with pytest.raises(ReferenceAudioError, match=r"0\.8 s of speech"):
        fitter.fit([buzz(1, 0.4), buzz(1, 0.4)], START, PLAN)


def test_an_unknown_preset_and_a_strange_state_are_refused(fitter: VoiceFitter, clips: Clips) -> None:
    with pytest.raises(VoiceNotFound):
        fitter.fit(clips, VoiceRecipe({"af_none": 1.0}), PLAN)
    for bad in (b"x", FitState.beginning(0, 1, 0).to_bytes()[:-9]):
        with pytest.raises(StateError):
            fitter.fit(clips, START, PLAN, bad)


@pytest.mark.parametrize(
    ("lengths", "known", "held_out"),
    [
        ([8.0], [6.0], [2.0]),
        ([6.0, 3.0], [6.0], [3.0]),
        ([3.0, 9.0], [3.0, 6.0], [3.0]),
        ([7.9], [7.9], [7.9]),
        ([1.0, 2.0], [1.0, 2.0], [1.0, 2.0]),
    ],
)
def test_a_quarter_is_held_out_or_the_last_clip_and_nothing_of_little_speech(
    lengths: list[float], known: list[float], held_out: list[float]
) -> None:
    clips = [np.full(int(length * ENCODER_RATE_HZ), length, np.float32) for length in lengths]
    parts = [[len(clip) / ENCODER_RATE_HZ for clip in part] for part in split(clips)]
    assert parts == [known, held_out]
