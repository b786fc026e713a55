from __future__ import annotations

import random
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.captions import LINE_WIDTH, MAX_CUE_S, Cue, caption_file, cues, to_srt, to_vtt, width
from tts_models.text.controls import hide_controls
from tts_models.timing import WordMark

WRITTEN = (
    "When the sun rose over the quiet hills, the birds began to sing. “Never again,” he said; nobody answered. "
    "It costs $5.20 (tax included), and [Kokoro](/kˈOkəɹO/) says so.[pause:2s] Then she left!"
)
ENGLISH = hide_controls(WRITTEN)
JAPANESE = (
    "吾輩は猫である。名前はまだ無い。"
    "どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所でニャーニャー泣いていた事だけは記憶している。"
)


def marks(text: str, pattern: str = r"[\w$’.]*\w", step_s: float = 0.4) -> list[WordMark]:
    """A mark for each match of ``pattern``, one every ``step_s``."""
    return [
        WordMark(match.start(), match.end(), index * step_s, index * step_s + step_s * 0.9)
        for index, match in enumerate(re.finditer(pattern, text))
    ]


def text_of(captions: list[Cue]) -> str:
    return " ".join(line for cue in captions for line in cue.lines)


def test_cues_end_with_sentences_and_clauses_and_say_every_word_once() -> None:
    captions = cues(ENGLISH, marks(ENGLISH))
    assert [cue.lines for cue in captions] == [
        ("When the sun rose over the quiet hills,", "the birds began to sing."),
        ("“Never again,” he said; nobody answered.",),
        ("It costs $5.20 (tax included),", "and Kokoro says so."),
        ("Then she left!",),
    ]


@pytest.mark.parametrize(
    ("text", "pattern"), [(ENGLISH * 8, r"[\w$’.]*\w"), (JAPANESE * 8, r"[一-龠]+|[ぁ-ん]{1,2}|[ァ-ー]+")]
)
def test_cues_can_be_read(text: str, pattern: str) -> None:
    captions = cues(text, marks(text, pattern))
    for cue in captions:
        assert 1 <= len(cue.lines) <= 2
        assert all(0 < width(line) <= LINE_WIDTH for line in cue.lines)
        assert 0.5 < cue.end_s - cue.start_s <= MAX_CUE_S + 0.5
    assert all(cue.end_s <= following.start_s for cue, following in pairwise(captions))


def test_a_line_holds_sixteen_kanji() -> None:
    captions = cues(JAPANESE, marks(JAPANESE, r"[一-龠]+|[ぁ-ん]{1,2}|[ァ-ー]+"))
    assert captions[0].lines[0].startswith("吾輩は猫である。")
    assert "".join(line for cue in captions for line in cue.lines) == JAPANESE
    assert max(len(line) for cue in captions for line in cue.lines) == 16


def test_a_cue_does_not_stay_across_a_long_pause_and_stays_long_enough_to_be_seen() -> None:
    captions = cues("One two.", [WordMark(0, 3, 0.2, 0.5), WordMark(4, 7, 3.0, 3.2)])
    assert [cue.lines for cue in captions] == [("One",), ("two.",)]
    assert captions[0].end_s == pytest.approx(0.2 + 5 / 6)


def test_what_is_longer_than_a_line_is_cut_in_proportion() -> None:
    text = "See https://example.com/" + "a" * 100 + " now."
    captions = cues(text, [WordMark(0, 3, 0, 0.2), WordMark(4, 124, 0.3, 10.3), WordMark(125, 128, 10.4, 10.6)])
    assert "".join(text_of(captions).split()) == "".join(text.split())
    assert all(width(line) <= LINE_WIDTH for cue in captions for line in cue.lines)
    assert all(cue.end_s - cue.start_s <= MAX_CUE_S + 0.5 for cue in captions)


@given(st.text(st.sampled_from("ab .,!?\n“(-😀日本、。é\u0301<>&"), min_size=1, max_size=300), st.integers(0, 10**6))
def test_any_text_is_captioned_whole(text: str, seed: int) -> None:
    words = [match.span() for match in re.finditer(r"\w+", text)]
    generator = random.Random(seed)
    now, timed = 0.0, []
    for start, end in words:
        now += generator.random()
        timed.append(WordMark(start, end, now, now + 0.1))
        now += 0.1
    captions = cues(text, timed)
    if timed:
        assert "".join(text_of(captions).split()) == "".join(text.split())
        assert all(width(line) <= LINE_WIDTH for cue in captions for line in cue.lines)
        assert all(cue.start_s < cue.end_s for cue in captions)
    else:
        assert captions == []


CUES = [Cue(0.0, 1.5, ("Tom & Jerry", "a --> <b>")), Cue(3661.0014, 3662.9996, ("再见",))]


def test_srt() -> None:
    assert to_srt(CUES) == (
        "1\n00:00:00,000 --> 00:00:01,500\nTom & Jerry\na → <b>\n\n2\n01:01:01,001 --> 01:01:03,000\n再见\n"
    )


def test_vtt() -> None:
    assert to_vtt(CUES) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nTom &amp; Jerry\na --&gt; &lt;b&gt;\n\n"
        "01:01:01.001 --> 01:01:03.000\n再见\n"
    )


def test_both_formats_hold_the_same_captions() -> None:
    words = marks(ENGLISH)
    for caption_format in ("srt", "vtt"):
        assert caption_file(ENGLISH, words, caption_format).count(" --> ") == len(cues(ENGLISH, words))
