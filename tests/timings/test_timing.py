from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_models.edges import ROOM_S
from tts_models.errors import SynthesisError
from tts_models.text.vocabulary import SYMBOL_IDS, encode
from tts_models.timing import CATCH_UP, LEAD_S, Timeline
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, Phonemes, SpokenWord, silence


def phonemes(symbols: str, *words: SpokenWord, before_s: float = 0.0, after_s: float = 0.0) -> Phonemes:
    return Phonemes("", symbols, encode(symbols), "en-US", before_s, after_s, words)


def test_words_are_where_their_tokens_are_heard() -> None:
    segment = phonemes("hˈi, ju.", SpokenWord(0, 2, 0, 3), SpokenWord(4, 7, 5, 7), before_s=0.5)
    #                           pad h ˈ i , _ j u . pad
    timeline = Timeline(segment, np.array([10, 2, 1, 4, 8, 2, 3, 5, 4, 6]), start_sample=SAMPLE_RATE_HZ)

    hi, you = timeline.words()

    start_s = 1.0 + 0.5 + 10 * 0.025 - LEAD_S
    assert (hi.start, hi.end, you.start, you.end) == (0, 2, 4, 7)
    assert [hi.start_s, hi.end_s] == pytest.approx([start_s, start_s + 7 * 0.025])
    assert [you.start_s, you.end_s] == pytest.approx([start_s + 17 * 0.025, start_s + 25 * 0.025])
    assert timeline.end_s == pytest.approx(1.5 + 45 * 0.025)


def test_sounds_carry_their_stress_length_and_tone_and_silences_their_punctuation() -> None:
    symbols = "“kʲˈaː, ni↓ˌ ˈə.”"
    marks = Timeline(phonemes(symbols), np.ones(len(symbols) + 2, dtype=np.int64)).phonemes()

    assert [mark.symbols for mark in marks] == ["“", "kʲ", "ˈaː", ", ", "n", "i↓", "ˌ", " ", "ˈə", ".”"]
    assert [mark.is_silence for mark in marks] == [True, False, False, True, False, False, False, True, False, True]


@given(
    st.text("".join(SYMBOL_IDS), min_size=1, max_size=40),
    st.data(),
    st.floats(0, 3),
    st.floats(0, 3),
    st.integers(0, 10**6),
)
def test_sounds_and_silences_cover_every_sample_once(
    symbols: str, data: st.DataObject, before_s: float, after_s: float, start_sample: int
) -> None:
    durations = np.array(data.draw(st.lists(st.integers(1, 30), min_size=len(symbols) + 2, max_size=len(symbols) + 2)))
    timeline = Timeline(phonemes(symbols, before_s=before_s, after_s=after_s), durations, start_sample)

    marks = timeline.phonemes()

    samples = len(silence(before_s).samples) + durations.sum() * FRAME_SAMPLES + len(silence(after_s).samples)
    assert timeline.end_sample == start_sample + samples
    assert "".join(mark.symbols for mark in marks) == symbols
    bounds = [mark.start_s for mark in marks] + [marks[-1].end_s]
    assert bounds == sorted(bounds)
    assert [mark.end_s for mark in marks[:-1]] == bounds[1:-1]
    assert [round(bound * SAMPLE_RATE_HZ) for bound in (bounds[0], bounds[-1])] == [start_sample, timeline.end_sample]


def test_nothing_is_heard_before_its_segment() -> None:
    segment = phonemes("a", SpokenWord(0, 1, 0, 1))
    (word,) = Timeline(segment, np.array([1, 1, 1]), start_sample=600).words()
    assert (word.start_s, word.end_s) == (0.025, 0.035)


@pytest.mark.parametrize("durations", [None, np.array([1, 1])])
def test_audio_without_its_durations_is_an_error(durations: np.ndarray | None) -> None:
    with pytest.raises(SynthesisError, match="durations"):
        Timeline(phonemes("a"), durations).phonemes()


def energy(*parts: tuple[float, int]) -> np.ndarray:
    """Each level for so many frames."""
    return np.concatenate([np.full(2 * frames, level, np.float32) for level, frames in parts])


def test_a_segment_is_cut_to_its_sound_and_its_pauses_are_counted_from_there() -> None:
    segment = phonemes("“ab.", SpokenWord(1, 3, 1, 3), before_s=1.0, after_s=0.5)
    durations = np.array([20, 2, 4, 10, 4, 20])
    timeline = Timeline(segment, durations, SAMPLE_RATE_HZ, energy((-9, 18), (8, 12), (-9, 30)))

    (word,) = timeline.words()
    assert (word.start_s, word.end_s) == (pytest.approx(2.0), pytest.approx(2.3)), "a second of silence after the first"
    assert timeline.end_s == pytest.approx(2.3 + 0.5)
    samples = timeline.played(np.ones(60 * FRAME_SAMPLES, np.float32))
    assert len(samples) == timeline.end_sample - SAMPLE_RATE_HZ
    assert not samples[: round((1.0 - ROOM_S) * SAMPLE_RATE_HZ)].any()
    assert samples[SAMPLE_RATE_HZ : round(1.3 * SAMPLE_RATE_HZ)].all()
    assert not samples[round((1.3 + ROOM_S) * SAMPLE_RATE_HZ) :].any()


def test_a_segment_that_begins_late_is_on_time_again_later() -> None:
    segment = phonemes("a b c", *(SpokenWord(n, n + 1, n, n + 1) for n in (0, 2, 4)))
    durations = np.array([4, 2, 2, 2, 40, 4, 4])
    sounds = energy((-9, 8), (8, 44), (-9, 6))
    late_s = (8 - 4) * 0.025 + LEAD_S
    first, second, third = Timeline(segment, durations, energy=sounds).words()
    lead_in_s = Timeline(segment, durations, energy=sounds).words()[0].start_s
    assert lead_in_s == pytest.approx(ROOM_S)
    on_time_s = 0.2 - ROOM_S + LEAD_S  # cut in front, and the lead
    assert second.start_s == pytest.approx(8 * 0.025 - on_time_s + late_s - 4 * 0.025 / CATCH_UP, abs=1e-4)
    assert third.start_s == pytest.approx(50 * 0.025 - on_time_s)
    assert first.start_s < first.end_s <= second.start_s < second.end_s <= third.start_s
