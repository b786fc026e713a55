"""With the real weights: a word's mark is where its sound begins, in nine languages and at other speeds.

Only words after a silence are judged, since a waveform alone shows where those begin: the first word of a segment, and
words behind a comma or a full stop where the model did fall silent.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from serve_app.graph import spoken_audio
from tests.timings.real import Models, silences
from tts_models.timing import LEAD_S
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ

pytestmark = pytest.mark.timeout(600)

LIMIT_S = 0.080
BEFORE_S = 0.2
"""Silence put in front, so that there is enough of it to be found."""

SENTENCES = {
    "en-US": ("af_heart", "Good morning, everyone.[pause:300ms] Heavy rain is coming.", 1.0),
    "en-GB": ("bm_george", "She opened the letter.[pause:300ms] Tea is ready now.", 1.0),
    "es": ("ef_dora", "Buenos días a todos.[pause:300ms] ¿Cómo estás hoy?", 1.0),
    "fr-FR": ("ff_siwis", "Bonjour à tous.[pause:300ms] Comment allez-vous ?", 1.0),
    "hi": ("hf_alpha", "नमस्ते दोस्तों।[pause:300ms] आज आप कैसे हैं?", 1.0),
    "it": ("if_sara", "Buongiorno a tutti.[pause:300ms] Come stai oggi?", 1.0),
    "ja": ("jf_alpha", "今日は元気ですか。[pause:300ms] 天気がいいですね。", 1.0),
    "pt-BR": ("pf_dora", "Bom dia a todos.[pause:300ms] Tudo bem, obrigado.", 1.0),
    "zh": ("zf_xiaoxiao", "你今天怎么样？[pause:300ms] 我很好，谢谢你。", 1.0),
    "slow": ("am_michael", "Please bring your umbrella. Heavy rain is coming.", 0.8),
    "fast": ("af_bella", "Please bring your umbrella. Heavy rain is coming.", 1.5),
    "slowest": ("bf_emma", "Please bring your umbrella.[pause:300ms] Heavy rain is coming.", 0.5),
    "twice": ("af_heart", "Please bring your umbrella.[pause:300ms] Heavy rain is coming.", 2.0),
    "thrice": ("jf_alpha", "傘を持ってきてください。[pause:300ms] 天気がいいですね。", 3.0),
    "fastest": ("zm_yunxi", "请带上你的雨伞。[pause:300ms] 今天要下大雨。", 4.0),
}


@cache
def onset_errors_s(models: Models, case: str) -> dict[str, float]:
    """How late each word's mark is, for every word of a case that comes after a silence."""
    voice, text, speed = SENTENCES[case]
    errors_s: dict[str, float] = {}
    start_sample = 0
    for segment, audio in models.say(text, voice, speed):
        spoken = spoken_audio(audio, segment, start_sample)
        assert audio.durations_frames is not None
        assert audio.durations_frames.sum() * FRAME_SAMPLES == len(audio.samples)
        base_s = start_sample / SAMPLE_RATE_HZ
        start_sample += len(spoken.samples)
        assert spoken.timeline.end_sample == start_sample
        before = np.zeros(round(BEFORE_S * SAMPLE_RATE_HZ), np.float32)
        quiet = silences(np.concatenate([before, spoken.samples])) + base_s - BEFORE_S
        before_s = base_s
        for word in spoken.timeline.words():
            # Silences that begin before the word does and end somewhere between the word before it and its own end.
            ends = [end for begin, end in quiet if begin < word.start_s and before_s < end < word.end_s]
            if ends:
                errors_s[text[word.start : word.end]] = word.start_s - ends[-1]
            assert ends or before_s > base_s, "every segment begins with silence"
            before_s = word.end_s
    return errors_s


@pytest.mark.parametrize("case", SENTENCES)
def test_a_words_mark_is_where_its_sound_begins(case: str, models: Models) -> None:
    errors_s = onset_errors_s(models, case)
    print(f"{case}: onset errors, ms: { {word: round(1000 * error) for word, error in errors_s.items()} }")
    assert len(errors_s) >= 2
    assert max(map(abs, errors_s.values())) <= LIMIT_S, errors_s


def test_the_lead_is_measured_not_chosen(models: Models) -> None:
    """Errors lie on both sides of none: without the lead, all marks would be late."""
    errors_s = [error for case in SENTENCES for error in onset_errors_s(models, case).values()]
    assert abs(np.median(errors_s)) < LEAD_S / 2, errors_s
